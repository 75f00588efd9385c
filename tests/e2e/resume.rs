//! Tests that a build killed at any moment is taken up again, and that sources which changed in between are noticed.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use crate::dataset_rows::open;
use crate::file_tree::{assert_same, dataset_tree, names, tree};
use crate::program::{command, l48};
use crate::recordings::{RATE_HZ, Workplace, noise};

const KILLS: usize = 10;

/// Forty clips of eight recordings in ten shards, one of the recordings refused.
fn ten_shards() -> Workplace {
    let recordings: Vec<(i64, f64)> = (1..=10).map(|id| (id, 11.0 + 0.1 * id as f64)).collect();
    let place = Workplace::with_recordings("[shards]\nclips = 4\n", &recordings);
    place.write_bytes("audio/4.wav", b"RIFF, but no more than that");
    place
}

/// Starts a build, kills it after a while, and says whether it had ended by itself before.
fn build_and_kill(place: &Workplace, flag: &str, after: Duration) -> bool {
    let mut command = command();
    command
        .arg("build")
        .arg(place.manifest())
        .arg("--out")
        .arg(place.path("out"))
        .arg(flag);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    let ended = child.try_wait().unwrap().is_some();
    child.kill().unwrap();
    ended || child.wait().unwrap().signal() != Some(9)
}

#[test]
fn killed_builds_end_in_the_same_bytes() {
    let place = ten_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    let started = Instant::now();
    l48!("build", &manifest, "--out", place.path("uninterrupted")).expect(1);
    let took = started.elapsed();
    let uninterrupted = tree(&place.path("uninterrupted"));

    // Moments spread over the build's length in the order of the golden ratio's multiples: never two alike.
    let mut kills = 0;
    for round in 1.. {
        let share = (f64::from(round) * 0.618_033_988_749_895).fract();
        let ended = build_and_kill(&place, "--resume", took.mul_f64(share));
        let committed = out.join("dataset.json").exists();
        if committed {
            l48!("build", &manifest, "--out", &out, "--resume")
                .expect(0)
                .prints("Verified");
            assert_same(&uninterrupted, &tree(&out), "uninterrupted and killed after the commit");
            fs::remove_dir_all(&out).unwrap();
        } else if out.exists() && !names(&out).is_empty() {
            l48!("verify", &out).expect(2);
        }
        kills += usize::from(!ended);
        if kills >= KILLS && !committed {
            break;
        }
        assert!(round < 200, "the builds end before they can be killed");
    }
    l48!("build", &manifest, "--out", &out, "--resume").expect(1);
    assert_same(&uninterrupted, &tree(&out), "uninterrupted and killed");
}

#[test]
fn a_killed_overwrite_leaves_the_old_dataset_or_the_new_one() {
    let place = ten_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    let started = Instant::now();
    l48!("build", &manifest, "--out", &out).expect(1);
    let took = started.elapsed();
    let old = tree(&out);
    let manifest_text = place.read("manifest.toml");
    place.write(
        "manifest.toml",
        &manifest_text.replace("name = \"test\"", "name = \"renamed\""),
    );
    l48!("build", &manifest, "--out", place.path("fresh")).expect(1);
    let new = tree(&place.path("fresh"));
    let mut kills = 0;
    for share in [0.1, 0.2, 0.5, 0.8, 0.95] {
        kills += usize::from(!build_and_kill(&place, "--overwrite", took.mul_f64(share)));
        let now = dataset_tree(&out);
        assert!(now == old || now == new, "after a kill at {share} of the build");
    }
    assert!(kills > 0, "every build ended before it could be killed");
    l48!("build", &manifest, "--out", &out, "--overwrite").expect(1);
    assert_same(&new, &tree(&out), "fresh and overwritten");
    assert!(
        names(place.folder()).iter().all(|name| !name.contains("overwrite")),
        "{:?}",
        names(place.folder())
    );
}

