//! Loading a dataset that is kept elsewhere: what comes when, and that it is what a dataset here gives.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use loader::{Arrangement, Catalogue, ClipReader, Filters, Gather, Mode, Rows, Sampler, SamplerConfig, Supervision};
use shardfmt::dataset::{Backing, Held, Releases};
use shardfmt::entry::{DATASET_JSON, FileEntry, labels_path, priors_path, shard_path};
use shardfmt::{Dataset, Error, Split, Xxh3};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shardfmt/tests/golden")
}

/// Another folder, from which files are copied.
#[derive(Debug)]
struct Elsewhere {
    near: PathBuf,
    room: u64,
    fetched: Mutex<Vec<String>>,
    expected: Mutex<Vec<String>>,
}

impl Backing for Elsewhere {
    fn fetch(&self, entry: &FileEntry) -> shardfmt::Result<Held> {
        let path = self.near.join(&entry.path);
        if !path.exists() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(golden().join(&entry.path), path).unwrap();
            self.fetched.lock().unwrap().push(entry.path.clone());
        }
        Ok(Held::default())
    }

    fn expect(&self, entries: &[FileEntry]) {
        let names = entries.iter().map(|entry| entry.path.clone());
        self.expected.lock().unwrap().extend(names);
    }

    fn room(&self) -> u64 {
        self.room
    }

    fn may_ask(&self, _: Weak<dyn Releases>) {}

    fn place(&self) -> PathBuf {
        "s3://lab/golden".into()
    }

    fn publish(&self, entry: &FileEntry) -> shardfmt::Result<()> {
        Err(self.not_asked(&entry.path))
    }

    fn holds(&self, entry: &FileEntry) -> shardfmt::Result<bool> {
        Err(self.not_asked(&entry.path))
    }

    fn size(&self, name: &str) -> shardfmt::Result<Option<u64>> {
        Err(self.not_asked(name))
    }

    fn names(&self, under: &str) -> shardfmt::Result<Option<Vec<String>>> {
        Err(self.not_asked(under))
    }

    fn read(&self, name: &str) -> shardfmt::Result<Option<Vec<u8>>> {
        Err(self.not_asked(name))
    }

    fn create(&self, name: &str, _: &[u8]) -> shardfmt::Result<bool> {
        Err(self.not_asked(name))
    }

    fn remove(&self, name: &str) -> shardfmt::Result<()> {
        Err(self.not_asked(name))
    }
}

impl Elsewhere {
    /// Readers ask for files alone.
    fn not_asked(&self, name: &str) -> Error {
        Error::FileMissing {
            path: self.near.join(name),
        }
    }

    fn has_fetched(&self, name: &str) -> bool {
        self.fetched.lock().unwrap().iter().any(|fetched| fetched == name)
    }

    fn has_expected(&self, name: &str) -> bool {
        self.expected.lock().unwrap().iter().any(|expected| expected == name)
    }
}

fn open(near: &Path, room: u64) -> (Arc<Elsewhere>, Arc<Dataset>) {
    fs::copy(golden().join(DATASET_JSON), near.join(DATASET_JSON)).unwrap();
    let elsewhere = Arc::new(Elsewhere {
        near: near.to_path_buf(),
        room,
        fetched: Mutex::default(),
        expected: Mutex::default(),
    });
    let backing = Arc::clone(&elsewhere);
    let dataset = Dataset::open_backed(near, backing).unwrap();
    (elsewhere, Arc::new(dataset))
}

fn training(catalogue: &Catalogue) -> Supervision {
    let filters = Filters {
        remove_unannotated: false,
        remove_empty: false,
        keep_silent: true,
    };
    catalogue.select(Split::Train, Mode::Full, Rows::Own, &filters).unwrap()
}

fn sampler(supervision: &Supervision, arrangement: Arrangement) -> Sampler {
    let config = SamplerConfig {
        seed: 48,
        batch: 1,
        clips_per_asset: None,
        max_clips_per_asset: None,
        class_balanced: false,
        arrangement,
        drop_last: false,
        rank: 0,
        ranks: 1,
    };
    Sampler::new(supervision, Xxh3::of(b"golden"), config).unwrap()
}

