//! Defines `Stats`, the counts of clips, recordings and labels of a dataset by split and by class, and of what was left
//! out of it.

use std::collections::HashSet;

use serde::Serialize;
use shardfmt::{AssetRow, BoxStatus, Checks, ClipBox, Dataset, GeoPrior, Implied, Label, LabelRow, Split, Taxa, Taxon};

use crate::tally::Tallies;

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

/// Counts of one split, of all of them, or of the clips of one that have a positive.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SplitStats {
    /// train, val, test, total, or train with a positive.
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
    /// Clips with a box of a class that is not to be ignored: the L48 documentation's "at least one box", which are
    /// as many as clips with a positive.
    pub with_box: u64,
    /// Clips of digital silence.
    pub silent: u64,
    /// Recordings of which somebody said what was heard in them.
    pub with_heard: u64,
    /// Clips with a weak label.
    pub with_weak: u64,
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
    /// Recordings that it was heard in, wherever.
    pub heard: u64,
    /// Clips where a rule takes it for present, which is weak: it is unknown there.
    pub weak: u64,
}

/// Everything counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    /// One entry per split, then the total.
    pub splits: Vec<SplitStats>,
    /// The training clips with a present class, which are part of `train` and alone what losses of positives learn
    /// from.
    pub train_with_positive: SplitStats,
    /// One entry per class and split, in class order.
    pub classes: Vec<ClassStats>,
    /// What was left out or changed when the dataset was made.
    pub tallies: Tallies,
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
    fn add(&mut self, row: &LabelRow, absent: u64, has_box: bool, has_heard: bool) {
        let stats = &mut self.stats;
        stats.clips += 1;
        stats.hours += row.valid_s / 3600.0;
        // All clips of a recording follow each other.
        let is_new = self.last_asset.replace(row.asset_id) != Some(row.asset_id);
        stats.assets += u64::from(is_new);
        stats.with_heard += u64::from(is_new && has_heard);
        stats.fully_annotated += u64::from(row.fully_annotated);
        stats.with_positive += u64::from(!row.present.is_empty());
        stats.with_label += u64::from(!row.present.is_empty() || absent > 0);
        stats.with_box += u64::from(has_box);
        stats.silent += u64::from(row.silent);
        stats.with_weak += u64::from(row.from_recording.iter().any(|item| item.label_source.is_weak()));
        self.positives.push(row.present.len() as u32);
        self.negatives.push(absent as u32);
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

/// Accumulates the counts of one class in one split.
struct ClassTally {
    stats: ClassStats,
    implied: Implications,
    last_asset: Option<i64>,
}

impl ClassTally {
    fn new(taxon: &Taxon, split: Split) -> Self {
        let stats = ClassStats {
            species_code: taxon.species_code.clone(),
            common_name: taxon.common_name.clone(),
            split: split.as_str().into(),
            ..ClassStats::default()
        };
        ClassTally {
            stats,
            implied: Implications::default(),
            last_asset: None,
        }
    }

    fn finish(self, all: Implications) -> ClassStats {
        let sum = |listed: u64, implied: i64| listed.saturating_add_signed(implied);
        ClassStats {
            absent: sum(self.stats.absent, self.implied.absent + all.absent),
            unknown: sum(self.stats.unknown, self.implied.unknown + all.unknown),
            ..self.stats
        }
    }

    fn add_present(&mut self, row: &LabelRow) {
        self.stats.present += 1;
        self.stats.evaluable += u64::from(row.fully_annotated);
        // All clips of a recording follow each other, so a class met again in the same recording is seen at once.
        self.stats.assets += u64::from(self.last_asset.replace(row.asset_id) != Some(row.asset_id));
    }
}

/// Labels that no list names, as differences: rows count for all classes, and are taken back for those that a list
/// names or of which the opposite holds.
#[derive(Clone, Copy, Default)]
struct Implications {
    absent: i64,
    unknown: i64,
}

impl Implications {
    fn add(&mut self, label: Label, count: i64) {
        match label {
            Label::Absent => self.absent += count,
            Label::Unknown => self.unknown += count,
            Label::Present => {}
        }
    }
}

/// Accumulates all counts.
struct Counter<'a> {
    taxa: &'a Taxa,
    /// Of each split, then of all.
    splits: [Tally; Split::ALL.len() + 1],
    train_with_positive: Tally,
    /// Of each split, in class order.
    classes: [Vec<ClassTally>; Split::ALL.len()],
    /// Of each split, what holds for all classes.
    implied: [Implications; Split::ALL.len()],
    /// Recordings of which somebody said what was heard in them.
    heard: HashSet<i64>,
}

impl<'a> Counter<'a> {
    fn new(taxa: &'a Taxa) -> Self {
        Counter {
            taxa,
            splits: Default::default(),
            train_with_positive: Tally::default(),
            classes: Split::ALL.map(|split| taxa.iter().map(|taxon| ClassTally::new(taxon, split)).collect()),
            implied: Default::default(),
            heard: HashSet::new(),
        }
    }

