//! Defines BCE-AN, unknown labels assumed negative, with the epsilon of the published benchmark.
//!
//! l = -\[y ln(p + eps) + (1 - y) ln(1 - p + eps)\], which caps an entry near 11.5 (eps = 1e-5). Source: Sun, Maji and
//! Van Horn 2025 (arXiv 2511.00252) and its code. With the labels of full mode this is the paper's BCE-Full.

use tch::Tensor;

use super::terms::{by_label, complement, log_eps};
use super::{Declared, Loss, LossBatch, Method, Output, Parameters, Setup};
use crate::error::Result;

pub(super) const METHOD: Method = Method {
    name: "an",
    summary: "binary cross-entropy, unknown assumed negative, as published: the eps caps an entry near 11.5",
    parameters: &[Declared::number(
        "eps",
        1e-5,
        [1e-30, 1.0],
        "added to probabilities before the logarithm",
    )],
    build: |parameters, _: &Setup| {
        Ok(Box::new(AssumeNegative {
            eps: parameters.number("eps")?,
        }))
    },
    prior_is_inert: |_: &Parameters| Ok(true),
};

struct AssumeNegative {
    eps: f64,
}

impl Loss for AssumeNegative {
    fn forward(&mut self, batch: &LossBatch) -> Result<Output> {
        let p = batch.logits.f_sigmoid()?;
        let (present, absent) = (log_eps(&p, self.eps)?, log_eps(&complement(&p)?, self.eps)?);
        let matrix: Tensor = by_label(batch.labels, &present, &absent)?.f_neg()?;
        Ok(matrix.into())
    }
}
