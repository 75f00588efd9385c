//! Computes the order of an epoch: shuffled whole, by windows of shards or as stored; grouped by recording; or balanced
//! over classes.

use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;
use shardfmt::checksum::Hasher;

use super::SamplerConfig;
use crate::error::{Error, Result};
use crate::random::{Purpose, keyed, shuffle};
use crate::supervision::Supervision;

/// Over how much of the dataset an epoch is shuffled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrangement {
    /// All of it.
    #[default]
    Shuffled,
    /// A window of so many shards at a time, drawn anew for each epoch: for datasets that do not fit near, where a read
    /// from another shard is dear. All rows of a window come before those of the next.
    Window(usize),
    /// Nothing: rows come in the order of the dataset, in every epoch.
    Stored,
}

impl Arrangement {
    /// Shards of a window, if there are windows.
    pub(super) fn window_shards(self) -> Option<usize> {
        match self {
            Self::Window(shards) => Some(shards),
            Self::Shuffled | Self::Stored => None,
        }
    }

    /// Adds what changes an order. The plain shuffle adds nothing, as it did before there were others.
    pub(super) fn hash_into(self, hash: &mut Hasher) {
        match self {
            Self::Shuffled => {}
            Self::Window(shards) => {
                hash.update(b"window");
                hash.update(&(shards as u64).to_le_bytes());
            }
            Self::Stored => hash.update(b"stored"),
        }
    }
}

/// Everything the order of any epoch is computed from.
#[derive(Debug)]
pub(super) struct Order {
    /// Rows of each recording, recordings in the order of their first row.
    assets: Vec<Vec<u32>>,
    /// The shard of each recording, counted through those that have rows.
    shards: Vec<usize>,
    arrangement: Arrangement,
    clips_per_asset: Option<usize>,
    max_clips_per_asset: usize,
    /// Classes that are known positives of each row, where the order is balanced over them.
    positives: Option<Vec<Vec<u32>>>,
    rows_per_epoch: usize,
}

impl Order {
    pub(super) fn new(supervision: &Supervision, config: &SamplerConfig) -> Result<Self> {
        check_combination(config)?;
        let (mut assets, mut shards): (Vec<Vec<u32>>, Vec<usize>) = Default::default();
        let (mut numbers, mut shard_numbers) = (HashMap::new(), HashMap::new());
        for (clip, row) in supervision.clips.iter().zip(0..) {
            let number = *numbers.entry(clip.asset_id).or_insert(assets.len());
            match assets.get_mut(number) {
                Some(rows) => rows.push(row),
                None => {
                    assets.push(vec![row]);
                    let next = shard_numbers.len();
                    // All clips of a recording are in one shard.
                    shards.push(*shard_numbers.entry(clip.shard).or_insert(next));
                }
            }
        }
        let max_clips_per_asset = config.max_clips_per_asset.unwrap_or(usize::MAX);
        let positives = config.class_balanced.then(|| {
            (0..supervision.rows())
                .map(|row| supervision.labels.positives(row))
                .collect::<Vec<_>>()
        });
        if positives
            .as_ref()
            .is_some_and(|positives| positives.iter().all(Vec::is_empty))
        {
            return Err(Error::setting(
                "class_balanced",
                "needs a row with a known positive, and there is none",
            ));
        }
        Ok(Self {
            rows_per_epoch: assets.iter().map(|rows| rows.len().min(max_clips_per_asset)).sum(),
            assets,
            shards,
            arrangement: config.arrangement,
            clips_per_asset: config.clips_per_asset,
            max_clips_per_asset,
            positives,
        })
    }

    /// Rows in every epoch.
    pub(super) fn rows_per_epoch(&self) -> usize {
        self.rows_per_epoch
    }

    /// The rows of an epoch in order.
    pub(super) fn of_epoch(&self, seed: u64, epoch: u32) -> Vec<u32> {
        if self.arrangement == Arrangement::Stored {
            let mut rows = self.assets.concat();
            rows.sort_unstable();
            return rows;
        }
        let mut random = keyed(seed, Purpose::Order, &[epoch.into()]);
        let chosen = self.choose(&mut random);
        if let Some(positives) = &self.positives {
            return balanced(&mut random, &chosen.concat(), positives);
        }
        let windows = self.windows(&mut random);
        let mut groups: Vec<Vec<&[u32]>> = vec![Vec::new(); windows.iter().max().map_or(0, |last| last + 1)];
        for (rows, shard) in chosen.iter().zip(&self.shards) {
            if let Some(groups) = windows.get(*shard).and_then(|window| groups.get_mut(*window)) {
                groups.extend(cut_evenly(rows, self.clips_per_asset.unwrap_or(1)));
            }
        }
        groups.iter_mut().for_each(|groups| shuffle(&mut random, groups));
        groups.concat().concat()
    }

    /// The window that each shard is in; one for all where a shuffle goes over everything.
    fn windows(&self, random: &mut ChaCha8Rng) -> Vec<usize> {
        let shards = self.shards.iter().max().map_or(0, |last| last + 1);
        let Some(size) = self.arrangement.window_shards() else {
            return vec![0; shards];
        };
        let mut places: Vec<usize> = (0..shards).collect();
        shuffle(random, &mut places);
        places.iter().map(|place| place / size.max(1)).collect()
    }

