//! Provides an opened dataset for a run: rows to train on, rows to evaluate on, and the evaluation itself.

use std::collections::HashSet;
use std::path::Path;

use loader::{Catalogue, ClipReader, Supervision};
use shardfmt::{Dataset, Split};

use crate::batch::Scaling;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::metric::{self, Evaluation};
use crate::model::Model;
use crate::predict;

/// The interval does not depend on the run's seed, so that runs are compared over the same resampled sets.
const INTERVAL_SEED: u64 = 48;

/// A dataset opened for training or evaluation.
#[derive(Debug)]
pub struct Material {
    /// The dataset.
    pub dataset: Dataset,
    /// The labels of its clips.
    pub catalogue: Catalogue,
    /// Its clips.
    pub clips: ClipReader,
}

impl Material {
    /// Opens the dataset in `dir` and reads its tables.
    ///
    /// # Errors
    /// [`Error::Dataset`] and [`Error::Loader`] naming file and row of what is damaged.
    pub fn open(dir: &Path) -> Result<Self> {
        let dataset = Dataset::open(dir)?;
        let clips = ClipReader::open(&dataset)?;
        let catalogue = Catalogue::read_beside(&dataset, &clips)?;
        Ok(Self {
            dataset,
            catalogue,
            clips,
        })
    }

    /// The training rows of `config`.
    ///
    /// # Errors
    /// [`Error::Loader`] if no row is left, or the mode needs a prior that no recording has; [`Error::Setting`] for an
    /// asset regulariser where no recording has two clips.
    pub fn training(&self, config: &Config) -> Result<Supervision> {
        let mut supervision =
            self.catalogue
                .training(config.mode, config.rows, config.full_unknown, &config.filters)?;
        if config.asset_reg.is_some() {
            check_assets(&supervision)?;
        }
        if config.permute_labels {
            supervision.permute_labels(config.seed);
        }
        Ok(supervision)
    }

    /// The rows of a split to evaluate on. The control of permuted labels permutes those of val too, or the choice of
    /// the epoch would use true labels.
    ///
    /// # Errors
    /// [`Error::Loader`] for an empty split; [`Error::NothingToMeasure`] if no clip of it is fully known.
    pub fn evaluation(&self, config: &Config, split: Split) -> Result<Supervision> {
        let mut supervision = self.catalogue.evaluation(split)?;
        if !supervision.clips.iter().any(|clip| clip.fully_annotated) {
            return Err(nothing_to_measure(&supervision));
        }
        if config.permute_labels && split == Split::Val {
            supervision.permute_labels(config.seed);
        }
        Ok(supervision)
    }

    /// mAP of `model` on the fully known clips of `supervision`, with an interval over `replicates` resampled sets of
    /// recordings if there are any. The other clips are not even scored. `tell` gets the number of clips scored so far,
    /// and of all.
    ///
    /// # Errors
    /// [`Error::NothingToMeasure`] if no clip is fully known; those of `tell`.
    pub fn evaluate(
        &self,
        model: (&Model, &Scaling),
        supervision: &Supervision,
        replicates: u32,
        tell: &mut dyn FnMut(u64, u64) -> Result<()>,
    ) -> Result<Evaluation> {
        let known = supervision.fully_known();
        if known.rows() == 0 {
            return Err(nothing_to_measure(supervision));
        }
        let mut ring = predict::ring(&self.clips, model.0);
        let ([labels, mask], classes) = (known.labels.matrices(), known.classes());
        let mut scores = Vec::with_capacity(labels.len());
        predict::scores(model, &self.clips, &known.clips, &mut ring, |_, batch| {
            scores.extend_from_slice(batch);
            tell((scores.len() / classes.max(1)) as u64, known.rows() as u64)
        })?;
        let mut evaluation = metric::evaluate(&scores, &labels, &mask, classes)?;
        evaluation.left_out = (supervision.rows() - known.rows()) as u64;
        if replicates > 0 {
            let assets = known.asset_ids();
            let interval = metric::interval(&scores, &labels, &mask, classes, &assets, INTERVAL_SEED, replicates)?;
            evaluation.interval = Some(interval);
        }
        Ok(evaluation)
    }
}

fn nothing_to_measure(supervision: &Supervision) -> Error {
    Error::NothingToMeasure {
        split: supervision.clips.first().map(|clip| clip.split),
        left_out: supervision.rows() as u64,
    }
}

/// Refuses rows in which no recording has a second clip that its clips could be pulled towards.
fn check_assets(supervision: &Supervision) -> Result<()> {
    let assets: HashSet<i64> = supervision.clips.iter().map(|clip| clip.asset_id).collect();
    if assets.len() < supervision.rows() {
        return Ok(());
    }
    let reason = format!(
        "each of the {} training clips is a recording (or photograph) of its own, so there is nothing to keep \
         consistent \
         within one; train without the regulariser",
        supervision.rows()
    );
    Err(Error::setting("asset_reg", reason))
}
