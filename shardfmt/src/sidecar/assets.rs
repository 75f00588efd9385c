//! Defines the asset table: a row for each recording, where it came from and where its clips lie.

use std::path::Path;

use super::label_form::TableForm;
use crate::checksum::Xxh3;
use crate::entry::FileEntry;
use crate::error::{Error, Result};
use crate::table;
use crate::table::{Class, Classes, Extended, Fault, TableFile, Text, open_table, read_table, write_table};
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
        /// Classes heard anywhere in it, in class order; `None` where nobody said, or in datasets that do not say.
        heard: Option<Vec<u32>> as Extended<Classes>,
    }
    check check
}

fn check(row: &AssetRow, _: &Taxa) -> std::result::Result<(), Fault> {
    if row.clips == 0 {
        return Err(Fault::new("clips", "is 0; a recording without clips is a reject"));
    }
    match row.heard.as_deref().unwrap_or_default().is_sorted_by(|a, b| a < b) {
        true => Ok(()),
        false => Err(Fault::new("heard", "is not in the order of the classes, each once")),
    }
}

/// Writes the table of one shard's assets, in the form of its dataset.
///
/// # Errors
/// [`Error::Cell`] for a class index not in `taxa`, no clips, a duration that is not a finite number, or what was heard
/// where the dataset does not say; [`Error::Io`].
pub fn write_assets(path: &Path, taxa: &Taxa, form: impl Into<TableForm>, rows: &[AssetRow]) -> Result<FileEntry> {
    let form = form.into();
    if let Some((_, row)) = rows.iter().zip(0..).find(|(row, _)| !form.heard && row.heard.is_some()) {
        let reason = "is given, but the dataset does not say what was heard in its recordings";
        return Err(Error::fault(path, row, Fault::new("heard", reason)));
    }
    write_table(path, taxa, rows, form.asset_columns())
}

/// Reads the table of one shard's assets, of a dataset in `form`.
///
/// # Errors
/// As [`read_taxa`](super::read_taxa) for the file and its columns; [`Error::Cell`] for a value outside the schema.
pub fn read_assets(path: &Path, taxa: &Taxa, form: impl Into<TableForm>) -> Result<Vec<AssetRow>> {
    read_assets_from(open_table(path)?, path, taxa, form.into())
}

/// [`read_assets`] from a file opened already.
pub(crate) fn read_assets_from(file: TableFile, path: &Path, taxa: &Taxa, form: TableForm) -> Result<Vec<AssetRow>> {
    read_table(file, path, taxa, form.asset_columns())
}
