//! Measures a model on a split: scores its clips, adds a prior, and ranks the scores, in memory or from a file.

use std::path::Path;

use loader::Supervision;

use crate::batch::Scaling;
use crate::config::EvalConfig;
use crate::error::{Error, Result};
use crate::material::{Material, nothing_to_measure};
use crate::memory;
use crate::metric::{self, Evaluation, ScoreTable, ScoreWriter};
use crate::model::Model;
use crate::predict;
use crate::prior_logits::{AddedPrior, PriorOffsets, PriorSource, Stated};
use crate::yardstick::{Yardstick, raise};

/// The interval does not depend on the run's seed, so that runs are compared over the same resampled sets.
const INTERVAL_SEED: u64 = 48;

/// A split with what of it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// Its clips.
    pub rows: &'a Supervision,
    /// As what they are measured.
    pub eval: &'a EvalConfig,
    /// The folder for scores that memory does not hold.
    pub scratch: &'a Path,
}

impl Material {
    /// mAP of `model` on the fully known clips, or recordings, of `split`, with an interval over `replicates` resampled
    /// sets of recordings if there are any. The other clips are not even scored. `prior` is added to their logits. `tell`
    /// gets the number of clips scored so far, and of all.
    ///
    /// # Errors
    /// [`Error::NothingToMeasure`] if no clip is fully known, [`Error::Setting`] if no recording is; [`Error::Io`] for
    /// scores that neither memory nor the disk holds; those of `tell`.
    pub fn evaluate(
        &self,
        model: (&Model, &Scaling),
        split: &Measured<'_>,
        prior: Option<&AddedPrior>,
        replicates: u32,
        tell: &mut dyn FnMut(u64, u64) -> Result<()>,
    ) -> Result<Evaluation> {
        let known = split.known()?;
        let mut scores = self.score(model, &known, split, prior.map(|_| Sample::none()).as_mut(), tell)?;
        if let Some(prior) = prior {
            let stated = Stated::read(&self.dataset, &known.clips, prior.offsets.from)?;
            if stated.recordings() == 0 {
                let from = prior.offsets.from.as_str();
                tracing::warn!("no recording that is measured has a {from} prior, so none is added to the logits");
            }
            add(prior, &stated, &known, &mut scores)?;
        }
        measure(&known, &scores, replicates)
    }

    /// [`Material::evaluate`] of `val`, without an interval. The weight of `offsets` is fitted on it first, and what is
    /// then added to logits comes with the measurements.
    ///
    /// # Errors
    /// As [`Material::evaluate`].
    pub fn evaluate_val(
        &self,
        model: (&Model, &Scaling),
        val: &Measured<'_>,
        offsets: Option<PriorOffsets>,
        tell: &mut dyn FnMut(u64, u64) -> Result<()>,
    ) -> Result<(Evaluation, Option<AddedPrior>)> {
        let known = val.known()?;
        let mut sample = offsets.map(|_| Sample::every(PriorOffsets::sampled_every(&known)));
        let mut scores = self.score(model, &known, val, sample.as_mut(), tell)?;
        let mut added = None;
        if let (Some(offsets), Some(sample)) = (offsets, &sample) {
            let stated = Stated::read(&self.dataset, &known.clips, offsets.from)?;
            let prior = offsets.weighed(&sample.logits, &known, &stated);
            add(&prior, &stated, &known, &mut scores)?;
            added = Some(prior);
        }
        Ok((measure(&known, &scores, 0)?, added))
    }

    /// The log-odds that a prior is worth in what is measured of `val`.
    ///
    /// # Errors
    /// [`Error::Setting`] if none of its recordings has the prior; as [`Material::evaluate`].
    pub fn prior_offsets(&self, val: &Measured<'_>, from: PriorSource) -> Result<PriorOffsets> {
        let known = val.known()?;
        let stated = Stated::read(&self.dataset, &known.clips, from)?;
        if stated.recordings() == 0 {
            let reason = format!(
                "is {:?}, of which no recording of val that is measured has any, so there is nothing to fit it to; add \
                 its table with `l48 relabel`, or drop the setting",
                from.as_str()
            );
            return Err(Error::setting("prior_logits.from", reason));
        }
        Ok(PriorOffsets::fit(from, &known, &stated))
    }

