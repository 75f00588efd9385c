//! Defines how predictions are measured: average precision a class, their mean, and an interval for it.

mod average_precision;
mod bootstrap;
mod evaluation;
mod scores;

pub use average_precision::average_precision;
pub use bootstrap::{BOOTSTRAP_REPLICATES, interval};
pub use evaluation::{Evaluation, evaluate};
