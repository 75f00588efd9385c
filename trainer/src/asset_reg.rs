//! Defines the asset regulariser.
