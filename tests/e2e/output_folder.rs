//! Tests what `build`, `plan` and `commit` do to an output folder that holds something, and what keeps rivals apart.

use std::fs;
use std::path::Path;

use shardfmt::persist::Lock;

use crate::dataset_rows::open;
use crate::file_tree::{assert_same, names, tree};
use crate::program::{command, l48, run};
use crate::recordings::Workplace;

/// Nine clips of three recordings in three shards.
fn three_shards() -> Workplace {
    Workplace::with_recordings("[shards]\nclips = 3\n", &[(1, 9.0), (2, 8.5), (3, 7.0)])
}

/// The same with one recording that is refused.
fn three_shards_and_a_reject() -> Workplace {
    let place = three_shards();
    place.write_bytes("audio/2.wav", b"RIFF, but no more than that");
    place
}

#[test]
fn a_folder_of_other_things_is_left_alone() {
    let place = three_shards();
    place.write("out/notes.txt", "mine");
    let (manifest, out) = (place.manifest(), place.path("out"));
    let before = tree(&out);
    l48!("build", &manifest, "--out", &out)
        .expect(2)
        .complains("is not empty (notes.txt)");
    l48!("build", &manifest, "--out", &out, "--resume")
        .expect(2)
        .complains("notes.txt");
    l48!("build", &manifest, "--out", &out, "--overwrite")
        .expect(2)
        .complains("notes.txt");
    l48!("plan", &manifest, "--out", &out).expect(2).complains("notes.txt");
    l48!("commit", &out).expect(2).complains("notes.txt");
    assert_same(&before, &tree(&out), "before and after");
}

#[test]
fn a_committed_dataset_is_refused_then_verified_then_replaced() {
    let place = three_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!("build", &manifest, "--out", &out)
        .expect(0)
        .prints("9 clips")
        .prints("3 shards");
    let committed = tree(&out);
    l48!("build", &manifest, "--out", &out)
        .expect(2)
        .complains("a committed dataset")
        .complains("--overwrite");
    l48!("plan", &manifest, "--out", &out)
        .expect(2)
        .complains("a committed dataset");
    l48!("build", &manifest, "--out", &out, "--resume")
        .expect(0)
        .prints("is already committed")
        .prints("Verified");
    assert_same(&committed, &tree(&out), "before and after");

    place.edit(
        "manifest.toml",
        "[shards]",
        "[clips]\nduration_s = 2.0\nhop_s = 2.0\n[spectrogram]\nframes = 300\n[shards]",
    );
    let changed = l48!("build", &manifest, "--out", &out, "--resume").expect(2);
    changed.complains("was planned differently: clips.duration_s was \"3\" and is \"2\"");
    assert_same(&committed, &tree(&out), "before and after");

    let around = names(place.folder());
    l48!("build", &manifest, "--out", &out, "--overwrite")
        .expect(0)
        .prints("14 clips");
    assert_eq!(open(&out).head().clips.width, 300);
    l48!("verify", &out).expect(0);
    assert_eq!(names(place.folder()), around, "nothing is left beside the dataset");
    l48!("build", &manifest, "--out", place.path("fresh")).expect(0);
    assert_same(&tree(&place.path("fresh")), &tree(&out), "fresh and overwritten");
}

/// The folder is the one a person means: the working folder, the one a link leads to, or one named with a final slash.
#[test]
fn an_overwrite_works_whatever_the_folder_is_called() {
    let place = three_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!("build", &manifest, "--out", &out).expect(0);
    let committed = tree(&out);
    let link = place.path("link");
    std::os::unix::fs::symlink("out", &link).unwrap();
    l48!("build", &manifest, "--out", place.path("out/"), "--overwrite").expect(0);
    let through_link = fs::metadata(out.join("dataset.json")).unwrap().modified().unwrap();
    l48!("build", &manifest, "--out", &link, "--overwrite").expect(0);
    assert!(link.is_symlink(), "a link stays a link");
    let replaced = fs::metadata(out.join("dataset.json")).unwrap().modified().unwrap();
    assert_ne!(replaced, through_link, "the dataset it leads to was replaced");
    let mut inside = command();
    inside.current_dir(&out).arg("build").arg(&manifest);
    let ended = run(inside.args(["--out", ".", "--overwrite"]));
    assert_same(&committed, &tree(&out), "before and after");
    ended.expect(0);
    let expected = ["audio", "link", "manifest.toml", "out", "recordings.csv", "taxa.csv"];
    assert_eq!(names(place.folder()), expected);
}

#[test]
fn an_overwrite_that_fails_harms_nothing() {
    let place = three_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!("build", &manifest, "--out", &out).expect(0);
    let committed = tree(&out);
    place.write_bytes("audio/2.wav", b"RIFF, but no more than that");
    let failed = l48!("build", &manifest, "--out", &out, "--overwrite", "--max-rejects", "0").expect(2);
    failed.complains("1 recordings were rejected, more than --max-rejects 0");
    assert_same(&committed, &tree(&out), "before and after");
    let around = names(place.folder());
    let aside: Vec<&String> = around.iter().filter(|name| name.contains("overwrite")).collect();
    assert_eq!(aside.len(), 1, "the new build waits beside the old one: {around:?}");

    l48!("build", &manifest, "--out", &out, "--overwrite")
        .expect(1)
        .prints("1 recording was rejected");
    assert_eq!(open(&out).info().counts.rejects, 1);
    assert!(
        names(place.folder()).iter().all(|name| !name.contains("overwrite")),
        "and is gone once in place"
    );
}

