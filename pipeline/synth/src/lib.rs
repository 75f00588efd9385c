//! Synthetic sets of field recordings with all their tables: a small [`demo`] to try the program on, and a
//! [`benchmark`] of look-alikes to compare training methods on.
//!
//! A set is planned first (`planned`, `visit`: who sings when, on whose checklist), then rendered ([`render`]), encoded
//! ([`encode`]) and described (`tables`). Everything follows from the seed: random numbers are keyed by seed and
//! recording, so neither thread count nor order changes a byte.

pub mod benchmark;
pub mod demo;
pub mod encode;
pub mod filter;
pub mod noise;
pub mod oscillator;
pub mod quota;
pub mod render;
pub mod seeding;
pub mod song;
pub mod species;
pub mod voice;

mod clip_range;
mod conditions;
mod error;
mod files;
mod layout;
mod marker;
mod options;
mod planned;
mod presence;
mod region;
mod summary;
mod tables;
mod visit;

pub use clip_range::ClipRange;
pub use conditions::Conditions;
pub use error::Error;
pub use files::MANIFEST_FILE;
pub use layout::SetLayout;
pub use options::{BenchmarkOptions, DemoForm, DemoOptions, MIN_RECORDINGS};
pub use summary::SetSummary;
