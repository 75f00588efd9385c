//! The fuzz targets of `shardfmt`: bytes that claim to be a file of a dataset are refused or read; nothing else may
//! happen.

mod corpus;
mod dataset;
mod panics;
mod shard;
mod tables;

pub use corpus::replay;
pub use dataset::dataset_json;
pub use panics::abort_on_own_panics;
pub use shard::shard_open_read;
pub use tables::sidecar_tables;
