//! Defines the table of recordings that did not make it into the dataset, and why.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Int64Array, StringArray};
use arrow_schema::DataType;

use super::schema::{TableSchema, required};
use super::table_read::{open, read_table};
use super::table_write::write_table;
use crate::entry::FileEntry;
use crate::error::Result;

/// One recording that was left out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RejectRow {
    /// The recording.
    pub asset_id: i64,
    /// Where it was found.
    pub path: String,
    /// Step of the build that refused it.
    pub stage: String,
    /// Why, for a person.
    pub reason: String,
}

fn schema() -> TableSchema {
    let columns = vec![
        required("asset_id", DataType::Int64),
        required("path", DataType::Utf8),
        required("stage", DataType::Utf8),
        required("reason", DataType::Utf8),
    ];
    TableSchema {
        name: "rejects/1",
        columns,
    }
}

/// Writes the table.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io).
pub fn write_rejects(path: &Path, rows: &[RejectRow]) -> Result<FileEntry> {
    write_table(path, &schema(), rows, |_, rows| {
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.asset_id))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.path))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.stage))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.reason))),
        ])
    })
}

/// Reads the table.
///
/// # Errors
/// As [`read_taxa`](super::read_taxa), for the file and its columns.
pub fn read_rejects(path: &Path) -> Result<Vec<RejectRow>> {
    read_rejects_from(open(path)?, path)
}

/// [`read_rejects`] from a file opened already.
pub(crate) fn read_rejects_from(file: File, path: &Path) -> Result<Vec<RejectRow>> {
    read_table(file, path, &schema(), |batch, rows| {
        let ids: &Int64Array = batch.column("asset_id")?;
        let paths: &StringArray = batch.column("path")?;
        let stages: &StringArray = batch.column("stage")?;
        let reasons: &StringArray = batch.column("reason")?;
        rows.extend((0..batch.rows()).map(|row| RejectRow {
            asset_id: ids.value(row),
            path: paths.value(row).to_owned(),
            stage: stages.value(row).to_owned(),
            reason: reasons.value(row).to_owned(),
        }));
        Ok(())
    })
}
