//! Defines keyed random numbers.
