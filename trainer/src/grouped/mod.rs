//! Defines what is kept of groups of training clips: where a batch's clips stand in it, and their latest predictions.

mod latest;
mod rows;

pub(crate) use latest::{Extent, Latest};
pub(crate) use rows::Round;
pub use rows::TableRows;
