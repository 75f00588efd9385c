//! Defines the asset table: a row for each recording, where it came from and where its clips lie.

use std::fs::File;
use std::path::Path;

use crate::checksum::Xxh3;
use crate::entry::FileEntry;
use crate::error::Result;
use crate::table;
use crate::table::{Class, Columns, Fault, Text, open_table, read_table, write_table};
use crate::taxa::Taxa;
use crate::words::Split;

table! {
    /// One recording.
    #[derive(Clone, Debug, PartialEq)]
    pub struct AssetRow: "assets/1" {
        /// The recording; unique in the dataset.
        asset_id: i64,
        /// Where the source file was found, as the manifest names it.
        path: String,
        /// Size of the source file.
        source_bytes: u64 ["B"],
        /// Checksum of the source file.
        source_xxh3: Xxh3 as Text,
        /// Codec of the source file.
        codec: String,
        /// Sample rate of the source in Hz.
        native_rate_hz: u32 ["Hz"],
        /// Channels of the source.
        channels: u32,
        /// Length of the decoded recording in seconds.
        duration_s: f64 ["s"],
        /// Shard with its clips.
        shard: u32,
        /// Row of its first clip in that shard.
        first_row: u32,
        /// Number of its clips, which follow each other.
        clips: u32,
        /// Split of all its clips.
        split: Split as Text,
        /// Class index of the species the recording was made of, if any.
        target: Option<u32> as Class,
        /// Licence of the recording.
        license: Option<String>,
        /// Page or address the recording was taken from.
        source_url: Option<String>,
    }
    check check
}

fn check(row: &AssetRow, _: &Taxa) -> std::result::Result<(), Fault> {
    match row.clips {
        0 => Err(Fault::new("clips", "is 0; a recording without clips is a reject")),
        _ => Ok(()),
    }
}

/// Writes the table of one shard's assets.
///
/// # Errors
/// [`Error::Cell`](crate::Error::Cell) for a class index not in `taxa`, no clips, or a duration that is not a finite
/// number; [`Error::Io`](crate::Error::Io).
pub fn write_assets(path: &Path, taxa: &Taxa, rows: &[AssetRow]) -> Result<FileEntry> {
    write_table(path, taxa, rows, Columns::Base)
}

/// Reads the table of one shard's assets.
///
/// # Errors
/// As [`read_taxa`](super::read_taxa) for the file and its columns; [`Error::Cell`](crate::Error::Cell) for a value
/// outside the schema.
pub fn read_assets(path: &Path, taxa: &Taxa) -> Result<Vec<AssetRow>> {
    read_assets_from(open_table(path)?, path, taxa)
}

/// [`read_assets`] from a file opened already.
pub(crate) fn read_assets_from(file: File, path: &Path, taxa: &Taxa) -> Result<Vec<AssetRow>> {
    read_table(file, path, taxa, Columns::Base)
}
