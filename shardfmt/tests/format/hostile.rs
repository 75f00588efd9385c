//! Hostile bytes: whatever a file holds, reading it gives an error or the true data, never a panic.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::sample;

use std::fs;

use proptest::prelude::*;
use shardfmt::entry::{labels_path, priors_path};
use shardfmt::sidecar::{LabelForm, read_labels, read_priors};
use shardfmt::verify::{Depth, verify};
use shardfmt::{Checks, Dataset, Shard, write_dataset_json};

/// `bytes` with one bit changed.
fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

#[test]
fn every_truncation_and_extension_of_a_shard_is_refused() {
    let bytes = sample::shard_bytes();
    assert!(Shard::from_bytes(&bytes, Checks::Always).is_ok());
    for length in 0..bytes.len() {
        assert!(
            Shard::from_bytes(&bytes[..length], Checks::Always).is_err(),
            "{length} bytes"
        );
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(Shard::from_bytes(longer, Checks::Always).is_err());
}

#[test]
fn every_bit_flip_in_header_and_tail_is_refused() {
    let bytes = sample::shard_bytes();
    let clips = 4096..4096 + 60;
    for bit in (0..bytes.len() * 8).filter(|bit| !clips.contains(&(bit / 8))) {
        assert!(
            Shard::from_bytes(flipped(&bytes, bit), Checks::Off).is_err(),
            "bit {bit}"
        );
    }
}

#[test]
fn every_bit_flip_in_a_clip_is_refused_with_that_clip_only() {
    let bytes = sample::shard_bytes();
    for bit in 4096 * 8..(4096 + 60) * 8 {
        let damaged = (bit / 8 - 4096) / 15;
        for checks in [Checks::FirstTouch, Checks::Always] {
            let shard = Shard::from_bytes(flipped(&bytes, bit), checks).unwrap();
            for row in 0..4 {
                assert_eq!(shard.clip(row as u32).is_err(), row == damaged, "bit {bit}, row {row}");
            }
        }
        assert!(
            Shard::from_bytes(flipped(&bytes, bit), Checks::Off)
                .unwrap()
                .clip(damaged as u32)
                .is_ok()
        );
    }
}

#[test]
fn no_bit_flip_or_truncation_of_a_table_panics_and_the_dataset_refuses_each() {
    let folder = tempfile::tempdir().unwrap();
    sample::write_dataset(folder.path());
    let dataset = Dataset::open(folder.path()).unwrap();
    let shard = dataset.open_shard(0, Checks::Off).unwrap();
    for name in [labels_path(0), priors_path(0)] {
        let path = folder.path().join(&name);
        let bytes = fs::read(&path).unwrap();
        let check = |damaged: &[u8]| {
            fs::write(&path, damaged).unwrap();
            // Without the dataset's checksum a flipped value may read as another value; a panic fails the test.
            let _ = (
                read_labels(&path, dataset.taxa(), LabelForm::Listed),
                read_priors(&path, dataset.taxa()),
            );
            match name.starts_with("labels") {
                true => assert!(dataset.labels(&shard).is_err()),
                false => assert!(dataset.priors(&shard).is_err()),
            }
        };
        // A bit of every third byte, a different one each time: all of them would take minutes.
        (0..bytes.len())
            .step_by(3)
            .for_each(|byte| check(&flipped(&bytes, byte * 8 + byte / 3 % 8)));
        (0..bytes.len()).step_by(7).for_each(|length| check(&bytes[..length]));
    }
}

#[test]
fn listed_sizes_of_more_than_64_bits_together_are_findings() {
    let folder = tempfile::tempdir().unwrap();
    sample::write_dataset(folder.path());
    let mut info = Dataset::open(folder.path()).unwrap().info().clone();
    info.files.iter_mut().for_each(|entry| entry.bytes = u64::MAX);
    write_dataset_json(folder.path(), &info).unwrap();
    for depth in [Depth::Quick, Depth::Full] {
        let report = verify(folder.path(), depth, &mut |_, _| {}).unwrap();
        assert!(report.findings.len() >= info.files.len(), "{:?}", report.findings);
    }
}

proptest! {
    #[test]
    fn random_bytes_are_no_shard(bytes in proptest::collection::vec(any::<u8>(), 0..6000)) {
        prop_assert!(Shard::from_bytes(bytes, Checks::Always).is_err());
    }

    #[test]
    fn random_json_behind_a_plausible_length_is_no_shard(json in r#"[{}\[\]":,a-z0-9_.]{0,200}"#) {
        let mut bytes = 4088_u64.to_le_bytes().to_vec();
        bytes.extend(json.bytes());
        bytes.resize(4096, b' ');
        prop_assert!(Shard::from_bytes(bytes, Checks::Always).is_err());
    }

    #[test]
    fn several_damaged_bytes_give_an_error_or_the_true_data(
        changes in proptest::collection::vec((0_usize..4252, any::<u8>()), 1..8),
    ) {
        let original = sample::shard_bytes();
        let mut bytes = original.clone();
        changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
        if let Ok(shard) = Shard::from_bytes(bytes, Checks::FirstTouch) {
            for row in 0..shard.rows() {
                if let Ok(clip) = shard.clip(row) {
                    prop_assert_eq!(clip, sample::clip(row as usize));
                }
            }
        }
    }

    #[test]
    fn random_bytes_are_no_table(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        // Inside the magic numbers, so that the footer is looked at.
        let framed = [b"PAR1", bytes.as_slice(), &(bytes.len() as u32 / 2).to_le_bytes(), b"PAR1"].concat();
        fs::write(&path, framed).unwrap();
        prop_assert!(read_labels(&path, &sample::taxa(), LabelForm::Listed).is_err());
    }
}
