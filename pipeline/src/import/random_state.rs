//! Defines `RandomState`, as much of NumPy's legacy generator as published splits depend on: its seeding and its
//! permutations.

/// Words of state, and the distance of the words that are combined (Matsumoto and Nishimura 1998, table II, MT19937).
const STATE_WORDS: usize = 624;
const DISTANCE_WORDS: usize = 397;
/// Last row of the twist matrix (same table).
const TWIST: u32 = 0x9908_b0df;
/// The one bit taken of a word, and the 31 of the word after it (same table, r = 31).
const UPPER_BIT: u32 = 0x8000_0000;
/// Multiplier of the seeding (`init_genrand` of the authors' mt19937ar.c, 2002).
const SEED_MULTIPLIER: u32 = 1_812_433_253;

/// `numpy.random.RandomState` seeded with an integer: MT19937, whose stream NumPy keeps for good (NEP 19).
#[derive(Clone, Debug)]
pub(super) struct RandomState {
    words: [u32; STATE_WORDS],
    next: usize,
}

impl RandomState {
    /// The generator as `RandomState(seed)` makes it.
    pub(super) fn new(seed: u32) -> Self {
        let mut words = [seed; STATE_WORDS];
        for i in 1..STATE_WORDS {
            let before = words[i - 1];
            words[i] = SEED_MULTIPLIER
                .wrapping_mul(before ^ (before >> 30))
                .wrapping_add(i as u32);
        }
        RandomState {
            words,
            next: STATE_WORDS,
        }
    }

    /// The numbers 0 to `n` - 1 in the order of `RandomState.permutation(n)`: a Fisher-Yates shuffle from the end.
    pub(super) fn permutation(&mut self, n: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n).collect();
        for last in (1..n).rev() {
            let other = self.at_most(last);
            order.swap(last as usize, other as usize);
        }
        order
    }

    /// A number from 0 to `max`, as NumPy's `random_interval` draws it: as many low bits as `max` has, until they fit.
    fn at_most(&mut self, max: u32) -> u32 {
        let mask = u32::MAX.checked_shr(max.leading_zeros()).unwrap_or(0);
        loop {
            let drawn = self.next_u32() & mask;
            if drawn <= max {
                return drawn;
            }
        }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == STATE_WORDS {
            self.twist();
        }
        let mut word = self.words[self.next];
        self.next += 1;
        // Tempering (same table).
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        for i in 0..STATE_WORDS {
            let bits = (self.words[i] & UPPER_BIT) | (self.words[(i + 1) % STATE_WORDS] & !UPPER_BIT);
            let odd = if bits & 1 == 1 { TWIST } else { 0 };
            self.words[i] = self.words[(i + DISTANCE_WORDS) % STATE_WORDS] ^ (bits >> 1) ^ odd;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::Value;
    use sha2::{Digest, Sha256};

    use super::*;

    /// What NumPy says; the file tells how it was made.
    fn numpy() -> Value {
        serde_json::from_str(include_str!("../../tests/fixtures/random_state.json")).unwrap()
    }

    fn numbers(value: &Value) -> Vec<u32> {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[test]
    fn permutations_are_those_of_numpy() {
        let cases = numpy()["cases"].as_array().unwrap().clone();
        assert_eq!(cases.len(), 7);
        for case in cases {
            let [seed, n] = ["seed", "n"].map(|key| u32::try_from(case[key].as_u64().unwrap()).unwrap());
            let got = RandomState::new(seed).permutation(n);
            assert_eq!(
                got,
                numbers(&case["permutation"]),
                "RandomState({seed}).permutation({n})"
            );
        }
    }

    #[test]
    fn the_permutation_of_coco_2014_is_that_of_numpy() {
        let coco = &numpy()["coco2014"];
        let order = RandomState::new(1200).permutation(82_081);
        assert_eq!(order[..8], numbers(&coco["first"]));
        assert_eq!(order[order.len() - 8..], numbers(&coco["last"]));
        let bytes: Vec<u8> = order.iter().flat_map(|&i| i64::from(i).to_le_bytes()).collect();
        let digits: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(digits, coco["sha256_i64_le"]);
    }
}
