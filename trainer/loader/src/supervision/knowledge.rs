//! Defines what is known of clips: the classes that a list of a clip names, and what is implied for the rest.

use std::ops::Range;

use shardfmt::{ClipLabels, GeoPrior, Others};

use super::catalogue::Clip;
use super::prior::{ClassSet, Prior};

/// What is known of the classes of all clips.
#[derive(Debug)]
pub(super) struct Knowledge {
    /// Number of classes.
    pub(super) classes: usize,
    /// The clips.
    pub(super) clips: Vec<Clip>,
    /// What of the lists belongs to each clip.
    pub(super) listed: Vec<Listed>,
    /// The lists of each shard's clips, one after the other.
    pub(super) lists: Vec<Box<[u32]>>,
    /// The priors of each recording, after an empty one for recordings that have none.
    pub(super) priors: Vec<Prior>,
}

/// Where the lists of a clip are, and what holds for the classes that they do not name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    /// Place in the lists of the shard.
    start: usize,
    /// Number of classes present, absent, unknown, and present or weakly so, which follow one another there. The last are
    /// none where no label is weak.
    counts: [u32; 4],
    others: Others,
    /// Place of the shard's lists.
    shard: u32,
    /// Place of the recording's priors.
    pub(super) prior: u32,
}

/// What is known of the classes of a clip. No class is in two lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    /// Classes that are present, ascending.
    pub(super) present: &'a [u32],
    /// Classes that are absent, ascending.
    absent: &'a [u32],
    /// Classes that are unknown, ascending.
    unknown: &'a [u32],
    /// Classes that are present, or that a rule takes for it, ascending; empty where there is no weak label.
    likely: &'a [u32],
    /// What the others are.
    rest: Rest<'a>,
}

/// What holds for classes that no list names.
#[derive(Clone, Copy, Debug)]
enum Rest<'a> {
    Unknown,
    Absent,
    /// Those of the set are absent, the others unknown.
    RuledOut(&'a ClassSet),
}

impl Listed {
    /// Adds the lists of `row` to `lists`, those of its shard. `geo` is what the geographic prior of its recording
    /// rules out, if that has priors.
    ///
    /// Rows that list every class are shortened: what is implied need not be kept.
    ///
    /// # Errors
    /// A class that is not below `classes`, if the row names one.
    pub(super) fn of(
        row: &mut ClipLabels,
        geo: Option<&GeoPrior>,
        classes: usize,
        lists: &mut Vec<u32>,
    ) -> Result<Self, u32> {
        let named = [&row.present, &row.absent, &row.unknown];
        if let Some(&class) = named.into_iter().flatten().find(|class| **class as usize >= classes) {
            return Err(class);
        }
        let none = GeoPrior::default();
        row.imply(geo.unwrap_or(&none), u32::try_from(classes).unwrap_or(u32::MAX));
        // Where lists contradict each other, the last one holds.
        let lists_of_row = [&mut row.present, &mut row.absent, &mut row.unknown];
        let [present, absent, unknown] = lists_of_row.map(ascending);
        let is_in = |list: &[u32], class: &u32| list.binary_search(class).is_ok();
        absent.retain(|class| !is_in(unknown, class));
        present.retain(|class| !is_in(absent, class) && !is_in(unknown, class));
        let others = match row.others {
            Some(Others::Prior) if geo.is_none() => Others::Unknown,
            others => others.unwrap_or(Others::Unknown),
        };
        let weak = row.from_recording.iter().filter(|item| item.label_source.is_weak());
        let mut likely: Vec<u32> = weak.map(|item| item.class).collect();
        if !likely.is_empty() {
            likely.extend_from_slice(present);
            likely.sort_unstable();
        }
        Ok(Self::new([present, absent, unknown, &likely], others, lists))
    }

    /// Adds the classes that are present, absent, unknown, and present or weakly so to `lists`; each ascends, and no
    /// class is in two of the first three.
    pub(super) fn new(named: [&[u32]; 4], others: Others, lists: &mut Vec<u32>) -> Self {
        let start = lists.len();
        let counts = named.map(|list| u32::try_from(list.len()).unwrap_or(u32::MAX));
        named.into_iter().for_each(|list| lists.extend_from_slice(list));
        Self {
            start,
            counts,
            others,
            shard: 0,
            prior: 0,
        }
    }

