//! Provides how well scores separate positives from negatives: the area under the ROC curve, and the precision of the
//! highest scores.

use super::ranked::{Ranked, rank_labelled};

/// The probability that a positive scores higher than a negative, ties counting half: the area under the ROC curve.
/// `None` without a positive or a negative. Scores must not be NaN.
#[must_use]
pub fn roc_auc(rows: &[(f32, bool)]) -> Option<f64> {
    let ranked = rank_labelled(rows);
    let positives = count_positives(&ranked);
    let negatives = rows.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let (mut above, mut won) = (0.0, 0.0);
    for tied in ranked.chunk_by(|a, b| a.key() == b.key()) {
        let of_tied = count_positives(tied);
        let negatives_of_tied = tied.len() as f64 - of_tied;
        won += negatives_of_tied * (above + of_tied / 2.0);
        above += of_tied;
    }
    Some(won / (positives * negatives))
}

/// The share of positives among the ceil(`share` n) rows of n with the highest scores; of rows that tie for the last
/// places, as many are positive as of all that tie. `None` if that is no row. Scores must not be NaN.
#[must_use]
pub fn precision_of_highest(rows: &[(f32, bool)], share: f64) -> Option<f64> {
    let places = (rows.len() as f64 * share).ceil();
    if places < 1.0 {
        return None;
    }
    let (mut left, mut found) = (places, 0.0);
    for tied in rank_labelled(rows).chunk_by(|a, b| a.key() == b.key()) {
        let taken = left.min(tied.len() as f64);
        found += count_positives(tied) * taken / tied.len() as f64;
        left -= taken;
    }
    Some(found / places)
}

fn count_positives(rows: &[Ranked]) -> f64 {
    rows.iter().filter(|row| row.positive()).count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [(f32, bool); 6] = [
        (0.9, true),
        (0.5, false),
        (0.5, true),
        (0.4, false),
        (0.7, false),
        (0.1, true),
    ];

    #[test]
    fn auc_is_the_share_of_pairs_in_order() {
        let mut won = 0.0;
        for (positive, _) in ROWS.iter().filter(|row| row.1) {
            for (negative, _) in ROWS.iter().filter(|row| !row.1) {
                won += match positive.total_cmp(negative) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
            }
        }
        assert_eq!(roc_auc(&ROWS), Some(won / 9.0));
        assert_eq!(roc_auc(&[(0.5, true), (0.5, false)]), Some(0.5));
        assert_eq!(roc_auc(&[(0.5, true)]), None);
    }

    #[test]
    fn ties_for_the_last_place_are_shared() {
        // Of three places, .9 and .7 have one each, and the two rows of .5 share the third.
        assert_eq!(precision_of_highest(&ROWS, 0.5), Some((1.0 + 0.5) / 3.0));
        assert_eq!(precision_of_highest(&ROWS, 0.01), Some(1.0));
        assert_eq!(precision_of_highest(&[], 0.5), None);
    }
}
