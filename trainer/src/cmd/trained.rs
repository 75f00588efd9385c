//! Loads the best model of a run for a dataset with the same images and classes.

use std::path::Path;

use anyhow::Result;
use shardfmt::Dataset;
use tch::Device;

use crate::batch::Scaling;
use crate::checkpoint::{Checkpoint, Checkpoints, Pointer};
use crate::config::Config;
use crate::error::Error;
use crate::learner::trained_model;
use crate::model::Model;
use crate::run_folder::RunFolder;

/// The model of the run's best epoch so far, with the scaling of the dataset's clips.
pub(super) fn model(run: &Path, dataset: &Dataset, device: Device) -> Result<(Model, Scaling)> {
    let (folder, record) = RunFolder::open(run)?;
    record.dataset.check_compatible(run, dataset)?;
    let mut config = Config::read(&folder.config())?;
    if record.is_of_another(device) {
        // The precision of that device may be missing or slow on this one.
        config.model.precision = None;
    }
    tch::set_num_threads(i32::try_from(config.threads).unwrap_or(i32::MAX));
    let best = Checkpoints::new(folder.checkpoints()).pointed(Pointer::Best)?;
    let best = best.ok_or_else(|| Error::Checkpoint {
        path: folder.checkpoints(),
        reason: "no epoch has finished yet; resume the run with `fit --resume`".into(),
    })?;
    Ok(trained_model(&config, dataset, &Checkpoint::open(&best)?, device)?)
}
