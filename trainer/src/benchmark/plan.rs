//! Defines a benchmark's file: datasets, each with a table of methods (rows) and columns, in whose cells a run is
//! trained for every seed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::questions::Contrast;
use crate::config::Config;
use crate::error::{Error, Result};

/// A benchmark's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BenchmarkPlan {
    /// Heads the table.
    pub name: String,
    /// The datasets; a table each.
    #[serde(rename = "dataset")]
    pub datasets: Vec<DatasetEntry>,
    /// Every cell is run once for each of them.
    pub seeds: Vec<u64>,
    /// Settings of all runs; what is left out keeps its default.
    #[serde(default)]
    pub base: toml::Table,
    /// The rows of the table.
    #[serde(rename = "method")]
    pub methods: Vec<MethodRow>,
    /// Its columns.
    #[serde(rename = "column")]
    pub columns: Vec<Column>,
    /// How parameters are chosen; without it, they are as written.
    pub search: Option<Search>,
    /// Averages printed below the table: name -> methods.
    #[serde(default)]
    pub average: BTreeMap<String, Vec<String>>,
    /// Level of intervals, above 0 and below 1: of each contrast that describes, and of all primary ones together.
    #[serde(default = "usual_level")]
    pub level: f64,
    /// Questions that are answered with a sentence each.
    #[serde(default, rename = "contrast")]
    pub contrasts: Vec<Contrast>,
}

fn usual_level() -> f64 {
    0.95
}

/// A dataset that the whole matrix is run on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetEntry {
    /// Heads its table.
    pub name: String,
    /// Its folder; relative to the file.
    pub path: PathBuf,
    /// The columns run on it; absent: all.
    pub columns: Option<Vec<String>>,
}

impl DatasetEntry {
    /// Whether a column is run on it.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        self.columns
            .as_ref()
            .is_none_or(|columns| columns.iter().any(|name| name == column))
    }
}

/// A row of the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodRow {
    /// Its name; where the paper has it too, its figures are printed beside ours.
    pub name: String,
    /// Settings on top of the base.
    #[serde(default)]
    pub settings: toml::Table,
    /// The columns it is run in; absent: all that are not [`Column::named_only`].
    pub columns: Option<Vec<String>>,
    /// For the search: dotted setting -> values to try. Settings of `asset_reg` count only in columns that have one.
    #[serde(default)]
    pub grid: BTreeMap<String, Vec<toml::Value>>,
}

/// A column of the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Settings on top of the method's.
    #[serde(default)]
    pub settings: toml::Table,
    /// Only for methods that name it.
    #[serde(default)]
    pub named_only: bool,
    /// The paper's column that it repeats: `COCO`, `L48`, `+Geo`, `+Checklist` or `+R_P`.
    pub published: Option<String>,
    /// Columns it is compared with, seed by seed.
    #[serde(default)]
    pub against: Vec<String>,
    /// Takes the parameters found for another column instead of a search of its own: a control has to differ from what
    /// it controls in one thing only.
    pub tuned_as: Option<String>,
}

/// How parameters are chosen on val, before the seeds are run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Trials of every method in every column, the same number for all.
    pub trials: usize,
    /// Seed of the trials, and of which points of the grid are tried.
    pub seed: u64,
    /// Dotted setting -> values to try, for every method.
    #[serde(default)]
    pub grid: BTreeMap<String, Vec<toml::Value>>,
}

/// A method in a column, on a dataset.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// The dataset it is trained on.
    pub dataset: &'a DatasetEntry,
    /// The row.
    pub method: &'a MethodRow,
    /// The column.
    pub column: &'a Column,
}

/// Names of dataset, method and column.
pub type CellNames<'a> = [&'a str; 3];

impl<'a> Cell<'a> {
    /// Its names.
    #[must_use]
    pub fn names(&self) -> CellNames<'a> {
        [&self.dataset.name, &self.method.name, &self.column.name]
    }

    /// Names of the cell whose search finds its values: its own, or those of the column that its column is tuned as.
    #[must_use]
    pub fn tuned_as(&self) -> CellNames<'a> {
        let [dataset, method, column] = self.names();
        [dataset, method, self.column.tuned_as.as_deref().unwrap_or(column)]
    }

    /// Folder of its runs of a kind, `search` or `cells`, in that of the benchmark.
    #[must_use]
    pub fn folder(&self, out: &Path, kind: &str) -> PathBuf {
        let below = |folder: PathBuf, name: &str| folder.join(folder_name(name));
        self.names().into_iter().fold(out.join(kind), below)
    }

    /// Folder of its run with a seed.
    #[must_use]
    pub fn seed_folder(&self, out: &Path, seed: u64) -> PathBuf {
        self.folder(out, "cells").join(format!("seed-{seed}"))
    }
}