#[test]
fn clips_are_those_of_a_dataset_here_and_come_when_they_are_touched() {
    let folder = tempfile::tempdir().unwrap();
    let (elsewhere, far) = open(folder.path(), u64::MAX);
    let here = Arc::new(Dataset::open(&golden()).unwrap());
    assert_eq!(far.place(), Path::new("s3://lab/golden"));
    let [ours, theirs] = [&far, &here].map(|dataset| {
        let clips = ClipReader::open_as_touched(dataset).unwrap();
        let catalogue = Catalogue::read_beside(dataset, &clips).unwrap();
        assert_eq!(Catalogue::read(dataset).unwrap().clips(), catalogue.clips());
        (clips, catalogue)
    });
    assert_eq!((ours.0.may_wait(), theirs.0.may_wait()), (true, false));
    for table in [labels_path(0), priors_path(0)] {
        assert!(
            elsewhere.has_expected(&table) && elsewhere.has_fetched(&table),
            "{table}"
        );
    }
    assert!(!elsewhere.has_fetched(&shard_path(0)), "no clip was touched");
    assert_eq!(ours.1.clips(), theirs.1.clips());
    let count = u32::try_from(ours.1.clips().len()).unwrap();
    let rows: Vec<u32> = (0..count).rev().collect();
    let batches = [&ours, &theirs].map(|(clips, catalogue)| {
        let mut memory = vec![0; rows.len() * clips.spec().clip_bytes()];
        let gather = Gather::new(clips, catalogue.clips(), clips.spec()).unwrap();
        (gather.batch(&rows, &mut memory).unwrap(), memory)
    });
    assert!(batches[0] == batches[1]);
    assert!(elsewhere.has_fetched(&shard_path(0)));
    let first = &theirs.1.clips()[0];
    assert_eq!(ours.0.stored(first).unwrap(), theirs.0.stored(first).unwrap());
}

#[test]
fn an_order_has_shards_brought_that_have_room() {
    for (room, arrangement, is_expected) in [
        (u64::MAX, Arrangement::Shuffled, true),
        (u64::MAX, Arrangement::Window(1), true),
        (u64::MAX, Arrangement::Stored, true),
        (100, Arrangement::Shuffled, false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (elsewhere, dataset) = open(folder.path(), room);
        let clips = ClipReader::open_as_touched(&dataset).unwrap();
        let supervision = training(&Catalogue::read_beside(&dataset, &clips).unwrap());
        let sampler = sampler(&supervision, arrangement);
        for _ in 0..2 {
            clips.expect(&sampler, &supervision.clips, (1, 0));
        }
        assert_eq!(elsewhere.has_expected(&shard_path(0)), is_expected, "{arrangement:?}");
        let asked = elsewhere.expected.lock().unwrap();
        assert_eq!(
            asked.iter().filter(|name| **name == shard_path(0)).count(),
            usize::from(is_expected)
        );
        let beyond = clips.beyond_room(&supervision.clips);
        assert_eq!(beyond, (room == 100).then(|| (dataset.shard_bytes(0), 100)));
    }
}

#[test]
fn labels_of_other_recordings_are_refused_without_the_shard() {
    let folder = tempfile::tempdir().unwrap();
    let (elsewhere, dataset) = open(folder.path(), u64::MAX);
    let labels = dataset.labels_by_assets(0).unwrap();
    let shard = dataset.open_shard(0, shardfmt::Checks::Off).unwrap();
    assert_eq!(dataset.labels(&shard).unwrap(), labels);
    assert!(elsewhere.has_fetched(&labels_path(0)));
    fs::write(folder.path().join(labels_path(0)), b"something else").unwrap();
    assert!(matches!(
        dataset.labels_by_assets(0),
        Err(Error::FileSize { .. } | Error::FileChecksum { .. })
    ));
}