    /// Shuffles each recording's rows and takes the first of them.
    fn choose(&self, random: &mut ChaCha8Rng) -> Vec<Vec<u32>> {
        let mut chosen = self.assets.clone();
        for rows in &mut chosen {
            shuffle(random, rows);
            rows.truncate(self.max_clips_per_asset);
        }
        chosen
    }
}

/// Refuses settings of which each sets the order.
fn check_combination(config: &SamplerConfig) -> Result<()> {
    let balanced = (config.class_balanced, "class_balanced");
    let grouped = (config.clips_per_asset.is_some(), "clips_per_asset");
    let capped = (config.max_clips_per_asset.is_some(), "max_clips_per_asset");
    let window = (config.arrangement.window_shards().is_some(), "order = \"window\"");
    let stored = (config.arrangement == Arrangement::Stored, "order = \"stored\"");
    for (one, other) in [
        (balanced, grouped),
        (balanced, window),
        (balanced, stored),
        (stored, grouped),
        (stored, capped),
    ] {
        if let ((true, setting), (true, other)) = (one, other) {
            let reason = format!("cannot be combined with {other}: each sets the order; drop one");
            return Err(Error::setting(setting, reason));
        }
    }
    Ok(())
}

/// Cuts `rows` into as few pieces of at most `most` as there can be, whose sizes differ by one at most: 13 rows by 4
/// are 4, 3, 3 and 3, not a last one alone.
fn cut_evenly(rows: &[u32], most: usize) -> impl Iterator<Item = &[u32]> {
    let pieces = rows.len().div_ceil(most.max(1));
    let at = move |piece: usize| (piece * rows.len()).div_ceil(pieces.max(1));
    (0..pieces).filter_map(move |piece| rows.get(at(piece)..at(piece + 1)))
}

/// As many draws as there are rows. Rows without a known positive are drawn once each and so keep their share. The
/// other draws go round the classes that occur, in a new random order each round, and within a class round its rows:
/// every class is drawn equally often up to one, and every row of a class equally often up to one.
fn balanced(random: &mut ChaCha8Rng, rows: &[u32], positives: &[Vec<u32>]) -> Vec<u32> {
    let of_row = |row: u32| positives.get(row as usize).map_or(&[][..], Vec::as_slice);
    let mut of_class: Vec<Vec<u32>> = Vec::new();
    let mut draws = Vec::with_capacity(rows.len());
    for &row in rows {
        if of_row(row).is_empty() {
            draws.push(row);
        }
        for &class in of_row(row) {
            let class = class as usize;
            of_class.resize(of_class.len().max(class + 1), Vec::new());
            of_class.iter_mut().skip(class).take(1).for_each(|list| list.push(row));
        }
    }
    // Rows of each class, and how many of them this turn has taken.
    let mut turns: Vec<(Vec<u32>, usize)> = of_class
        .into_iter()
        .filter(|list| !list.is_empty())
        .map(|list| (list, 0))
        .collect();
    while draws.len() < rows.len() && !turns.is_empty() {
        shuffle(random, &mut turns);
        let left = rows.len() - draws.len();
        for (list, taken) in turns.iter_mut().take(left) {
            if *taken == 0 {
                shuffle(random, list);
            }
            draws.extend(list.get(*taken));
            *taken = (*taken + 1) % list.len();
        }
    }
    shuffle(random, &mut draws);
    draws
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_few_and_even() {
        let rows: Vec<u32> = (0..13).collect();
        let sizes = |count: usize, most| cut_evenly(&rows[..count], most).map(<[u32]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(13, 4), [4, 3, 3, 3]);
        assert_eq!(sizes(5, 4), [3, 2]);
        assert_eq!(sizes(4, 4), [4]);
        assert_eq!(sizes(3, 1), [1, 1, 1]);
        assert!(sizes(0, 4).is_empty());
        assert_eq!(cut_evenly(&rows, 5).collect::<Vec<_>>().concat(), rows);
    }

    #[test]
    fn a_rare_class_is_drawn_as_often_as_a_frequent_one() {
        // 90 rows of class 0, 10 of class 3, 20 without a positive.
        let positives: Vec<Vec<u32>> = (0..120)
            .map(|row| {
                if row < 90 {
                    vec![0]
                } else if row < 100 {
                    vec![3]
                } else {
                    vec![]
                }
            })
            .collect();
        let rows: Vec<u32> = (0..120).collect();
        let draws = balanced(&mut keyed(1, Purpose::Order, &[1]), &rows, &positives);
        let count = |rows: std::ops::Range<u32>| draws.iter().filter(|row| rows.contains(row)).count();
        assert_eq!(
            (draws.len(), count(0..90), count(90..100), count(100..120)),
            (120, 50, 50, 20)
        );
        for row in 90..100 {
            assert_eq!(count(row..row + 1), 5);
        }
        assert!((0..90).all(|row| count(row..row + 1) <= 1));
        assert!(
            count(50..90) > 10,
            "which rows of a frequent class are drawn is left to chance"
        );
    }
}
