//! Provides the one shuffle of the sampler, pinned so that an order does not depend on a library's version.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// A number below `bound`, every one equally likely (Lemire 2019, *ACM TOMACS* 29(1), 3). 0 if `bound` is 0.
pub(super) fn below(random: &mut ChaCha8Rng, bound: u32) -> u32 {
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

/// Shuffles `items`, every order equally likely (Durstenfeld 1964, Algorithm 235).
pub(super) fn shuffle<T>(random: &mut ChaCha8Rng, items: &mut [T]) {
    for left in (2..=items.len()).rev() {
        let chosen = below(random, left as u32) as usize;
        items.swap(left - 1, chosen);
    }
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
            "a checkpoint of an earlier version would go on with other rows"
        );
    }

    const PINNED: [u32; 10] = [1, 0, 2, 8, 4, 9, 7, 5, 6, 3];
}
