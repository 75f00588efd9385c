//! Defines the optimisers.
