//! A shard is only ever read as the shard it is: exchanged ones, those of another build and tables of others are
//! refused.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use shardfmt::entry::{REJECTS, TAXA, assets_path, labels_path, priors_path, shard_path};
use shardfmt::verify::{Depth, Part, verify};
use shardfmt::{
    AssetRow, Checks, Counts, Dataset, DatasetInfo, Error, FileEntry, LabelForm, LabelRow, PriorRow, ShardWriter,
    write_assets, write_dataset_json, write_labels, write_priors, write_rejects, write_taxa,
};

use crate::sample;

/// The recording of each shard; both have clips 0 and 1.
const ASSETS: [i64; 2] = [10, 20];

/// What a build says of itself in the header of a shard.
fn metadata(config: &str, program: &str) -> BTreeMap<String, String> {
    let axes = serde_json::to_string(&sample::info(vec![]).head.axes).unwrap();
    BTreeMap::from([
        ("dataset".to_owned(), "golden".to_owned()),
        ("program".to_owned(), program.to_owned()),
        ("config_xxh3".to_owned(), config.to_owned()),
        ("axes".to_owned(), axes),
    ])
}

fn of_this_build() -> BTreeMap<String, String> {
    metadata("0000000000001234", "test 1")
}

fn write_shard(dir: &Path, number: u32, rows: [(i64, u32); 2], metadata: &BTreeMap<String, String>) -> FileEntry {
    let mut writer = ShardWriter::create(&dir.join(shard_path(number)), sample::spec(), metadata).unwrap();
    for (at, (asset_id, clip_index)) in rows.into_iter().enumerate() {
        let clip = sample::clip(at + number as usize);
        writer.push(asset_id, clip_index, -1.0, &clip).unwrap();
    }
    writer.finish().unwrap()
}

/// A dataset of two shards of equal size, with `metadata` in their headers.
fn dataset(metadata: &BTreeMap<String, String>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for folder in ["shards", "labels", "priors", "assets"] {
        fs::create_dir(dir.join(folder)).unwrap();
    }
    let taxa = sample::taxa();
    let mut files = vec![write_taxa(&dir.join(TAXA), &taxa).unwrap()];
    for (shard, asset_id) in (0..).zip(ASSETS) {
        let label = |row: u32| LabelRow {
            asset_id,
            clip_index: row,
            shard,
            row,
            ..sample::labels()[0].clone()
        };
        let asset = AssetRow {
            asset_id,
            shard,
            clips: 2,
            ..sample::assets()[0].clone()
        };
        let prior = PriorRow {
            asset_id,
            ..PriorRow::default()
        };
        files.push(write_shard(dir, shard, [(asset_id, 0), (asset_id, 1)], metadata));
        files.push(
            write_labels(
                &dir.join(labels_path(shard)),
                &taxa,
                LabelForm::Listed,
                &[label(0), label(1)],
            )
            .unwrap(),
        );
        files.push(write_priors(&dir.join(priors_path(shard)), &taxa, &[prior]).unwrap());
        files.push(write_assets(&dir.join(assets_path(shard)), &taxa, LabelForm::Listed, &[asset]).unwrap());
    }
    files.push(write_rejects(&dir.join(REJECTS), &[]).unwrap());
    let counts = Counts {
        shards: 2,
        clips: 4,
        assets: 2,
        rejects: 0,
    };
    let info = sample::info(files);
    write_dataset_json(dir, &DatasetInfo { counts, ..info }).unwrap();
    folder
}

fn exchange(dir: &Path, name: fn(u32) -> String) {
    let [a, b, aside] = [dir.join(name(0)), dir.join(name(1)), dir.join("aside")];
    assert_eq!(fs::metadata(&a).unwrap().len(), fs::metadata(&b).unwrap().len());
    fs::rename(&a, &aside).unwrap();
    fs::rename(&b, &a).unwrap();
    fs::rename(&aside, &b).unwrap();
}

/// Asserts that reading shard `number` and its tables fails with an error that holds each of the texts, and that a
/// quick check finds something too.
#[track_caller]
fn assert_refused(dir: &Path, number: u32, texts: &[&str]) {
    let dataset = Dataset::open(dir).unwrap();
    let read = || {
        let shard = dataset.open_shard(number, Checks::Off)?;
        Ok::<_, Error>((dataset.labels(&shard)?, dataset.priors(&shard)?))
    };
    let error = read().unwrap_err().to_string();
    for text in texts {
        assert!(error.contains(text), "no {text:?} in: {error}");
    }
    let report = verify(dir, Depth::Quick, &mut |_, _| {}).unwrap();
    assert!(!report.findings.is_empty(), "{error}");
}

