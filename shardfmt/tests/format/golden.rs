//! Golden files: version 1 of the format is read as it was written, and written again byte for byte.
//!
//! `L48_BLESS=1 cargo test -p shardfmt --test format golden` writes them anew and fails; do that only with a new format
//! version.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::sample;

use std::fs;
use std::path::{Path, PathBuf};

use shardfmt::{Checks, Dataset};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[test]
fn writing_again_gives_the_golden_bytes() {
    let fresh = tempfile::tempdir().unwrap();
    sample::write_dataset(fresh.path());
    sample::assert_golden(&golden(), fresh.path());
}

#[test]
fn the_golden_dataset_reads_as_the_rows_it_was_made_of() {
    let dataset = Dataset::open(&golden()).unwrap();
    assert_eq!(dataset.info(), &sample::info(dataset.info().files.clone()));
    assert_eq!(dataset.taxa(), &sample::taxa());
    assert_eq!(dataset.assets(), sample::assets());
    assert_eq!(dataset.rejects().unwrap(), sample::rejects());
    let shard = dataset.open_shard(0, Checks::Always).unwrap();
    assert_eq!(shard.number(), 0);
    assert_eq!(dataset.labels(&shard).unwrap(), sample::labels());
    assert_eq!(dataset.priors(&shard).unwrap(), sample::priors());
    assert_eq!(shard.rows() as usize, sample::ROWS.len());
    for (row, (asset_id, clip_index, ref_db)) in sample::ROWS.into_iter().enumerate() {
        assert_eq!(shard.clip(row as u32).unwrap(), sample::clip(row));
        assert_eq!(shard.asset_id(row as u32).unwrap(), asset_id);
        assert_eq!(shard.clip_index(row as u32).unwrap(), clip_index);
        assert_eq!(shard.ref_db(row as u32).unwrap(), ref_db);
    }
    let asset = dataset.asset(-5).unwrap();
    assert_eq!((asset.shard, asset.first_row, asset.clips), (0, 3, 1));
    assert_eq!(shard.asset_rows(10), Some(0..3));
    assert_eq!((dataset.asset(11), shard.asset_rows(11)), (None, None));
    assert_eq!(dataset.shard_count(), 2);
    assert_eq!(dataset.open_shard(1, Checks::Always).unwrap().rows(), 0);
}

/// Lines of 16 bytes as `offset: hex`.
fn hexdump(bytes: &[u8], first_offset: usize) -> Vec<String> {
    let line = |(i, bytes): (usize, &[u8])| {
        let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{:08x}: {}", first_offset + i * 16, digits.join(" "))
    };
    bytes.chunks(16).enumerate().map(line).collect()
}

#[test]
fn the_worked_example_of_the_specification_is_the_golden_shard() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let shard = fs::read(golden().join("shards/00000.safetensors")).unwrap();
    let json = String::from_utf8(shard[8..4096].to_vec()).unwrap();
    let mut expected = hexdump(&shard[..16], 0);
    expected.push(json.trim_end().to_owned());
    expected.extend(hexdump(&shard[4096..], 4096));
    for line in expected {
        assert!(readme.contains(&line), "README.md lacks the line\n{line}");
    }
    let dataset = fs::read_to_string(golden().join("dataset.json")).unwrap();
    assert!(readme.contains(&dataset), "README.md lacks the golden dataset.json");
}

#[test]
fn the_script_in_the_specification_is_the_one_that_is_shipped() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = fs::read_to_string(root.join("python/read_shard.py")).unwrap();
    assert!(fs::read_to_string(root.join("README.md")).unwrap().contains(&script));
    assert!(script.lines().count() <= 30);
}