/// Three shards, of which the first two are built.
fn two_of_three_shards() -> Workplace {
    let place = Workplace::with_recordings("[shards]\nclips = 3\n", &[(1, 9.0), (2, 9.0), (3, 9.0)]);
    l48!("plan", place.manifest(), "--out", place.path("out")).expect(0);
    l48!(
        "build",
        place.manifest(),
        "--out",
        place.path("out"),
        "--shards",
        "0..2"
    )
    .expect(0);
    place
}

fn modified(place: &Workplace, shard: &str) -> SystemTime {
    fs::metadata(place.path("out/shards").join(shard))
        .unwrap()
        .modified()
        .unwrap()
}

#[test]
fn a_source_that_changed_is_read_again() {
    let place = two_of_three_shards();
    let (first, second) = (
        modified(&place, "00000.safetensors"),
        modified(&place, "00001.safetensors"),
    );
    place.wav("audio/2.wav", RATE_HZ, 1, &noise(RATE_HZ, 9.0, 77));
    // Same bytes, new time of change: nothing to do.
    place.write_bytes("audio/1.wav", &fs::read(place.path("audio/1.wav")).unwrap());
    l48!("build", place.manifest(), "--out", place.path("out"), "--resume").expect(0);
    assert_eq!(modified(&place, "00000.safetensors"), first, "the first shard was kept");
    assert_ne!(
        modified(&place, "00001.safetensors"),
        second,
        "the second one was built again"
    );
    l48!("build", place.manifest(), "--out", place.path("fresh")).expect(0);
    assert_same(
        &tree(&place.path("fresh")),
        &tree(&place.path("out")),
        "fresh and resumed",
    );
}

#[test]
fn a_source_that_grew_past_its_shard_is_an_error() {
    let place = two_of_three_shards();
    place.wav("audio/1.wav", RATE_HZ, 1, &noise(RATE_HZ, 3.0, 1));
    place.wav("audio/2.wav", RATE_HZ, 1, &noise(RATE_HZ, 6.0, 1));
    let before = tree(&place.path("out"));
    let refused = l48!("build", place.manifest(), "--out", place.path("out"), "--resume").expect(2);
    refused
        .complains("changed length")
        .complains("asset 1")
        .complains("--overwrite");
    assert_same(&before, &tree(&place.path("out")), "before and after");
    l48!("build", place.manifest(), "--out", place.path("out"), "--overwrite").expect(0);
    l48!("verify", place.path("out")).expect(0);
}

#[test]
fn tables_and_settings_that_changed_are_an_error() {
    let place = two_of_three_shards();
    place.edit("recordings.csv", "3,audio/3.wav,woothr", "3,audio/3.wav,norcar");
    let refused = l48!("build", place.manifest(), "--out", place.path("out"), "--resume").expect(2);
    refused.complains("was planned differently: tables");
    l48!(
        "build",
        place.manifest(),
        "--out",
        place.path("out"),
        "--shards",
        "2..3"
    )
    .expect(2)
    .complains("tables");
    place.edit("recordings.csv", "3,audio/3.wav,norcar", "3,audio/3.wav,woothr");
    place.write(
        "manifest.toml",
        &(place.read("manifest.toml") + "[audio]\nchannel = 0\n"),
    );
    let refused = l48!("build", place.manifest(), "--out", place.path("out"), "--resume").expect(2);
    refused.complains("audio.channel was \"mean\" and is 0");
}

#[test]
fn a_finished_shard_that_was_damaged_is_built_again() {
    let place = two_of_three_shards();
    for (name, bytes) in [
        ("out/labels/00000.parquet", &b"PAR1"[..]),
        ("out/.build/00001.json", b"{\"plan"),
    ] {
        place.write_bytes(name, bytes);
    }
    l48!("build", place.manifest(), "--out", place.path("out"), "--resume").expect(0);
    l48!("build", place.manifest(), "--out", place.path("fresh")).expect(0);
    assert_same(
        &tree(&place.path("fresh")),
        &tree(&place.path("out")),
        "fresh and resumed",
    );
    assert_eq!(open(&place.path("out")).info().counts.clips, 9);
}
