//! Defines how predictions are measured: average precision a class, their mean, an interval for it, and how well
//! scores separate.

mod average_precision;
mod bootstrap;
mod evaluation;
mod scores;
mod separation;

pub use average_precision::average_precision;
pub use bootstrap::{BOOTSTRAP_REPLICATES, interval};
pub use evaluation::{Evaluation, evaluate};
pub use separation::{precision_of_highest, roc_auc};
