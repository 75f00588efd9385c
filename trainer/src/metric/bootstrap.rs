//! Provides an interval for mAP by reweighting recordings.
//!
//! Clips of a recording are alike, so recordings and not clips are what the interval varies. It is the Bayesian
//! bootstrap (Rubin 1981, *The Annals of Statistics* 9, 130-134): in each replicate every recording weighs an
//! exponential variate, and its clips count that much in all counts that precision and recall are made of. Drawing
//! recordings with replacement would drop a class of few recordings from many replicates, where it would score 0 and
//! pull the whole interval below the value it is for.

use std::collections::HashMap;

use loader::random::{Purpose, keyed};
use rand::RngExt;
use rayon::prelude::*;

use super::matrices::Matrices;
use super::positives::Positives;
use super::ranked::Ranked;
use super::score_table::ScoreTable;
use crate::error::{Error, Result};

/// Replicates that are enough for two digits of a 95 % interval (Efron and Tibshirani 1993, section 14.2).
pub const BOOTSTRAP_REPLICATES: u32 = 1000;

/// Rows of rankings that are held at a time, those of one class at least: 1 GiB.
const HELD_ROWS: usize = 1 << 28;

/// Replicates computed side by side, so that the compiler can use vector instructions.
const LANES: usize = 8;
type Lanes = [f64; LANES];

/// A row in the ranking of a class: the number of its recording, and two flags.
#[derive(Clone, Copy)]
struct Entry(u32);

const POSITIVE: u32 = 1 << 31;
/// The last row of its score, if positives are among them.
const COUNTS: u32 = 1 << 30;

impl Entry {
    fn asset(self) -> usize {
        (self.0 & !(POSITIVE | COUNTS)) as usize
    }
}

/// The 2.5 % and 97.5 % quantiles of mAP over `replicates` reweightings of the recordings, under `seed`. `assets` has
/// the recording of each of the N rows; the other arguments are those of [`evaluate_table`](super::evaluate_table).
///
/// Each class is sorted once and then walked through for every replicate: O(C N log N + C N replicates), in parallel.
/// Classes are taken as many at a time as fit into 1 GiB, and into the memory that a file of scores is given.
///
/// # Errors
/// [`Error::Setting`] for fewer than two replicates, [`Error::ScoreShape`] if `assets` does not have a recording for each
/// row; [`Error::Io`] if a file of scores cannot be read.
pub fn interval_of_table(
    scores: &ScoreTable,
    positives: &Positives,
    assets: &[i64],
    seed: u64,
    replicates: u32,
) -> Result<[f64; 2]> {
    if replicates < 2 {
        return Err(Error::setting(
            "bootstrap",
            format!("{replicates} replicates are too few for an interval; use {BOOTSTRAP_REPLICATES}"),
        ));
    }
    if assets.len() != scores.rows() {
        return Err(Error::ScoreShape {
            sizes: [scores.rows(), scores.rows(), assets.len()],
            classes: 1,
        });
    }
    let maps = replicate_maps(
        (scores, positives),
        &number_assets(assets),
        (seed, replicates),
        HELD_ROWS,
    )?;
    let mut maps: Vec<f64> = maps.concat();
    maps.truncate(replicates as usize);
    maps.sort_unstable_by(f64::total_cmp);
    Ok([quantile(&maps, 0.025), quantile(&maps, 0.975)])
}

/// [`interval_of_table`] of matrices, as [`evaluate`](super::evaluate) takes them.
///
/// # Errors
/// As [`evaluate`](super::evaluate) and [`interval_of_table`].
pub fn interval(
    scores: &[f32],
    labels: &[u8],
    mask: &[u8],
    classes: usize,
    assets: &[i64],
    seed: u64,
    replicates: u32,
) -> Result<[f64; 2]> {
    let matrices = Matrices::new(scores, labels, mask, classes)?;
    if assets.len() != scores.len() / classes {
        return Err(Error::ScoreShape {
            sizes: [scores.len() / classes, scores.len() / classes, assets.len()],
            classes: 1,
        });
    }
    let assets: Vec<i64> = matrices
        .kept
        .iter()
        .filter_map(|&row| assets.get(row).copied())
        .collect();
    interval_of_table(&matrices.table, &matrices.positives, &assets, seed, replicates)
}

