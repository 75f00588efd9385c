//! Defines what methods share that correct labels: which unknown entries of a batch look like missing positives.
//!
//! Source: Kim et al. 2022, "Large Loss Matters in Weakly Supervised Multi-Label Classification" (arXiv 2206.03740).

use tch::{Kind, Tensor};

use super::LossBatch;
use super::terms::negative;
use crate::error::Result;

/// ceil(B C share), in exactly this order of operations.
pub(super) fn entries(batch: &LossBatch, share: f64) -> i64 {
    (batch.logits.numel() as f64 * share).ceil() as i64
}

/// The unknown entries whose loss as negatives is at least the k-th largest of them, as 1 in a matrix of the logits'
/// kind; `None` for k = 0.
///
/// Ties are all taken, and of a k beyond the unknown entries all of them. The choice has no gradient.
pub(super) fn largest(batch: &LossBatch, k: i64) -> Result<Option<Tensor>> {
    let loss = negative(&batch.logits.f_detach()?)?;
    highest(&loss, &batch.mask.f_gt(0.0)?.f_logical_not()?, k)
}

/// The `candidates`, a boolean matrix, whose score is at least the k-th highest of them, as 1 in a matrix of the
/// scores' kind; `None` for k = 0. Ties are all taken, and of a k beyond the candidates all of them.
pub(super) fn highest(scores: &Tensor, candidates: &Tensor, k: i64) -> Result<Option<Tensor>> {
    let k = k.min(i64::try_from(scores.numel()).unwrap_or(i64::MAX));
    if k < 1 {
        return Ok(None);
    }
    // The others sink below every candidate, so that a k beyond the candidates needs no count of them, which would wait
    // for the device.
    let scores = scores.f_masked_fill(&candidates.f_logical_not()?, f64::NEG_INFINITY)?;
    let threshold = scores.f_flatten(0, -1)?.f_topk(k, 0, true, true)?.0.f_amin([0], true)?;
    let chosen = scores.f_ge_tensor(&threshold)?.f_logical_and(candidates)?;
    Ok(Some(chosen.f_to_kind(scores.f_kind()?)?))
}

/// The labels, with `chosen` entries made present.
pub(super) fn corrected(labels: &Tensor, chosen: Option<&Tensor>) -> Result<Tensor> {
    Ok(match chosen {
        Some(chosen) => labels.f_maximum(chosen)?,
        None => labels.shallow_clone(),
    })
}

/// (row, class) of each entry that is 1, row by row, i64 \[n, 2\].
pub(super) fn places(chosen: &Tensor) -> Result<Tensor> {
    Ok(chosen.f_nonzero()?.f_to_kind(Kind::Int64)?)
}
