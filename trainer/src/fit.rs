//! Defines a whole run.
