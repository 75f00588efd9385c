//! What a run finds that another left behind or holds.

use std::process::{Command, Stdio};
use std::time::Duration;

use pipeline::Error;
use pipeline::rework::{Linked, relabel, reshard};
use pipeline::source::ClipSource;
use shardfmt::entry::shard_path;
use shardfmt::persist::Lock;
use shardfmt::verify::{Depth, verify};
use shardfmt::{Dataset, read_dataset_json};

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

/// Runs a command of the program, killed (SIGKILL) after a delay unless it has ended; whether it was killed.
fn killed_after(delay: Duration, arguments: &[&std::path::Path]) -> bool {
    let mut program = Command::new(env!("CARGO_BIN_EXE_l48"));
    let mut child = program
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(delay);
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn killed_at_any_time_a_relabelled_folder_holds_the_old_or_the_new_dataset() {
    let place = Recordings::new();
    let dir = place.path("data");
    let manifests = [place.old(), place.new_labels()];
    built(&manifests[0], &dir);
    let configs = manifests.each_ref().map(|manifest| source(manifest).head().config_xxh3);
    let (mut kills, mut now) = (0, configs[0]);
    for step in 0..40 {
        let wanted = usize::from(now == configs[0]);
        let arguments = [std::path::Path::new("relabel"), &dir, &manifests[wanted]];
        let killed = killed_after(Duration::from_millis(2 * step), &arguments);
        let report = verify(&dir, Depth::Full, &mut |_, _| {}).unwrap();
        assert_eq!(report.findings, [], "after {} ms", 2 * step);
        let found = read_dataset_json(&dir.join("dataset.json")).unwrap().head.config_xxh3;
        assert!(configs.contains(&found));
        assert!(killed || found == configs[wanted]);
        kills += u32::from(killed);
        now = found;
    }
    assert!(kills > 0, "no run was killed, so the test shows nothing");
    let wanted = usize::from(now == configs[0]);
    relabel(&source(&manifests[wanted]), &dir, Linked::Verify, &|_| {}).unwrap();
    assert_sound(&dir);
}

#[test]
fn killed_at_any_time_a_resharded_folder_is_whole_or_not_there() {
    let place = Recordings::new();
    let (dir, out) = (place.path("data"), place.path("out"));
    built(&place.old(), &dir);
    let mut kills = 0;
    for step in 0..40 {
        let paths = ["reshard", "--clips", "1", "--out"].map(std::path::Path::new);
        let [command, rest @ ..] = paths;
        let arguments = [&[command, dir.as_path()], rest.as_slice(), &[out.as_path()]].concat();
        let killed = killed_after(Duration::from_millis(2 * step), &arguments);
        kills += u32::from(killed);
        assert!(killed || out.exists());
        if out.exists() {
            let report = verify(&out, Depth::Full, &mut |_, _| {}).unwrap();
            assert_eq!(report.findings, [], "after {} ms", 2 * step);
            assert_eq!(report.clips, Dataset::open(&dir).unwrap().info().counts.clips);
            std::fs::remove_dir_all(&out).unwrap();
        }
    }
    assert!(kills > 0, "no run was killed, so the test shows nothing");
    reshard(&dir, 1, &out, &|_| {}).unwrap();
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
    let swapping = |event: pipeline::ingest::Event<'_>| {
        if matches!(event, pipeline::ingest::Event::Clips(_)) {
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
    let vanishing = |event: pipeline::ingest::Event<'_>| {
        if matches!(event, pipeline::ingest::Event::Planned { .. }) {
            std::fs::rename(&shard, &hidden).unwrap();
        }
    };
    let new = source(&place.new_labels());
    let runs: [&dyn Fn() -> pipeline::Result<pipeline::ingest::Outcome>; 3] = [
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