    /// Adds a row; `geo` is the prior of its recording.
    fn add(&mut self, row: &LabelRow, geo: &GeoPrior) {
        let [of_train, of_val, of_test] = &mut self.classes;
        let [all_train, all_val, all_test] = &mut self.implied;
        let [train, val, test, total] = &mut self.splits;
        let (tally, classes, all) = match row.split {
            Split::Train => (train, of_train, all_train),
            Split::Val => (val, of_val, all_val),
            Split::Test => (test, of_test, all_test),
        };
        let [_, absent, _] = row.counts(geo, self.taxa.len() as u32);
        let taxa = self.taxa;
        let counts = |found: &ClipBox| found.status != BoxStatus::Ignore && taxa.index(&found.species_code).is_some();
        let has_box = row.boxes.iter().any(counts);
        let has_heard = self.heard.contains(&row.asset_id);
        tally.add(row, absent, has_box, has_heard);
        total.add(row, absent, has_box, has_heard);
        if row.split == Split::Train && !row.present.is_empty() {
            self.train_with_positive.add(row, absent, has_box, has_heard);
        }
        let mut each = |listed: &[u32], count: fn(&mut ClassTally, &LabelRow)| {
            for &class in listed {
                classes
                    .get_mut(class as usize)
                    .into_iter()
                    .for_each(|class| count(class, row));
            }
        };
        each(&row.present, ClassTally::add_present);
        each(&row.absent, |class, _| class.stats.absent += 1);
        each(&row.unknown, |class, _| class.stats.unknown += 1);
        for item in row.from_recording.iter().filter(|item| item.label_source.is_weak()) {
            each(&[item.class], |class, _| class.stats.weak += 1);
        }
        if row.others.is_some() {
            add_implied(row, geo, classes, all);
        }
    }

    /// Adds what was heard in a recording, before its clips.
    fn add_heard(&mut self, asset: &AssetRow) {
        let Some(heard) = &asset.heard else { return };
        self.heard.insert(asset.asset_id);
        let [of_train, of_val, of_test] = &mut self.classes;
        let classes = match asset.split {
            Split::Train => of_train,
            Split::Val => of_val,
            Split::Test => of_test,
        };
        for class in heard {
            let class = classes.get_mut(*class as usize);
            class.into_iter().for_each(|class| class.stats.heard += 1);
        }
    }

    fn finish(self) -> Stats {
        let names = Split::ALL.iter().map(|split| split.as_str()).chain(["total"]);
        let splits = self
            .splits
            .into_iter()
            .zip(names)
            .map(|(tally, name)| tally.finish(name));
        let [train, val, test] = self.classes;
        let by_class = train
            .into_iter()
            .zip(val)
            .zip(test)
            .flat_map(|((train, val), test)| [train, val, test])
            .zip(self.implied.into_iter().cycle())
            .map(|(class, all)| class.finish(all));
        Stats {
            splits: splits.collect(),
            train_with_positive: self.train_with_positive.finish("train with a positive"),
            classes: by_class.collect(),
            tallies: Tallies::default(),
        }
    }
}

/// Counts the labels that no list of the row names.
fn add_implied(row: &LabelRow, geo: &GeoPrior, classes: &mut [ClassTally], all: &mut Implications) {
    let Implied { rest, except } = row.implied(geo);
    let opposite = match rest {
        Label::Absent => Label::Unknown,
        Label::Unknown | Label::Present => Label::Absent,
    };
    all.add(rest, 1);
    let mut take_back = |class: &u32, instead: Option<Label>| {
        if let Some(class) = classes.get_mut(*class as usize) {
            class.implied.add(rest, -1);
            instead.into_iter().for_each(|label| class.implied.add(label, 1));
        }
    };
    for class in [&row.present, &row.absent, &row.unknown].into_iter().flatten() {
        take_back(class, None);
    }
    for class in except.iter().filter(|class| !row.names(**class)) {
        take_back(class, Some(opposite));
    }
}

impl Stats {
    /// Counts a dataset's labels, one sidecar at a time.
    ///
    /// # Errors
    /// A damaged sidecar.
    pub fn of(dataset: &Dataset) -> Result<Stats, shardfmt::Error> {
        let mut counter = Counter::new(dataset.taxa());
        dataset.assets().iter().for_each(|asset| counter.add_heard(asset));
        for shard in 0..dataset.shard_count() {
            let shard = dataset.open_shard(shard, Checks::Off)?;
            let (priors, no_prior) = (dataset.geo_priors(&shard)?, GeoPrior::default());
            for row in dataset.labels(&shard)? {
                counter.add(&row, priors.get(&row.asset_id).unwrap_or(&no_prior));
            }
        }
        Ok(Stats {
            tallies: Tallies::of(dataset.info()),
            ..counter.finish()
        })
    }
}

#[cfg(test)]
mod tests;
