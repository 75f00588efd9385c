//! Defines keyed random numbers: a generator for every purpose, seed and place, whatever was drawn before.
//!
//! libtorch's generator cannot be saved, and a generator that is shared depends on who drew first. So after
//! initialisation all randomness comes from here: the same key gives the same numbers in a resumed run and on any
//! number of threads.

mod shuffle;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use xxhash_rust::xxh3::xxh3_128_with_seed;

pub(crate) use shuffle::below;
pub use shuffle::{shuffle, shuffle_forward};

/// What random numbers are for; no two purposes share numbers. A number is part of the key, so it never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Order of the training rows; places: epoch.
    Order = 0,
    /// Augmentation of a clip; places: epoch, row.
    Augment = 1,
    /// Start of an asset's row in the table of the asset regulariser; places: asset id.
    AssetTable = 2,
    /// Which asset id a clip carries in the shuffled control; places: none.
    AssetShuffle = 3,
    /// Start of a clip's own logits in ROLE; places: row.
    RoleLogits = 4,
    /// Resampling of assets for an interval; places: replicate.
    Bootstrap = 5,
    /// Start of the model's weights; places: number of the tensor.
    Weights = 6,
    /// Which points of a grid are tried; places: none.
    GridPoints = 7,
    /// Order of a permuted-label control; places: none.
    LabelShuffle = 8,
    /// Which recording's clips are evidence in the shuffled control; places: none.
    EvidenceShuffle = 9,
    /// Which blocks of a network a clip goes past in training; places: epoch, row.
    StochasticDepth = 10,
    /// Which of a clip's positives is its single one; places: asset id, number of the clip in it.
    SinglePositive = 11,
}

/// A generator for `purpose` under `seed` at `places`.
#[must_use]
pub fn keyed(seed: u64, purpose: Purpose, places: &[u64]) -> ChaCha8Rng {
    let mut bytes = vec![purpose as u8];
    bytes.extend(places.iter().flat_map(|place| place.to_le_bytes()));
    let halves = [seed, !seed].map(|seed| xxh3_128_with_seed(&bytes, seed).to_le_bytes());
    let mut key = [0; 32];
    key.iter_mut()
        .zip(halves.iter().flatten())
        .for_each(|(to, from)| *to = *from);
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    /// The first number of every purpose under seed 1 at place 2, from the version that first wrote checkpoints.
    const FIRST: [(Purpose, u64); 12] = [
        (Purpose::Order, 6_746_545_579_256_035_513),
        (Purpose::Augment, 4_993_146_217_274_364_432),
        (Purpose::AssetTable, 7_006_359_834_994_187_581),
        (Purpose::AssetShuffle, 6_147_581_294_709_879_556),
        (Purpose::RoleLogits, 7_642_078_789_910_650_467),
        (Purpose::Bootstrap, 6_107_236_111_159_963_968),
        (Purpose::Weights, 13_312_775_446_536_951_219),
        (Purpose::GridPoints, 14_314_892_272_258_525_672),
        (Purpose::LabelShuffle, 1_830_438_727_522_843_753),
        (Purpose::EvidenceShuffle, 9_517_154_105_569_613_029),
        (Purpose::StochasticDepth, 15_589_471_345_741_711_758),
        (Purpose::SinglePositive, 3_548_873_423_478_295_589),
    ];

    #[test]
    fn numbers_of_every_purpose_are_pinned() {
        let found = FIRST.map(|(purpose, _)| (purpose, keyed(1, purpose, &[2]).random::<u64>()));
        assert_eq!(
            found, FIRST,
            "runs of earlier versions would be resumed with other numbers"
        );
        // The ways of drawing that checkpoints depend on besides.
        let mut random = keyed(1, Purpose::AssetTable, &[2]);
        let drawn: [f64; 2] = [random.random_range(0.4..0.6), random.random()];
        assert_eq!(drawn, [0.475_963_105_543_158_74, 0.577_213_357_110_595_8]);
    }

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
