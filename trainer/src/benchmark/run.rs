//! Runs the cells of a benchmark: search on val first, then every seed; what is finished already is read, not run again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use shardfmt::Dataset;
use shardfmt::persist::write_atomic;
use tch::Device;

use super::plan::{Cell, Plan, folder_name};
use super::results::write_results;
use super::search::{Point, trials};
use super::table::{CellResult, markdown};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::fit::{Material, fit, sampler_config};
use crate::observer::read_events;
use crate::run_folder::RunFolder;
use crate::sampler::Sampler;
use crate::session::check_same;

/// Told when a run of the matrix is over.
#[derive(Debug)]
pub struct Progress<'a> {
    /// Its folder.
    pub folder: &'a Path,
    /// Runs that are over, and all of the matrix.
    pub done: usize,
    /// See `done`.
    pub of: usize,
    /// Val mAP of its best epoch.
    pub val_map: f64,
    /// Test mAP there.
    pub test_map: f64,
}

/// What a cell takes.
#[derive(Clone, Copy, Debug)]
pub struct Effort<'a> {
    /// The cell.
    pub cell: Cell<'a>,
    /// Training rows in an epoch.
    pub rows: u64,
    /// Steps of one run.
    pub steps: u64,
    /// Runs: trials of the search and seeds.
    pub runs: u64,
}

/// Rows, steps and runs of every cell.
///
/// # Errors
/// Whatever would keep a cell from being run: all of it is checked before the first one starts.
pub fn efforts<'a>(plan: &'a Plan, material: &Material) -> Result<Vec<Effort<'a>>> {
    let mut known: HashMap<String, (u64, u64)> = HashMap::new();
    let effort = |cell: Cell<'a>| {
        let config = plan.config(cell, &[])?;
        // Cells that differ in the method alone share their rows.
        let shape = format!(
            "{:?}",
            (
                config.mode,
                config.rows,
                &config.filters,
                &config.sampling,
                config.batch,
                config.epochs
            )
        );
        let (rows, steps) = match known.get(&shape) {
            Some(&found) => found,
            None => {
                let supervision = material.training(&config)?;
                let sampler = Sampler::new(&supervision, 0, sampler_config(&config))?;
                let steps = sampler.batches_per_epoch() as u64 * u64::from(config.epochs);
                let found = (sampler.rows_per_epoch() as u64, steps);
                known.insert(shape, found);
                found
            }
        };
        let searched = if cell.column.tuned_as.is_some() {
            0
        } else {
            trials(plan, cell)?.len()
        };
        let runs = (searched + plan.seeds.len()) as u64;
        Ok(Effort {
            cell,
            rows,
            steps,
            runs,
        })
    };
    plan.cells().map(effort).collect()
}

/// Runs what is not finished yet under the folder `out`, and writes `table.md` and `results.parquet` there after every cell.
///
/// # Errors
/// Those of the runs; [`Error::OtherRun`] if a folder holds a run with other settings.
pub fn run(
    plan: &Plan,
    material: &Material,
    out: &Path,
    device: Device,
    tell: &mut dyn FnMut(&Progress<'_>),
) -> Result<Vec<CellResult>> {
    let of = efforts(plan, material)?.iter().map(|effort| effort.runs as usize).sum();
    let mut matrix = Matrix {
        plan,
        material,
        out,
        device,
        tell,
        done: 0,
        of,
        chosen: HashMap::new(),
    };
    let mut results = Vec::new();
    for cell in plan.cells() {
        let chosen = matrix.chosen(cell)?;
        for &seed in &plan.seeds {
            results.push(matrix.cell(cell, seed, &chosen)?);
        }
        write_atomic(&out.join("table.md"), markdown(plan, &results).as_bytes())?;
        write_results(&out.join("results.parquet"), &results)?;
    }
    Ok(results)
}

struct Matrix<'a> {
    plan: &'a Plan,
    material: &'a Material,
    out: &'a Path,
    device: Device,
    tell: &'a mut dyn FnMut(&Progress<'_>),
    done: usize,
    of: usize,
    /// Values found for a method in a column.
    chosen: HashMap<(String, String), Point>,
}

