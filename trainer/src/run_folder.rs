//! Defines the folder of a run.
