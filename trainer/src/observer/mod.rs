//! Defines the observers of a run.
