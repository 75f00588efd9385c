//! Deals recordings to train, val and test in groups, none of which is in two of them.

use std::collections::BTreeMap;

use shardfmt::{Split, Xxh3};

/// What is never parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitBy {
    /// All recordings of a site.
    Site,
    /// All recordings of a day, at a site where sites are known.
    Day,
    /// A recording and its copies.
    Recording,
}

/// How recordings are dealt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitRule {
    /// What is never parted.
    pub by: SplitBy,
    /// Decides which group goes where.
    pub seed: u64,
    /// Shares of the recordings for train, val and test; not negative, and not all zero.
    pub shares: [f64; 3],
}

/// Recordings of which some belong together.
pub(crate) struct Groups {
    /// The first recording of each one's group, or one on the way there.
    parents: Vec<usize>,
}

impl Groups {
    /// So many recordings, each by itself.
    pub(crate) fn new(count: usize) -> Self {
        Groups {
            parents: (0..count).collect(),
        }
    }

    /// Puts the groups of two recordings together.
    pub(super) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        if let Some(parent) = self.parents.get_mut(a.max(b)) {
            *parent = a.min(b);
        }
    }

    /// Puts all recordings with the same key together.
    pub(crate) fn join_keys(&mut self, keys: impl Iterator<Item = Option<String>>) {
        let mut firsts: BTreeMap<String, usize> = BTreeMap::new();
        for (recording, key) in keys.enumerate() {
            let Some(key) = key else { continue };
            let first = *firsts.entry(key).or_insert(recording);
            self.join(first, recording);
        }
    }

    /// The first recording of a group.
    fn first(&mut self, mut recording: usize) -> usize {
        while let Some(parent) = self
            .parents
            .get(recording)
            .copied()
            .filter(|parent| *parent != recording)
        {
            let grandparent = self.parents.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.parents.get_mut(recording) {
                *slot = grandparent;
            }
            recording = grandparent;
        }
        recording
    }
}

/// What came of dealing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Dealt {
    /// The split of each recording.
    pub(crate) splits: Vec<Split>,
    /// Number of groups in each split.
    pub(super) groups: [usize; 3],
    /// Recordings that had another split before: their group had two.
    pub(super) moved: Vec<usize>,
}

/// A group of recordings.
struct Group {
    recordings: Vec<usize>,
    /// The split that some of it had before.
    before: Option<Split>,
    /// Its place in the order of dealing.
    order: Xxh3,
}

/// Deals groups of recordings: those with a split from before keep it; the others, in an order that seed and names
/// decide, go where the share is least reached (by Sainte-Laguë's quotient). No split with a share stays empty if there
/// are groups enough.
pub(crate) fn deal(names: &[&str], mut groups: Groups, before: &[Option<Split>], rule: &SplitRule) -> Dealt {
    let mut by_first: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for recording in 0..names.len() {
        by_first.entry(groups.first(recording)).or_default().push(recording);
    }
    let seed = rule.seed;
    let mut groups: Vec<Group> = by_first
        .into_iter()
        .map(|(first, recordings)| Group {
            before: recordings
                .iter()
                .find_map(|&recording| before.get(recording).copied().flatten()),
            order: Xxh3::of(format!("{seed}\n{}", names.get(first).copied().unwrap_or_default()).as_bytes()),
            recordings,
        })
        .collect();
    groups.sort_by_key(|group| (group.before.is_none(), group.order, group.recordings.first().copied()));
    let mut counts = [0_usize; 3];
    let mut splits: Vec<Split> = Vec::with_capacity(groups.len());
    for group in &groups {
        let size = group.recordings.len();
        let split = group.before.unwrap_or_else(|| neediest(&rule.shares, &counts, size));
        if let Some(count) = counts.get_mut(split as usize) {
            *count += size;
        }
        splits.push(split);
    }
    fill_empty(&groups, &mut splits, &rule.shares);
    let mut dealt = Dealt {
        splits: vec![Split::Train; names.len()],
        ..Dealt::default()
    };
    for (group, split) in groups.iter().zip(splits) {
        if let Some(count) = dealt.groups.get_mut(split as usize) {
            *count += 1;
        }
        for &recording in &group.recordings {
            if let Some(slot) = dealt.splits.get_mut(recording) {
                *slot = split;
            }
            if before
                .get(recording)
                .copied()
                .flatten()
                .is_some_and(|before| before != split)
            {
                dealt.moved.push(recording);
            }
        }
    }
    dealt
}

