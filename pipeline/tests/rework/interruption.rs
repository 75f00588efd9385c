//! What a run finds that another left behind or holds. Runs that are killed: `torture_rework` of the end-to-end tests.

use pipeline::Error;
use pipeline::rework::{Linked, relabel, reshard};
use shardfmt::entry::shard_path;
use shardfmt::persist::Lock;

use super::dataset_files::{assert_alone, assert_same, assert_sound, files};
use super::recordings::{Recordings, built, source};

#[test]
fn leftovers_of_a_killed_run_are_removed_by_the_next() {
    let place = Recordings::new();
    let (dir, fresh) = (place.path("data"), place.path("fresh"));
    built(&place.old(), &dir);
    built(&place.new_labels(), &fresh);
    let beside = place.path(".data.rework");
    // Killed while writing: half a dataset with its lock file; killed after the exchange: the old dataset, or what its
    // removal left, and a lock file in the new one.
    for leftover in [
        "labels/00077.parquet",
        "shards/.00000.safetensors.tmp",
        "dataset.json",
        ".build/lock",
    ] {
        let path = beside.join(leftover);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "left").unwrap();
    }
    std::fs::create_dir(dir.join(".build")).unwrap();
    std::fs::write(dir.join(".build/lock"), "").unwrap();
    relabel(&source(&place.new_labels()), &dir, Linked::Verify, &|_| {}).unwrap();
    assert_same(&dir, &fresh, |name| {
        name.starts_with("shards/") || name == "dataset.json"
    });
    assert_sound(&dir);

    let out = place.path("out");
    std::fs::create_dir_all(place.path(".out.rework/shards")).unwrap();
    std::fs::write(place.path(".out.rework/shards/00000.safetensors"), "left").unwrap();
    reshard(&dir, 3, &out, &|_| {}).unwrap();
    assert_sound(&out);
}

#[test]
fn a_dataset_that_is_being_rewritten_is_left_to_the_other_run() {
    let place = Recordings::new();
    let dir = place.path("data");
    built(&place.old(), &dir);
    let before = files(&dir);
    let new = source(&place.new_labels());
    // The lock of a run that has not exchanged the folders yet, then that of one that writes beside.
    for folder in ["data/.build", ".data.rework/.build"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
        let lock = Lock::acquire(&place.path(folder).join("lock")).unwrap();
        let error = relabel(&new, &dir, Linked::Verify, &|_| {}).unwrap_err();
        assert!(
            matches!(error, Error::Dataset(shardfmt::Error::Locked { .. })),
            "{error}"
        );
        assert!(
            place.path(folder).join("lock").exists(),
            "the other run's lock was removed"
        );
        drop(lock);
        std::fs::remove_dir_all(place.path(folder)).unwrap();
        assert!(before == files(&dir));
    }
}

#[test]
fn a_dataset_that_was_replaced_meanwhile_is_left_as_it_is() {
    let place = Recordings::new();
    let (dir, other) = (place.path("data"), place.path("other"));
    built(&place.old(), &dir);
    built(&place.new_labels(), &other);
    let wanted = files(&other);
    // While the shards are relabelled, another build puts its dataset there.
    let swap = std::sync::Once::new();
    let swapping = |event: pipeline::event::Event<'_>| {
        if matches!(event, pipeline::event::Event::Clips(_)) {
            swap.call_once(|| {
                std::fs::copy(other.join("dataset.json"), dir.join("dataset.json"))
                    .map(drop)
                    .unwrap()
            });
        }
    };
    let error = relabel(&source(&place.old()), &dir, Linked::Verify, &swapping).unwrap_err();
    assert!(matches!(error, Error::Replaced { .. }), "{error}");
    assert_eq!(files(&dir)["dataset.json"], wanted["dataset.json"]);
    assert_alone(&dir);
}

#[test]
fn a_shard_that_vanishes_meanwhile_is_named_and_nothing_else_harmed() {
    let place = Recordings::new();
    let (dir, out) = (place.path("data"), place.path("out"));
    built(&place.old(), &dir);
    let before = files(&dir);
    let (shard, hidden) = (dir.join(shard_path(1)), place.path("hidden"));
    let vanishing = |event: pipeline::event::Event<'_>| {
        if matches!(event, pipeline::event::Event::Planned { .. }) {
            std::fs::rename(&shard, &hidden).unwrap();
        }
    };
    let new = source(&place.new_labels());
    let runs: [&dyn Fn() -> pipeline::Result<pipeline::event::Outcome>; 3] = [
        &|| relabel(&new, &dir, Linked::Verify, &vanishing),
        &|| relabel(&new, &dir, Linked::Trust, &vanishing),
        &|| reshard(&dir, 3, &out, &vanishing),
    ];
    for run in runs {
        let error = run().unwrap_err();
        assert!(
            matches!(error, Error::Dataset(shardfmt::Error::FileMissing { .. })),
            "{error}"
        );
        assert!(error.to_string().contains("shards/00001.safetensors"), "{error}");
        std::fs::rename(&hidden, &shard).unwrap();
        assert!(before == files(&dir) && !out.exists());
        assert_alone(&dir);
    }
}

#[test]
fn what_is_no_dataset_is_not_touched() {
    let place = Recordings::new();
    let dir = place.path("notes");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("a.txt"), "a").unwrap();
    let error = relabel(&source(&place.old()), &dir, Linked::Verify, &|_| {}).unwrap_err();
    assert!(
        matches!(error, Error::Dataset(shardfmt::Error::NoDataset { .. })),
        "{error}"
    );
    let error = reshard(&dir, 3, &place.path("out"), &|_| {}).unwrap_err();
    assert!(
        matches!(error, Error::Dataset(shardfmt::Error::NoDataset { .. })),
        "{error}"
    );
    assert_eq!(files(&dir).len(), 1);
    assert!(!place.path("out").exists());
}
