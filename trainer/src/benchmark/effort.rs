//! Computes the effort of each cell: rows, steps, runs, and clips to evaluate.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use loader::{Filters, FullUnknown, Mode, Rows, Sampler, SinglePositive};
use shardfmt::Operation;
use shardfmt::{Dataset, Split, Xxh3};

use super::plan::{BenchmarkPlan, Cell};
use super::search::{Point, trials};
use crate::config::{Config, SamplingConfig};
use crate::error::{Error, Result};
use crate::learner::Learner;
use crate::material::Material;
use crate::run_folder::RunFolder;

/// Datasets, opened on first use and kept open.
#[derive(Debug, Default)]
pub struct Materials(BTreeMap<PathBuf, Material>);

impl Materials {
    /// The dataset in the folder `dir`.
    ///
    /// # Errors
    /// As [`Material::open`].
    pub fn of(&mut self, dir: &Path) -> Result<&Material> {
        if !self.0.contains_key(dir) {
            self.0.insert(dir.to_path_buf(), Material::open(dir)?);
        }
        // It is there now.
        self.0
            .get(dir)
            .ok_or_else(|| Error::setting("dataset", dir.display().to_string()))
    }
}

/// The effort of a cell.
#[derive(Clone, Copy, Debug)]
pub struct Effort<'a> {
    /// The cell.
    pub cell: Cell<'a>,
    /// Training rows in an epoch.
    pub rows: u64,
    /// Steps of one run.
    pub steps: u64,
    /// Clips that one run scores for val after every epoch, and for test at its end.
    pub scored: u64,
    /// Runs: trials of the search and seeds.
    pub runs: u64,
}

/// The settings that decide the rows and steps of a cell; cells that differ in the method alone share them.
#[derive(PartialEq)]
struct Shape<'a> {
    dataset: &'a str,
    mode: Mode,
    single_positive: SinglePositive,
    rows: Rows,
    full_unknown: FullUnknown,
    filters: Filters,
    sampling: SamplingConfig,
    has_asset_reg: bool,
    batch: usize,
    epochs: u32,
}

impl<'a> Shape<'a> {
    fn of(cell: Cell<'a>, config: &Config) -> Self {
        Self {
            dataset: &cell.dataset.name,
            mode: config.mode,
            single_positive: config.single_positive,
            rows: config.rows,
            full_unknown: config.full_unknown,
            filters: config.filters,
            sampling: config.sampling.clone(),
            has_asset_reg: config.asset_reg.is_some(),
            batch: config.batch,
            epochs: config.epochs,
        }
    }
}

/// The effort of every cell, run in the folder `out`.
///
/// # Errors
/// Any error that would keep a cell from being run: all are checked before the first one starts.
pub fn efforts<'a>(plan: &'a BenchmarkPlan, materials: &mut Materials, out: &Path) -> Result<Vec<Effort<'a>>> {
    let mut known: Vec<(Shape<'_>, [u64; 3])> = Vec::new();
    let effort = |cell: Cell<'a>| {
        let config = plan.config(cell, &[])?;
        let tuned_as = cell.column.tuned_as.as_ref();
        let source = plan.columns.iter().find(|column| Some(&column.name) == tuned_as);
        let column = source.unwrap_or(cell.column);
        let points = trials(plan, Cell { column, ..cell })?;
        check(plan, cell, &points, &materials.of(&cell.dataset.path)?.dataset, out)?;
        let shape = Shape::of(cell, &config);
        let [rows, steps, scored] = match known.iter().find(|(other, _)| *other == shape) {
            Some((_, found)) => *found,
            None => {
                let material = materials.of(&cell.dataset.path)?;
                let supervision = material.training(&config)?;
                let sampler = Sampler::new(&supervision, Xxh3::default(), config.sampler())?;
                let steps = sampler.batches_per_epoch() as u64 * u64::from(config.epochs);
                let of_val = material.scored(&config, Split::Val)?;
                let scored = of_val * u64::from(config.epochs) + material.scored(&config, Split::Test)?;
                let found = [sampler.rows_per_epoch() as u64, steps, scored];
                known.push((shape, found));
                found
            }
        };
        let searched = if tuned_as.is_some() { 0 } else { points.len() };
        Ok(Effort {
            cell,
            rows,
            steps,
            scored,
            runs: (searched + plan.seeds.len()) as u64,
        })
    };
    plan.cells().map(effort).collect()
}

/// Checks the settings of a cell, as written and with the values of every point that it may be run with.
fn check(plan: &BenchmarkPlan, cell: Cell<'_>, points: &[Point], dataset: &Dataset, out: &Path) -> Result<()> {
    // From its first checkpoint on a run no longer needs the weights; one interrupted before it reports them itself.
    let begun = |seed: &u64| RunFolder::has_run(&cell.seed_folder(out, *seed));
    let begins = !plan.seeds.iter().all(begun);
    for point in std::iter::once(&Point::new()).chain(points) {
        let config = plan.config(cell, point)?;
        let checked =
            Learner::check(&config, dataset).and_then(|()| if begins { check_weights(&config) } else { Ok(()) });
        checked.map_err(|error| match error {
            Error::Setting { setting, reason } => {
                let (method, column) = (&cell.method.name, &cell.column.name);
                Error::setting(format!("{method} in column {column}: {setting}"), reason)
            }
            other => other,
        })?;
    }
    Ok(())
}

/// Checks that the file of the weights to start from, if any, can be read.
fn check_weights(config: &Config) -> Result<()> {
    let opened = config.model.weights.as_ref().map(|path| {
        let opened = File::open(path);
        opened.map_err(|cause| Error::io(path, Operation::Open, cause))
    });
    opened.transpose().map(drop)
}
