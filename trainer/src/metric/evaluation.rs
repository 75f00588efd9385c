//! Measures a split: average precision of every class, and their mean.

use rayon::prelude::*;

use super::average_precision::of_ranked;
use super::scores::Scores;
use crate::error::Result;

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

/// Measures `scores` against `labels`, all `[N, C]` row-major with C = `classes`. Rows with any 0 in `mask` are left
/// out for every class. Classes are computed in parallel; O(N log N) each.
///
/// # Errors
/// [`ScoreShape`](crate::Error::ScoreShape) for sizes that do not fit,
/// [`ScoreNotANumber`](crate::Error::ScoreNotANumber) for a NaN in any row,
/// [`NothingToMeasure`](crate::Error::NothingToMeasure) if no row is left.
pub fn evaluate(scores: &[f32], labels: &[u8], mask: &[u8], classes: usize) -> Result<Evaluation> {
    let scores = Scores::new(scores, labels, mask, classes)?;
    let measured = (0..classes).into_par_iter().map(|class| {
        let rows = scores.ranked(class);
        (
            of_ranked(&rows),
            rows.iter().filter(|row| row.positive()).count() as u64,
        )
    });
    let (ap, positives): (Vec<f64>, Vec<u64>) = measured.collect();
    let kept = scores.kept.len() as u64;
    let sum: f64 = ap.iter().sum();
    let occurring = positives.iter().filter(|&&count| count > 0).count();
    let prevalences = positives.iter().map(|&count| count as f64 / kept as f64);
    Ok(Evaluation {
        map: sum / classes as f64,
        map_occurring: sum / occurring.max(1) as f64,
        chance: prevalences.sum::<f64>() / classes as f64,
        ap,
        positives,
        kept,
        left_out: scores.left_out,
        interval: None,
    })
}
