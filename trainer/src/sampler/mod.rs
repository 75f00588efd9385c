//! Defines the sampler.
