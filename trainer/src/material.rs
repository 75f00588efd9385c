//! Provides an opened dataset for a run: rows to train on, and rows to evaluate on.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use loader::{Catalogue, ClipReader, Level, SinglePositive, Supervision};
use shardfmt::{Dataset, Split};
use storage::open_dataset_at;

use crate::asset_reg::{self, AssetRegConfig, Group, Positives};
use crate::config::{Config, EvalConfig, LossConfig};
use crate::error::{Error, Result};
use crate::loss::RECORDING_EVIDENCE;
use crate::yardstick::Yardstick;

/// A dataset opened for training or evaluation.
#[derive(Debug)]
pub struct Material {
    /// The dataset.
    pub dataset: Arc<Dataset>,
    /// The labels of its clips.
    pub catalogue: Catalogue,
    /// Its clips.
    pub clips: ClipReader,
}

impl Material {
    /// Opens the dataset in the folder or at the address `place` and reads its tables. Shards of one at an address come
    /// to the cache when they are touched.
    ///
    /// # Errors
    /// [`Error::Dataset`] and [`Error::Loader`] naming file and row of what is damaged; [`Error::Store`] for an address
    /// that cannot be read.
    pub fn open(place: &Path) -> Result<Self> {
        let dataset = Arc::new(open_dataset_at(place, None, None)?);
        let clips = ClipReader::open_as_touched(&dataset)?;
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
        let drawn = match config.single_positive {
            SinglePositive::Target => None,
            SinglePositive::Uniform => Some(self.catalogue.with_uniform_positives(config.seed)),
        };
        let catalogue = drawn.as_ref().unwrap_or(&self.catalogue);
        let mut supervision = catalogue.training(config.mode, config.rows, config.full_unknown, &config.filters)?;
        if let Some(asset_reg) = &config.asset_reg {
            let groups = asset_reg::groups(&self.dataset, &supervision.clips, asset_reg.group)?;
            check_groups(&supervision, &groups, asset_reg)?;
        }
        check_recordings(&supervision, &config.loss)?;
        if config.permute_labels {
            supervision.permute_labels(config.seed);
        }
        Ok(supervision)
    }

    /// The rows of a split to evaluate on. The control of permuted labels permutes those of val too, or the choice of
    /// the epoch would use true labels.
    ///
    /// # Errors
    /// [`Error::Loader`] for an empty split; [`Error::NothingToMeasure`] if no clip of it is fully known,
    /// [`Error::Setting`] if recordings are to be measured and none is.
    pub fn evaluation(&self, config: &Config, split: Split) -> Result<Supervision> {
        let mut supervision = self.catalogue.evaluation(split)?;
        if Yardstick::of(&supervision, &config.eval).rows() == 0 {
            return Err(nothing_to_measure(&supervision, &config.eval));
        }
        if config.permute_labels && split == Split::Val {
            supervision.permute_labels(config.seed);
        }
        Ok(supervision)
    }

    /// How many clips of a split are scored when it is measured.
    ///
    /// # Errors
    /// As [`Material::evaluation`].
    pub(crate) fn scored(&self, config: &Config, split: Split) -> Result<u64> {
        let supervision = self.evaluation(config, split)?;
        Ok(Yardstick::of(&supervision, &config.eval).clips.len() as u64)
    }
}

/// The error of a split of which nothing can be measured, with what to do.
pub(crate) fn nothing_to_measure(supervision: &Supervision, eval: &EvalConfig) -> Error {
    let split = supervision.clips.first().map_or("", |clip| clip.split.as_str());
    if eval.level == Level::Recording {
        let reason = format!(
            "no recording of split {split} has every class known: what nobody heard in one is unknown. Set eval.unheard \
             = \"absent\" (--unheard absent) if everything that is in a recording is in its column heard, or annotate \
             some completely"
        );
        return Error::setting("eval.level", reason);
    }
    if (0..supervision.rows()).any(|row| supervision.labels.heard(row).is_some()) {
        let reason = format!(
            "no clip of split {split} has every class known, but its recordings say what was heard in them; set \
             eval.level = \"recording\" (--level recording) to measure these, or annotate some completely"
        );
        return Error::setting("eval.level", reason);
    }
    Error::NothingToMeasure {
        split: supervision.clips.first().map(|clip| clip.split),
        left_out: supervision.rows() as u64,
    }
}

/// Refuses rows of which nobody said what was heard, if that is to be learnt from, or without a clip that could be
/// evidence for others of its recording.
fn check_recordings(supervision: &Supervision, loss: &LossConfig) -> Result<()> {
    let labels = &supervision.labels;
    if loss.heard.is_some() && !(0..labels.rows()).any(|row| labels.heard(row).is_some()) {
        let reason = "is set, but no training recording has species in the column heard; add it with `l48 relabel`, or \
                      drop the setting";
        return Err(Error::setting("loss.heard", reason));
    }
    if loss.name == RECORDING_EVIDENCE && (0..labels.rows()).all(|row| !labels.positives(row).is_empty()) {
        let reason = format!(
            "{RECORDING_EVIDENCE} needs clips without a known positive beside the others, and there is none among the \
             training rows; set filters.remove_unannotated = false, or use another method"
        );
        return Err(Error::setting("loss", reason));
    }
    Ok(())
}

/// Refuses rows in which no group has a second clip that its clips could be pulled towards, or of which nobody said
/// what was heard if that is where the table starts.
fn check_groups(supervision: &Supervision, groups: &[i64], asset_reg: &AssetRegConfig) -> Result<()> {
    let mut rows = 0..supervision.rows();
    if asset_reg.positives == Positives::Heard && !rows.any(|row| supervision.labels.heard(row).is_some()) {
        let reason = "is \"heard\", but no training recording has species in the column heard; add it with `l48 \
                      relabel`, or drop the setting";
        return Err(Error::setting("asset_reg.positives", reason));
    }
    let distinct: HashSet<&i64> = groups.iter().collect();
    if distinct.len() < supervision.rows() {
        return Ok(());
    }
    let what = match asset_reg.group == Group::default() {
        true => "a recording (or photograph)",
        false => "a group",
    };
    let reason = format!(
        "each of the {} training clips is {what} of its own, so there is nothing to keep consistent within one; set \
         asset_reg.group to what several have in common, or train without the regulariser",
        supervision.rows()
    );
    Err(Error::setting("asset_reg", reason))
}