    /// The same, with the lists of its shard at place `shard`.
    pub(super) fn of_shard(self, shard: u32) -> Self {
        Self { shard, ..self }
    }

    /// What is known of the clip: `lists` are those of its shard, `prior` that of its recording.
    pub(super) fn known<'a>(&self, lists: &'a [u32], prior: &'a Prior) -> Known<'a> {
        let list = |range: Range<usize>| lists.get(range).unwrap_or_default();
        let [present, absent, unknown, likely] = self.counts.map(|count| count as usize);
        let [absent_from, unknown_from] = [self.start + present, self.start + present + absent];
        let likely_from = unknown_from + unknown;
        Known {
            present: list(self.start..absent_from),
            absent: list(absent_from..unknown_from),
            unknown: list(unknown_from..likely_from),
            likely: list(likely_from..likely_from + likely),
            rest: match (self.others, prior.geo()) {
                (Others::Absent, _) => Rest::Absent,
                (Others::Prior, Some(geo)) => Rest::RuledOut(geo),
                (Others::Prior, None) | (Others::Unknown, _) => Rest::Unknown,
            },
        }
    }
}

/// The same classes in their order, each once.
fn ascending(classes: &mut Vec<u32>) -> &mut Vec<u32> {
    classes.sort_unstable();
    classes.dedup();
    classes
}

impl Knowledge {
    /// What is known of a clip; nothing of one that does not exist.
    pub(super) fn of(&self, clip: usize) -> Known<'_> {
        let Some(listed) = self.listed.get(clip) else {
            return Known::NOTHING;
        };
        let lists = self.lists.get(listed.shard as usize).map_or(&[][..], |lists| lists);
        listed.known(lists, self.prior(clip))
    }

    /// The priors of a clip's recording.
    pub(super) fn prior(&self, clip: usize) -> &Prior {
        let listed = self.listed.get(clip);
        let prior = listed.and_then(|listed| self.priors.get(listed.prior as usize));
        prior.unwrap_or(&Prior::NONE)
    }
}

impl<'a> Known<'a> {
    const NOTHING: Self = Known {
        present: &[],
        absent: &[],
        unknown: &[],
        likely: &[],
        rest: Rest::Unknown,
    };

    /// Classes that are present, ascending, with those of weak labels if these count.
    pub(super) fn positives(&self, weak: bool) -> &'a [u32] {
        match weak && !self.likely.is_empty() {
            true => self.likely,
            false => self.present,
        }
    }

    /// How many of `classes` classes are known: present or absent.
    pub(super) fn count(&self, classes: usize) -> usize {
        let named = self.present.len() + self.absent.len();
        let of_rest = match self.rest {
            Rest::Unknown => 0,
            Rest::Absent => classes.saturating_sub(named + self.unknown.len()),
            Rest::RuledOut(set) => {
                let lists = [self.present, self.absent, self.unknown];
                let in_lists = lists
                    .into_iter()
                    .flatten()
                    .filter(|class| set.contains(**class))
                    .count();
                set.count(classes).saturating_sub(in_lists)
            }
        };
        named + of_rest
    }

    /// Writes 1 for each class that is known, and 0 for the others.
    pub(super) fn write_mask(&self, mask: &mut [u8]) {
        match self.rest {
            Rest::Unknown => mask.fill(0),
            Rest::Absent => mask.fill(1),
            Rest::RuledOut(set) => set.write(mask),
        }
        for (list, known) in [(self.present, 1), (self.absent, 1), (self.unknown, 0)] {
            set_all(mask, list, known);
        }
    }
}

/// Writes `value` for each of `classes`.
pub(super) fn set_all(entries: &mut [u8], classes: &[u32], value: u8) {
    for &class in classes {
        if let Some(entry) = entries.get_mut(class as usize) {
            *entry = value;
        }
    }
}
