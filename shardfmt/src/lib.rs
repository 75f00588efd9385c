#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

#[cfg(target_endian = "big")]
compile_error!("shardfmt maps little-endian records without conversion; big-endian hosts need a copying reader");

pub mod checksum;
pub mod dataset;
pub mod difference;
pub mod entry;
pub mod error;
pub mod fail_point;
pub mod file_hash;
pub mod layout;
pub mod mmap;
pub mod need;
pub mod per_process;
pub mod persist;
pub mod sealed;
pub mod shard;
pub mod shard_writer;
pub mod sidecar;
pub mod table;
pub mod taxa;
mod verified;
pub mod verify;
pub mod words;

pub use checksum::Xxh3;
pub use dataset::{
    Axes, Counts, Dataset, DatasetHead, DatasetInfo, DatasetShard, DatasetWriter, OutputFolder, ShardFiles,
    ShardTables, ValueScale, read_dataset_json, write_dataset_json,
};
pub use difference::{Difference, difference};
pub use entry::FileEntry;
pub use error::{Error, Result};
pub use file_hash::hash_file;
pub use layout::{ClipSpec, Dtype, Layout};
pub use mmap::{MappedFile, map_file};
pub use need::Operation;
pub use shard::{Checks, Shard};
pub use shard_writer::ShardWriter;
pub use sidecar::{
    AssetRow, ClassPriors, ClipBox, ClipLabels, FromRecording, GeoPrior, HEARD, HeardSource, Implied, Label, LabelForm,
    LabelRow, PriorRow, RejectRow, TableForm, WeakRule, read_assets, read_labels, read_priors, read_rejects, read_taxa,
    write_assets, write_labels, write_priors, write_rejects, write_taxa,
};
pub use taxa::{Taxa, Taxon};
pub use words::{BoxStatus, FrequencyScale, LabelSource, Others, Row0, Split, ValueReference, ValueUnit};
