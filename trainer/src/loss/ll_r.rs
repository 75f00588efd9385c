//! Defines LL-R: unknown entries of large loss are left out.
//!
//! k = ceil(B C delta (epoch - 1)), epochs from 1; unknown entries with at least the k-th largest loss get l = 0, the
//! others BCE. Source: Kim et al. 2022 (arXiv 2206.03740). `delta` is a fraction: the method's own .5 (percent) is .005
//! here.

use super::large_loss::{entries, largest};
use super::terms::{bce, complement};
use super::{Declared, Loss, LossBatch, Method, Output, Parameters, Setup};
use crate::error::Result;

pub(super) const METHOD: Method = Method {
    name: "ll-r",
    summary: "large loss rejected: unknown entries that look like missing positives are left out",
    parameters: &[Declared::number(
        "delta",
        0.005,
        [0.0, 1.0],
        "share of a batch's entries that is added each epoch",
    )],
    build: |parameters, _: &Setup| {
        Ok(Box::new(Rejection {
            delta: parameters.number("delta")?,
        }))
    },
    prior_is_inert: |_: &Parameters| Ok(false),
};

struct Rejection {
    delta: f64,
}

impl Loss for Rejection {
    fn forward(&mut self, batch: &LossBatch) -> Result<Output> {
        let k = entries(batch, self.delta * f64::from(batch.epoch.saturating_sub(1)));
        let loss = bce(batch.logits, batch.labels)?;
        Ok(match largest(batch, k)? {
            Some(chosen) => loss.f_mul(&complement(&chosen)?)?.into(),
            None => loss.into(),
        })
    }
}