impl Matrix<'_> {
    /// The values a cell is run with: the best of its trials on val, or those of the column it is tuned as.
    fn chosen(&mut self, cell: Cell<'_>) -> Result<Point> {
        let column = match &cell.column.tuned_as {
            Some(name) => self.plan.columns.iter().find(|column| column.name == *name),
            None => Some(cell.column),
        };
        // The plan was checked: there is such a column.
        let Some(column) = column else { return Ok(Point::new()) };
        let source = Cell {
            method: cell.method,
            column,
        };
        let key = (cell.method.name.clone(), column.name.clone());
        if let Some(found) = self.chosen.get(&key) {
            return Ok(found.clone());
        }
        let mut best: Option<(f64, Point)> = None;
        for (number, point) in trials(self.plan, source)?.into_iter().enumerate() {
            let folder = self.folder("search", source).join(format!("trial-{number}"));
            let mut config = self.plan.config(source, &point)?;
            config.seed = self.plan.search.as_ref().map_or(config.seed, |search| search.seed);
            let result = self.run(&folder, &config)?;
            // The first of equals stays.
            if best.as_ref().is_none_or(|(map, _)| result.val_map > *map) {
                best = Some((result.val_map, point));
            }
        }
        let found = best.map(|(_, point)| point).unwrap_or_default();
        self.chosen.insert(key, found.clone());
        Ok(found)
    }

    /// One seed of a cell.
    fn cell(&mut self, cell: Cell<'_>, seed: u64, chosen: &Point) -> Result<CellResult> {
        let folder = self.folder("cells", cell).join(format!("seed-{seed}"));
        let mut config = self.plan.config(cell, chosen)?;
        config.seed = seed;
        let run = self.run(&folder, &config)?;
        let chosen: Vec<String> = chosen.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        Ok(CellResult {
            method: cell.method.name.clone(),
            column: cell.column.name.clone(),
            seed,
            rows: run.rows,
            steps: run.steps,
            best_epoch: run.best_epoch,
            val_map: run.val_map,
            test_map: run.test_map,
            test_map_occurring: run.test_map_occurring,
            chance: run.chance,
            chosen: chosen.join("; "),
        })
    }

    fn folder(&self, kind: &str, cell: Cell<'_>) -> PathBuf {
        let (method, column) = (folder_name(&cell.method.name), folder_name(&cell.column.name));
        self.out.join(kind).join(method).join(column)
    }

    /// Runs in `dir`, goes on with what was cut off there, or reads what is finished.
    fn run(&mut self, dir: &Path, config: &Config) -> Result<Finished> {
        let finished = match Finished::read(dir, &self.material.dataset, config)? {
            Some(finished) => finished,
            None => {
                fit(self.material, config, dir, self.device)?;
                let finished = Finished::read(dir, &self.material.dataset, config)?;
                finished.ok_or_else(|| {
                    let reason =
                        "no clip of split test is fully known, so the run has no result for a table".to_owned();
                    Error::Unsuitable {
                        dataset: self.material.dataset.dir().to_path_buf(),
                        reason,
                    }
                })?
            }
        };
        self.done += 1;
        (self.tell)(&Progress {
            folder: dir,
            done: self.done,
            of: self.of,
            val_map: finished.val_map,
            test_map: finished.test_map,
        });
        Ok(finished)
    }
}

/// What the log of a finished run says.
struct Finished {
    rows: u64,
    steps: u64,
    best_epoch: u32,
    val_map: f64,
    test_map: f64,
    test_map_occurring: f64,
    chance: f64,
}

impl Finished {
    /// `None` if there is no run yet, or it is not finished, or was not measured on test.
    fn read(dir: &Path, dataset: &Dataset, config: &Config) -> Result<Option<Self>> {
        if !RunFolder::has_run(dir) {
            return Ok(None);
        }
        let folder = check_same(dir, dataset, config)?;
        let (mut size, mut test, mut end) = (None, None, None);
        for event in read_events(&folder.metrics())? {
            match event {
                Event::Started {
                    rows,
                    steps_per_epoch,
                    epochs,
                    ..
                } => size = Some((rows, steps_per_epoch * u64::from(epochs))),
                Event::Evaluated {
                    split,
                    map,
                    map_occurring,
                    chance,
                    ..
                } if split == "test" => test = Some((map, map_occurring, chance)),
                Event::Finished {
                    best_epoch, val_map, ..
                } => end = Some((best_epoch, val_map)),
                _ => {}
            }
        }
        let (Some((rows, steps)), Some((test_map, test_map_occurring, chance)), Some((best_epoch, val_map))) =
            (size, test, end)
        else {
            return Ok(None);
        };
        Ok(Some(Self {
            rows,
            steps,
            best_epoch,
            val_map,
            test_map,
            test_map_occurring,
            chance,
        }))
    }
}
