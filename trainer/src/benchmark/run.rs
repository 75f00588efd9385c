//! Runs the cells of a benchmark: search on val first, then every seed; finished runs are read, not repeated.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use shardfmt::persist::write_atomic;
use tch::Device;

use super::effort::{Materials, efforts};
use super::finished::Finished;
use super::pictures::{cells_svg, contrasts_svg};
use super::plan::{BenchmarkPlan, Cell, CellNames};
use super::results::{CellResult, Measured, write_results};
use super::search::{Point, trials};
use super::table::markdown;
use super::workers::{self, Task};
use crate::error::{Error, Result};
use crate::fit::fit;
use crate::run::Existing;

/// A run of the matrix that has finished or diverged.
#[derive(Debug)]
pub struct RunOver<'a> {
    /// Its folder.
    pub folder: &'a Path,
    /// Runs that are over so far.
    pub done: usize,
    /// Runs of the whole matrix.
    pub of: usize,
    /// Its measurements; `None` if it diverged.
    pub measured: Option<Measured>,
}

/// Where and how a benchmark is run.
#[derive(Clone, Copy, Debug)]
pub struct BenchmarkPlace<'a> {
    /// Folder of its runs and tables.
    pub out: &'a Path,
    /// Where to compute.
    pub device: Device,
    /// Runs at a time; more than one are trained in processes of their own. Results do not depend on it.
    pub jobs: usize,
}

/// Runs whatever is not finished yet, and writes `table.md`, its pictures and `results.parquet` once all finished runs
/// are read, and after every further one.
///
/// A run that diverges is one of the results: a trial of the search with the worst score, and a seed that the table
/// counts as such.
///
/// # Errors
/// Those of the runs; [`Error::OtherRun`] if a folder holds a run with other settings.
pub fn run(
    plan: &BenchmarkPlan,
    materials: &mut Materials,
    place: BenchmarkPlace<'_>,
    tell: &mut dyn FnMut(&RunOver<'_>),
) -> Result<Vec<CellResult>> {
    let of = efforts(plan, materials, place.out)?
        .iter()
        .map(|effort| effort.runs as usize)
        .sum();
    let mut matrix = Matrix {
        plan,
        materials,
        place,
        tell,
        done: 0,
        of,
    };
    let chosen = matrix.search()?;
    matrix.seeds(&chosen)
}

struct Matrix<'a> {
    plan: &'a BenchmarkPlan,
    materials: &'a mut Materials,
    place: BenchmarkPlace<'a>,
    tell: &'a mut dyn FnMut(&RunOver<'_>),
    done: usize,
    of: usize,
}

