//! Defines where datasets are written: folders of this machine, and, for what is built, addresses in a store with
//! scratch here.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use shardfmt::OutputFolder;
use storage::{Location, output_at};

/// Where shards are made that go to a store.
#[derive(Debug, Args)]
pub struct ScratchArgs {
    /// Folder in which shards are made that go to a store, and stay until they are there; only while a dataset is built
    /// at an address [default: TMPDIR, else /tmp].
    #[arg(long, value_name = "DIR", value_parser = on_this_machine())]
    pub scratch: Option<PathBuf>,
}

impl ScratchArgs {
    /// The folder that the dataset at `place`, a folder or an address in a store, is made in.
    ///
    /// # Errors
    /// As [`output_at`].
    pub fn output(&self, place: &Path) -> storage::Result<OutputFolder> {
        output_at(&Location::of(place), self.scratch.as_deref())
    }
}

/// Parses the path of a folder, and refuses an address: it would become a folder of that name.
pub(super) fn on_this_machine() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match Location::of(&path) {
        Location::Path(path) => Ok(path),
        address => Err(format!(
            "this is written on this machine: give a folder, from where a dataset goes to a store by \
             `l48 copy FOLDER {address}`"
        )),
    })
}
