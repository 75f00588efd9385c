//! Defines the resolved settings of a run.
