//! Tests datasets that are read through a cache; they are kept in another folder here, which a cache knows no better.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use shardfmt::dataset::{Backing, OpenShards};
use shardfmt::entry::shard_path;
use shardfmt::verify::{Depth, Part, verify_backed};
use shardfmt::{Checks, Dataset, read_dataset_json};

use super::*;

/// A dataset with two shards and a cache.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
        let folder = tempfile::tempdir().unwrap();
        let info = read_dataset_json(&golden.join(DATASET_JSON)).unwrap();
        let names = info.files.iter().map(|entry| entry.path.as_str());
        for name in names.chain([DATASET_JSON]) {
            let path = folder.path().join("kept").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(golden.join(name), path).unwrap();
        }
        Self { folder }
    }

    fn kept(&self, name: &str) -> PathBuf {
        self.folder.path().join("kept").join(name)
    }

    fn cache(&self, bytes: u64) -> CacheSettings {
        let dir = self.folder.path().join("cache");
        CacheSettings { dir, bytes }
    }

    fn copy(&self, bytes: u64, arrivals: Arrivals) -> (PathBuf, Arc<dyn Backing>) {
        near_copy(&Location::Path(self.kept("")), &self.cache(bytes), arrivals).unwrap()
    }

    fn open(&self, bytes: u64) -> Dataset {
        let (dir, copy) = self.copy(bytes, Arrivals::Checked);
        Dataset::open_backed(&dir, copy).unwrap()
    }

    fn flip(path: &Path, at: usize) {
        let mut bytes = fs::read(path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    }
}

const LARGE: u64 = 1 << 30;
/// Where the first clip of the shard begins.
const FIRST_CLIP: usize = 4096;

#[test]
fn a_dataset_is_read_through_a_cache_as_it_is() {
    let place = Place::new();
    let (near, kept) = (place.open(LARGE), Dataset::open(&place.kept("")).unwrap());
    assert!(near.is_near_copy() && !kept.is_near_copy());
    assert!(
        !near.dir().join(shard_path(0)).exists(),
        "clips come when they are touched"
    );
    for number in 0..kept.shard_count() {
        let [a, b] = [&near, &kept].map(|dataset| dataset.open_shard(number, Checks::Always).unwrap());
        for row in 0..b.rows() {
            assert_eq!(a.clip(row).unwrap(), b.clip(row).unwrap());
        }
        assert_eq!(near.labels(&a).unwrap(), kept.labels(&b).unwrap());
        assert_eq!(near.priors(&a).unwrap(), kept.priors(&b).unwrap());
    }
    assert_eq!(near.rejects().unwrap(), kept.rejects().unwrap());
    // Once it is near, nobody asks elsewhere but for what dataset is there.
    fs::remove_file(place.kept(&shard_path(0))).unwrap();
    place.open(LARGE).open_shard(0, Checks::Always).unwrap();
}

#[test]
fn a_cache_is_not_trusted_over_the_checksum() {
    let place = Place::new();
    let dir = {
        let dataset = place.open(LARGE);
        dataset.open_shard(0, Checks::Off).unwrap();
        dataset.dir().to_path_buf()
    };
    for name in [shard_path(0), "taxa.parquet".into(), "labels/00000.parquet".into()] {
        let path = dir.join(&name);
        if path.exists() {
            Place::flip(&path, 100);
        }
    }
    let dataset = place.open(LARGE);
    let shard = dataset.open_shard(0, Checks::Off).unwrap();
    assert_eq!(
        fs::read(dir.join(shard_path(0))).unwrap(),
        fs::read(place.kept(&shard_path(0))).unwrap()
    );
    dataset.labels(&shard).unwrap();
    // As long, with other bytes; then longer.
    fs::write(dir.join("rejects.parquet"), b"longer").unwrap();
    dataset.rejects().unwrap();
}

#[test]
fn what_is_damaged_where_it_is_kept_is_refused_by_name() {
    let place = Place::new();
    Place::flip(&place.kept(&shard_path(0)), FIRST_CLIP);
    let dataset = place.open(LARGE);
    let error = dataset.open_shard(0, Checks::Off).unwrap_err().to_string();
    assert!(
        error.contains("kept/shards/00000.safetensors") && error.contains("were expected"),
        "{error}"
    );
    assert!(!dataset.dir().join(shard_path(0)).exists());
    let (dir, copy) = place.copy(LARGE, Arrivals::AsTheyAre);
    let report = verify_backed(&dir, copy, Depth::Full, &mut |_, _| {}).unwrap();
    assert!(
        matches!(report.findings[..], [ref one] if matches!(one.part, Part::Record { .. })),
        "{report:?}"
    );
}

