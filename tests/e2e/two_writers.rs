//! Two writers of one shard where locks keep nobody out, and what writers that died leave.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::file_tree::{assert_same, copy, dataset_tree, names, tree};
use crate::program::{command, fail_point_command, l48, run};
use crate::recordings::Workplace;
use crate::torture::{kill_at, points, reset};

const ROUNDS: usize = 10;

fn planned() -> Workplace {
    let place = Workplace::with_recordings("", &[(1, 20.0), (2, 16.0), (3, 31.0)]);
    l48!["plan", place.manifest(), "--out", place.path("out")].expect(0);
    place
}

fn build_shard(place: &Workplace) -> Command {
    let mut command = fail_point_command();
    command
        .arg("build")
        .arg(place.manifest())
        .arg("--out")
        .arg(place.path("out"))
        .args(["--shards", "0..1", "--threads", "1"]);
    command
}

#[test]
fn two_builds_of_one_shard_without_working_locks_give_a_whole_one() {
    let place = planned();
    l48!["build", place.manifest(), "--out", place.path("whole")].expect(0);
    let whole = tree(&place.path("whole"));
    for round in 1..=ROUNDS {
        reset(&place.path("out"));
        l48!["plan", place.manifest(), "--out", place.path("out")].expect(0);
        let start = || {
            let mut command = build_shard(&place);
            command.env("L48_NO_LOCKS", "1").stdout(Stdio::null());
            command.spawn().unwrap()
        };
        for mut builder in [start(), start()] {
            let status = builder.wait().unwrap();
            assert!(status.success(), "round {round}: {status}");
        }
        l48!["commit", place.path("out")].expect(0);
        l48!["verify", place.path("out")].expect(0);
        assert_same(&whole, &tree(&place.path("out")), &format!("round {round}"));
    }
}

#[test]
fn an_orphan_that_ends_when_its_retry_does_leaves_a_whole_shard() {
    let place = planned();
    l48!["build", place.manifest(), "--out", place.path("whole")].expect(0);
    let whole = tree(&place.path("whole"));
    let points = points(&place, build_shard(&place), 0).len();
    for round in 1..=ROUNDS {
        reset(&place.path("out"));
        l48!["plan", place.manifest(), "--out", place.path("out")].expect(0);
        let mut orphan = build_shard(&place);
        orphan
            .env("L48_NO_LOCKS", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // It is killed after this many of its writes, wherever the other is.
        orphan.env("L48_FAIL_AT", (1 + round * (points - 1) / ROUNDS).to_string());
        let mut orphan = orphan.spawn().unwrap();
        let mut retry = build_shard(&place);
        retry.env("L48_NO_LOCKS", "1").stdout(Stdio::null());
        assert!(retry.status().unwrap().success(), "round {round}");
        // Still at it when the other has ended, it ends now.
        let _ = orphan.kill();
        orphan.wait().unwrap();
        l48!("commit", place.path("out")).expect(0);
        l48!("verify", place.path("out")).expect(0);
        assert_same(&whole, &tree(&place.path("out")), &format!("round {round}"));
    }
}

#[test]
fn what_a_killed_writer_left_is_removed_before_the_shard_is_built_again() {
    let place = planned();
    let all = points(&place, build_shard(&place), 0);
    let is_row = |name: &String| name == "shard row written";
    let row = 1 + all.iter().position(is_row).unwrap();
    reset(&place.path("out"));
    l48!["plan", place.manifest(), "--out", place.path("out")].expect(0);
    kill_at(build_shard(&place), row);
    let left = names(&place.path("out/shards"));
    assert!(
        left.len() == 1 && left[0].starts_with(".00000.safetensors."),
        "{left:?}"
    );
    // Of a machine that cannot be asked: it goes with the commit.
    place.write(
        "out/labels/.00000.parquet.00000000000000aa-1-2-0000000000000003.tmp",
        "a part",
    );
    l48![
        "build",
        place.manifest(),
        "--out",
        place.path("out"),
        "--shards",
        "0..1"
    ]
    .expect(0);
    assert_eq!(names(&place.path("out/shards")), ["00000.safetensors"]);
    assert_eq!(names(&place.path("out/labels")).len(), 2);
    l48!["commit", place.path("out")].expect(0);
    l48!["verify", place.path("out")].expect(0);
    assert_eq!(names(&place.path("out/labels")), ["00000.parquet"]);
}

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
    let orphan = orphan.spawn().unwrap();
    let begun = Instant::now();
    while names(&place.path("out/shards")).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no shard is begun");
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&orphan, "-STOP");
    let left = names(&place.path("out/shards"));
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
    let facts = || std::fs::read_to_string(format!("/proc/{}/stat", orphan.id())).unwrap();
    while !facts().contains(") Z ") {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The first process of many containers never asks how an orphan ended, that of others seconds later.
#[cfg(target_os = "linux")]
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
        l48!["commit", &out].expect(0);
        assert_eq!(names(&out.join("shards")).len(), 2, "what it writes is its own");
        late
    };

    let mut late = late_writer();
    signal(&late, "-CONT");
    let status = late.wait().unwrap();
    assert!(status.signal().is_none(), "{status}");
    assert_same(&whole, &tree(&out), "one was late");

    let mut late = late_writer();
    kill_unasked(&late);
    // A commit that was killed leaves records too.
    place.write("out/.build/lock", "");
    let left = place.path("left");
    copy(&out, &left);
    let build = ["build".as_ref(), place.manifest().as_os_str(), "--out".as_ref()].map(OsStr::to_os_string);
    for (arguments, flags) in [(&build[..], &["--resume"][..]), (&["commit".into()], &["--resume"])] {
        reset(&out);
        copy(&left, &out);
        run(command().args(arguments).arg(&out).args(flags)).expect(0);
        assert_same(&whole, &tree(&out), &format!("{arguments:?} finds all done"));
    }
    reset(&out);
    copy(&left, &out);
    run(command().args(build).arg(&out).args(["--part", "0/1", "--resume"])).expect(0);
    assert_same(&whole, &dataset_tree(&out), "a part finds all done");
    late.wait().unwrap();
}
