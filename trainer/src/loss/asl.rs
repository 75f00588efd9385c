//! Defines the asymmetric loss: easy negatives are focused down and shifted away.
//!
//! q = min(1 - p + clip, 1); l = -\[y ln max(p, eps) + (1 - y) ln max(q, eps)\] (1 - y p - (1 - y) q)^(gamma_pos y +
//! gamma_neg (1 - y)). Source: Ridnik et al. 2021 (arXiv 2009.14119) and its code, with the mean instead of the sum.
//! That code's plain class holds the weight constant in the gradient by default (`focal_gradient = "detached"`).

use super::terms::{by_label, complement};
use super::{Declared, Loss, LossBatch, Method, Output, Parameters, Setup};
use crate::error::{Error, Result};

pub(super) const METHOD: Method = Method {
    name: "asl",
    summary: "asymmetric loss, unknown assumed negative",
    parameters: &[
        Declared::number("gamma_neg", 4.0, [0.0, 100.0], "focus of negatives; 0 or at least 1"),
        Declared::number("gamma_pos", 1.0, [0.0, 100.0], "focus of positives; 0 or at least 1"),
        Declared::number(
            "clip",
            0.05,
            [0.0, 1.0],
            "probability up to which a negative costs nothing",
        ),
        Declared::number("eps", 1e-8, [1e-30, 1.0], "lowest probability in a logarithm"),
        Declared::word(
            "focal_gradient",
            &["exact", "detached"],
            "whether the gradient goes through the weight",
        ),
    ],
    build: |parameters, _: &Setup| {
        for name in ["gamma_neg", "gamma_pos"] {
            let gamma = parameters.number(name)?;
            if gamma > 0.0 && gamma < 1.0 {
                // The weight's slope would be infinite at 0.
                return Err(Error::setting(
                    format!("loss parameter {name} of asl"),
                    format!("{gamma} is neither 0 nor at least 1"),
                ));
            }
        }
        Ok(Box::new(Asymmetric {
            gamma_neg: parameters.number("gamma_neg")?,
            gamma_pos: parameters.number("gamma_pos")?,
            clip: parameters.number("clip")?,
            eps: parameters.number("eps")?,
            detached: parameters.is("focal_gradient", "detached")?,
        }))
    },
    prior_is_inert: |_: &Parameters| Ok(true),
};

struct Asymmetric {
    gamma_neg: f64,
    gamma_pos: f64,
    clip: f64,
    eps: f64,
    detached: bool,
}

impl Loss for Asymmetric {
    fn forward(&mut self, batch: &LossBatch) -> Result<Output> {
        let y = batch.labels;
        let p = batch.logits.f_sigmoid()?;
        let q = complement(&p)?.f_add_scalar(self.clip)?.f_clamp_max(1.0)?;
        let log = |t: &tch::Tensor| -> Result<tch::Tensor> { Ok(t.f_clamp_min(self.eps)?.f_log()?) };
        let loss = by_label(y, &log(&p)?, &log(&q)?)?.f_neg()?;
        let missed = complement(&by_label(y, &p, &q)?)?;
        let missed = if self.detached { missed.f_detach()? } else { missed };
        // Chosen, not computed: a sum rounded below 1 would have an infinite slope where nothing is missed.
        let gamma = |value: f64| y.f_full_like(value);
        let gamma = gamma(self.gamma_pos)?.f_where_self(&y.f_gt(0.0)?, &gamma(self.gamma_neg)?)?;
        Ok(loss.f_mul(&missed.f_pow(&gamma)?)?.into())
    }
}