impl BenchmarkPlan {
    /// All cells, dataset by dataset, row by row.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let rows = move |dataset| self.methods.iter().map(move |method| (dataset, method));
        self.datasets.iter().flat_map(rows).flat_map(move |(dataset, method)| {
            let takes = move |column: &&Column| match &method.columns {
                Some(names) => names.contains(&column.name),
                None => !column.named_only,
            };
            let columns = self.columns.iter().filter(takes);
            let columns = columns.filter(move |column| dataset.has(&column.name));
            columns.map(move |column| Cell {
                dataset,
                method,
                column,
            })
        })
    }

    /// Settings of a cell: base, method, column, and `chosen` values on top.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the cell.
    pub fn config(&self, cell: Cell<'_>, chosen: &[(String, toml::Value)]) -> Result<Config> {
        let mut table = self.base.clone();
        merge(&mut table, &cell.method.settings);
        merge(&mut table, &cell.column.settings);
        for (key, value) in chosen {
            put(&mut table, key, value.clone());
        }
        let name = format!("{} in column {}", cell.method.name, cell.column.name);
        table
            .try_into()
            .map_err(|cause: toml::de::Error| Error::setting(name, cause.to_string()))
    }
}

/// The name of a folder for a method or column: letters, digits and `_`, with `-` for what lies between.
#[must_use]
pub fn folder_name(name: &str) -> String {
    let words = name.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("-")
}

/// Lays `above` over `below`, table by table.
fn merge(below: &mut toml::Table, above: &toml::Table) {
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(above)) => merge(inner, above),
            _ => {
                below.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Sets a dotted key.
fn put(table: &mut toml::Table, key: &str, value: toml::Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.into(), value);
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| toml::Table::new().into());
            if let toml::Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    const FILE: &str = r#"
        name = "t"
        seeds = [1, 2]
        [[dataset]]
        name = "X"
        path = "x"
        [[dataset]]
        name = "Y"
        path = "y"
        columns = ["Target"]
        [base]
        epochs = 3
        [base.optimiser]
        lr = 0.01
        [[method]]
        name = "BCE-AN"
        [[method]]
        name = "BCE-Full"
        columns = ["Full"]
        settings = { optimiser = { weight_decay = 0.1 } }
        [[column]]
        name = "Target"
        [[column]]
        name = "+R_P"
        settings = { asset_reg = { alpha = 0.3 } }
        against = ["Target"]
        [[column]]
        name = "Full"
        named_only = true
        settings = { mode = "full" }
    "#;

    #[test]
    fn cells_and_their_settings() {
        let plan: BenchmarkPlan = toml::from_str(FILE).unwrap();
        let cells: Vec<_> = plan.cells().collect();
        let names: Vec<_> = cells
            .iter()
            .map(|cell| (cell.method.name.as_str(), cell.column.name.as_str()))
            .collect();
        let on_x = [("BCE-AN", "Target"), ("BCE-AN", "+R_P"), ("BCE-Full", "Full")];
        assert_eq!(names, [&on_x[..], &[("BCE-AN", "Target")]].concat());
        assert_eq!(cells[3].dataset.name, "Y");
        let chosen = [("optimiser.lr".to_owned(), toml::Value::Float(0.5))];
        let config = plan.config(cells[2], &chosen).unwrap();
        let optimiser = &config.optimiser;
        assert_eq!((config.epochs, optimiser.lr, optimiser.weight_decay), (3, 0.5, 0.1));
        assert!(plan.config(cells[0], &[]).unwrap().asset_reg.is_none());
        assert_eq!(plan.config(cells[1], &[]).unwrap().asset_reg.unwrap().alpha, 0.3);
    }

    #[test]
    fn folder_names() {
        assert_eq!(folder_name("+R_P (frozen)"), "r_p-frozen");
        assert_eq!(folder_name("LL-Ct"), "ll-ct");
    }
}
