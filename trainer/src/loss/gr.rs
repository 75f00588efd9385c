//! Defines GR Loss: unknown entries are weighted and robustly fitted by how sure the model is of them, more so as
//! epochs pass.
//!
//! y = 1: l = -ln(p + log_eps). Otherwise l = V \[K (1 - p^q2)/q2 + (1 - K)(1 - (1 - p)^q3)/q3\] with K = sigmoid(w p +
//! b) and V = exp(-((p - mu)/sigma)^2 / 2), both without gradient. In epoch E of T (from 1), with n = `linear_init`, w
//! and b move from start to end by max(E - n - 1, 0)/(T - n), mu and sigma by max(E - n, 0)/(T - n). Source: Chen et
//! al. 2024, "Boosting Single Positive Multi-label Classification with Generalized Robust Loss" (arXiv 2405.03501). Its
//! code treats every y = 0 as unknown (`known_negatives = "official"`); here known negatives get BCE unless that is
//! asked for.

use tch::Tensor;

use super::terms::{by_label, complement, log_eps, negative};
use super::{Declared, Loss, LossBatch, Method, Output, Parameters, Setup};
use crate::error::Result;

pub(super) const METHOD: Method = Method {
    name: "gr",
    summary: "generalised robust loss on unknown entries",
    parameters: &[
        Declared::word(
            "known_negatives",
            &["masked", "official"],
            "masked: BCE on them; official: like unknown ones",
        ),
        Declared::number("w_start", 0.0, [-1e3, 1e3], "slope of K in the first epoch"),
        Declared::number("w_end", 2.0, [-1e3, 1e3], "slope of K it moves to"),
        Declared::number("b_start", -2.0, [-1e3, 1e3], "offset of K in the first epoch"),
        Declared::number("b_end", -2.0, [-1e3, 1e3], "offset of K it moves to"),
        Declared::number("mu_start", 0.5, [-1e3, 1e3], "centre of V at the start"),
        Declared::number("mu_end", 0.8, [-1e3, 1e3], "centre of V at the end"),
        Declared::number("sigma_start", 2.0, [1e-3, 1e3], "width of V at the start"),
        Declared::number("sigma_end", 0.5, [1e-3, 1e3], "width of V at the end"),
        Declared::number("q2", 0.01, [1e-6, 1e3], "robustness against missing positives"),
        Declared::number("q3", 1.0, [1e-6, 1e3], "robustness against wrong negatives"),
        Declared::number("linear_init", 0.0, [0.0, 1e9], "epochs before the schedule starts"),
        Declared::number("log_eps", 1e-7, [1e-30, 1.0], "added to p before the logarithm"),
    ],
    build: |parameters, _: &Setup| {
        let range = |name: &str| -> Result<[f64; 2]> {
            Ok([
                parameters.number(&format!("{name}_start"))?,
                parameters.number(&format!("{name}_end"))?,
            ])
        };
        Ok(Box::new(GeneralisedRobust {
            official: parameters.is("known_negatives", "official")?,
            w: range("w")?,
            b: range("b")?,
            mu: range("mu")?,
            sigma: range("sigma")?,
            q: [parameters.number("q2")?, parameters.number("q3")?],
            linear_init: parameters.number("linear_init")?,
            log_eps: parameters.number("log_eps")?,
        }))
    },
    prior_is_inert: |parameters: &Parameters| parameters.is("known_negatives", "official"),
};

struct GeneralisedRobust {
    official: bool,
    w: [f64; 2],
    b: [f64; 2],
    mu: [f64; 2],
    sigma: [f64; 2],
    q: [f64; 2],
    linear_init: f64,
    log_eps: f64,
}

/// (1 - s^q)/q for s given by ln s; no digit is lost near s = 1, and the slope is finite at s = 0.
fn power_term(log_s: &Tensor, q: f64) -> Result<Tensor> {
    Ok(log_s.f_mul_scalar(q)?.f_expm1()?.f_mul_scalar(-1.0 / q)?)
}

impl Loss for GeneralisedRobust {
    fn forward(&mut self, batch: &LossBatch) -> Result<Output> {
        let (x, [q2, q3]) = (batch.logits, self.q);
        let epochs = (f64::from(batch.epochs) - self.linear_init).max(1.0);
        let done = |offset: f64| (f64::from(batch.epoch) - self.linear_init - offset).max(0.0) / epochs;
        let at = |[start, end]: [f64; 2], done: f64| start + (end - start) * done;
        let (w, b) = (at(self.w, done(1.0)), at(self.b, done(1.0)));
        let (mu, sigma) = (at(self.mu, done(0.0)), at(self.sigma, done(0.0)));

        let p = x.f_sigmoid()?;
        let fixed = p.f_detach()?;
        let k = fixed.f_mul_scalar(w)?.f_add_scalar(b)?.f_sigmoid()?;
        let v = fixed
            .f_sub_scalar(mu)?
            .f_div_scalar(sigma)?
            .f_square()?
            .f_mul_scalar(-0.5)?
            .f_exp()?;
        let (as_positive, as_negative) = (
            power_term(&x.f_log_sigmoid()?, q2)?,
            power_term(&x.f_neg()?.f_log_sigmoid()?, q3)?,
        );
        let unknown = k
            .f_mul(&as_positive)?
            .f_add(&complement(&k)?.f_mul(&as_negative)?)?
            .f_mul(&v)?;
        let not_present = if self.official {
            unknown
        } else {
            by_label(batch.mask, &negative(x)?, &unknown)?
        };
        Ok(by_label(batch.labels, &log_eps(&p, self.log_eps)?.f_neg()?, &not_present)?.into())
    }
}
