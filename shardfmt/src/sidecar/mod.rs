//! Provides the Parquet tables beside the shards: one module a table, each with its row, writer and reader.

pub mod assets;
mod boxes;
pub mod class_priors;
pub mod clip_labels;
mod from_recording;
mod implied;
mod label_form;
pub mod labels;
mod lists;
pub mod priors;
pub mod rejects;
pub mod taxa;

pub use assets::{AssetRow, read_assets, write_assets};
pub use boxes::ClipBox;
pub use class_priors::ClassPriors;
pub use clip_labels::ClipLabels;
pub use from_recording::{FromRecording, HeardSource, WeakRule};
pub use implied::{GeoPrior, Implied, Label};
pub use label_form::{HEARD, IMPLIED_LABELS, LabelForm, TableForm};
pub use labels::{LabelRow, read_labels, write_labels};
pub use priors::{PriorRow, read_priors, write_priors};
pub use rejects::{RejectRow, read_rejects, write_rejects};
pub use taxa::{read_taxa, write_taxa};

pub use crate::taxa::{Taxa, Taxon};
pub use crate::words::{BoxStatus, LabelSource, Others, Split};
