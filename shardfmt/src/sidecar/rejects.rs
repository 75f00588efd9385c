//! Defines the table of recordings that were left out of the dataset, and why.

use std::path::Path;

use crate::entry::FileEntry;
use crate::error::Result;
use crate::table;
use crate::table::{Columns, TableFile, open_table, read_table, write_table};
use crate::taxa::Taxa;

table! {
    /// One recording that was left out.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    pub struct RejectRow: "rejects/1" {
        /// The recording.
        asset_id: i64,
        /// Where it was found.
        path: String,
        /// Step of the build that refused it.
        stage: String,
        /// Why, for a person.
        reason: String,
    }
}

/// Writes the table.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io).
pub fn write_rejects(path: &Path, rows: &[RejectRow]) -> Result<FileEntry> {
    write_table(path, &Taxa::default(), rows, Columns::Base)
}

/// Reads the table.
///
/// # Errors
/// As [`read_taxa`](super::read_taxa), for the file and its columns.
pub fn read_rejects(path: &Path) -> Result<Vec<RejectRow>> {
    read_rejects_from(open_table(path)?, path)
}

/// [`read_rejects`] from a file opened already.
pub(crate) fn read_rejects_from(file: TableFile, path: &Path) -> Result<Vec<RejectRow>> {
    read_table(file, path, &Taxa::default(), Columns::Base)
}
