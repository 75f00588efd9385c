//! Finds classes in recordings: cuts and renders them as the dataset of a run was, scores every window with the run's
//! model, and writes what reaches its threshold.
//!
//! Data walks forward: [`find_recordings`] (files, folders and tables become a list) -> [`Detector::detect`] (the same
//! flow as a build; batches for the model; a part in the folder for each recording) -> [`write_tables`] (the parts
//! become tables, in the order of the list). A part that is there is not made again, so whatever kills the program
//! costs the recording it was scoring.

mod choice;
mod embeddings;
mod folder;
mod merge;
mod names;
mod part;
mod plan;
mod recordings;
mod score;
mod selection_table;
mod source;
mod stages;
mod tables;
mod thresholds;
mod times;
mod write;

pub(crate) use choice::sigmoid;
pub use choice::{Choice, Found};
pub use folder::DetectionFolder;
pub(crate) use names::distinct_names;
pub use plan::{Plan, PlanSettings};
pub use recordings::{Listed, find_recordings};
pub use selection_table::SelectionForm;
pub(crate) use selection_table::{Selection, SelectionsOf};
pub use stages::{Detector, Progress, Work};
pub use tables::{Summary, TableChoice, TablesOf, write_tables};
pub use thresholds::read_thresholds;
pub use times::Times;
