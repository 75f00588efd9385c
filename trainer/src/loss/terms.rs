//! Defines the terms that losses are made of, each finite at any logit.
//!
//! x is a logit, p = sigmoid(x), y a label in 0..=1. All are matrices \[B, C\] of one kind.

use tch::Tensor;

use crate::error::Result;

/// -ln p, by the logits.
pub(super) fn positive(x: &Tensor) -> Result<Tensor> {
    Ok(x.f_neg()?.f_softplus()?)
}

/// -ln (1 - p), by the logits.
pub(super) fn negative(x: &Tensor) -> Result<Tensor> {
    Ok(x.f_softplus()?)
}

/// 1 - t.
pub(crate) fn complement(t: &Tensor) -> Result<Tensor> {
    Ok(t.f_neg()?.f_add_scalar(1.0)?)
}

/// y t + (1 - y) f: `t` where the label is 1, `f` where it is 0.
pub(super) fn by_label(y: &Tensor, t: &Tensor, f: &Tensor) -> Result<Tensor> {
    Ok(y.f_mul(t)?.f_add(&complement(y)?.f_mul(f)?)?)
}

/// Binary cross-entropy of logits, -(y ln p + (1 - y) ln (1 - p)), for y in 0..=1.
pub(crate) fn bce(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    Ok(x.f_softplus()?.f_sub(&x.f_mul(y)?)?)
}

/// ln (t + eps).
pub(super) fn log_eps(t: &Tensor, eps: f64) -> Result<Tensor> {
    Ok(t.f_add_scalar(eps)?.f_log()?)
}
