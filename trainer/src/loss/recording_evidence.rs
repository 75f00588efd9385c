//! Defines recording evidence: label smoothing in which unknown entries become soft positives, where a recording's
//! clips without a known positive say so too.
//!
//! In those clips nothing covers what else sings, and nothing of the target is mistaken for it. For an unknown entry of
//! a clip with a known positive, evidence = ln p + ln q, with q the mean of the latest p of the class in the
//! recording's clips without one. From `start_epoch` on the ceil(B C delta) entries of a batch with the highest
//! evidence are pulled to `soft`, the others as in label smoothing. Rows of which nothing is known count as evidence
//! only: l = 0. Controls: the clip by itself (`evidence = "clip"`: ln p, of the same entries), and the clips of another
//! recording (`"shuffled"`).

use loader::random::{Purpose, keyed, shuffle_forward};
use tch::{Device, Tensor};

use super::large_loss::{entries, highest};
use super::terms::bce;
use super::{Declared, Loss, LossBatch, Method, Output, Parameters, Setup};
use crate::batch::upload;
use crate::error::{Error, Result};
use crate::grouped::{Extent, Latest, TableRows};
use crate::state::{Named, adopt};

/// Least probability whose logarithm is taken.
const LEAST: f64 = 1e-30;

/// Name of the method.
pub const NAME: &str = "recording-evidence";

pub(super) const METHOD: Method = Method {
    name: NAME,
    summary: "label smoothing with soft positives where a recording's clips without a known positive say so",
    parameters: &[
        Declared::word(
            "evidence",
            &["recording", "clip", "shuffled"],
            "controls: the clip by itself, or the clips of another recording",
        ),
        Declared::number(
            "delta",
            0.01,
            [0.0, 1.0],
            "share of a batch's entries that becomes soft positives",
        ),
        Declared::number("soft", 0.5, [0.0, 1.0], "probability that soft positives are pulled to"),
        Declared::number(
            "eps",
            0.1,
            [0.0, 1.0],
            "share of a label that is spread over both values",
        ),
        Declared::number("start_epoch", 2.0, [1.0, 1e9], "first epoch with soft positives"),
    ],
    build: |parameters, setup: &Setup| Ok(Box::new(RecordingEvidence::new(parameters, setup)?)),
    prior_is_inert: |_: &Parameters| Ok(false),
};

struct RecordingEvidence {
    by_recording: bool,
    delta: f64,
    soft: f64,
    eps: f64,
    start_epoch: f64,
    device: Device,
    /// Number of the recording of each training row.
    recordings: Vec<i64>,
    /// The recording whose clips are evidence for each training row: its own but for the control.
    witnesses: Vec<i64>,
    /// Whether a training row has no known positive.
    is_free: Vec<bool>,
    /// Predictions of such rows.
    latest: Latest,
}

impl RecordingEvidence {
    fn new(parameters: &Parameters, setup: &Setup) -> Result<Self> {
        let rows = setup.labels.rows();
        if setup.asset_ids.len() != rows {
            let reason = format!("{rows} rows of labels for {} clips", setup.asset_ids.len());
            return Err(Error::setting("training labels", reason));
        }
        let mut ids = setup.asset_ids.clone();
        ids.sort_unstable();
        ids.dedup();
        let number = |id: &i64| ids.binary_search(id).unwrap_or_default();
        let recordings: Vec<usize> = setup.asset_ids.iter().map(number).collect();
        let is_free: Vec<bool> = (0..rows).map(|row| setup.labels.positives(row).is_empty()).collect();
        let mut witness_of: Vec<usize> = (0..ids.len()).collect();
        if parameters.is("evidence", "shuffled")? {
            shuffle_witnesses(&mut witness_of, &recordings, &is_free, setup.seed);
        }
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let witness = |recording: &usize| witness_of.get(*recording).copied().map_or(0, count);
        let [clips, classes] = setup.shape();
        let extent = Extent {
            clips,
            groups: count(ids.len()),
            classes,
            by_entry: false,
        };
        Ok(Self {
            by_recording: !parameters.is("evidence", "clip")?,
            delta: parameters.number("delta")?,
            soft: parameters.number("soft")?,
            eps: parameters.number("eps")?,
            start_epoch: parameters.number("start_epoch")?,
            device: setup.device,
            witnesses: recordings.iter().map(witness).collect(),
            recordings: recordings.into_iter().map(count).collect(),
            is_free,
            latest: Latest::new("loss.name", extent, (setup.kind, setup.device))?,
        })
    }

