//! Defines how predictions are measured: average precision a class, their mean, an interval for it, and how well
//! scores separate.

mod average_precision;
mod bootstrap;
mod evaluation;
mod matrices;
mod part_file;
mod positives;
mod ranked;
mod score_table;
mod separation;

pub use average_precision::average_precision;
pub use bootstrap::{BOOTSTRAP_REPLICATES, interval, interval_of_table};
pub use evaluation::{Evaluation, evaluate, evaluate_table};
pub use positives::Positives;
pub use score_table::{ScoreTable, ScoreWriter};
pub use separation::{precision_of_highest, roc_auc};
