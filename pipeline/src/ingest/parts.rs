//! Defines `Part`, a share of a plan's shards, and provides the division of a plan into parts of about equal work.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::plan::Plan;

/// Part `index` of `of` parts, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Number of the part, below `of`.
    pub index: u32,
    /// Number of parts.
    pub of: u32,
}

impl Plan {
    /// The shards of a part, in order; none where there are more parts than shards. Every shard is in exactly one part,
    /// and the parts have about the same seconds of planned clips.
    pub fn shards_of(&self, part: Part) -> Vec<u32> {
        let planned = |shard: &std::ops::Range<usize>| {
            let assets = self.assets.get(shard.clone()).into_iter().flatten();
            // Nobody knows the length of one without a readable header; it is work all the same.
            assets.map(|asset| asset.clips.max(1)).fold(0, u64::saturating_add)
        };
        let clips: Vec<u64> = self.shards.iter().map(planned).collect();
        let parts = divide(&clips, part.of);
        let own = (0..).zip(parts).filter(|(_, of)| *of == part.index);
        own.map(|(shard, _)| shard).collect()
    }
}

/// Which of the parts each shard goes to: the longest first, each to the part that has the least so far (Graham 1969:
/// the longest part is then at most a third longer than it need be).
fn divide(clips: &[u64], parts: u32) -> Vec<u32> {
    // Parts beyond the number of shards stay empty.
    let parts = parts.min(u32::try_from(clips.len()).unwrap_or(u32::MAX));
    let mut least: BinaryHeap<Reverse<(u64, u32)>> = (0..parts).map(|part| Reverse((0, part))).collect();
    let mut by_length: Vec<(usize, u64)> = clips.iter().copied().enumerate().collect();
    by_length.sort_by_key(|&(shard, clips)| (Reverse(clips), shard));
    let mut part_of = vec![0; clips.len()];
    for (shard, clips) in by_length {
        let Some(Reverse((sum, part))) = least.pop() else { break };
        if let Some(of) = part_of.get_mut(shard) {
            *of = part;
        }
        least.push(Reverse((sum.saturating_add(clips), part)));
    }
    part_of
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_balanced_by_clips_not_by_shards() {
        // One long shard is as much as all others together.
        assert_eq!(divide(&[1, 1, 8, 2, 2, 2], 2), [1, 1, 0, 1, 1, 1]);
        assert_eq!(divide(&[5, 5, 5], 2), [0, 1, 0]);
        assert_eq!(divide(&[5, 5], 64), [0, 1]);
        assert!(divide(&[], 3).is_empty());
    }

    proptest! {
        #[test]
        fn every_shard_is_in_one_part_and_no_part_is_far_longer(
            clips in prop::collection::vec(1u64..5_000, 0..200),
            parts in 1u32..80,
        ) {
            let part_of = divide(&clips, parts);
            prop_assert_eq!(part_of.len(), clips.len());
            prop_assert_eq!(&part_of, &divide(&clips, parts));
            let mut sums = vec![0; parts as usize];
            for (part, clips) in part_of.iter().zip(&clips) {
                sums[*part as usize] += clips;
            }
            // The most loaded part took its last shard when it had the least of all.
            let (longest, sum) = (clips.iter().max().copied().unwrap_or(0), clips.iter().sum::<u64>());
            prop_assert!(sums.iter().all(|part| *part <= sum / u64::from(parts) + longest));
        }
    }
}