#[test]
fn too_many_rejects_commit_nothing_and_can_be_resumed() {
    let place = three_shards_and_a_reject();
    let (manifest, out) = (place.manifest(), place.path("out"));
    let failed = l48!("build", &manifest, "--out", &out, "--max-rejects", "0").expect(2);
    failed
        .complains("more than --max-rejects 0, so nothing was committed")
        .complains("First rejected: asset 2 (audio/2.wav)");
    assert!(!out.join("dataset.json").exists());
    l48!("verify", &out).expect(2);
    l48!("build", &manifest, "--out", &out)
        .expect(2)
        .complains("an unfinished build")
        .complains("--resume");
    let shard = fs::metadata(out.join("shards/00000.safetensors"))
        .unwrap()
        .modified()
        .unwrap();
    l48!("build", &manifest, "--out", &out, "--resume", "--max-rejects", "1").expect(1);
    assert_eq!(
        fs::metadata(out.join("shards/00000.safetensors"))
            .unwrap()
            .modified()
            .unwrap(),
        shard,
        "not built twice"
    );
    assert!(!out.join(".build").exists());
    l48!("verify", &out).expect(0);
}

#[test]
fn not_a_single_clip_is_a_failure() {
    let place = three_shards();
    for id in 1..=3 {
        place.write_bytes(&format!("audio/{id}.wav"), b"RIFF, but no more than that");
    }
    let out = place.path("out");
    let failed = l48!("build", place.manifest(), "--out", &out).expect(2);
    failed
        .complains("none of the 3 recordings gave a clip")
        .complains("audio/1.wav")
        .complains("rejects.parquet has the reasons");
    assert!(!out.join("dataset.json").exists());
    assert_eq!(shardfmt::read_rejects(&out.join("rejects.parquet")).unwrap().len(), 3);
}

#[test]
fn a_commit_needs_every_shard() {
    let place = three_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!("commit", &out).expect(2).complains("has no unfinished build");
    l48!("build", &manifest, "--out", &out, "--shards", "0..1")
        .expect(2)
        .complains("has no unfinished build");
    assert!(!out.exists(), "a refusal leaves no folder behind");
    l48!("plan", &manifest, "--out", &out).expect(0);
    l48!("plan", &manifest, "--out", &out)
        .expect(2)
        .complains("an unfinished build");
    l48!("build", &manifest, "--out", &out, "--shards", "3..4")
        .expect(2)
        .complains("shards 0..3");
    l48!("build", &manifest, "--out", &out, "--shards", "2..9")
        .expect(2)
        .complains("outside the plan");
    l48!("build", &manifest, "--out", &out, "--shards", "0..1").expect(0);
    l48!("build", &manifest, "--out", &out, "--shards", "2..3").expect(0);
    l48!("commit", &out)
        .expect(2)
        .complains("1 of 3 shards are not built yet: 1..2");
    assert!(!out.join("dataset.json").exists());
    l48!("build", &manifest, "--out", &out, "--shards", "0..3").expect(0);
    l48!("commit", &out).expect(0);
    l48!("commit", &out).expect(2).complains("is already committed");
    l48!("build", &manifest, "--out", place.path("at once")).expect(0);
    assert_same(&tree(&out), &tree(&place.path("at once")), "in parts and at once");
}

#[test]
fn too_many_rejects_stop_a_commit_of_parts() {
    let place = three_shards_and_a_reject();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!("plan", &manifest, "--out", &out).expect(0);
    // Nobody can tell the length of the damaged one, so it shares a shard.
    l48!("build", &manifest, "--out", &out, "--shards", "0..2")
        .expect(1)
        .complains("rejected asset 2");
    l48!("commit", &out, "--max-rejects", "0")
        .expect(2)
        .complains("more than --max-rejects 0");
    l48!("commit", &out, "--max-rejects", "1")
        .expect(1)
        .prints("1 recording was rejected");
}

#[test]
fn rivals_are_locked_out() {
    let place = three_shards();
    let (manifest, out) = (place.manifest(), place.path("out"));
    l48!("plan", &manifest, "--out", &out).expect(0);
    let refused = |path: &Path, range: &str, alone: bool| {
        let lock = Lock::acquire(path).unwrap();
        let built = l48!("build", &manifest, "--out", &out, "--shards", range).expect(75);
        assert!(built.stderr.contains("lock"), "{}", built.stderr);
        if alone {
            assert!(
                l48!("build", &manifest, "--out", &out, "--resume")
                    .expect(75)
                    .stderr
                    .contains("lock")
            );
            assert!(l48!("commit", &out).expect(75).stderr.contains("lock"));
        }
        drop(lock);
    };
    refused(&out.join(".build/lock"), "0..1", true);
    refused(&out.join(".build/00001.lock"), "0..2", false);
    let lock = Lock::acquire(&out.join(".build/00001.lock")).unwrap();
    l48!("build", &manifest, "--out", &out, "--shards", "2..3").expect(0);
    drop(lock);
    let shared = Lock::acquire_shared(&out.join(".build/lock")).unwrap();
    l48!("build", &manifest, "--out", &out, "--shards", "0..1").expect(0);
    assert!(
        l48!("build", &manifest, "--out", &out, "--resume")
            .expect(75)
            .stderr
            .contains("lock")
    );
    drop(shared);
    l48!("build", &manifest, "--out", &out, "--resume").expect(0);
}
