//! Provides average precision, as scikit-learn's `average_precision_score` computes it.

use super::ranked::{Ranked, rank};

/// Average precision of one class: the sum of `(R_n - R_{n-1}) P_n` over the distinct scores, highest first. Rows of
/// equal score enter together, and nothing is interpolated. 0 without positives.
///
/// A row is positive where `positive` is not 0. Scores must not be NaN, which [`evaluate`](super::evaluate) makes sure
/// of. O(N log N).
#[must_use]
pub fn average_precision(scores: &[f32], positive: &[u8]) -> f64 {
    let is_positive = |place: u32| positive.get(place as usize).is_some_and(|&positive| positive != 0);
    let both = scores.iter().zip(positive).map(|(&score, _)| score);
    of_ranked(&rank(both, is_positive))
}

/// [`average_precision`] of rows in the order of their scores.
pub(super) fn of_ranked(rows: &[Ranked]) -> f64 {
    let (mut positives, mut before, mut all, mut sum) = (0_u32, 0_u32, 0_u32, 0.0);
    for tied in rows.chunk_by(|a, b| a.key() == b.key()) {
        all += tied.len() as u32;
        positives += tied.iter().filter(|row| row.positive()).count() as u32;
        // Recall moves only where positives are, and only there does precision matter.
        if positives > before {
            sum += f64::from(positives - before) * (f64::from(positives) / f64::from(all));
            before = positives;
        }
    }
    if positives == 0 {
        0.0
    } else {
        sum / f64::from(positives)
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use loader::random::{Purpose, keyed};

    #[test]
    fn by_hand() {
        // Thresholds .9 (P 1, R 1/3), .8 (two rows: P 2/3, R 2/3), .1 (P 3/5, R 1).
        let ap = average_precision(&[0.1, 0.8, 0.9, 0.8, 0.1], &[1, 1, 1, 0, 0]);
        assert!((ap - (1.0 + 2.0 / 3.0 + 3.0 / 5.0) / 3.0).abs() < 1e-15);
        assert_eq!(average_precision(&[0.3, 0.2], &[0, 0]), 0.0);
        assert_eq!(
            average_precision(&[0.3; 4], &[0, 1, 0, 0]),
            0.25,
            "one score for all: the prevalence"
        );
        assert_eq!(average_precision(&[0.0, -0.0], &[0, 1]), 0.5, "zeros of both signs tie");
    }

    /// The definition, threshold by threshold.
    fn slow(scores: &[f32], positive: &[u8]) -> f64 {
        let mut thresholds = scores.to_vec();
        thresholds.sort_by(|a, b| b.total_cmp(a));
        thresholds.dedup();
        let total: f64 = positive.iter().map(|&p| f64::from(p)).sum();
        let (mut ap, mut recall) = (0.0, 0.0);
        for threshold in thresholds {
            let taken = || {
                scores
                    .iter()
                    .zip(positive)
                    .filter(move |(score, _)| **score >= threshold)
            };
            let hits: f64 = taken().map(|(_, &p)| f64::from(p)).sum();
            ap += (hits / total - recall) * (hits / taken().count() as f64);
            recall = hits / total;
        }
        ap
    }

    #[test]
    fn equals_the_definition_with_and_without_ties() {
        for case in 0..40_u64 {
            let mut random = keyed(case, Purpose::Bootstrap, &[]);
            let levels = if case % 2 == 0 { 7 } else { 1 << 24 };
            let scores: Vec<f32> = (0..200)
                .map(|_| random.random_range(0..levels) as f32 / levels as f32 - 0.5)
                .collect();
            let mut positive: Vec<u8> = (0..200).map(|_| random.random_range(0..4) / 3).collect();
            positive[0] = 1;
            assert!(
                (average_precision(&scores, &positive) - slow(&scores, &positive)).abs() < 1e-12,
                "case {case}"
            );
        }
    }
}
