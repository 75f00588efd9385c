//! What a writer that is killed, or late, leaves beside a dataset that is committed: nothing, whenever the system tells
//! that it has ended.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::file_tree::{assert_same, copy, dataset_tree, names, tree};
use crate::program::{command, fail_point_command, l48, run};
use crate::recordings::Workplace;
use crate::torture::reset;
use crate::two_writers::{build_shard, planned};

/// Sends a process a signal.
fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &process.id().to_string()]).status();
    assert!(sent.unwrap().success(), "kill {name}");
}

/// A builder of the first shard that ignores locks, stopped while its clips have no name yet.
fn stopped_while_it_writes(place: &Workplace) -> Child {
    let mut orphan = build_shard(place);
    orphan
        .env("L48_NO_LOCKS", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let orphan = orphan.arg("--resume").spawn().unwrap();
    let begun = Instant::now();
    let shards = place.path("out/shards");
    while !shards.is_dir() || names(&shards).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no shard is begun");
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&orphan, "-STOP");
    let left = names(&shards);
    assert!(
        left.len() == 1 && left[0].starts_with(".00000.safetensors."),
        "{left:?}"
    );
    orphan
}

fn retry(place: &Workplace) {
    let mut retry = build_shard(place);
    retry.env("L48_NO_LOCKS", "1").stdout(Stdio::null());
    assert!(retry.status().unwrap().success());
}

/// Kills a process whose parent, this test, does not ask how it ended: it stays in the list of processes.
fn kill_unasked(orphan: &Child) {
    signal(orphan, "-KILL");
    let process = PathBuf::from(format!("/proc/{}", orphan.id()));
    let has_ended = || {
        let facts = std::fs::read_to_string(process.join("stat")).unwrap();
        facts.contains(") Z ") && names(&process.join("task")).len() == 1
    };
    while !has_ended() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The first process of many containers never asks how an orphan ended, that of others seconds later.
#[test]
fn a_killed_writer_that_nobody_has_asked_for_leaves_nothing() {
    let place = planned();
    l48!["build", place.manifest(), "--out", place.path("whole")].expect(0);
    let (whole, out) = (tree(&place.path("whole")), place.path("out"));

    // It died before its retry began.
    let mut orphan = stopped_while_it_writes(&place);
    kill_unasked(&orphan);
    retry(&place);
    assert_eq!(names(&out.join("shards")), ["00000.safetensors"]);
    orphan.wait().unwrap();

    // It dies when its retry is done.
    reset(&out);
    l48!["plan", place.manifest(), "--out", &out].expect(0);
    let mut orphan = stopped_while_it_writes(&place);
    retry(&place);
    kill_unasked(&orphan);
    assert_eq!(names(&out.join("shards")).len(), 2);
    l48!["commit", &out].expect(0);
    assert_same(&whole, &tree(&out), "one died");
    orphan.wait().unwrap();
}

#[test]
fn a_writer_that_outlives_the_commit_changes_nothing_and_leaves_nothing() {
    let place = planned();
    l48!["build", place.manifest(), "--out", place.path("whole")].expect(0);
    let (whole, out) = (tree(&place.path("whole")), place.path("out"));
    let late_writer = || {
        reset(&out);
        l48!["plan", place.manifest(), "--out", &out].expect(0);
        let late = stopped_while_it_writes(&place);
        retry(&place);
        let mut commit = fail_point_command();
        commit.arg("commit").arg(&out).env("L48_NO_LOCKS", "1");
        run(&mut commit).expect(0);
        assert_eq!(names(&out.join("shards")).len(), 2, "what it writes is its own");
        late
    };

    let mut late = late_writer();
    signal(&late, "-CONT");
    let status = late.wait().unwrap();
    assert!(status.success(), "{status}");
    assert_same(&whole, &tree(&out), "one was late");

    let mut late = late_writer();
    kill_unasked(&late);
    // A commit that was killed leaves records too.
    place.write("out/.build/lock", "");
    let left = place.path("left");
    copy(&out, &left);
    let build = [OsString::from("build"), place.manifest().into(), "--out".into()];
    let commit = [OsString::from("commit")];
    for again in [&build[..], &commit[..]] {
        reset(&out);
        copy(&left, &out);
        run(command().args(again).arg(&out).arg("--resume")).expect(0);
        assert_same(&whole, &tree(&out), &format!("{again:?} finds all done"));
    }
    reset(&out);
    copy(&left, &out);
    run(command().args(build).arg(&out).args(["--part", "0/1", "--resume"])).expect(0);
    assert_same(&whole, &dataset_tree(&out), "a part finds all done");
    late.wait().unwrap();
}
