//! Measures a split: average precision of every class, and their mean.

use rayon::prelude::*;

use super::average_precision::of_ranked;
use super::matrices::Matrices;
use super::positives::Positives;
use super::score_table::ScoreTable;
use crate::error::{Error, Result};

/// The measurements of a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Average precision of each class, 0 to 1; 0 for a class without positives.
    pub ap: Vec<f64>,
    /// Mean of `ap` over all classes.
    pub map: f64,
    /// Mean of `ap` over the classes with positives; 0 if there are none.
    pub map_occurring: f64,
    /// Mean average precision of a constant score: the mean over all classes of their prevalence.
    pub chance: f64,
    /// Clips with each class, among those kept.
    pub positives: Vec<u64>,
    /// Clips measured on: those of which every class is known.
    pub kept: u64,
    /// Clips left out.
    pub left_out: u64,
    /// 95 % interval of `map`, where [`interval`](super::interval) was asked for one.
    pub interval: Option<[f64; 2]>,
}

/// Measures the scores of a table: every class of its rows is known, and `positives` has the rows with each.
/// Classes are computed in parallel, a block of them at a time; O(N log N) each.
///
/// # Errors
/// [`NothingToMeasure`](Error::NothingToMeasure) without rows; [`Io`](Error::Io) if a file of scores cannot be read.
pub fn evaluate_table(scores: &ScoreTable, positives: &Positives) -> Result<Evaluation> {
    let (classes, kept) = (scores.classes(), scores.rows() as u64);
    if kept == 0 {
        let left_out = 0;
        return Err(Error::NothingToMeasure { split: None, left_out });
    }
    let (mut ap, mut counts) = (Vec::with_capacity(classes), Vec::with_capacity(classes));
    for first in (0..classes).step_by(scores.at_once()) {
        let some = first..classes.min(first + scores.at_once());
        let block = scores.block(some.clone())?;
        let of_class = |class| {
            let rows = block.ranked(class, positives);
            let positives = rows.iter().filter(|row| row.positive()).count();
            (of_ranked(&rows), positives as u64)
        };
        let (of_block, positives): (Vec<f64>, Vec<u64>) = some.into_par_iter().map(of_class).collect();
        ap.extend(of_block);
        counts.extend(positives);
    }
    let sum: f64 = ap.iter().sum();
    let occurring = counts.iter().filter(|&&count| count > 0).count();
    let prevalences = counts.iter().map(|&count| count as f64 / kept as f64);
    Ok(Evaluation {
        map: sum / classes as f64,
        map_occurring: sum / occurring.max(1) as f64,
        chance: prevalences.sum::<f64>() / classes as f64,
        ap,
        positives: counts,
        kept,
        left_out: 0,
        interval: None,
    })
}

/// [`evaluate_table`] of matrices: `scores` against `labels`, all `[N, C]` row-major with C = `classes`. Rows with any 0
/// in `mask` are left out for every class.
///
/// # Errors
/// [`ScoreShape`](Error::ScoreShape) for sizes that do not fit, [`ScoreNotANumber`](Error::ScoreNotANumber) for a NaN in
/// any row, [`NothingToMeasure`](Error::NothingToMeasure) if no row is left.
pub fn evaluate(scores: &[f32], labels: &[u8], mask: &[u8], classes: usize) -> Result<Evaluation> {
    let matrices = Matrices::new(scores, labels, mask, classes)?;
    let left_out = matrices.left_out;
    let evaluation = evaluate_table(&matrices.table, &matrices.positives)?;
    Ok(Evaluation { left_out, ..evaluation })
}
