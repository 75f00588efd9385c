//! Defines `Stats`, the counts of clips, recordings and labels of a dataset by split and by class.

use serde::Serialize;
use shardfmt::{Dataset, LabelRow, Split};

/// The splits, in the order in which they are shown.
const SPLITS: [Split; 3] = [Split::Train, Split::Val, Split::Test];

/// Smallest, largest, mean and median of a count per clip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Sum over the clips.
    pub total: u64,
    /// Smallest count.
    pub min: u32,
    /// Largest count.
    pub max: u32,
    /// Mean count.
    pub mean: f64,
    /// Median count (of an even number of clips the mean of the middle two).
    pub median: f64,
}

impl Spread {
    fn of(mut counts: Vec<u32>) -> Spread {
        counts.sort_unstable();
        let total = counts.iter().map(|&count| u64::from(count)).sum();
        let at = |i: usize| f64::from(counts.get(i).copied().unwrap_or(0));
        let median = if counts.is_empty() {
            0.0
        } else {
            (at((counts.len() - 1) / 2) + at(counts.len() / 2)) / 2.0
        };
        let mean = total as f64 / counts.len().max(1) as f64;
        Spread {
            total,
            min: counts.first().copied().unwrap_or(0),
            max: counts.last().copied().unwrap_or(0),
            mean,
            median,
        }
    }
}

/// Counts of one split (or of all of them).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SplitStats {
    /// train, val, test, or total.
    pub split: String,
    /// Recordings.
    pub assets: u64,
    /// Clips.
    pub clips: u64,
    /// Hours of real audio in the clips (overlapping clips count twice).
    pub hours: f64,
    /// Clips with every class known.
    pub fully_annotated: u64,
    /// Clips with a present class.
    pub with_positive: u64,
    /// Clips with a known class.
    pub with_label: u64,
    /// Clips with a box.
    pub with_box: u64,
    /// Clips of digital silence.
    pub silent: u64,
    /// Present classes per clip.
    pub positives: Spread,
    /// Absent classes per clip.
    pub negatives: Spread,
}

/// Counts of one class in one split.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClassStats {
    /// Code of the class.
    pub species_code: String,
    /// Common name, where known.
    pub common_name: Option<String>,
    /// The split.
    pub split: String,
    /// Recordings with a clip where the class is present.
    pub assets: u64,
    /// Clips where it is present.
    pub present: u64,
    /// Clips where it is absent.
    pub absent: u64,
    /// Clips where it is unknown.
    pub unknown: u64,
    /// Clips where it is present and every class is known: those an evaluation can use.
    pub evaluable: u64,
}

/// Everything counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    /// One entry per split, then the total.
    pub splits: Vec<SplitStats>,
    /// One entry per class and split, in class order.
    pub classes: Vec<ClassStats>,
}

/// Accumulates the counts of one split.
#[derive(Default)]
struct Tally {
    stats: SplitStats,
    positives: Vec<u32>,
    negatives: Vec<u32>,
    last_asset: Option<i64>,
}

impl Tally {
    fn add(&mut self, row: &LabelRow) {
        let stats = &mut self.stats;
        stats.clips += 1;
        stats.hours += row.valid_s / 3600.0;
        // All clips of a recording follow each other.
        stats.assets += u64::from(self.last_asset.replace(row.asset_id) != Some(row.asset_id));
        stats.fully_annotated += u64::from(row.fully_annotated);
        stats.with_positive += u64::from(!row.present.is_empty());
        stats.with_label += u64::from(!row.present.is_empty() || !row.absent.is_empty());
        stats.with_box += u64::from(!row.boxes.is_empty());
        stats.silent += u64::from(row.silent);
        self.positives.push(row.present.len() as u32);
        self.negatives.push(row.absent.len() as u32);
    }

    fn finish(self, split: &str) -> SplitStats {
        let (positives, negatives) = (Spread::of(self.positives), Spread::of(self.negatives));
        SplitStats {
            split: split.into(),
            positives,
            negatives,
            ..self.stats
        }
    }
}

impl Stats {
    /// Counts a dataset's labels, one sidecar at a time.
    ///
    /// # Errors
    /// A damaged sidecar.
    pub fn of(dataset: &Dataset) -> Result<Stats, shardfmt::Error> {
        let mut tallies: [Tally; 4] = Default::default();
        let taxa = dataset.taxa();
        let class = |split: &Split| {
            let split = split.as_str().to_string();
            taxa.iter().map(move |taxon| ClassStats {
                species_code: taxon.species_code.clone(),
                common_name: taxon.common_name.clone(),
                split: split.clone(),
                ..ClassStats::default()
            })
        };
        let mut classes: [Vec<ClassStats>; 3] = SPLITS.each_ref().map(|split| class(split).collect());
        for shard in 0..dataset.shard_count() {
            // All clips of a recording follow each other, so a class met again in the same recording is seen at once.
            let mut last_asset: [Vec<Option<i64>>; 3] = std::array::from_fn(|_| vec![None; taxa.len()]);
            for row in dataset.labels(shard)? {
                let Some(split) = SPLITS.iter().position(|split| *split == row.split) else {
                    continue;
                };
                for at in [split, SPLITS.len()] {
                    tallies.get_mut(at).into_iter().for_each(|tally| tally.add(&row));
                }
                let (Some(classes), Some(last)) = (classes.get_mut(split), last_asset.get_mut(split)) else {
                    continue;
                };
                for &class in &row.present {
                    let (Some(class), Some(last)) = (classes.get_mut(class as usize), last.get_mut(class as usize))
                    else {
                        continue;
                    };
                    class.present += 1;
                    class.evaluable += u64::from(row.fully_annotated);
                    class.assets += u64::from(last.replace(row.asset_id) != Some(row.asset_id));
                }
                for &class in &row.absent {
                    classes
                        .get_mut(class as usize)
                        .into_iter()
                        .for_each(|class| class.absent += 1);
                }
                for &class in &row.unknown {
                    classes
                        .get_mut(class as usize)
                        .into_iter()
                        .for_each(|class| class.unknown += 1);
                }
            }
        }
        let names = SPLITS.iter().map(|split| split.as_str()).chain(["total"]);
        let splits = tallies
            .into_iter()
            .zip(names)
            .map(|(tally, name)| tally.finish(name))
            .collect();
        let [train, val, test] = classes;
        let by_class = train
            .into_iter()
            .zip(val)
            .zip(test)
            .flat_map(|((train, val), test)| [train, val, test]);
        Ok(Stats {
            splits,
            classes: by_class.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_by_hand() {
        let even = Spread::of(vec![4, 1, 3, 0]);
        assert_eq!(
            even,
            Spread {
                total: 8,
                min: 0,
                max: 4,
                mean: 2.0,
                median: 2.0
            }
        );
        assert_eq!(Spread::of(vec![5, 1, 1]).median, 1.0);
        assert_eq!(Spread::of(vec![]), Spread::default());
    }
}
