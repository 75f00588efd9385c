//! Tests datasets that are made in scratch; they are kept in another folder here, which a scratch folder knows no
//! better.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use shardfmt::dataset::FolderState;
use shardfmt::entry::TAXA;
use shardfmt::sidecar::read_taxa;
use shardfmt::{DatasetInfo, DatasetWriter, Error, ShardFiles, read_dataset_json};

use super::*;

/// A place for a dataset, and scratch folders.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn kept(&self, name: &str) -> PathBuf {
        self.folder.path().join("kept").join(name)
    }

    /// A scratch folder of one of several machines.
    fn scratch(&self, machine: &str) -> OutputFolder {
        let dir = self.folder.path().join(machine);
        let settings = CacheSettings {
            dir: dir.clone(),
            bytes: u64::MAX,
        };
        let files = Files::under(&Location::Path(self.kept(""))).unwrap();
        let copy = NearCopy::new(dir.clone(), files, &settings, Arrivals::Checked);
        OutputFolder::scratch(&dir, copy).unwrap()
    }
}

/// A plan or a record as it was before it was sealed.
fn unsealed(read: Option<serde_json::Value>) -> Option<serde_json::Value> {
    let mut object = read?;
    object
        .as_object_mut()
        .and_then(|members| members.remove("xxh3"))
        .unwrap();
    Some(object)
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden")
}

/// The golden dataset, and its shards in a scratch folder, as if they had just been built there.
fn built(scratch: &OutputFolder) -> (DatasetInfo, Vec<ShardFiles>) {
    scratch.lock().unwrap().prepare().unwrap();
    let info = read_dataset_json(&golden().join(DATASET_JSON)).unwrap();
    let of_shards = info.files.iter().filter(|entry| entry.path.contains('/'));
    let mut files: Vec<_> = of_shards.cloned().collect();
    files.iter().for_each(|entry| {
        fs::copy(golden().join(&entry.path), scratch.path().join(&entry.path)).unwrap();
    });
    let mut shards = Vec::new();
    while !files.is_empty() {
        let four: Vec<_> = files.drain(..4).collect();
        shards.push(ShardFiles::try_from(four).unwrap());
    }
    assert_eq!(shards.len(), 2);
    (info, shards)
}

fn commit(scratch: &OutputFolder, info: &DatasetInfo, shards: &[ShardFiles]) -> shardfmt::Result<Dataset> {
    let locked = scratch.lock().unwrap();
    let taxa = read_taxa(&golden().join(TAXA)).unwrap();
    let rejects = Dataset::open(&golden()).unwrap().rejects().unwrap();
    let writer = DatasetWriter::new(&locked, info.head.clone(), taxa);
    writer.commit(shards, &rejects, info.tallies.clone())
}

#[test]
fn a_dataset_made_in_scratch_is_that_of_a_folder() {
    let place = Place::new();
    let scratch = place.scratch("a");
    assert_eq!(scratch.state().unwrap(), FolderState::Free);
    let (info, shards) = built(&scratch);
    assert!(scratch.records().write_plan(&serde_json::json!({"plan": 1})).unwrap());
    assert_eq!(scratch.state().unwrap(), FolderState::Unfinished);
    for (files, number) in shards.iter().zip(0..) {
        scratch
            .records()
            .write_shard(number, &serde_json::json!({"record": number}))
            .unwrap();
        assert!(
            scratch
                .publish_shard(files, &serde_json::json!({"record": number}))
                .unwrap()
        );
        scratch.drop_unpublished(files).unwrap();
        assert!(!files.are_in(&scratch), "scratch is free again");
    }
    commit(&scratch, &info, &shards).unwrap();
    assert_eq!(scratch.state().unwrap(), FolderState::Committed);
    let by_path = |info: &DatasetInfo| {
        let mut files = info.files.clone();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    };
    assert_eq!(by_path(&scratch.info().unwrap()), by_path(&info));
    scratch.remove_records().unwrap();
    assert!(!place.kept(".build").exists() && !scratch.path().exists());
    let report = verify(&place.kept(""), Depth::Full, &mut |_, _| {}).unwrap();
    assert!(report.is_sound(), "{report:?}");
    // A second commit writes the same; one of something else is refused.
    commit(&place.scratch("b"), &info, &shards).unwrap();
    let mut other = info.clone();
    other.head.name.push('x');
    let refused = commit(&place.scratch("b"), &other, &shards);
    assert!(
        matches!(&refused, Err(Error::Taken { path }) if path.ends_with("kept/dataset.json")),
        "{refused:?}"
    );
}

#[test]
fn of_two_plans_and_two_records_the_first_stays() {
    let place = Place::new();
    let (a, b) = (place.scratch("a"), place.scratch("b"));
    let text = |text: &str| serde_json::json!({ "text": text });
    assert!(a.records().write_plan(&text("first")).unwrap());
    assert!(b.records().write_plan(&text("first")).unwrap());
    assert!(!b.records().write_plan(&text("second")).unwrap());
    assert_eq!(unsealed(b.records().read_plan().unwrap()), Some(text("first")));
    let (_, shards) = built(&a);
    built(&b);
    assert!(a.publish_shard(&shards[1], &text("a")).unwrap());
    assert!(!b.publish_shard(&shards[1], &text("b")).unwrap());
    let mut seen = Vec::new();
    let records = b.records();
    let visit = |shard, record: shardfmt::Result<Option<serde_json::Value>>| {
        seen.push((shard, unsealed(record?)));
        Ok::<(), Error>(())
    };
    records.read_shards(&[0, 1, 2], visit).unwrap();
    assert_eq!(seen, [(0, None), (1, Some(text("a"))), (2, None)]);
}

#[test]
fn what_has_not_been_published_waits_in_scratch() {
    let place = Place::new();
    let scratch = place.scratch("a");
    let (_, shards) = built(&scratch);
    let record = serde_json::json!({"record": 0});
    scratch.records().write_shard(0, &record).unwrap();
    assert_eq!(scratch.records().read_shard::<serde_json::Value>(0).unwrap(), None);
    scratch.tidy();
    let again = place.scratch("a");
    assert_eq!(unsealed(again.records().read_unpublished(0).unwrap()), Some(record));
    assert!(shards[0].are_in(&again));
    again.drop_unpublished(&shards[0]).unwrap();
    again.tidy();
    assert!(!scratch.path().exists(), "nothing waits any more");
}

#[test]
fn a_shard_that_is_not_whole_is_found() {
    let place = Place::new();
    let scratch = place.scratch("a");
    let (_, shards) = built(&scratch);
    for files in &shards {
        scratch.publish_shard(files, &serde_json::json!({"record": 0})).unwrap();
    }
    assert!(scratch.not_whole(shards.iter()).unwrap().is_empty());
    fs::write(place.kept("labels/00000.parquet"), b"torn").unwrap();
    fs::remove_file(place.kept("assets/00001.parquet")).unwrap();
    assert_eq!(scratch.not_whole(shards.iter()).unwrap(), [0, 1]);
}

#[test]
fn something_else_is_told_from_a_dataset() {
    let place = Place::new();
    fs::create_dir_all(place.kept("")).unwrap();
    fs::write(place.kept("notes.txt"), b"mine").unwrap();
    assert_eq!(
        place.scratch("a").state().unwrap(),
        FolderState::Foreign("notes.txt".into())
    );
    let web = output_at(&Location::of(Path::new("https://example.org/birds")), None).map(|_| ());
    let told = web.unwrap_err().to_string();
    assert!(
        told.contains("only read") || told.contains("of this machine only"),
        "{told}"
    );
}
