//! Two writers of one shard where locks keep nobody out, and what writers that died leave.

use std::process::{Command, Stdio};

use crate::file_tree::{assert_same, names, tree};
use crate::program::{fail_point_command, l48};
use crate::recordings::Workplace;
use crate::torture::{kill_at, points, reset};

const ROUNDS: usize = 10;

/// A plan of one shard, in `out`.
pub(crate) fn planned() -> Workplace {
    let place = Workplace::with_recordings("", &[(1, 20.0), (2, 16.0), (3, 31.0)]);
    l48!["plan", place.manifest(), "--out", place.path("out")].expect(0);
    place
}

/// Builds the only shard, and can be killed at its points.
pub(crate) fn build_shard(place: &Workplace) -> Command {
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
