//! Defines the models.
