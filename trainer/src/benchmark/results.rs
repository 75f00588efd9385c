//! Writes the results of a benchmark as a Parquet table, a row for each cell and seed.

use std::path::Path;

use shardfmt::table::write_table;
use shardfmt::{Taxa, table};

use super::table::{CellResult, Measured};
use crate::error::Result;

table! {
    struct ResultRow: "results" {
        dataset: String,
        method: String,
        column: String,
        seed: u64,
        rows: u64,
        steps: u64,
        best_epoch: Option<u32>,
        val_map: Option<f64>,
        test_map: Option<f64>,
        test_map_occurring: Option<f64>,
        chance: Option<f64>,
        chosen: String,
    }
}

impl From<&CellResult> for ResultRow {
    fn from(result: &CellResult) -> Self {
        let measured = |of: fn(Measured) -> f64| result.measured.map(of);
        Self {
            dataset: result.dataset.clone(),
            method: result.method.clone(),
            column: result.column.clone(),
            seed: result.seed,
            rows: result.rows,
            steps: result.steps,
            best_epoch: result.measured.map(|measured| measured.best_epoch),
            val_map: measured(|measured| measured.val_map),
            test_map: measured(|measured| measured.test_map),
            test_map_occurring: measured(|measured| measured.test_map_occurring),
            chance: measured(|measured| measured.chance),
            chosen: result.chosen.clone(),
        }
    }
}

/// Writes `results` to `path`. mAP is from 0 to 1; what was not measured, because the run diverged, is null.
///
/// # Errors
/// [`Error::Dataset`](crate::Error::Dataset) if the file cannot be written.
pub fn write_results(path: &Path, results: &[CellResult]) -> Result<()> {
    let rows: Vec<ResultRow> = results.iter().map(ResultRow::from).collect();
    write_table(path, &Taxa::default(), &rows, 1)?;
    Ok(())
}
