//! Writes the results of a benchmark as a Parquet table, a row for each cell and seed.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt32Array, UInt64Array};
use arrow_schema::{DataType, Field, Schema};

use super::table::{CellResult, Measured};
use crate::error::Result;
use crate::run_folder::TableWriter;

/// Writes `results` to `path`. mAP is from 0 to 1; what was not measured, because the run diverged, is null.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io), [`Error::Dataset`](crate::Error::Dataset) if the file cannot be written.
pub fn write_results(path: &Path, results: &[CellResult]) -> Result<()> {
    let words =
        |of: fn(&CellResult) -> &str| Arc::new(StringArray::from_iter_values(results.iter().map(of))) as ArrayRef;
    let counts =
        |of: fn(&CellResult) -> u64| Arc::new(UInt64Array::from_iter_values(results.iter().map(of))) as ArrayRef;
    let measured = || results.iter().map(|result| result.measured);
    let shares = |of: fn(Measured) -> f64| {
        Arc::new(Float64Array::from_iter(measured().map(|measured| measured.map(of)))) as ArrayRef
    };
    let epochs = UInt32Array::from_iter(measured().map(|measured| Some(measured?.best_epoch)));
    let columns = [
        ("dataset", words(|result| &result.dataset)),
        ("method", words(|result| &result.method)),
        ("column", words(|result| &result.column)),
        ("seed", counts(|result| result.seed)),
        ("rows", counts(|result| result.rows)),
        ("steps", counts(|result| result.steps)),
        ("best_epoch", Arc::new(epochs) as ArrayRef),
        ("val_map", shares(|measured| measured.val_map)),
        ("test_map", shares(|measured| measured.test_map)),
        ("test_map_occurring", shares(|measured| measured.test_map_occurring)),
        ("chance", shares(|measured| measured.chance)),
        ("chosen", words(|result| &result.chosen)),
    ];
    let field = |(name, array): &(&str, ArrayRef)| {
        let of_a_measure = matches!(array.data_type(), DataType::Float64 | DataType::UInt32);
        Field::new(*name, array.data_type().clone(), of_a_measure)
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let mut table = TableWriter::create(path, "results/1", Arc::new(schema))?;
    table.push(columns.into_iter().map(|(_, array)| array).collect())?;
    table.finish()
}
