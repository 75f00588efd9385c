//! Defines the folder of a run and the content of its files.

mod folder;
mod per_class;
mod predictions;
mod record;
mod rows;

pub use folder::{ClaimedFolder, RunFolder};
pub use per_class::write_per_class;
pub use predictions::PredictionWriter;
pub use record::{DatasetRecord, RunRecord, device_name};
pub use rows::write_rows;
