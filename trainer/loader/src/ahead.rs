//! Defines `Ahead`, which has the shards brought near that an order touches next.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use shardfmt::Dataset;
use shardfmt::per_process::PerProcess;

use crate::sampler::{Arrangement, Sampler};
use crate::supervision::Clip;

/// Shards that the next windows have at least together: as many come at once, and the link has no pause where one ends.
const SHARDS_NEXT: usize = 4;

/// The shards of an epoch that is under way.
#[derive(Debug, Default)]
struct Epoch {
    number: u32,
    /// In the order in which they are first touched.
    shards: Vec<u32>,
    /// The batch that does so, for each.
    firsts: Vec<usize>,
    /// How many of them were asked for.
    asked: usize,
}

/// What was asked for so far.
#[derive(Debug, Default)]
pub(crate) struct Ahead(PerProcess<Mutex<Option<Epoch>>>);

impl Ahead {
    /// Asks for the shards that batch `step` of `epoch` touches and those that come next, as far as there is room for
    /// all of these at once: those of the window and of the next ones, which come while the first is used; every shard
    /// where an epoch goes over all at once.
    pub(crate) fn expect(&self, dataset: &Dataset, sampler: &Sampler, places: &[Clip], (epoch, step): (u32, usize)) {
        let mut known = self.0.get().lock().unwrap_or_else(PoisonError::into_inner);
        let current = match known.take().filter(|known| known.number == epoch) {
            Some(current) => current,
            None => Epoch::of(sampler, places, epoch),
        };
        let current = known.insert(current);
        let (begin, end) = current.wanted(sampler.arrangement(), step);
        let wanted = current.shards.get(begin..end).unwrap_or_default();
        let end = begin + fitting(dataset, wanted).len();
        if let Some(next) = current.shards.get(current.asked.max(begin)..end) {
            dataset.expect_shards(next);
            current.asked = end;
        }
    }
}

impl Epoch {
    fn of(sampler: &Sampler, places: &[Clip], number: u32) -> Self {
        let (mut epoch, mut seen) = (Self::default(), HashSet::new());
        epoch.number = number;
        for step in 0..sampler.batches_per_epoch() {
            for row in sampler.batch(number, step) {
                let shard = places.get(row as usize).map(|place| place.shard);
                if let Some(shard) = shard.filter(|shard| seen.insert(*shard)) {
                    epoch.shards.push(shard);
                    epoch.firsts.push(step);
                }
            }
        }
        epoch
    }

    /// Which of the shards are in use at batch `step`, or next: the first, and the one after the last.
    fn wanted(&self, arrangement: Arrangement, step: usize) -> (usize, usize) {
        let touched = self.firsts.partition_point(|first| *first <= step);
        match arrangement {
            Arrangement::Window(size) => {
                let size = size.max(1);
                let begin = touched.saturating_sub(1) / size * size;
                let next = SHARDS_NEXT.div_ceil(size).saturating_mul(size);
                let end = begin.saturating_add(size).saturating_add(next);
                (begin, self.shards.len().min(end))
            }
            Arrangement::Shuffled => (0, self.shards.len()),
            Arrangement::Stored => (touched.saturating_sub(1), self.shards.len()),
        }
    }
}

/// As many of `shards`, from the first one on, as there is room for at once.
pub(crate) fn fitting<'a>(dataset: &Dataset, shards: &'a [u32]) -> &'a [u32] {
    let mut left = dataset.room().unwrap_or(u64::MAX);
    let fits = |shard: &&u32| match left.checked_sub(dataset.shard_bytes(**shard)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let count = shards.iter().take_while(fits).count();
    shards.get(..count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(firsts: &[usize]) -> Epoch {
        Epoch {
            number: 1,
            shards: (0..firsts.len() as u32).collect(),
            firsts: firsts.to_vec(),
            asked: 0,
        }
    }

    #[test]
    fn the_window_in_use_and_the_next_are_wanted() {
        let epoch = epoch(&[0, 0, 3, 4, 7, 8, 9, 9, 9, 9, 9, 9, 9]);
        let wanted = |step| epoch.wanted(Arrangement::Window(2), step);
        assert_eq!([0, 2].map(wanted), [(0, 6); 2]);
        // Batch 3 ends the first window and begins the second.
        assert_eq!([3, 4, 6].map(wanted), [(2, 8); 3]);
        assert_eq!([7, 8].map(wanted), [(4, 10); 2]);
        assert_eq!(epoch.wanted(Arrangement::Window(6), 0), (0, 12));
        assert_eq!(epoch.wanted(Arrangement::Window(3), 9), (12, 13));
    }

    #[test]
    fn all_are_wanted_at_once_or_those_that_follow() {
        let epoch = epoch(&[0, 0, 3, 4, 7]);
        assert_eq!(epoch.wanted(Arrangement::Shuffled, 4), (0, 5));
        assert_eq!(epoch.wanted(Arrangement::Stored, 4), (3, 5));
        assert_eq!(Epoch::default().wanted(Arrangement::Window(8), 0), (0, 0));
    }
}