    /// The unknown entries with the highest evidence, 1 in a matrix of the logits' kind; `None` if none is wanted.
    fn chosen(&self, batch: &LossBatch, rows: &[i64]) -> Result<Option<Tensor>> {
        if f64::from(batch.epoch) < self.start_epoch {
            return Ok(None);
        }
        let witnesses = upload(&of_rows(&self.witnesses, rows), self.device)?;
        let [mean, any] = self.latest.of_others(batch.rows, &witnesses)?;
        let mut evidence = batch.logits.f_detach()?.f_log_sigmoid()?;
        if self.by_recording {
            evidence = evidence.f_add(&mean.f_clamp_min(LEAST)?.f_log()?)?;
        }
        let unknown = batch.mask.f_le(0.0)?;
        let has_positive = batch.labels.f_amax([1], true)?.f_gt(0.0)?;
        let candidates = unknown.f_logical_and(&has_positive)?.f_logical_and(&any)?;
        highest(&evidence, &candidates, entries(batch, self.delta))
    }

    /// Takes the probabilities of rows without a known positive, one after another of a recording.
    fn take(&mut self, batch: &LossBatch, rows: &[i64]) -> Result<()> {
        let is_free = |row: &i64| usize::try_from(*row).is_ok_and(|row| self.is_free.get(row) == Some(&true));
        let placed = (0..).zip(rows.iter().copied());
        let (positions, free): (Vec<i64>, Vec<i64>) = placed.filter(|(_, row)| is_free(row)).unzip();
        if free.is_empty() {
            return Ok(());
        }
        let positions = upload(&positions, self.device)?;
        let p = batch.logits.f_detach()?.f_index_select(0, &positions)?.f_sigmoid()?;
        for round in TableRows::new(&of_rows(&self.recordings, &free), &free, self.device)?.rounds {
            let p = p.f_index_select(0, &round.positions)?;
            let counted = p.f_narrow(1, 0, 1)?.f_ones_like()?;
            self.latest.take([&round.clips, &round.rows], &p, &counted)?;
        }
        Ok(())
    }
}

/// Gives each recording that has witnesses those of another, in a circle of random order.
fn shuffle_witnesses(witness_of: &mut [usize], recordings: &[usize], is_free: &[bool], seed: u64) {
    let free = recordings.iter().zip(is_free).filter(|(_, is_free)| **is_free);
    let mut circle: Vec<usize> = free.map(|(recording, _)| *recording).collect();
    circle.sort_unstable();
    circle.dedup();
    shuffle_forward(&mut keyed(seed, Purpose::EvidenceShuffle, &[]), &mut circle);
    for (recording, next) in circle.iter().zip(circle.iter().cycle().skip(1)) {
        witness_of
            .get_mut(*recording)
            .into_iter()
            .for_each(|witness| *witness = *next);
    }
}

/// The values of training rows.
fn of_rows(values: &[i64], rows: &[i64]) -> Vec<i64> {
    let value = |row: &i64| usize::try_from(*row).ok().and_then(|row| values.get(row)).copied();
    rows.iter().map(|row| value(row).unwrap_or_default()).collect()
}

impl Loss for RecordingEvidence {
    fn forward(&mut self, batch: &LossBatch) -> Result<Output> {
        let rows = Vec::<i64>::try_from(batch.rows)?;
        let mut target = batch
            .labels
            .f_mul_scalar(1.0 - self.eps)?
            .f_add_scalar(self.eps / 2.0)?;
        if let Some(chosen) = self.chosen(batch, &rows)? {
            target = target.f_masked_fill(&chosen.f_gt(0.0)?, self.soft)?;
        }
        let something = batch.mask.f_amax([1], true)?.f_gt(0.0)?;
        let matrix = bce(batch.logits, &target)?.f_mul(&something)?;
        self.take(batch, &rows)?;
        Ok(matrix.into())
    }

    fn state(&self) -> Vec<Named> {
        self.latest.state()
    }

    fn load_state(&mut self, state: &[Named]) -> Result<()> {
        adopt("predictions of recording-evidence", &self.state(), state)
    }
}