impl<'a> Matrix<'a> {
    /// The best trial on val of every cell that has a search of its own.
    fn search(&mut self) -> Result<HashMap<CellNames<'a>, Point>> {
        let (mut points, mut tasks) = (Vec::new(), Vec::new());
        for cell in self.plan.cells().filter(|cell| cell.column.tuned_as.is_none()) {
            for (number, point) in trials(self.plan, cell)?.into_iter().enumerate() {
                let out = cell.folder(self.place.out, "search").join(format!("trial-{number}"));
                let seed = self.plan.search.as_ref().map(|search| search.seed);
                tasks.push(self.task(cell, &point, seed, out)?);
                points.push((cell.names(), point));
            }
        }
        let mut best: HashMap<CellNames<'a>, (f64, Point)> = HashMap::new();
        let finished = self.train(&tasks, |_| Ok(()))?;
        for ((names, point), finished) in points.into_iter().zip(finished) {
            // The first of equals stays.
            if best.get(&names).is_none_or(|(map, _)| finished.rank() > *map) {
                best.insert(names, (finished.rank(), point));
            }
        }
        Ok(best.into_iter().map(|(names, (_, point))| (names, point)).collect())
    }

    /// Every seed of every cell, with the values found for the cell or for the column it is tuned as.
    fn seeds(&mut self, chosen: &HashMap<CellNames<'a>, Point>) -> Result<Vec<CellResult>> {
        let (mut cells, mut tasks) = (Vec::new(), Vec::new());
        for cell in self.plan.cells() {
            let point = chosen.get(&cell.tuned_as()).cloned().unwrap_or_default();
            for &seed in &self.plan.seeds {
                let out = cell.seed_folder(self.place.out, seed);
                tasks.push(self.task(cell, &point, Some(seed), out)?);
                cells.push((cell, seed, point.clone()));
            }
        }
        let mut results: Vec<Option<CellResult>> = vec![None; cells.len()];
        let (plan, out) = (self.plan, self.place.out);
        self.train(&tasks, |over| {
            for &(place, run) in over {
                if let (Some((cell, seed, chosen)), Some(result)) = (cells.get(place), results.get_mut(place)) {
                    *result = Some(cell_result(*cell, *seed, chosen, run));
                }
            }
            let so_far: Vec<CellResult> = results.iter().flatten().cloned().collect();
            write_atomic(&out.join("table.md"), markdown(plan, &so_far).as_bytes())?;
            write_atomic(&out.join("cells.svg"), cells_svg(plan, &so_far).as_bytes())?;
            if let Some(picture) = contrasts_svg(plan, &so_far) {
                write_atomic(&out.join("contrasts.svg"), picture.as_bytes())?;
            }
            write_results(&out.join("results.parquet"), &so_far)
        })?;
        Ok(results.into_iter().flatten().collect())
    }

    fn task(&self, cell: Cell<'_>, point: &Point, seed: Option<u64>, out: PathBuf) -> Result<Task> {
        let mut config = self.plan.config(cell, point)?;
        config.seed = seed.unwrap_or(config.seed);
        Ok(Task {
            dataset: cell.dataset.path.clone(),
            out,
            config,
        })
    }

    /// Trains `tasks`: reads finished runs, resumes interrupted ones. Calls `each` with the indices of runs that are
    /// over, first with all earlier ones and then one at a time, and returns the results in the order of the tasks.
    fn train(
        &mut self,
        tasks: &[Task],
        mut each: impl FnMut(&[(usize, Finished)]) -> Result<()>,
    ) -> Result<Vec<Finished>> {
        // An error here leaves the existing tables as they are.
        let (mut read, mut left) = (Vec::new(), Vec::new());
        for (place, task) in tasks.iter().enumerate() {
            match self.read(task)? {
                Some(found) => read.push((place, found)),
                None => left.push((place, task)),
            }
        }
        let mut finished: Vec<Option<Finished>> = vec![None; tasks.len()];
        let mut over = |matrix: &mut Self, found: &[(usize, Finished)]| {
            for &(place, found) in found {
                if let (Some(task), Some(entry)) = (tasks.get(place), finished.get_mut(place)) {
                    *entry = Some(found);
                    matrix.done += 1;
                    (matrix.tell)(&RunOver {
                        folder: &task.out,
                        done: matrix.done,
                        of: matrix.of,
                        measured: found.measured,
                    });
                }
            }
            each(found)
        };
        if !read.is_empty() {
            over(self, &read)?;
        }
        let BenchmarkPlace { out, device, jobs } = self.place;
        if jobs > 1 {
            let unfinished: Vec<&Task> = left.iter().map(|(_, task)| *task).collect();
            workers::train(&unfinished, jobs, device, out, |number| match left.get(number) {
                Some((place, task)) => {
                    let found = self.result(task)?;
                    over(self, &[(*place, found)])
                }
                None => Ok(()),
            })?;
        } else {
            for (place, task) in left {
                let material = self.materials.of(&task.dataset)?;
                let trained = fit(material, &task.config, &task.out, device, Existing::Resume);
                diverged_or(trained.map(drop))?;
                let found = self.result(task)?;
                over(self, &[(place, found)])?;
            }
        }
        Ok(finished.into_iter().flatten().collect())
    }

    fn read(&mut self, task: &Task) -> Result<Option<Finished>> {
        let material = self.materials.of(&task.dataset)?;
        Finished::read(&task.out, &material.dataset, &task.config, self.place.device)
    }

    /// The result of a run that has just been trained.
    fn result(&mut self, task: &Task) -> Result<Finished> {
        self.read(task)?.ok_or_else(|| Error::Unsuitable {
            dataset: task.dataset.clone(),
            reason: format!(
                "the run in {} ended without a result; remove it and run the benchmark again",
                task.out.display()
            ),
        })
    }
}

/// Turns a divergence into success: the run is over, and its log says so.
///
/// # Errors
/// Any other error of the run.
pub(crate) fn diverged_or(trained: Result<()>) -> Result<()> {
    match trained {
        Err(error) if error.is_divergence() => {
            tracing::warn!("{error}");
            Ok(())
        }
        other => other,
    }
}

fn cell_result(cell: Cell<'_>, seed: u64, chosen: &Point, run: Finished) -> CellResult {
    let chosen: Vec<String> = chosen.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    CellResult {
        dataset: cell.dataset.name.clone(),
        method: cell.method.name.clone(),
        column: cell.column.name.clone(),
        seed,
        rows: run.rows,
        steps: run.steps,
        measured: run.measured,
        table: run.table,
        chosen: chosen.join("; "),
    }
}
