//! Defines checkpoints.
