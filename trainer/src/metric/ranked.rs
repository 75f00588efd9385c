//! Provides the rows of a class from the highest score to the lowest.

/// A row in the ranking of a class, in one integer because those sort fast: order-preserving bits of the score in the
/// upper half, then the row's place, and the label in the lowest bit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ranked(u64);

impl Ranked {
    fn new(score: f32, place: u32, positive: bool) -> Self {
        Self(u64::from(order_key(score)) << 32 | u64::from(place) << 1 | u64::from(positive))
    }

    /// Bits that are ordered as scores are, and equal where they are equal.
    pub(super) fn key(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Place of the row among those that were ranked.
    pub(super) fn place(self) -> usize {
        (self.0 as u32 >> 1) as usize
    }

    /// Whether the class is present in the row.
    pub(super) fn positive(self) -> bool {
        self.0 & 1 == 1
    }
}

/// Bits that are ordered as the scores are; equal scores, zeros of both signs among them, have equal bits.
fn order_key(score: f32) -> u32 {
    // Adding +0 turns -0 into +0. Bits of floats of one sign are ordered as their magnitudes (IEEE 754-2019, 3.4).
    let bits = (score + 0.0).to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

/// Ranks rows, whose scores are given in the order of their places, from the highest score to the lowest.
pub(super) fn rank(scores: impl Iterator<Item = f32>, mut is_positive: impl FnMut(u32) -> bool) -> Vec<Ranked> {
    let rows = (0..).zip(scores);
    let rows = rows.map(|(place, score)| Ranked::new(score, place, is_positive(place)));
    let mut rows: Vec<Ranked> = rows.collect();
    rows.sort_unstable_by(|a, b| b.cmp(a));
    rows
}

/// [`rank`] of rows with their labels.
pub(super) fn rank_labelled(rows: &[(f32, bool)]) -> Vec<Ranked> {
    rank(rows.iter().map(|row| row.0), |place| {
        rows.get(place as usize).is_some_and(|row| row.1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_ordered_as_scores_are() {
        let ascending = [
            f32::NEG_INFINITY,
            f32::MIN,
            -1.5,
            -f32::MIN_POSITIVE,
            -1e-45,
            0.0,
            1e-45,
            0.25,
            0.5,
            f32::INFINITY,
        ];
        assert!(ascending.map(order_key).is_sorted_by(|a, b| a < b));
        assert_eq!(order_key(-0.0), order_key(0.0));
    }

    #[test]
    fn a_ranked_row_keeps_its_parts() {
        let rows = [(0.5, true), (-1.0, false), (2.0, true)];
        let ranked = rank_labelled(&rows);
        assert_eq!(
            ranked
                .iter()
                .map(|row| (row.place(), row.positive()))
                .collect::<Vec<_>>(),
            [(2, true), (0, true), (1, false)]
        );
        assert_eq!(Ranked::new(1.0, u32::MAX >> 1, true).place(), (u32::MAX >> 1) as usize);
    }
}
