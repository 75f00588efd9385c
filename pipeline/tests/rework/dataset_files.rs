//! Provides a dataset as files: all of its bytes, damage to a record, what stands beside it, and the commands on folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pipeline::event::{Events, Outcome};
use pipeline::rework::{self, ClipList};
use shardfmt::entry::{assets_path, labels_path, priors_path, shard_path};
use shardfmt::verify::{Depth, verify};
use shardfmt::{Checks, Dataset};

/// Merges the datasets in folders.
pub(crate) fn merge(first: &Path, others: &[PathBuf], out: &Path, events: &Events<'_>) -> pipeline::Result<Outcome> {
    let dirs = std::iter::once(first).chain(others.iter().map(PathBuf::as_path));
    let datasets = dirs.map(Dataset::open).collect::<shardfmt::Result<_>>()?;
    rework::merge(datasets, out, events)
}

/// Chooses clips of the dataset in a folder.
pub(crate) fn subset(dir: &Path, list: &ClipList, out: &Path, events: &Events<'_>) -> pipeline::Result<Outcome> {
    rework::subset(&Dataset::open(dir)?, list, out, events)
}

/// Bytes of every file under a folder, by path.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Asserts that two folders have the same files with the same bytes, but for the files left out.
pub(crate) fn assert_same(a: &Path, b: &Path, left_out: impl Fn(&str) -> bool) {
    let (a, b) = (files(a), files(b));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&a), names(&b));
    for (name, bytes) in a.iter().filter(|(name, _)| !left_out(name)) {
        assert!(bytes == &b[name], "{name} differs");
    }
}

/// Asserts that every byte of a dataset is as written, that nothing else lies in it and nothing is left beside it.
pub(crate) fn assert_sound(dir: &Path) {
    let report = verify(dir, Depth::Full, &mut |_, _| {}).unwrap();
    assert_eq!(report.findings, []);
    let dataset = Dataset::open(dir).unwrap();
    assert_eq!(report.clips, dataset.info().counts.clips);
    assert!(!dir.join(".build").exists());
    assert_alone(dir);
}

/// Asserts that no work is left beside a folder.
pub(crate) fn assert_alone(dir: &Path) {
    let name = dir.file_name().unwrap().to_str().unwrap();
    let beside = dir.with_file_name(format!(".{name}.rework"));
    assert!(!beside.exists(), "{} is left", beside.display());
}

/// The files of all tables of the dataset's shards.
pub(crate) fn tables(shards: u32) -> Vec<String> {
    (0..shards)
        .flat_map(|shard| [labels_path(shard), priors_path(shard), assets_path(shard)])
        .collect()
}

/// Flips one bit of a clip in its shard and returns the recording it belongs to.
pub(crate) fn damage_record(dir: &Path, shard: u32, row: u32) -> i64 {
    let path = dir.join(shard_path(shard));
    let mut bytes = std::fs::read(&path).unwrap();
    let (asset_id, clip_bytes) = {
        let opened = shardfmt::Shard::open(&path, Checks::Off).unwrap();
        (opened.asset_id(row).unwrap(), opened.spec().clip_bytes())
    };
    let header = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    bytes[header + row as usize * clip_bytes + 5] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    asset_id
}
