//! Defines one pass over the training rows.
