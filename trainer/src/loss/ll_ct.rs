//! Defines LL-Ct: unknown entries of large loss count as positives, in this batch only.
//!
//! k = ceil(B C delta (epoch - 1)), epochs from 1; unknown entries with at least the k-th largest loss get BCE with the
//! label flipped. Source: Kim et al. 2022 (arXiv 2206.03740). `delta` is a fraction: the method's own .2 (percent) is
//! .002 here.

use super::large_loss::{corrected, entries, largest};
use super::terms::bce;
use super::{Declared, Loss, LossBatch, Method, Output, Parameters, Setup};
use crate::error::Result;

pub(super) const METHOD: Method = Method {
    name: "ll-ct",
    summary: "large loss corrected for the batch: unknown entries that look like missing positives count as positive",
    parameters: &[Declared::number(
        "delta",
        0.002,
        [0.0, 1.0],
        "share of a batch's entries that is added each epoch",
    )],
    build: |parameters, _: &Setup| {
        Ok(Box::new(Correction {
            delta: parameters.number("delta")?,
        }))
    },
    prior_is_inert: |_: &Parameters| Ok(false),
};

struct Correction {
    delta: f64,
}

impl Loss for Correction {
    fn forward(&mut self, batch: &LossBatch) -> Result<Output> {
        let k = entries(batch, self.delta * f64::from(batch.epoch.saturating_sub(1)));
        let chosen = largest(batch, k)?;
        Ok(bce(batch.logits, &corrected(batch.labels, chosen.as_ref())?)?.into())
    }
}
