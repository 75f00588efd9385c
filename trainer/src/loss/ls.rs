//! Defines label smoothing over assumed negatives.
//!
//! s = y (1 - eps/2) + (1 - y) eps/2; l = -\[s ln p + (1 - s) ln(1 - p)\]. Source: Szegedy et al. 2016, for single
//! positives Cole et al. 2021 (arXiv 2106.09708). By the logits: the published code takes logarithms of p and 1 - p,
//! which is infinite at saturation.

use super::terms::by_label;
use super::{Declared, Loss, LossBatch, Method, Output, Parameters, Setup};
use crate::error::Result;

pub(super) const METHOD: Method = Method {
    name: "ls",
    summary: "label smoothing, unknown assumed negative",
    parameters: &[Declared::number(
        "eps",
        0.1,
        [0.0, 1.0],
        "share of a label that is spread over both values",
    )],
    build: |parameters, _: &Setup| {
        Ok(Box::new(LabelSmoothing {
            eps: parameters.number("eps")?,
        }))
    },
    prior_is_inert: |_: &Parameters| Ok(true),
};

struct LabelSmoothing {
    eps: f64,
}

impl Loss for LabelSmoothing {
    fn forward(&mut self, batch: &LossBatch) -> Result<Output> {
        let smoothed = batch
            .labels
            .f_mul_scalar(1.0 - self.eps)?
            .f_add_scalar(self.eps / 2.0)?;
        let (p, q) = (batch.logits.f_log_sigmoid()?, batch.logits.f_neg()?.f_log_sigmoid()?);
        Ok(by_label(&smoothed, &p, &q)?.f_neg()?.into())
    }
}
