//! Defines keyed random numbers: a generator for every purpose, seed and place, whatever was drawn before.
//!
//! libtorch's generator cannot be saved, and a generator that is shared depends on who drew first. So after initialisation all
//! randomness comes from here: the same key gives the same numbers in a resumed run and on any number of threads.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// What random numbers are for; no two purposes share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Order of the training rows; places: epoch.
    Order,
    /// Augmentation of a clip; places: epoch, row.
    Augment,
    /// Start of an asset's row in the table of the asset regulariser; places: asset id.
    AssetTable,
    /// Which asset id a clip carries in the shuffled control; places: none.
    AssetShuffle,
    /// Start of a clip's own logits in ROLE; places: row.
    RoleLogits,
    /// Resampling of assets for an interval; places: replicate.
    Bootstrap,
    /// Start of the model's weights; places: number of the tensor.
    Weights,
    /// Which points of a grid are tried; places: none.
    GridPoints,
    /// Order of a permuted-label control; places: none.
    LabelShuffle,
}

/// A generator for `purpose` under `seed` at `places`.
#[must_use]
pub fn keyed(seed: u64, purpose: Purpose, places: &[u64]) -> ChaCha8Rng {
    let mut bytes = vec![purpose as u8];
    bytes.extend(places.iter().flat_map(|place| place.to_le_bytes()));
    let (low, high) = (xxh3_128_with_seed(&bytes, seed), xxh3_128_with_seed(&bytes, !seed));
    let mut key = [0; 32];
    key[..16].copy_from_slice(&low.to_le_bytes());
    key[16..].copy_from_slice(&high.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn every_part_of_the_key_counts() {
        let draw = |seed, purpose, places: &[u64]| keyed(seed, purpose, places).random::<u64>();
        let one = draw(1, Purpose::Order, &[1, 2]);
        assert_eq!(one, draw(1, Purpose::Order, &[1, 2]));
        for other in [
            draw(2, Purpose::Order, &[1, 2]),
            draw(1, Purpose::Augment, &[1, 2]),
            draw(1, Purpose::Order, &[2, 1]),
            draw(1, Purpose::Order, &[1]),
        ] {
            assert_ne!(one, other);
        }
    }
}
