//! Provides the published validation split of train2014.

use crate::import::random_state::RandomState;

/// Seed of the split (`split_seed` of the published program of Cole et al. 2021, "Multi-Label Learning from Single
/// Positive Labels", which later work uses too).
pub(super) const SEED: u32 = 1200;
/// One picture in so many is for validation (`val_frac` 0.2, same program).
pub(super) const VALIDATION_ONE_IN: u32 = 5;

/// Which of `pictures` pictures, in source order, are for validation: those whose numbers are in the last fifth of a
/// permutation of all. A fifth is rounded to the nearest whole number: 16,416 of the 82,081 pictures of train2014.
pub(super) fn validation(pictures: u32) -> Vec<bool> {
    let for_validation =
        pictures / VALIDATION_ONE_IN + (pictures % VALIDATION_ONE_IN).saturating_mul(2) / VALIDATION_ONE_IN;
    let order = RandomState::new(SEED).permutation(pictures);
    let mut validation = vec![false; order.len()];
    for &number in order.iter().rev().take(for_validation as usize) {
        if let Some(picture) = validation.get_mut(number as usize) {
            *picture = true;
        }
    }
    validation
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::Value;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_parts_of_coco_2014_are_the_published_ones() {
        let numpy: Value = serde_json::from_str(include_str!("../../../tests/fixtures/random_state.json")).unwrap();
        let validation = validation(82_081);
        let sha256_of = |part: bool| {
            let numbers = (0_i64..).zip(&validation).filter(|&(_, &is)| is == part);
            let bytes: Vec<u8> = numbers.flat_map(|(number, _)| number.to_le_bytes()).collect();
            let digits = Sha256::digest(&bytes);
            (
                bytes.len() / 8,
                digits.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            )
        };
        let stored = |key: &str| numpy["coco2014"][key].as_str().unwrap().to_owned();
        assert_eq!(sha256_of(true), (16_416, stored("val_sha256_i64_le")));
        assert_eq!(sha256_of(false), (65_665, stored("train_sha256_i64_le")));
    }

    #[test]
    fn a_fifth_is_rounded() {
        let sizes: Vec<usize> = (0..=13)
            .map(|n| validation(n).iter().filter(|&&is| is).count())
            .collect();
        assert_eq!(sizes, [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3]);
    }
}
