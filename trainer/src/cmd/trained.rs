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
use crate::prior_logits::AddedPrior;
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
    /// What is added to its logits where the prior of a clip's recording is known.
    pub(super) prior: Option<AddedPrior>,
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
            prior: checkpoint.state.prior_logits,
            record,
        })
    }

    /// Says that a prior which the run adds to logits is left out of what follows.
    pub(super) fn warn_of_prior(&self, why: &str) {
        if let Some(prior) = &self.prior {
            let from = prior.offsets.from.as_str();
            tracing::warn!("the run adds a {from} prior to logits (prior_logits); it is left out here: {why}");
        }
    }

    /// Checksum of the weights.
    pub(super) fn weights_xxh3(&self) -> Result<Xxh3> {
        Ok(hash_file(&self.weights)?.xxh3)
    }
}

/// The run's best model so far, for a dataset with the same images and classes.
pub(super) fn for_dataset(run: &Path, dataset: &Dataset, device: Device) -> Result<Trained> {
    let (_, record) = RunFolder::open(run)?;
    record.dataset.check_compatible(run, dataset)?;
    Trained::load(run, device)
}
