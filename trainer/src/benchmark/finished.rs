//! Reads the result of a finished run from its log.

use std::path::Path;

use shardfmt::{Dataset, Split};
use tch::Device;

use super::results::Measured;
use crate::asset_reg::TableQuality;
use crate::config::Config;
use crate::error::Result;
use crate::event::Event;
use crate::observer::read_events;
use crate::run::check_same;
use crate::run_folder::RunFolder;

/// The result of a run that has finished or diverged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finished {
    pub(super) rows: u64,
    pub(super) steps: u64,
    /// `None` if it diverged.
    pub(super) measured: Option<Measured>,
    /// What the regulariser's table says of hidden labels, if that was measured.
    pub(super) table: Option<TableQuality>,
}

impl Finished {
    /// Val mAP for the choice of parameters: of a run that diverged, the worst there is.
    pub(super) fn rank(&self) -> f64 {
        self.measured.map_or(f64::NEG_INFINITY, |measured| measured.val_map)
    }

    /// `None` if there is no run yet, or it has neither finished nor diverged, or was not measured on test.
    pub(super) fn read(dir: &Path, dataset: &Dataset, config: &Config, device: Device) -> Result<Option<Self>> {
        if !RunFolder::has_run(dir) {
            return Ok(None);
        }
        let (folder, _) = check_same(dir, dataset, config, device)?;
        let (mut size, mut test, mut table, mut end, mut diverged) = (None, None, None, None, false);
        for event in read_events(&folder.metrics())? {
            match event {
                Event::Started {
                    rows,
                    steps_per_epoch,
                    epochs,
                    ..
                } => size = Some((rows, steps_per_epoch * u64::from(epochs))),
                Event::Evaluated {
                    split: Split::Test,
                    map,
                    map_occurring,
                    chance,
                    ..
                } => test = Some((map, map_occurring, chance)),
                Event::AssetTable(quality) => table = Some(quality),
                Event::Finished {
                    best_epoch, val_map, ..
                } => end = Some((best_epoch, val_map)),
                Event::Diverged { .. } => diverged = true,
                _ => {}
            }
        }
        let measured = match (test, end) {
            (Some((test_map, test_map_occurring, chance)), Some((best_epoch, val_map))) => Some(Measured {
                best_epoch,
                val_map,
                test_map,
                test_map_occurring,
                chance,
            }),
            _ => None,
        };
        let over = size.filter(|_| diverged || measured.is_some());
        Ok(over.map(|(rows, steps)| Self {
            rows,
            steps,
            measured,
            table,
        }))
    }
}
