//! Verification: every flipped bit in any file is found, and its place named.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::sample;

use std::fs;
use std::path::Path;

use shardfmt::entry::{labels_path, priors_path, shard_path};
use shardfmt::sidecar::{LabelForm, Split, write_labels, write_priors};
use shardfmt::verify::{Depth, Finding, Part, Report, verify};
use shardfmt::{FileEntry, read_dataset_json, write_dataset_json};

fn dataset() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    sample::write_dataset(folder.path());
    folder
}

fn check(dir: &Path, depth: Depth) -> Report {
    verify(dir, depth, &mut |_, _| {}).unwrap()
}

/// Findings after bit `bit` of the file `name` was flipped; the file is restored.
fn findings_of_flip(dir: &Path, name: &str, bit: usize) -> Vec<Finding> {
    let path = dir.join(name);
    let original = fs::read(&path).unwrap();
    let mut damaged = original.clone();
    damaged[bit / 8] ^= 1 << (bit % 8);
    fs::write(&path, damaged).unwrap();
    let findings = check(dir, Depth::Full).findings;
    fs::write(&path, original).unwrap();
    findings
}

#[test]
fn a_sound_dataset_has_no_findings_and_progress_reaches_the_end() {
    let folder = dataset();
    let listed: u64 = sample::files_under(folder.path())
        .iter()
        .filter(|name| *name != "dataset.json")
        .map(|name| fs::metadata(folder.path().join(name)).unwrap().len())
        .sum();
    let mut last = (0, 0);
    let report = verify(folder.path(), Depth::Full, &mut |done, total| last = (done, total)).unwrap();
    assert_eq!(
        report,
        Report {
            files: 11,
            bytes: listed,
            clips: 4,
            findings: vec![]
        }
    );
    assert_eq!(last, (listed, listed));
    assert!(check(folder.path(), Depth::Quick).is_sound());
}

#[test]
fn a_flipped_bit_anywhere_in_a_shard_is_located() {
    let folder = dataset();
    let name = shard_path(0);
    let record = |row: u32| Part::Record {
        asset_id: sample::ROWS[row as usize].0,
        row,
    };
    let tensor = |name, row| Part::Tensor { name, row };
    let regions = [
        (0..4096, None),
        (4096..4156, None),
        (4156..4188, Some("asset_id")),
        (4188..4204, Some("clip_index")),
        (4204..4220, Some("ref_db")),
        (4220..4252, Some("xxh3")),
    ];
    for (bytes, column) in regions {
        let start = bytes.start;
        // Every byte, and another bit in each.
        for byte in bytes {
            let expected = match column {
                None if start == 0 => Part::Header,
                None => record((byte as u32 - 4096) / 15),
                Some("ref_db") => tensor("ref_db", None),
                Some(column) => {
                    let width = if column == "clip_index" { 4 } else { 8 };
                    tensor(column, Some((byte - start) as u32 / width))
                }
            };
            let findings = findings_of_flip(folder.path(), &name, byte * 8 + byte % 8);
            let found: Vec<_> = findings
                .iter()
                .map(|finding| (finding.path.as_str(), &finding.part))
                .collect();
            assert_eq!(found, [(name.as_str(), &expected)], "byte {byte}");
        }
    }
}

#[test]
fn a_flipped_bit_in_any_other_file_is_found_there_and_only_there() {
    let folder = dataset();
    for name in sample::files_under(folder.path())
        .iter()
        .filter(|name| !name.starts_with("shards/00000"))
    {
        let bytes = fs::metadata(folder.path().join(name)).unwrap().len() as usize;
        // Every byte, and another bit in each; the checksums make all bits alike.
        for bit in (0..bytes * 8).step_by(9) {
            let findings = findings_of_flip(folder.path(), name, bit);
            assert!(!findings.is_empty(), "{name}, bit {bit}");
            assert!(
                findings.iter().all(|finding| finding.path == *name),
                "{name}, bit {bit}: {findings:?}"
            );
        }
    }
}

#[test]
fn one_bad_file_does_not_hide_another() {
    let folder = dataset();
    fs::remove_file(folder.path().join(priors_path(1))).unwrap();
    let path = folder.path().join(shard_path(0));
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096] ^= 1;
    bytes[4096 + 20] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::write(folder.path().join("labels/.00000.parquet.tmp"), b"").unwrap();
    let parts: Vec<_> = check(folder.path(), Depth::Full)
        .findings
        .iter()
        .map(|f| f.part.clone())
        .collect();
    let record = |row| Part::Record { asset_id: 10, row };
    assert_eq!(parts, [Part::Unlisted, Part::File, record(0), record(1)]);
    // A quick check reads no clips and lists no folders.
    assert_eq!(check(folder.path(), Depth::Quick).findings.len(), 1);
}

#[test]
fn shards_are_checked_even_if_dataset_json_is_damaged() {
    let folder = dataset();
    fs::write(folder.path().join("dataset.json"), b"{}").unwrap();
    let path = folder.path().join(shard_path(0));
    let mut bytes = fs::read(&path).unwrap();
    bytes[4100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let report = check(folder.path(), Depth::Full);
    let shown: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 2);
    assert!(shown[0].starts_with("dataset.json: file: "), "{}", shown[0]);
    assert!(
        shown[1].starts_with("shards/00000.safetensors: asset 10, row 0: clip at row 0 "),
        "{}",
        shown[1]
    );
}

/// Lists `entry` in `dataset.json` in place of the file of the same path.
fn relist(dir: &Path, entry: FileEntry) {
    let mut info = read_dataset_json(&dir.join("dataset.json")).unwrap();
    let position = info.files.iter().position(|old| old.path == entry.path).unwrap();
    info.files[position] = entry;
    write_dataset_json(dir, &info).unwrap();
}

#[test]
fn sound_files_that_contradict_each_other_are_found() {
    let folder = dataset();
    let dir = folder.path();
    let mut labels = sample::labels();
    labels[1].clip_index = 2;
    labels[3].split = Split::Val;
    relist(
        dir,
        write_labels(&dir.join(labels_path(0)), &sample::taxa(), LabelForm::Listed, &labels).unwrap(),
    );
    let mut priors = sample::priors();
    priors[1].asset_id = 10;
    relist(
        dir,
        write_priors(&dir.join(priors_path(0)), &sample::taxa(), &priors).unwrap(),
    );
    let found: Vec<_> = check(dir, Depth::Full)
        .findings
        .into_iter()
        .map(|f| (f.path, f.part))
        .collect();
    assert_eq!(
        found,
        [
            (labels_path(0), Part::Row(3)),
            (labels_path(0), Part::Row(1)),
            (priors_path(0), Part::Row(1)),
            (priors_path(0), Part::Table),
        ]
    );
}

#[test]
fn a_shard_of_another_build_is_found() {
    let folder = dataset();
    let mut rows = sample::ROWS;
    rows[0].2 = 5.0;
    sample::write_shard(&folder.path().join(shard_path(0)), &rows);
    let findings = check(folder.path(), Depth::Full).findings;
    assert_eq!(
        findings.iter().map(|finding| &finding.part).collect::<Vec<_>>(),
        [&Part::File]
    );
}