/// mAP in every replicate, a block of them at a time, with the rankings of at most `held_rows` rows in memory.
fn replicate_maps(
    (scores, positives): (&ScoreTable, &Positives),
    numbers: &[u32],
    (seed, replicates): (u64, u32),
    held_rows: usize,
) -> Result<Vec<Lanes>> {
    let classes = scores.classes();
    let recordings = numbers.iter().max().map_or(0, |&last| last as usize + 1);
    let at_once = (held_rows / scores.rows().max(1)).clamp(1, scores.at_once());
    let mut sums = vec![[0.0; LANES]; replicates.div_ceil(LANES as u32) as usize];
    for first in (0..classes).step_by(at_once) {
        let some = first..classes.min(first + at_once);
        let block = scores.block(some.clone())?;
        let ranked = some
            .into_par_iter()
            .map(|class| entries(&block.ranked(class, positives), numbers));
        let ranked: Vec<Vec<Entry>> = ranked.collect();
        drop(block);
        sums.par_iter_mut().enumerate().for_each(|(block, sums)| {
            let weights = weights(seed, block as u32, recordings);
            for rows in &ranked {
                add(sums, &weighted_average_precision(rows, &weights));
            }
        });
    }
    let mean = |sums: Lanes| sums.map(|sum| sum / classes as f64);
    Ok(sums.into_iter().map(mean).collect())
}

/// Numbers the recordings of rows in ascending order of their ids, so that rows may come in any order.
fn number_assets(assets: &[i64]) -> Vec<u32> {
    let mut ids = assets.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let numbers: HashMap<i64, u32> = ids.into_iter().zip(0..).collect();
    assets.iter().filter_map(|id| numbers.get(id).copied()).collect()
}

fn entries(ranked: &[Ranked], numbers: &[u32]) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(ranked.len());
    for tied in ranked.chunk_by(|a, b| a.key() == b.key()) {
        entries.extend(tied.iter().map(|row| {
            let asset = numbers.get(row.place()).copied().unwrap_or_default();
            Entry(asset | if row.positive() { POSITIVE } else { 0 })
        }));
        if let Some(last) = entries.last_mut().filter(|_| tied.iter().any(|row| row.positive())) {
            last.0 |= COUNTS;
        }
    }
    entries
}

/// Weights of all recordings in the replicates of a block: exponential variates. Normalising them would change nothing.
fn weights(seed: u64, block: u32, recordings: usize) -> Vec<Lanes> {
    let mut weights = vec![[0.0; LANES]; recordings];
    for lane in 0..LANES {
        let replicate = u64::from(block) * LANES as u64 + lane as u64;
        let mut random = keyed(seed, Purpose::Bootstrap, &[replicate]);
        for of_asset in &mut weights {
            if let Some(weight) = of_asset.get_mut(lane) {
                *weight = -(1.0 - random.random::<f64>()).ln();
            }
        }
    }
    weights
}

fn add(sums: &mut Lanes, values: &Lanes) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

/// Average precision of a class in each replicate of a block; 0 without positives.
fn weighted_average_precision(rows: &[Entry], weights: &[Lanes]) -> Lanes {
    let none = [0.0; LANES];
    let (mut positives, mut before, mut all, mut sum) = (none, none, none, none);
    for row in rows {
        let weight = weights.get(row.asset()).unwrap_or(&none);
        add(&mut all, weight);
        if row.0 & POSITIVE != 0 {
            add(&mut positives, weight);
        }
        if row.0 & COUNTS != 0 {
            for (((sum, positives), before), all) in sum.iter_mut().zip(&positives).zip(&mut before).zip(&all) {
                // All weights up to here can be 0 only if the generator gave 0 exactly.
                *sum += (positives - *before) * (positives / all.max(f64::MIN_POSITIVE));
                *before = *positives;
            }
        }
    }
    sum.iter_mut()
        .zip(&positives)
        .for_each(|(sum, positives)| *sum /= positives.max(f64::MIN_POSITIVE));
    sum
}

