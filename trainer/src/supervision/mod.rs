//! Defines labels and masks.
