//! Works out what each cell takes: rows, steps, runs, and clips to evaluate.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use shardfmt::Split;

use super::plan::{Cell, Plan};
use super::search::trials;
use crate::error::{Error, Result};
use crate::fit::sampler_config;
use crate::material::Material;
use crate::sampler::Sampler;

/// Datasets that are opened when they are first asked for, and stay open.
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

/// What a cell takes.
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

/// What every cell takes.
///
/// # Errors
/// Whatever would keep a cell from being run: all of it is checked before the first one starts.
pub fn efforts<'a>(plan: &'a Plan, materials: &mut Materials) -> Result<Vec<Effort<'a>>> {
    let mut known: HashMap<String, [u64; 3]> = HashMap::new();
    let effort = |cell: Cell<'a>| {
        let config = plan.config(cell, &[])?;
        // Cells that differ in the method alone share their rows.
        let shape = format!(
            "{:?}",
            (
                &cell.dataset.name,
                (config.mode, config.full_unknown, config.asset_reg.is_some()),
                (config.rows, &config.filters, &config.sampling),
                (config.batch, config.epochs)
            )
        );
        let [rows, steps, scored] = match known.get(&shape) {
            Some(&found) => found,
            None => {
                let material = materials.of(&cell.dataset.path)?;
                let supervision = material.training(&config)?;
                let sampler = Sampler::new(&supervision, 0, sampler_config(&config))?;
                let steps = sampler.batches_per_epoch() as u64 * u64::from(config.epochs);
                let known_clips = |split| -> Result<u64> {
                    let clips = material.evaluation(&config, split)?.clips;
                    Ok(clips.iter().filter(|clip| clip.fully_annotated).count() as u64)
                };
                let scored = known_clips(Split::Val)? * u64::from(config.epochs) + known_clips(Split::Test)?;
                let found = [sampler.rows_per_epoch() as u64, steps, scored];
                known.insert(shape, found);
                found
            }
        };
        let searched = if cell.column.tuned_as.is_some() {
            0
        } else {
            trials(plan, cell)?.len()
        };
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
