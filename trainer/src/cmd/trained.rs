//! Loads the best model of a run, for a dataset with the same images and classes, or by itself.

use std::path::{Path, PathBuf};

use anyhow::Result;
use shardfmt::{Dataset, Xxh3, hash_file};
use tch::Device;

use crate::batch::Scaling;
use crate::checkpoint::{Checkpoint, Checkpoints, Pointer};
use crate::config::Config;
use crate::error::Error;
use crate::learner::{Subject, trained_model, weights_file};
use crate::model::Model;
use crate::run_folder::{RunFolder, RunRecord};

/// A run with the model of its best epoch so far.
pub(super) struct Trained {
    pub(super) folder: RunFolder,
    pub(super) record: RunRecord,
    pub(super) model: Model,
    /// That of clips as the run's dataset stores them.
    pub(super) scaling: Scaling,
    /// The file of its weights.
    pub(super) weights: PathBuf,
}

impl Trained {
    /// Loads the best model of `run`.
    pub(super) fn load(run: &Path, device: Device) -> Result<Self> {
        let (folder, record) = RunFolder::open(run)?;
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
        let subject = Subject {
            classes: record.dataset.taxa.len(),
            clips: record.dataset.clips,
            values: &record.dataset.values,
        };
        let checkpoint = Checkpoint::open(&best)?;
        let (model, scaling) = trained_model(&config, &subject, &checkpoint, device)?;
        Ok(Self {
            folder,
            model,
            scaling,
            weights: weights_file(&checkpoint),
            record,
        })
    }

    /// Checksum of the weights.
    pub(super) fn weights_xxh3(&self) -> Result<Xxh3> {
        Ok(hash_file(&self.weights)?.xxh3)
    }
}

/// The model of the run's best epoch so far, with the scaling of the dataset's clips.
pub(super) fn model(run: &Path, dataset: &Dataset, device: Device) -> Result<(Model, Scaling)> {
    let (_, record) = RunFolder::open(run)?;
    record.dataset.check_compatible(run, dataset)?;
    let Trained { model, scaling, .. } = Trained::load(run, device)?;
    Ok((model, scaling))
}
