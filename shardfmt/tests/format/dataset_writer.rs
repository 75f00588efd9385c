//! What a `DatasetWriter` commits is a dataset: whatever would not be one is refused before `dataset.json` is there.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;

use shardfmt::dataset::{FolderState, LockedFolder};
use shardfmt::entry::{DATASET_JSON, labels_path, shard_path};
use shardfmt::verify::{Depth, verify};
use shardfmt::{AssetRow, Dataset, DatasetWriter, Error, LabelRow, OutputFolder, PriorRow, ShardFiles, Xxh3};

use crate::sample;

/// Clips of a recording.
const CLIPS: u32 = 2;

/// A folder that is locked and has the folders of a dataset.
fn locked() -> (tempfile::TempDir, LockedFolder) {
    let root = tempfile::tempdir().unwrap();
    let folder = OutputFolder::at(&root.path().join("out")).unwrap();
    assert_eq!(folder.state().unwrap(), FolderState::Free);
    let locked = folder.lock().unwrap();
    locked.prepare().unwrap();
    assert_eq!(folder.state().unwrap(), FolderState::Unfinished);
    (root, locked)
}

fn tallies() -> BTreeMap<String, u64> {
    BTreeMap::from([("boxes_past_end".into(), 3), ("odd_files:zero fill".into(), 1)])
}

fn writer(folder: &LockedFolder) -> DatasetWriter<'_> {
    DatasetWriter::new(folder, sample::info(vec![]).head, sample::taxa())
}

/// The rows of a recording that is the first of its shard.
fn rows(shard: u32, asset_id: i64) -> (AssetRow, PriorRow, Vec<LabelRow>) {
    let asset = AssetRow {
        asset_id,
        shard,
        first_row: 0,
        clips: CLIPS,
        ..sample::assets()[0].clone()
    };
    let prior = PriorRow {
        asset_id,
        ..PriorRow::default()
    };
    let label = |row| LabelRow {
        asset_id,
        clip_index: row,
        shard,
        row,
        ..sample::labels()[0].clone()
    };
    (asset, prior, (0..CLIPS).map(label).collect())
}

/// Writes a shard with one recording, whose rows `change` may change.
fn shard(
    writer: &DatasetWriter<'_>,
    number: u32,
    asset_id: i64,
    change: impl FnOnce(&mut AssetRow, &mut PriorRow, &mut Vec<LabelRow>),
) -> Result<ShardFiles, Error> {
    let mut output = writer.shard(number, &BTreeMap::new())?;
    for clip_index in 0..CLIPS {
        let clip = sample::clip((number + clip_index) as usize);
        output.push(asset_id, clip_index, -1.0, &clip, Xxh3::of(&clip))?;
    }
    let (mut asset, mut prior, mut labels) = rows(number, asset_id);
    change(&mut asset, &mut prior, &mut labels);
    output.end_asset(asset, prior, labels)?;
    output.finish(2)
}

#[test]
fn what_is_committed_is_a_sound_dataset() {
    let (_root, folder) = locked();
    let dir = folder.path();
    fs::write(dir.join("labels/00007.parquet"), b"a stray").unwrap();
    fs::write(dir.join(".taxa.parquet.tmp"), b"a stray").unwrap();
    let writer = writer(&folder);
    let shards = [10, 20].map(|id| shard(&writer, id / 10 - 1, id.into(), |_, _, _| {}).unwrap());
    let committed = writer.commit(&shards, &sample::rejects(), tallies()).unwrap();
    assert_eq!(folder.state().unwrap(), FolderState::Committed);
    let opened = Dataset::open(dir).unwrap();
    assert_eq!(committed.info(), opened.info());
    assert_eq!(opened.info().tallies, tallies());
    let counts = opened.info().counts;
    assert_eq!(
        (counts.shards, counts.clips, counts.assets, counts.rejects),
        (2, 4, 2, 1)
    );
    let report = verify(dir, Depth::Full, &mut |_, _| {}).unwrap();
    assert_eq!(report.findings, []);
}

#[test]
fn a_dropped_recording_leaves_nothing() {
    let (_root, folder) = locked();
    let writer = writer(&folder);
    let mut output = writer.shard(0, &BTreeMap::new()).unwrap();
    let clip = sample::clip(9);
    output.push(5, 0, -1.0, &clip, Xxh3::of(&clip)).unwrap();
    assert_eq!(output.open_rows(), 0..1);
    output.drop_asset().unwrap();
    assert!(output.open_rows().is_empty());
    let files = output.finish(1).unwrap();
    assert_eq!((files.clips(), files.assets()), (0, 0));
}