#[test]
fn a_check_of_what_is_kept_elsewhere_finds_what_a_check_here_finds() {
    let place = Place::new();
    let check = |depth| {
        let cache = CacheSettings {
            dir: place.folder.path().join("scratch"),
            bytes: LARGE,
        };
        let (dir, copy) = near_copy(&Location::Path(place.kept("")), &cache, Arrivals::AsTheyAre).unwrap();
        let far = verify_backed(&dir, copy, depth, &mut |_, _| {}).unwrap();
        fs::remove_dir_all(&cache.dir).unwrap();
        (far, verify(&place.kept(""), depth, &mut |_, _| {}).unwrap())
    };
    let (far, near) = check(Depth::Full);
    assert!(far.is_sound(), "{far:?}");
    assert_eq!(far, near);
    fs::write(place.kept("shards/stray"), b"x").unwrap();
    fs::remove_file(place.kept("priors/00000.parquet")).unwrap();
    fs::write(place.kept("taxa.parquet"), b"cut").unwrap();
    let (far, near) = check(Depth::Full);
    assert_eq!(far, near);
    assert_eq!(far.findings.len(), 3, "{far:?}");
    let (far, _) = check(Depth::Quick);
    assert_eq!((far.findings.len(), far.clips), (2, 0), "{far:?}");
}

#[test]
fn a_cache_keeps_its_bound_and_what_is_in_use() {
    let place = Place::new();
    let info = read_dataset_json(&place.kept(DATASET_JSON)).unwrap();
    let bytes: u64 = info.files.iter().map(|entry| entry.bytes).sum();
    let description = fs::metadata(place.kept(DATASET_JSON)).unwrap().len();
    // Room for all but one file.
    let limit = bytes + description - 1;
    let dataset = place.open(limit);
    let opened = dataset.open_shard(0, Checks::Off).unwrap();
    for entry in &info.files {
        dataset.map(&entry.path).unwrap();
    }
    assert!(dataset.dir().join(shard_path(0)).exists(), "it is mapped");
    let near = info
        .files
        .iter()
        .filter_map(|entry| fs::metadata(dataset.dir().join(&entry.path)).ok());
    let near: u64 = near.map(|facts| facts.len()).sum();
    assert!(near + description <= limit, "{near} of {limit}");
    drop((opened, dataset));
    let (dir, copy) = place.copy(description + 1, Arrivals::Checked);
    let error = Dataset::open_backed(&dir, copy).unwrap_err().to_string();
    assert!(error.contains("--cache-bytes"), "{error}");
}

#[test]
fn a_shard_that_was_not_used_for_longest_makes_room_for_another() {
    let place = Place::new();
    let bytes = |name: &str| fs::metadata(place.kept(name)).unwrap().len();
    let [first, second] = [0, 1].map(|number| bytes(&shard_path(number)));
    // Room for one of the two shards.
    let shards = OpenShards::of(Arc::new(place.open(bytes(DATASET_JSON) + first + second - 1)));
    let near = |number| shards.dataset().dir().join(shard_path(number)).exists();
    for number in [0, 1, 0] {
        shards.get(number).unwrap();
        let other = 1 - number;
        assert!(near(number) && shards.is_open(number) && !near(other) && !shards.is_open(other));
    }
    let held = shards.get(0).unwrap();
    let error = shards.get(1).unwrap_err().to_string();
    assert!(error.contains("--cache-bytes"), "{error}");
    assert!(near(0));
    drop(held);
    shards.get(1).unwrap();
}

#[test]
fn threads_and_processes_share_what_one_of_them_brings() {
    let place = Place::new();
    let datasets: Vec<Dataset> = (0..4).map(|_| place.open(LARGE)).collect();
    std::thread::scope(|scope| {
        for dataset in &datasets {
            scope.spawn(|| dataset.open_shard(0, Checks::Always).unwrap());
            scope.spawn(|| dataset.expect_shards(&[0]));
        }
    });
    let left: Vec<_> = fs::read_dir(datasets[0].dir().join("shards")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn no_dataset_and_no_client_say_so() {
    let place = Place::new();
    fs::remove_file(place.kept(DATASET_JSON)).unwrap();
    let error = near_copy(&Location::Path(place.kept("")), &place.cache(LARGE), Arrivals::Checked).map(|_| ());
    assert!(error.unwrap_err().to_string().contains("no dataset here"));
    if !cfg!(feature = "cloud") {
        let error = open_dataset(&Location::of(Path::new("s3://lab/birds")), &place.cache(LARGE)).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("s3://lab/birds: this program reads files of this machine only"),
            "{error}"
        );
    }
}
