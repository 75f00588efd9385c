//! Defines what happens in a run.
