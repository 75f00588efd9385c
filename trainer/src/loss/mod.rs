//! Defines the losses.
