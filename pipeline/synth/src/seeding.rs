//! Provides random numbers keyed by what they are for, so that no thread schedule can change them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream of random numbers decides; streams of different purposes are independent.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub enum Draw {
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
    /// Which stretch of a recording is without its target.
    Stretch = 7,
    /// Which variants of its song a bird sings.
    Variants = 8,
    /// What a checklist lacks.
    Checklists = 9,
    /// What other species than the usual ones sing.
    Species = 10,
}

/// The generator for one purpose and one item (an asset id, a song's own seed) under a seed.
///
/// The three numbers fill disjoint parts of the 256-bit key, so no two triples share a stream.
pub fn keyed(seed: u64, purpose: Draw, item: u64) -> ChaCha8Rng {
    let mut key = [0_u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    key[16..24].copy_from_slice(&item.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// One of `choices` by its weight in per cent; `fallback` for what the weights leave.
pub(crate) fn weighted<T: Copy>(choices: &[(T, u32)], fallback: T, rng: &mut ChaCha8Rng) -> T {
    let mut roll = rng.random_range(0..100);
    for &(choice, weight) in choices {
        if roll < weight {
            return choice;
        }
        roll -= weight;
    }
    fallback
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::{Draw, keyed};

    #[test]
    fn every_part_of_the_key_matters() {
        let first = |seed, purpose, item| keyed(seed, purpose, item).next_u64();
        let reference = first(1, Draw::Plan, 2);
        assert_eq!(reference, first(1, Draw::Plan, 2));
        assert_ne!(reference, first(2, Draw::Plan, 2));
        assert_ne!(reference, first(1, Draw::Songs, 2));
        assert_ne!(reference, first(1, Draw::Plan, 3));
    }
}
