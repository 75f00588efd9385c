//! Defines the asset table: a row for each recording, where it came from and where its clips lie.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow_schema::DataType;

use super::column::{check_finite, class_at, code_column, text_at, word_at};
use super::labels::Split;
use super::schema::{TableSchema, optional, required};
use super::table_read::{open, read_table};
use super::table_write::{batch, write_table};
use super::taxa::Taxa;
use crate::checksum::Xxh3;
use crate::entry::FileEntry;
use crate::error::{Error, Result};

/// One recording.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetRow {
    /// The recording; unique in the dataset.
    pub asset_id: i64,
    /// Where the source file was found, as the manifest names it.
    pub path: String,
    /// Size of the source file.
    pub source_bytes: u64,
    /// XXH3-64 of the source file.
    pub source_xxh3: Xxh3,
    /// Codec of the source file.
    pub codec: String,
    /// Sample rate of the source in Hz.
    pub native_rate_hz: u32,
    /// Channels of the source.
    pub channels: u32,
    /// Length of the decoded recording in seconds.
    pub duration_s: f64,
    /// Shard with its clips.
    pub shard: u32,
    /// Row of its first clip in that shard.
    pub first_row: u32,
    /// Number of its clips, which follow each other.
    pub clips: u32,
    /// Split of all its clips.
    pub split: Split,
    /// Class index of the species the recording was made of, if any.
    pub target: Option<u32>,
    /// Licence of the recording.
    pub license: Option<String>,
    /// Page or address the recording was taken from.
    pub source_url: Option<String>,
}

fn schema() -> TableSchema {
    let columns = vec![
        required("asset_id", DataType::Int64),
        required("path", DataType::Utf8),
        required("source_bytes", DataType::UInt64).unit("B"),
        required("source_xxh3", DataType::Utf8),
        required("codec", DataType::Utf8),
        required("native_rate_hz", DataType::UInt32).unit("Hz"),
        required("channels", DataType::UInt32),
        required("duration_s", DataType::Float64).unit("s"),
        required("shard", DataType::UInt32),
        required("first_row", DataType::UInt32),
        required("clips", DataType::UInt32),
        required("split", DataType::Utf8),
        optional("target", DataType::Utf8),
        optional("license", DataType::Utf8),
        optional("source_url", DataType::Utf8),
    ];
    TableSchema {
        name: "assets/1",
        columns,
    }
}

/// The rules of one row, for the writer and the reader.
fn check(item: &AssetRow, path: &Path, row: u64) -> Result<()> {
    if item.clips == 0 {
        return Err(Error::cell(
            path,
            "clips",
            row,
            "is 0; a recording without clips is a reject",
        ));
    }
    check_finite(item.duration_s, path, "duration_s", row)
}

/// Writes the table of one shard's assets.
///
/// # Errors
/// [`Error::Cell`] for a class index not in `taxa`, no clips, or a duration that is no finite number; [`Error::Io`].
pub fn write_assets(path: &Path, taxa: &Taxa, rows: &[AssetRow]) -> Result<FileEntry> {
    write_table(path, &schema(), rows, |first_row, rows| {
        columns(path, first_row, taxa, rows)
    })
}

/// The rows as the columns [`write_assets`] gives a table, for queries; `path` is that table, for errors.
///
/// # Errors
/// As [`write_assets`], but for writing.
pub fn asset_columns(path: &Path, taxa: &Taxa, rows: &[AssetRow]) -> Result<RecordBatch> {
    batch(path, &schema(), columns(path, 0, taxa, rows)?)
}

fn columns(path: &Path, first_row: u64, taxa: &Taxa, rows: &[AssetRow]) -> Result<Vec<ArrayRef>> {
    for (item, row) in rows.iter().zip(first_row..) {
        check(item, path, row)?;
    }
    let u32s = |value: fn(&AssetRow) -> u32| Arc::new(UInt32Array::from_iter_values(rows.iter().map(value)));
    Ok(vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.asset_id))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.path))),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.source_bytes))),
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|row| row.source_xxh3.to_string()),
        )),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.codec))),
        u32s(|row| row.native_rate_hz),
        u32s(|row| row.channels),
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.duration_s))),
        u32s(|row| row.shard),
        u32s(|row| row.first_row),
        u32s(|row| row.clips),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.split.as_str()))),
        code_column((path, first_row), "target", taxa, rows, |row| row.target)?,
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.license.as_ref()))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.source_url.as_ref()))),
    ])
}

/// Reads the table of one shard's assets.
///
/// # Errors
/// As [`read_taxa`](super::read_taxa) for the file and its columns; [`Error::Cell`] for a value outside the schema.
pub fn read_assets(path: &Path, taxa: &Taxa) -> Result<Vec<AssetRow>> {
    read_assets_from(open(path)?, path, taxa)
}

/// [`read_assets`] from a file opened already.
pub(crate) fn read_assets_from(file: File, path: &Path, taxa: &Taxa) -> Result<Vec<AssetRow>> {
    read_table(file, path, &schema(), |batch, assets| {
        let u32s = |name| batch.column::<UInt32Array>(name);
        let texts = |name| batch.column::<StringArray>(name);
        let (ids, bytes) = (
            batch.column::<Int64Array>("asset_id")?,
            batch.column::<UInt64Array>("source_bytes")?,
        );
        let (paths, hashes, codecs) = (texts("path")?, texts("source_xxh3")?, texts("codec")?);
        let (rates, channels, durations) = (
            u32s("native_rate_hz")?,
            u32s("channels")?,
            batch.column::<Float64Array>("duration_s")?,
        );
        let (shards, first_rows, clips) = (u32s("shard")?, u32s("first_row")?, u32s("clips")?);
        let (splits, targets) = (texts("split")?, texts("target")?);
        let (licenses, urls) = (texts("license")?, texts("source_url")?);
        for row in 0..batch.rows() {
            let (path, table_row) = batch.place(row);
            let source_xxh3 = hashes.value(row).parse::<Xxh3>();
            let source_xxh3 = source_xxh3.map_err(|e| Error::cell(path, "source_xxh3", table_row, e.to_string()))?;
            let item = AssetRow {
                asset_id: ids.value(row),
                path: paths.value(row).to_owned(),
                source_bytes: bytes.value(row),
                source_xxh3,
                codec: codecs.value(row).to_owned(),
                native_rate_hz: rates.value(row),
                channels: channels.value(row),
                duration_s: durations.value(row),
                shard: shards.value(row),
                first_row: first_rows.value(row),
                clips: clips.value(row),
                split: word_at(batch, splits, "split", row)?,
                target: class_at(batch, targets, "target", row, taxa)?,
                license: text_at(licenses, row),
                source_url: text_at(urls, row),
            };
            check(&item, path, table_row)?;
            assets.push(item);
        }
        Ok(())
    })
}
