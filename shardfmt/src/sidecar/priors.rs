//! Defines the prior table: what is known of a recording's place, time and checklist, apart from its sound.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, TimeUnit};

use super::column::{check_finite, classes_at, codes_column, text_at};
use super::schema::{TableSchema, list_of, optional, required};
use super::table_read::{open, read_table};
use super::table_write::{batch, write_table};
use super::taxa::Taxa;
use crate::entry::FileEntry;
use crate::error::Result;

/// What is known of one recording. `None` always means "not known", which an empty list does not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PriorRow {
    /// The recording.
    pub asset_id: i64,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Start of the recording in microseconds since 1970-01-01 UTC.
    pub recorded_at_unix_us: Option<i64>,
    /// Local time minus UTC in minutes, where the recording was made.
    pub utc_offset_min: Option<i32>,
    /// The checklist the recording belongs to.
    pub checklist_id: Option<String>,
    /// Class indices possible at the place and date.
    pub geo_possible: Option<Vec<u32>>,
    /// Class indices that the geographic model covers; what it does not cover is neither possible nor impossible.
    pub geo_modelled: Option<Vec<u32>>,
    /// Class indices that the checklist reports.
    pub checklist_observed: Option<Vec<u32>>,
    /// Whether the checklist reports everything its observer identified.
    pub checklist_complete: Option<bool>,
}

fn schema() -> TableSchema {
    let columns = vec![
        required("asset_id", DataType::Int64),
        optional("latitude", DataType::Float64).unit("deg"),
        optional("longitude", DataType::Float64).unit("deg"),
        optional(
            "recorded_at",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        )
        .unit("us since 1970-01-01 UTC"),
        optional("utc_offset_min", DataType::Int32).unit("min"),
        optional("checklist_id", DataType::Utf8),
        optional("geo_possible", list_of(DataType::Utf8)),
        optional("geo_modelled", list_of(DataType::Utf8)),
        optional("checklist_observed", list_of(DataType::Utf8)),
        optional("checklist_complete", DataType::Boolean),
    ];
    TableSchema {
        name: "priors/1",
        columns,
    }
}

fn check(row: &PriorRow, path: &Path, table_row: u64) -> Result<()> {
    check_finite(row.latitude.unwrap_or_default(), path, "latitude", table_row)?;
    check_finite(row.longitude.unwrap_or_default(), path, "longitude", table_row)
}

/// Writes the priors of one shard's assets.
///
/// # Errors
/// [`Error::Cell`](crate::Error::Cell) for a class index not in `taxa` or a coordinate that is no finite number;
/// [`Error::Io`](crate::Error::Io).
pub fn write_priors(path: &Path, taxa: &Taxa, rows: &[PriorRow]) -> Result<FileEntry> {
    write_table(path, &schema(), rows, |first_row, rows| {
        columns(path, first_row, taxa, rows)
    })
}

/// The rows as the columns [`write_priors`] gives a table, for queries; `path` is that table, for errors.
///
/// # Errors
/// As [`write_priors`], but for writing.
pub fn prior_columns(path: &Path, taxa: &Taxa, rows: &[PriorRow]) -> Result<RecordBatch> {
    batch(path, &schema(), columns(path, 0, taxa, rows)?)
}

fn columns(path: &Path, first_row: u64, taxa: &Taxa, rows: &[PriorRow]) -> Result<Vec<ArrayRef>> {
    rows.iter()
        .zip(first_row..)
        .try_for_each(|(item, row)| check(item, path, row))?;
    let place = (path, first_row);
    let times = rows.iter().map(|row| row.recorded_at_unix_us);
    Ok(vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.asset_id))),
        Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.latitude))),
        Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.longitude))),
        Arc::new(TimestampMicrosecondArray::from_iter(times).with_timezone("UTC")),
        Arc::new(Int32Array::from_iter(rows.iter().map(|row| row.utc_offset_min))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.checklist_id.as_ref()))),
        codes_column(place, "geo_possible", taxa, rows, |row| row.geo_possible.as_deref())?,
        codes_column(place, "geo_modelled", taxa, rows, |row| row.geo_modelled.as_deref())?,
        codes_column(place, "checklist_observed", taxa, rows, |row| {
            row.checklist_observed.as_deref()
        })?,
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| row.checklist_complete))),
    ])
}

/// Reads the priors of one shard's assets.
///
/// # Errors
/// As [`read_assets`](super::read_assets).
pub fn read_priors(path: &Path, taxa: &Taxa) -> Result<Vec<PriorRow>> {
    read_priors_from(open(path)?, path, taxa)
}

/// [`read_priors`] from a file opened already.
pub(crate) fn read_priors_from(file: File, path: &Path, taxa: &Taxa) -> Result<Vec<PriorRow>> {
    read_table(file, path, &schema(), |batch, priors| {
        let ids: &Int64Array = batch.column("asset_id")?;
        let latitudes: &Float64Array = batch.column("latitude")?;
        let longitudes: &Float64Array = batch.column("longitude")?;
        let times: &TimestampMicrosecondArray = batch.column("recorded_at")?;
        let offsets: &Int32Array = batch.column("utc_offset_min")?;
        let checklists: &StringArray = batch.column("checklist_id")?;
        let complete: &BooleanArray = batch.column("checklist_complete")?;
        let lists = |name: &'static str, row| classes_at(batch, batch.column::<ListArray>(name)?, name, row, taxa);
        for row in 0..batch.rows() {
            let prior = PriorRow {
                asset_id: ids.value(row),
                latitude: latitudes.is_valid(row).then(|| latitudes.value(row)),
                longitude: longitudes.is_valid(row).then(|| longitudes.value(row)),
                recorded_at_unix_us: times.is_valid(row).then(|| times.value(row)),
                utc_offset_min: offsets.is_valid(row).then(|| offsets.value(row)),
                checklist_id: text_at(checklists, row),
                geo_possible: lists("geo_possible", row)?,
                geo_modelled: lists("geo_modelled", row)?,
                checklist_observed: lists("checklist_observed", row)?,
                checklist_complete: complete.is_valid(row).then(|| complete.value(row)),
            };
            let (path, table_row) = batch.place(row);
            check(&prior, path, table_row)?;
            priors.push(prior);
        }
        Ok(())
    })
}
