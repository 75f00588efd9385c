//! Defines the metrics.
