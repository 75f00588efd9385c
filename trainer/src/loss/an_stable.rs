//! Defines BCE-AN by the logits: unknown labels assumed negative, no epsilon.
//!
//! l = -\[y ln p + (1 - y) ln(1 - p)\]. Source: as [`super::an`], in the form that every numerical library prefers.

use super::terms::bce;
use super::{Loss, LossBatch, Method, Output, Parameters, Setup};
use crate::error::Result;

pub(super) const METHOD: Method = Method {
    name: "an-stable",
    summary: "binary cross-entropy by the logits, unknown assumed negative",
    parameters: &[],
    build: |_, _: &Setup| Ok(Box::new(AssumeNegativeStable)),
    prior_is_inert: |_: &Parameters| Ok(true),
};

struct AssumeNegativeStable;

impl Loss for AssumeNegativeStable {
    fn forward(&mut self, batch: &LossBatch) -> Result<Output> {
        Ok(bce(batch.logits, batch.labels)?.into())
    }
}
