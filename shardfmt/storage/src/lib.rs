//! Where a file is: here, or in an object store or on a web server; and datasets that are read from there.
//!
//! With the feature `cloud`, `s3://`, `gs://`, `az://`, `https://` and `http://` are read and written; without it an
//! address is an error that says which program reads it. Nothing here is async to its callers.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod cache;
#[cfg(feature = "cloud")]
mod cloud;
mod copy;
mod dataset;
mod error;
mod files;
mod folder;
mod location;
mod recording;
#[cfg(not(feature = "cloud"))]
mod without;

pub use cache::{CacheSettings, parse_bytes};
pub use copy::{Copied, copy_dataset};
pub use dataset::{open_dataset, open_dataset_at, output_at, verify_dataset};
pub use error::{Error, Result, Step};
pub use files::{Facts, Files, Placed};
pub use location::{Address, Location, Scheme};
pub use recording::{Parts, expect_at, facts_at, open_at};

/// Whether this program was made with clients of stores and servers.
#[must_use]
pub fn reads_addresses() -> bool {
    cfg!(feature = "cloud")
}

#[cfg(feature = "cloud")]
use cloud::Store;
#[cfg(not(feature = "cloud"))]
use without::Store;