#[test]
fn rows_of_other_clips_are_refused() {
    type Change = fn(&mut AssetRow, &mut PriorRow, &mut Vec<LabelRow>);
    let changes: [Change; 9] = [
        |asset, _, _| asset.asset_id = 11,
        |asset, _, _| asset.first_row = 1,
        |asset, _, _| asset.clips = 1,
        |asset, _, _| asset.shard = 1,
        |_, prior, _| prior.asset_id = 11,
        |_, _, labels| drop(labels.pop()),
        |_, _, labels| labels[1].clip_index = 2,
        |_, _, labels| labels[1].row = 0,
        |_, _, labels| labels[1].asset_id = 11,
    ];
    let (_root, folder) = locked();
    let writer = writer(&folder);
    for (number, change) in changes.into_iter().enumerate() {
        let error = shard(&writer, 0, 10, change).unwrap_err();
        assert!(matches!(error, Error::Mismatch { .. }), "change {number}: {error}");
        assert!(!folder.path().join(shard_path(0)).exists(), "change {number}");
    }
    let mut output = writer.shard(0, &BTreeMap::new()).unwrap();
    let clip = sample::clip(0);
    output.push(10, 0, -1.0, &clip, Xxh3::of(&clip)).unwrap();
    assert!(matches!(output.finish(1), Err(Error::Mismatch { .. })));
}

#[test]
fn what_would_not_be_a_dataset_is_not_committed() {
    type Spoil = fn(&LockedFolder, &mut Vec<ShardFiles>);
    let spoils: [(&str, Spoil); 5] = [
        ("in another order", |_, shards| shards.reverse()),
        ("one missing", |_, shards| drop(shards.remove(0))),
        ("a table cut short", |folder, _| {
            let path = folder.path().join(labels_path(1));
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[1..]).unwrap();
        }),
        ("a shard gone", |folder, _| {
            fs::remove_file(folder.path().join(shard_path(0))).unwrap()
        }),
        ("shards exchanged", |folder, _| {
            let [a, b] = [0, 1].map(|number| folder.path().join(shard_path(number)));
            let [in_a, in_b] = [&a, &b].map(|path| fs::read(path).unwrap());
            fs::write(a, in_b).unwrap();
            fs::write(b, in_a).unwrap();
        }),
    ];
    for (name, spoil) in spoils {
        let (_root, folder) = locked();
        let writer = writer(&folder);
        let mut shards: Vec<_> = [10, 20]
            .map(|id| shard(&writer, id / 10 - 1, id.into(), |_, _, _| {}).unwrap())
            .into();
        spoil(&folder, &mut shards);
        writer.commit(&shards, &[], BTreeMap::new()).map(drop).expect_err(name);
        assert!(!folder.path().join(DATASET_JSON).exists(), "{name}");
    }
    let (_root, folder) = locked();
    let writer = writer(&folder);
    let shards = [0, 1].map(|number| shard(&writer, number, 10, |_, _, _| {}).unwrap());
    let error = writer.commit(&shards, &[], BTreeMap::new()).map(drop).unwrap_err();
    assert!(matches!(error, Error::Mismatch { field: "asset_id", .. }), "{error}");
    assert!(!folder.path().join(DATASET_JSON).exists());
}

#[test]
fn files_of_a_record_are_those_of_one_shard() {
    let (_root, folder) = locked();
    let files = shard(&writer(&folder), 3, 10, |_, _, _| {}).unwrap();
    let json = serde_json::to_string(&files).unwrap();
    assert_eq!(serde_json::from_str::<ShardFiles>(&json).unwrap(), files);
    assert!(files.are_in(&folder));
    fs::remove_file(folder.path().join(labels_path(3))).unwrap();
    assert!(!files.are_in(&folder));
    for (from, to) in [
        ("labels/00003", "labels/00004"),
        ("shards/00003", "shards/x"),
        ("\"rows\":2", "\"rows\":3"),
    ] {
        let other = json.replacen(from, to, 1);
        assert!(
            other != json && serde_json::from_str::<ShardFiles>(&other).is_err(),
            "{to}"
        );
    }
}
