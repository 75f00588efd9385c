//! Provides random numbers keyed by what they are for, so that no thread schedule can change them.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a stream of random numbers decides; streams of different purposes are independent.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub enum Purpose {
    /// Who is recorded where, when and in which split.
    Plan = 1,
    /// Which songs a recording holds.
    Songs = 2,
    /// The sound around and behind the songs.
    Background = 3,
    /// The rough part of one song's tone.
    Voice = 4,
    /// Who is recorded where, when and in which split in the benchmark.
    BenchmarkPlan = 5,
    /// What a picture of the benchmark looks like.
    Photograph = 6,
}

/// The generator for one purpose and one item (an asset id, a song's own seed) under a seed.
///
/// The three numbers fill disjoint parts of the 256-bit key, so no two triples share a stream.
pub fn keyed(seed: u64, purpose: Purpose, item: u64) -> ChaCha8Rng {
    let mut key = [0_u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    key[16..24].copy_from_slice(&item.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::{Purpose, keyed};

    #[test]
    fn every_part_of_the_key_matters() {
        let first = |seed, purpose, item| keyed(seed, purpose, item).next_u64();
        let reference = first(1, Purpose::Plan, 2);
        assert_eq!(reference, first(1, Purpose::Plan, 2));
        assert_ne!(reference, first(2, Purpose::Plan, 2));
        assert_ne!(reference, first(1, Purpose::Songs, 2));
        assert_ne!(reference, first(1, Purpose::Plan, 3));
    }
}