/// Quantile of sorted values, linear between them (type 7 of Hyndman and Fan 1996).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * sorted.len().saturating_sub(1) as f64;
    let value = |index: f64| sorted.get(index as usize).copied().unwrap_or_default();
    value(at.floor()) + (value(at.ceil()) - value(at.floor())) * at.fract()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::metric::evaluate;

    /// 40 recordings of 5 clips, 3 classes of falling difficulty; the last class is in one recording only.
    fn sample() -> (Vec<f32>, Vec<u8>, Vec<i64>) {
        let mut random = keyed(1, Purpose::Weights, &[]);
        let (mut scores, mut labels, mut assets) = (Vec::new(), Vec::new(), Vec::new());
        for asset in 0..40_i64 {
            for _ in 0..5 {
                let present = [asset % 4 == 0, random.random_range(0..3) == 0, asset == 7];
                for (present, signal) in present.into_iter().zip([0.3, 1.0, 2.0]) {
                    labels.push(u8::from(present));
                    scores.push(random.random::<f32>() + if present { signal } else { 0.0 });
                }
                assets.push(asset * 3);
            }
        }
        (scores, labels, assets)
    }

    fn ranked((scores, labels, classes): (&[f32], &[u8], usize), class: usize) -> Vec<Ranked> {
        let matrices = Matrices::new(scores, labels, &vec![1; labels.len()], classes).unwrap();
        let block = matrices.table.block(0..classes).unwrap();
        block.ranked(class, &matrices.positives)
    }

    #[test]
    fn unit_weights_give_the_plain_average_precision() {
        let (scores, labels, _) = sample();
        let mask = vec![1; labels.len()];
        let plain = evaluate(&scores, &labels, &mask, 3).unwrap();
        let numbers: Vec<u32> = (0..200).collect();
        for class in 0..3 {
            let ranked = ranked((&scores, &labels, 3), class);
            let weighted = weighted_average_precision(&entries(&ranked, &numbers), &vec![[1.0; LANES]; 200]);
            assert!(weighted.iter().all(|ap| (ap - plain.ap[class]).abs() < 1e-12));
        }
    }

    #[test]
    fn integer_weights_are_repeated_rows() {
        let (scores, labels) = ([0.1_f32, 0.5, 0.5, 0.9, 0.3], [1, 0, 1, 1, 0]);
        let times = [2, 1, 3, 1, 2];
        let weights: Vec<Lanes> = times.iter().map(|&times| [f64::from(times); LANES]).collect();
        let weighted =
            weighted_average_precision(&entries(&ranked((&scores, &labels, 1), 0), &[0, 1, 2, 3, 4]), &weights);
        let repeat = |row: usize| vec![row; times[row] as usize];
        let rows: Vec<usize> = (0..5).flat_map(repeat).collect();
        let repeated: Vec<f32> = rows.iter().map(|&row| scores[row]).collect();
        let positive: Vec<u8> = rows.iter().map(|&row| labels[row]).collect();
        assert!((weighted[0] - crate::metric::average_precision(&repeated, &positive)).abs() < 1e-12);
    }

    #[test]
    fn the_interval_is_deterministic_holds_the_value_and_ignores_the_order_of_rows() {
        let (scores, labels, assets) = sample();
        let mask = vec![1; labels.len()];
        let of = |seed, replicates| interval(&scores, &labels, &mask, 3, &assets, seed, replicates).unwrap();
        let [low, high] = of(5, 500);
        let map = evaluate(&scores, &labels, &mask, 3).unwrap().map;
        assert!(
            low < map && map < high && high - low > 0.02 && high - low < 0.4,
            "{low} {map} {high}"
        );
        assert_eq!(of(5, 500), [low, high]);
        assert_ne!(of(6, 500), [low, high]);
        let turned = |row: &[f32]| row.to_vec();
        let scores: Vec<f32> = scores.chunks(3).rev().flat_map(turned).collect();
        let labels: Vec<u8> = labels.chunks(3).rev().flat_map(<[u8]>::to_vec).collect();
        let assets: Vec<i64> = assets.into_iter().rev().collect();
        let [low_again, high_again] = interval(&scores, &labels, &mask, 3, &assets, 5, 500).unwrap();
        assert!((low - low_again).abs() < 1e-12 && (high - high_again).abs() < 1e-12);
    }

    #[test]
    fn classes_taken_a_few_at_a_time_give_the_same_bits() {
        let (scores, labels, assets) = sample();
        let matrices = Matrices::new(&scores, &labels, &vec![1; labels.len()], 3).unwrap();
        let (numbers, table) = (number_assets(&assets), (&matrices.table, &matrices.positives));
        let of = |held_rows| replicate_maps(table, &numbers, (5, 20), held_rows).unwrap();
        assert_eq!(of(1), of(HELD_ROWS));
        assert_eq!(of(2 * 200), of(HELD_ROWS));
    }

    #[test]
    fn quantiles_are_linear_between_values() {
        assert_eq!(quantile(&[0.0, 1.0, 2.0, 3.0, 4.0], 0.5), 2.0);
        assert_eq!(quantile(&[0.0, 1.0], 0.025), 0.025);
    }
}
