//! Reads what a finished run of the matrix came to from its log.

use std::path::Path;

use shardfmt::Dataset;

use crate::config::Config;
use crate::error::Result;
use crate::event::Event;
use crate::observer::read_events;
use crate::run_folder::RunFolder;
use crate::session::check_same;

/// What the log of a finished run says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finished {
    pub(super) rows: u64,
    pub(super) steps: u64,
    pub(super) best_epoch: u32,
    pub(super) val_map: f64,
    pub(super) test_map: f64,
    pub(super) test_map_occurring: f64,
    pub(super) chance: f64,
}

impl Finished {
    /// `None` if there is no run yet, or it is not finished, or was not measured on test.
    pub(super) fn read(dir: &Path, dataset: &Dataset, config: &Config) -> Result<Option<Self>> {
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
