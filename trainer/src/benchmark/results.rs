//! Defines the results of a benchmark, a row for each cell and seed, and writes them as a Parquet table.

use std::path::Path;

use shardfmt::table::{Columns, write_table};
use shardfmt::{Taxa, table};

use super::plan::CellNames;
use super::questions::Measure;
use crate::asset_reg::TableQuality;
use crate::error::Result;

table! {
    struct ResultRow: "results/1" {
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
        table_auc: Option<f64>,
        table_precision: Option<f64>,
        table_prevalence: Option<f64>,
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
            table_auc: result.table.and_then(|table| table.auc),
            table_precision: result.table.map(|table| table.precision),
            table_prevalence: result.table.map(|table| table.prevalence),
        }
    }
}

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
    /// What the regulariser's table says of hidden labels; `None` without a table, or where nothing known is hidden.
    pub table: Option<TableQuality>,
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

    /// A measure, 0 to 1; `None` if the run diverged or has no such measure.
    pub(super) fn value(&self, measure: Measure) -> Option<f64> {
        let measured = self.measured?;
        match measure {
            Measure::Map => Some(measured.test_map),
            Measure::TableAuc => self.table?.auc,
            Measure::TablePrecision => self.table.map(|table| table.precision),
        }
    }
}

/// Writes `results` to `path`. mAP is from 0 to 1; what was not measured, because the run diverged, is null.
///
/// # Errors
/// [`Error::Dataset`](crate::Error::Dataset) if the file cannot be written.
pub fn write_results(path: &Path, results: &[CellResult]) -> Result<()> {
    let rows: Vec<ResultRow> = results.iter().map(ResultRow::from).collect();
    write_table(path, &Taxa::default(), &rows, Columns::Base)?;
    Ok(())
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
            table: None,
            chosen: String::new(),
        }
    }
}
