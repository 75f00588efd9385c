//! Provides checked scores: the rows that count, and each class's rows from the highest score to the lowest.

use crate::error::{Error, Result};

/// Scores with their labels, of the rows of which every class is known.
pub(super) struct Scores<'a> {
    scores: &'a [f32],
    labels: &'a [u8],
    /// Number of classes.
    pub(super) classes: usize,
    /// Rows in which every class is known, ascending.
    pub(super) kept: Vec<u32>,
    /// Number of rows left out.
    pub(super) left_out: u64,
}

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

/// Ranks rows, given in the order of their places, from the highest score to the lowest.
pub(super) fn rank(rows: impl Iterator<Item = (f32, bool)>) -> Vec<Ranked> {
    let rows = (0..)
        .zip(rows)
        .map(|(place, (score, positive))| Ranked::new(score, place, positive));
    let mut rows: Vec<Ranked> = rows.collect();
    rows.sort_unstable_by(|a, b| b.cmp(a));
    rows
}

impl<'a> Scores<'a> {
    /// Checks `[N, C]` row-major `scores`, `labels` and `mask`; places of rows fit in 31 bits.
    pub(super) fn new(scores: &'a [f32], labels: &'a [u8], mask: &'a [u8], classes: usize) -> Result<Self> {
        let sizes = [scores.len(), labels.len(), mask.len()];
        let whole =
            classes > 0 && scores.len().is_multiple_of(classes) && scores.len() / classes <= (u32::MAX >> 1) as usize;
        if !whole || sizes.iter().any(|&size| size != scores.len()) {
            return Err(Error::ScoreShape { sizes, classes });
        }
        if let Some(at) = scores.iter().position(|score| score.is_nan()) {
            return Err(Error::ScoreNotANumber {
                row: at / classes,
                class: at % classes,
            });
        }
        let known = |(row, mask): (u32, &[u8])| mask.iter().all(|&known| known != 0).then_some(row);
        let kept: Vec<u32> = (0_u32..).zip(mask.chunks_exact(classes)).filter_map(known).collect();
        let left_out = (scores.len() / classes - kept.len()) as u64;
        if kept.is_empty() {
            return Err(Error::NothingToMeasure { split: None, left_out });
        }
        Ok(Self {
            scores,
            labels,
            classes,
            kept,
            left_out,
        })
    }

    /// The kept rows of a class, highest score first.
    pub(super) fn ranked(&self, class: usize) -> Vec<Ranked> {
        rank(self.kept.iter().map(|&row| {
            let at = row as usize * self.classes + class;
            let score = self.scores.get(at).copied().unwrap_or_default();
            (score, self.labels.get(at).is_some_and(|&label| label != 0))
        }))
    }
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
        let ranked = rank(rows.into_iter());
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
