//! Provides the check of a whole dataset.