#[test]
fn a_sound_dataset_is_read() {
    let folder = dataset(&of_this_build());
    let dataset = Dataset::open(folder.path()).unwrap();
    for (number, asset_id) in (0..).zip(ASSETS) {
        let shard = dataset.open_shard(number, Checks::Always).unwrap();
        assert_eq!((shard.number(), shard.asset_id(1).unwrap()), (number, asset_id));
        assert_eq!(dataset.labels(&shard).unwrap().len(), 2);
        assert_eq!(dataset.priors(&shard).unwrap()[0].asset_id, asset_id);
        assert_eq!(dataset.assets_of(number)[0].asset_id, asset_id);
    }
    assert!(dataset.assets_of(2).is_empty());
    let report = verify(folder.path(), Depth::Full, &mut |_, _| {}).unwrap();
    assert_eq!(report.findings, []);
}

#[test]
fn exchanged_shards_of_equal_size_are_refused() {
    let folder = dataset(&of_this_build());
    exchange(folder.path(), shard_path);
    for (number, [stated, stored]) in [(0, [10, 20]), (1, [20, 10])] {
        let [stated, stored] = [stated, stored].map(|id| format!("({id}, 0..2)"));
        let (shard, table) = (shard_path(number), assets_path(number));
        assert_refused(folder.path(), number, &[&shard, &table, &stated, &stored]);
    }
}

#[test]
fn exchanged_tables_are_refused() {
    for name in [labels_path, priors_path] {
        let folder = dataset(&of_this_build());
        exchange(folder.path(), name);
        assert_refused(folder.path(), 0, &[&name(0), "checksum", "expected"]);
    }
    let folder = dataset(&of_this_build());
    exchange(folder.path(), assets_path);
    let error = Dataset::open(folder.path()).unwrap_err();
    assert!(matches!(error, Error::FileChecksum { .. }), "{error}");
}

#[test]
fn a_shard_with_other_clips_of_the_same_recordings_is_refused() {
    let folder = dataset(&of_this_build());
    write_shard(folder.path(), 1, [(20, 0), (20, 2)], &of_this_build());
    let expected = [
        "shards/00001.safetensors",
        "labels/00001.parquet, row 1",
        "(1, 1, 20, 1)",
        "(1, 1, 20, 2)",
    ];
    assert_refused(folder.path(), 1, &expected);
}

#[test]
fn priors_of_other_recordings_are_refused() {
    let folder = dataset(&of_this_build());
    let dir = folder.path();
    let prior = PriorRow {
        asset_id: 11,
        ..PriorRow::default()
    };
    let entry = write_priors(&dir.join(priors_path(0)), &sample::taxa(), &[prior]).unwrap();
    let mut info = Dataset::open(dir).unwrap().info().clone();
    *info.files.iter_mut().find(|file| file.path == priors_path(0)).unwrap() = entry;
    write_dataset_json(dir, &info).unwrap();
    let dataset = Dataset::open(dir).unwrap();
    let shard = dataset.open_shard(0, Checks::Off).unwrap();
    let error = dataset.priors(&shard).unwrap_err().to_string();
    assert!(
        error.contains("priors/00000.parquet, row 0") && error.contains("11"),
        "{error}"
    );
}

#[test]
fn a_shard_of_another_build_is_refused_whichever_is_touched() {
    for other in [
        metadata("00000000000000aa", "test 1"),
        metadata("0000000000001234", "test 0"),
    ] {
        let folder = dataset(&of_this_build());
        write_shard(folder.path(), 0, [(10, 0), (10, 1)], &other);
        for number in [0, 1] {
            let both = [
                "shards/00000.safetensors",
                "shards/00001.safetensors",
                "0000000000001234",
            ];
            assert_refused(folder.path(), number, &both);
        }
    }
    let folder = dataset(&of_this_build());
    let mut other = of_this_build();
    let axes = other.get_mut("axes").unwrap();
    *axes = axes.replace("\"hop_s\":1.5", "\"hop_s\":3.0");
    write_shard(folder.path(), 1, [(20, 0), (20, 1)], &other);
    assert_refused(
        folder.path(),
        1,
        &["shards/00001.safetensors", "axes.hop_s 3.0", "axes.hop_s 1.5"],
    );
}

#[test]
fn shards_taken_over_from_other_builds_are_read() {
    // What makes one dataset of others leaves the headers of the shards as they are.
    let folder = dataset(&metadata("00000000000000aa", "test 0"));
    write_shard(
        folder.path(),
        1,
        [(20, 0), (20, 1)],
        &metadata("00000000000000bb", "test 1"),
    );
    let dataset = Dataset::open(folder.path()).unwrap();
    for number in [0, 1] {
        dataset.open_shard(number, Checks::Always).unwrap();
    }
    let report = verify(folder.path(), Depth::Quick, &mut |_, _| {}).unwrap();
    assert_eq!(report.findings, []);
}

#[test]
fn what_a_check_finds_is_named_by_table_and_row() {
    let folder = dataset(&of_this_build());
    write_shard(folder.path(), 1, [(20, 0), (20, 2)], &of_this_build());
    let report = verify(folder.path(), Depth::Quick, &mut |_, _| {}).unwrap();
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|finding| (finding.path.as_str(), &finding.part))
        .collect();
    assert_eq!(found, [("labels/00001.parquet", &Part::Row(1))]);
}
