//! Provides `pack`: which consecutive recordings share a shard.

use std::ops::Range;

/// Packs consecutive recordings of `clips` clips each into shards of about `shard_clips`: a shard is closed before it
/// would grow past the aim, so only one that holds a single long recording is longer. Ranges are of positions in
/// `clips`.
pub(crate) fn pack(clips: impl IntoIterator<Item = u64>, shard_clips: u32) -> Vec<Range<usize>> {
    let mut shards = Vec::new();
    let mut shard = 0..0;
    let mut shard_sum = 0u64;
    for clips in clips {
        if !shard.is_empty() && shard_sum.saturating_add(clips) > u64::from(shard_clips) {
            let next = shard.end..shard.end;
            shards.push(std::mem::replace(&mut shard, next));
            shard_sum = 0;
        }
        shard.end += 1;
        shard_sum = shard_sum.saturating_add(clips);
    }
    if !shard.is_empty() {
        shards.push(shard);
    }
    shards
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_stay_under_the_aim_unless_one_recording_is_longer() {
        assert_eq!(pack([4, 4, 4, 4], 8), [0..2, 2..4]);
        assert_eq!(pack([3, 20, 3, 3], 8), [0..1, 1..2, 2..4]);
        assert_eq!(pack([0, 0, 9], 8), [0..2, 2..3]);
        assert_eq!(pack([u64::MAX, u64::MAX], 8), [0..1, 1..2]);
        assert!(pack([], 8).is_empty());
    }
}
