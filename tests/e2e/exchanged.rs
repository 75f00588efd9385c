//! Files of a dataset that are sound but not its own: every command that reads a clip or its labels refuses them by
//! name.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::file_tree::{copy, tree};
use crate::program::{command, l48, run};
use crate::recordings::Workplace;

/// Small images, and shards of one recording.
const SMALL: &str = "[shards]\nclips = 2\n[spectrogram]\nn_fft = 512\nwin_length = 512\nhop_length = 2205\nn_mels = 8\nframes = 16\nfmax_hz = 8000.0\n";

/// Three shards of equal size.
fn built() -> Workplace {
    let place = Workplace::with_recordings(SMALL, &[(1, 6.0), (2, 6.0), (3, 6.0)]);
    l48!("build", place.manifest(), "--out", place.path("data")).expect(0);
    place
}

fn exchange(a: &Path, b: &Path) {
    let [in_a, in_b] = [a, b].map(|path| fs::read(path).unwrap());
    assert!(in_a != in_b);
    fs::write(a, in_b).unwrap();
    fs::write(b, in_a).unwrap();
}

/// Asserts that each command fails, naming `file` of the dataset `data`.
#[track_caller]
fn assert_refused(place: &Workplace, file: &str) {
    place.write("chosen.csv", "1\n2\n3\n");
    let (data, out) = (place.path("data"), place.path("out"));
    let [chosen, picture] = ["chosen.csv", "clip.png"].map(|name| OsString::from(place.path(name)));
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let commands = [
        [words(&["verify", "--quick"]), vec![data.clone().into()]].concat(),
        [
            words(&["preview"]),
            vec![data.clone().into()],
            words(&["--asset", "1", "--out"]),
            vec![picture],
        ]
        .concat(),
        [words(&["stats"]), vec![data.clone().into()]].concat(),
        [
            words(&["export", "coco-detection"]),
            vec![data.clone().into()],
            words(&["--out"]),
            vec![out.clone().into()],
        ]
        .concat(),
        [words(&["export", "croissant"]), vec![data.clone().into()]].concat(),
        [
            words(&["subset"]),
            vec![data.clone().into()],
            words(&["--clips"]),
            vec![chosen],
            words(&["--out"]),
            vec![out.clone().into()],
        ]
        .concat(),
        [
            words(&["reshard"]),
            vec![data.clone().into()],
            words(&["--clips", "4", "--out"]),
            vec![out.clone().into()],
        ]
        .concat(),
        [words(&["relabel"]), vec![data.clone().into(), place.manifest().into()]].concat(),
    ];
    let before = tree(&data);
    for arguments in commands {
        let ended = run(command().args(&arguments)).expect(2);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains(file), "{arguments:?} should name {file}:\n{said}");
        assert!(!out.exists(), "{arguments:?}");
    }
    assert!(tree(&data) == before, "the dataset was changed");
}

#[test]
fn exchanged_shards_are_refused() {
    let place = built();
    let size = |name: &str| fs::metadata(place.path("data/shards").join(name)).unwrap().len();
    assert_eq!(size("00000.safetensors"), size("00001.safetensors"));
    exchange(
        &place.path("data/shards/00000.safetensors"),
        &place.path("data/shards/00001.safetensors"),
    );
    // Either of the two, whichever is read first.
    assert_refused(&place, "shards/0000");
}

#[test]
fn exchanged_labels_are_refused() {
    let place = built();
    exchange(
        &place.path("data/labels/00000.parquet"),
        &place.path("data/labels/00001.parquet"),
    );
    // Either of the two, whichever is read first.
    assert_refused(&place, "labels/0000");
}

#[test]
fn a_shard_of_an_older_build_is_refused() {
    let place = built();
    place.write(
        "older.toml",
        &place.read("manifest.toml").replace("n_fft = 512", "n_fft = 1024"),
    );
    l48!("build", place.path("older.toml"), "--out", place.path("older")).expect(0);
    let shard = "shards/00000.safetensors";
    fs::copy(place.path("older").join(shard), place.path("data").join(shard)).unwrap();
    assert_refused(&place, shard);
}

#[test]
fn reworked_datasets_keep_the_shards_of_the_builds_they_came_of() {
    let place = built();
    place.write(
        "other.toml",
        &(place.read("manifest.toml") + "[labels]\ncompleteness = \"span\"\n"),
    );
    copy(&place.path("data"), &place.path("relabelled"));
    l48!("relabel", place.path("relabelled"), place.path("other.toml")).expect(0);
    place.write("first.csv", "1\n");
    place.write("others.csv", "2\n3\n");
    l48!(
        "subset",
        place.path("relabelled"),
        "--clips",
        place.path("first.csv"),
        "--out",
        place.path("a")
    )
    .expect(0);
    l48!(
        "subset",
        place.path("data"),
        "--clips",
        place.path("others.csv"),
        "--out",
        place.path("b")
    )
    .expect(0);
    l48!("merge", place.path("a"), place.path("b"), "--out", place.path("merged")).expect(0);
    l48!(
        "reshard",
        place.path("merged"),
        "--clips",
        "8",
        "--out",
        place.path("large")
    )
    .expect(0);
    l48!("relabel", place.path("merged"), place.manifest()).expect(0);
    for name in ["relabelled", "a", "b", "merged", "large"] {
        l48!("verify", place.path(name)).expect(0);
        l48!("stats", place.path(name)).expect(0);
    }
}
