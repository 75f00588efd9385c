//! Defines the loader.
