//! Defines the results of a benchmark, a row for each cell and seed, and writes them as a Parquet table.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt32Array, UInt64Array};
use arrow_schema::{DataType, Field, Schema};

use super::plan::CellNames;
use crate::error::Result;
use crate::run_folder::TableWriter;

/// The result of one run of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct CellResult {
    /// The dataset it was trained on.
    pub dataset: String,
    /// Row of the table.
    pub method: String,
    /// Column of the table.
    pub column: String,
    /// Seed of the run.
    pub seed: u64,
    /// Training rows in an epoch.
    pub rows: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// `None` if the run diverged.
    pub measured: Option<Measured>,
    /// Values chosen by the search, as `key = value`, joined by `; `.
    pub chosen: String,
}

/// Measured of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Epoch chosen on val.
    pub best_epoch: u32,
    /// Its val mAP, 0 to 1.
    pub val_map: f64,
    /// Its test mAP, 0 to 1.
    pub test_map: f64,
    /// Test mAP over classes that occur.
    pub test_map_occurring: f64,
    /// Test mAP of a constant score.
    pub chance: f64,
}

impl CellResult {
    /// Names of dataset, method and column.
    #[must_use]
    pub fn names(&self) -> CellNames<'_> {
        [&self.dataset, &self.method, &self.column]
    }

    /// Test mAP, 0 to 1; `None` if the run diverged.
    pub(super) fn test_map(&self) -> Option<f64> {
        self.measured.map(|measured| measured.test_map)
    }
}

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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::benchmark) fn result(column: &str, seed: u64, test_map: f64) -> CellResult {
        CellResult {
            dataset: "D".into(),
            method: "EM".into(),
            column: column.into(),
            seed,
            rows: 100,
            steps: 70,
            measured: Some(Measured {
                best_epoch: 1,
                val_map: 0.5,
                test_map,
                test_map_occurring: test_map,
                chance: 0.071,
            }),
            chosen: String::new(),
        }
    }
}
