//! Provides shuffles whose orders are pinned, so that they do not depend on a library's version.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// A number below `bound`, every one equally likely (Lemire 2019, *ACM TOMACS* 29(1), 3). 0 if `bound` is 0.
pub(crate) fn below(random: &mut ChaCha8Rng, bound: u32) -> u32 {
    if bound == 0 {
        return 0;
    }
    // Products whose lower half is below 2^32 mod bound belong to an interval that has one value too many.
    let threshold = bound.wrapping_neg() % bound;
    loop {
        let product = u64::from(random.next_u32()) * u64::from(bound);
        if product as u32 >= threshold {
            return (product >> 32) as u32;
        }
    }
}

/// Shuffles `items`, every order equally likely (Durstenfeld 1964, Algorithm 235). At most 2^32 - 1 of them.
pub fn shuffle<T>(random: &mut ChaCha8Rng, items: &mut [T]) {
    for left in (2..=items.len()).rev() {
        let chosen = below(random, left as u32) as usize;
        items.swap(left - 1, chosen);
    }
}

/// Shuffles `items` into the order that `SliceRandom::shuffle` of rand 0.10 gives: the one by which earlier versions
/// permuted labels and asset ids and chose points of a grid, and with which their runs are resumed. Below 2^32 - 1
/// items.
///
/// Durstenfeld's algorithm from the front. One number below a product of consecutive bounds serves for all of them.
pub fn shuffle_forward<T>(random: &mut ChaCha8Rng, items: &mut [T]) {
    let (mut number, mut left) = (0, 0_u32);
    for place in 1..items.len() {
        let bound = place as u32 + 1;
        if left == 0 {
            let (mut product, mut next) = (bound, bound + 1);
            while let Some(more) = product.checked_mul(next) {
                (product, next) = (more, next + 1);
            }
            number = below_biased(random, product);
            left = next - bound;
        }
        left -= 1;
        let chosen = if left == 0 { number } else { number % bound };
        number /= bound;
        items.swap(place, chosen as usize);
    }
}

/// A number below `bound`, each likely to within 2^-32 of the others (Canon 2023, apple/swift pull request 39143).
fn below_biased(random: &mut ChaCha8Rng, bound: u32) -> u32 {
    let mut draw = || u64::from(random.next_u32()) * u64::from(bound);
    let product = draw();
    let (high, low) = ((product >> 32) as u32, product as u32);
    // A second draw decides whether the lower half would carry.
    let carries = low > bound.wrapping_neg() && low.checked_add((draw() >> 32) as u32).is_none();
    high + u32::from(carries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, keyed};

    #[test]
    fn every_order_is_equally_likely() {
        let mut random = keyed(3, Purpose::Order, &[]);
        let mut counts = std::collections::HashMap::new();
        for _ in 0..24_000 {
            let mut items = [0, 1, 2, 3];
            shuffle(&mut random, &mut items);
            *counts.entry(items).or_insert(0_i32) += 1;
        }
        assert_eq!(counts.len(), 24);
        // 1000 expected each; 5 standard deviations are 155.
        assert!(counts.values().all(|count| (count - 1000).abs() < 155), "{counts:?}");
    }

    #[test]
    fn the_order_of_a_seed_is_pinned() {
        let mut items: Vec<u32> = (0..10).collect();
        shuffle(&mut keyed(1, Purpose::Order, &[1]), &mut items);
        assert_eq!(
            items, PINNED,
            "a checkpoint of an earlier version would be resumed with other rows"
        );
    }

    #[test]
    fn the_forward_order_is_that_of_rand_0_10() {
        // What `SliceRandom::shuffle` of rand 0.10.4 gave: the first items, and XXH3-64 of all of them as little-endian
        // u32.
        for (length, first, hash) in [
            (10, [7, 8, 1, 6, 3, 5, 4, 2, 0, 9], 10_674_186_751_181_929_891),
            // Above 2^16 items a number serves for one bound only.
            (
                70_000,
                [
                    1380, 16_327, 14_224, 46_429, 43_732, 14_901, 41_558, 46_102, 44_387, 29_717,
                ],
                15_446_092_806_641_867_126,
            ),
        ] {
            let mut items: Vec<u32> = (0..length).collect();
            shuffle_forward(&mut keyed(1, Purpose::LabelShuffle, &[]), &mut items);
            assert_eq!(items[..10], first);
            let bytes: Vec<u8> = items.iter().flat_map(|item| item.to_le_bytes()).collect();
            assert_eq!(xxhash_rust::xxh3::xxh3_64(&bytes), hash);
        }
    }

    const PINNED: [u32; 10] = [1, 0, 2, 8, 4, 9, 7, 5, 6, 3];
}