/// The split whose share is least reached, with so many recordings more.
fn neediest(shares: &[f64; 3], counts: &[usize; 3], size: usize) -> Split {
    let quotient = |split: &Split| {
        let (share, count) = (shares.get(*split as usize), counts.get(*split as usize));
        share.copied().unwrap_or_default() / (2 * count.copied().unwrap_or_default() + size) as f64
    };
    // The first of equals.
    let best = Split::ALL
        .into_iter()
        .rev()
        .max_by(|a, b| quotient(a).total_cmp(&quotient(b)));
    best.unwrap_or(Split::Train)
}

/// Gives every split with a share a group, from the one with the most groups, as long as that keeps one.
fn fill_empty(groups: &[Group], splits: &mut [Split], shares: &[f64; 3]) {
    for wanted in Split::ALL {
        if splits.contains(&wanted) || shares.get(wanted as usize).is_none_or(|share| *share <= 0.0) {
            continue;
        }
        let count = |splits: &[Split], split| splits.iter().filter(|other| **other == split).count();
        let most = Split::ALL.into_iter().rev().max_by_key(|split| count(splits, *split));
        let Some(most) = most.filter(|most| count(splits, *most) > 1) else {
            continue;
        };
        let mut movable = groups.iter().zip(splits.iter_mut()).rev();
        if let Some((_, split)) = movable.find(|(group, split)| **split == most && group.before.is_none()) {
            *split = wanted;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: SplitRule = SplitRule {
        by: SplitBy::Site,
        seed: 48,
        shares: [0.8, 0.1, 0.1],
    };

    fn dealt(keys: &[usize], links: &[(usize, usize)], before: &[Option<Split>], rule: &SplitRule) -> Dealt {
        let names: Vec<String> = (0..keys.len()).map(|n| format!("card/{n:03}.wav")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut groups = Groups::new(keys.len());
        groups.join_keys(keys.iter().map(|key| Some(key.to_string())));
        links.iter().for_each(|&(a, b)| groups.join(a, b));
        deal(&names, groups, before, rule)
    }

    #[test]
    fn shares_are_met_as_well_as_groups_allow() {
        for (groups, expected) in [
            (1, [1, 0, 0]),
            (2, [1, 1, 0]),
            (3, [1, 1, 1]),
            (10, [8, 1, 1]),
            (100, [80, 10, 10]),
        ] {
            let keys: Vec<usize> = (0..groups).collect();
            assert_eq!(dealt(&keys, &[], &[], &RULE).groups, expected);
        }
        let keys: Vec<usize> = (0..10).collect();
        let all = SplitRule {
            shares: [1.0, 0.0, 0.0],
            ..RULE
        };
        assert_eq!(dealt(&keys, &[], &[], &all).groups, [10, 0, 0]);
        let others = SplitRule { seed: 49, ..RULE };
        assert_ne!(
            dealt(&keys, &[], &[], &others).splits,
            dealt(&keys, &[], &[], &RULE).splits
        );
    }

    #[test]
    fn splits_from_before_stay_unless_a_group_had_two() {
        let before = [Some(Split::Test), None, Some(Split::Val), Some(Split::Train), None];
        let dealt = dealt(&[0, 0, 1, 1, 2], &[], &before, &RULE);
        assert_eq!(dealt.splits[..4], [Split::Test, Split::Test, Split::Val, Split::Val]);
        assert_eq!(dealt.moved, [3]);
    }

    proptest! {
        #[test]
        fn nothing_that_belongs_together_is_parted(
            keys in prop::collection::vec(0_usize..12, 1..120),
            links in prop::collection::vec((0_usize..120, 0_usize..120), 0..12),
            before in prop::collection::vec(prop::option::weighted(0.2, 0_usize..3), 120),
            seed in any::<u64>(),
        ) {
            let links: Vec<_> = links.into_iter().filter(|(a, b)| *a.max(b) < keys.len()).collect();
            let before: Vec<Option<Split>> = before.iter().map(|split| split.map(|split| Split::ALL[split])).collect();
            let rule = SplitRule { seed, ..RULE };
            let dealt = dealt(&keys, &links, &before[..keys.len()], &rule);
            for (a, split) in dealt.splits.iter().enumerate() {
                for (b, other) in dealt.splits.iter().enumerate() {
                    prop_assert!(keys[a] != keys[b] || split == other, "{a} and {b}");
                }
            }
            for (a, b) in &links {
                prop_assert_eq!(dealt.splits[*a], dealt.splits[*b]);
            }
            prop_assert_eq!(dealt.groups.iter().sum::<usize>() == 0, keys.is_empty());
            prop_assert_eq!(&dealt, &self::dealt(&keys, &links, &before[..keys.len()], &rule));
        }
    }
}
