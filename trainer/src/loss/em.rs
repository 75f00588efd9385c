//! Defines entropy maximisation: the model is held undecided where nothing is known.
//!
//! Known: l = BCE. Unknown: l = alpha (p ln(p + eps) + (1 - p) ln(1 - p + eps)), the negative entropy. Source: Zhou et
//! al. 2022, "Acknowledging the Unknown" (arXiv 2203.16219).

use super::terms::{bce, by_label, complement, log_eps};
use super::{Declared, Loss, LossBatch, Method, Output, Parameters, Setup};
use crate::error::Result;

pub(super) const METHOD: Method = Method {
    name: "em",
    summary: "entropy maximisation on unknown entries",
    parameters: &[
        Declared::number("alpha", 0.1, [0.0, 1e6], "weight of the entropy"),
        Declared::number("eps", 1e-5, [1e-30, 1.0], "added to probabilities before the logarithm"),
    ],
    build: |parameters, _: &Setup| {
        Ok(Box::new(EntropyMaximisation {
            alpha: parameters.number("alpha")?,
            eps: parameters.number("eps")?,
        }))
    },
    prior_is_inert: |_: &Parameters| Ok(false),
};

struct EntropyMaximisation {
    alpha: f64,
    eps: f64,
}

impl Loss for EntropyMaximisation {
    fn forward(&mut self, batch: &LossBatch) -> Result<Output> {
        let p = batch.logits.f_sigmoid()?;
        let q = complement(&p)?;
        let negative_entropy = p
            .f_mul(&log_eps(&p, self.eps)?)?
            .f_add(&q.f_mul(&log_eps(&q, self.eps)?)?)?;
        let known = bce(batch.logits, batch.labels)?;
        Ok(by_label(batch.mask, &known, &negative_entropy.f_mul_scalar(self.alpha)?)?.into())
    }
}
