//! Ingest: recordings and tables in, a committed dataset of log-mel shards and Parquet sidecars out.
//!
//! Data walks forward: [`tables`] (what people bring) and [`manifest`] (what there is) -> `frontend` (clips) and
//! [`labels`] (present, absent, unknown) -> [`ingest`] (plan, shards, commit). [`dataset_source`] is the seam: `ingest`
//! knows clips and assets, and nothing of audio. [`import`] is the other way in: published sets of pictures. [`scan`] makes
//! the tables of folders of recordings. [`rework`] makes one committed dataset of another.

#[cfg(not(unix))]
compile_error!(
    "l48 runs on Unix: sources are read at offsets, and folders are exchanged and locked, by its system calls"
);

pub mod dataset_source;
pub mod error;
pub mod event;
pub mod export;
pub mod import;
pub mod ingest;
pub mod labels;
mod leakage;
pub mod manifest;
mod packing;
pub mod preview;
pub mod priors;
mod provenance;
pub mod recording_source;
pub mod report;
pub mod rework;
pub mod scan;
pub mod stats;
pub mod tables;
pub mod tally;
pub mod taxonomy;

pub use error::{Error, Result};
pub use provenance::PROGRAM;