    /// Probabilities of the rows of `known`, or with a `sample`, which gets some of them, logits: the highest of their
    /// clips.
    fn score(
        &self,
        model: (&Model, &Scaling),
        known: &Yardstick,
        split: &Measured<'_>,
        sample: Option<&mut Sample>,
        tell: &mut dyn FnMut(u64, u64) -> Result<()>,
    ) -> Result<ScoreTable> {
        let mut ring = predict::ring(&self.clips, model.0);
        let mut writer = split.writer(known)?;
        let mut row = vec![f32::NEG_INFINITY; known.classes];
        let (mut scored, as_logits, mut sample) = (0, sample.is_some(), sample);
        let take = |_: &[u32], batch: &[f32]| {
            for clip in batch.chunks_exact(known.classes.max(1)) {
                raise(&mut row, clip);
                let this = known.row_of_clip.get(scored);
                scored += 1;
                // The last clip of its row.
                if known.row_of_clip.get(scored) != this {
                    if let Some(sample) = &mut sample {
                        sample.take(&row);
                    }
                    writer.push(&row)?;
                    row.fill(f32::NEG_INFINITY);
                }
            }
            tell(scored as u64, known.clips.len() as u64)
        };
        if as_logits {
            predict::logits(model, &self.clips, &known.clips, &mut ring, take)?;
        } else {
            predict::scores(model, &self.clips, &known.clips, &mut ring, take)?;
        }
        writer.finish()
    }
}

impl Measured<'_> {
    fn known(&self) -> Result<Yardstick> {
        let known = Yardstick::of(self.rows, self.eval);
        if known.rows() == 0 {
            return Err(nothing_to_measure(self.rows, self.eval));
        }
        Ok(known)
    }

    /// Where its scores go: into memory if half of what is free suffices, else into a file, whose rankings then get that
    /// half.
    fn writer(&self, known: &Yardstick) -> Result<ScoreWriter> {
        let entries = known.rows() as u64 * known.classes as u64;
        match memory::free().map(|free| free / 2) {
            Some(half) if entries.saturating_mul(size_of::<f32>() as u64) > half => {
                ScoreWriter::in_file(known.classes, self.scratch, half)
            }
            _ => Ok(ScoreWriter::in_memory(known.classes)),
        }
    }
}

/// Rows of scores that are kept beside the table.
#[derive(Debug, Default)]
struct Sample {
    /// One of how many rows; 0 for none.
    every: usize,
    seen: usize,
    logits: Vec<f32>,
}

impl Sample {
    fn none() -> Self {
        Self::default()
    }

    fn every(every: usize) -> Self {
        Self {
            every,
            ..Self::default()
        }
    }

    fn take(&mut self, row: &[f32]) {
        if self.every > 0 && self.seen.is_multiple_of(self.every) {
            self.logits.extend_from_slice(row);
        }
        self.seen += 1;
    }
}

/// Adds a prior to the logits of `known`. Clips of a recording have the same prior, so the highest of them stays so.
fn add(prior: &AddedPrior, stated: &Stated, known: &Yardstick, logits: &mut ScoreTable) -> Result<()> {
    let mut added = vec![0.0; stated.classes()];
    logits.change(|row, logits| {
        if let Some(asset_id) = known.asset_ids.get(row) {
            prior.write(stated, *asset_id, &mut added);
            logits.iter_mut().zip(&added).for_each(|(logit, added)| *logit += added);
        }
    })
}

fn measure(known: &Yardstick, scores: &ScoreTable, replicates: u32) -> Result<Evaluation> {
    let positives = known.positives();
    let mut evaluation = metric::evaluate_table(scores, &positives)?;
    evaluation.left_out = known.left_out;
    if replicates > 0 {
        let assets = &known.asset_ids;
        let interval = metric::interval_of_table(scores, &positives, assets, INTERVAL_SEED, replicates)?;
        evaluation.interval = Some(interval);
    }
    Ok(evaluation)
}
