//! Provides `ranges`, a list of shards in words.

/// Ascending shard numbers as ranges that `--shards` takes: `0..3, 7..8`.
pub fn ranges(shards: &[u32]) -> String {
    let consecutive = |one: &u32, next: &u32| one.checked_add(1) == Some(*next);
    let range = |run: &[u32]| match run {
        [first, .., last] => format!("{first}..{}", u64::from(*last) + 1),
        [only] => format!("{only}..{}", u64::from(*only) + 1),
        [] => String::new(),
    };
    let runs: Vec<String> = shards.chunk_by(consecutive).map(range).collect();
    runs.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_become_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 7, 9, 10]), "0..3, 7..8, 9..11");
        assert_eq!(ranges(&[]), "");
        assert_eq!(ranges(&[u32::MAX]), "4294967295..4294967296");
    }
}
