//! Defines the arguments of commands that read a dataset which may be kept elsewhere.

use std::path::{Path, PathBuf};

use clap::Args;
use shardfmt::Dataset;
use storage::{CacheSettings, Location, open_dataset};

/// Where the files of a dataset come to that is kept elsewhere.
#[derive(Debug, Args)]
#[command(next_help_heading = "Of a dataset at an address")]
pub struct CacheArgs {
    /// Folder that its files come to when they are touched [default: L48_CACHE, else l48 among your caches].
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Most bytes that folder may hold, such as 500G; what was not used for longest goes first
    /// [default: L48_CACHE_BYTES, else 100G].
    #[arg(long, value_name = "BYTES", value_parser = storage::parse_bytes)]
    pub cache_bytes: Option<u64>,
}

impl CacheArgs {
    /// Opens the dataset at `place`, a folder or an address.
    ///
    /// # Errors
    /// As [`CacheSettings::asked`] and [`open_dataset`].
    pub fn open(&self, place: &Path) -> storage::Result<Dataset> {
        open_dataset(&Location::of(place), &self.settings()?)
    }

    /// What they and the environment say.
    ///
    /// # Errors
    /// As [`CacheSettings::asked`].
    pub fn settings(&self) -> storage::Result<CacheSettings> {
        CacheSettings::asked(self.cache.clone(), self.cache_bytes)
    }
}
