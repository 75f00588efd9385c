//! Writes the results of a benchmark as a Parquet table, a row for each cell and seed.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use parquet::arrow::ArrowWriter;
use shardfmt::persist::write_atomic;

use super::table::{CellResult, Measured};
use crate::error::{Error, Result};

/// Writes `results` to `path`. mAP is from 0 to 1; what was not measured, because the run diverged, is null.
///
/// # Errors
/// [`Error::Io`].
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
    let fail = |cause: String| Error::io(path, "write", std::io::Error::other(cause));
    let batch = RecordBatch::try_from_iter(columns).map_err(|cause| fail(cause.to_string()))?;
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).map_err(|cause| fail(cause.to_string()))?;
    let written = writer.write(&batch).and_then(|()| writer.close());
    written.map_err(|cause| fail(cause.to_string()))?;
    Ok(write_atomic(path, &bytes)?)
}
