//! Defines one training step.
