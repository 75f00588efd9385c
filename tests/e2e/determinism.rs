//! Tests that a dataset follows from recordings and manifest alone: threads, processes, place and time leave no trace.

use std::fs;
use std::process::Stdio;

use crate::dataset_rows::{labels, open, priors};
use crate::file_tree::{assert_same, copy, tree};
use crate::program::{command, ended, l48, run};
use crate::recordings::Workplace;

#[test]
fn threads_and_processes_leave_no_trace() {
    let place = Workplace::with_every_table(6);
    let manifest = place.manifest();
    for threads in ["1", "2", "3"] {
        l48!("build", &manifest, "--out", place.path(threads), "--threads", threads).expect(0);
    }
    let one = tree(&place.path("1"));
    let shards = open(&place.path("1")).shard_count();
    assert!(shards >= 4, "{shards} shards are too few for this test");
    assert_same(&one, &tree(&place.path("2")), "one thread and two");
    assert_same(&one, &tree(&place.path("3")), "one thread and three");

    let parts = place.path("parts");
    l48!("plan", &manifest, "--out", &parts)
        .expect(0)
        .prints(&format!("in {shards} shards"));
    let ranges = [format!("0..{}", shards / 2), format!("{}..{shards}", shards / 2)];
    let started: Vec<_> = ranges
        .iter()
        .map(|range| {
            let mut command = command();
            command
                .arg("build")
                .arg(&manifest)
                .arg("--out")
                .arg(&parts)
                .args(["--shards", range]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let child = command.spawn().unwrap();
            (command, child)
        })
        .collect();
    for (command, child) in started {
        ended(&command, child.wait_with_output().unwrap()).expect(0);
    }
    assert!(
        !parts.join("dataset.json").exists(),
        "nothing is committed before `l48 commit`"
    );
    l48!("commit", &parts).expect(0);
    assert_same(&one, &tree(&parts), "one process and two");
    assert!(!one.contains_key(".build/"), "the records of the build are gone");
    l48!("verify", &parts).expect(0);
}

#[test]
fn place_and_time_leave_no_trace() {
    let place = Workplace::with_every_table(6);
    l48!("build", place.manifest(), "--out", place.path("here")).expect(0);
    let elsewhere = Workplace::new();
    copy(place.folder(), &elsewhere.path("another folder"));
    // A relative path of the manifest, another working folder, and files with other times of change.
    let mut command = command();
    command.current_dir(elsewhere.folder());
    command.args(["build", "another folder/manifest.toml", "--out", "there"]);
    run(&mut command).expect(0);
    assert_same(
        &tree(&place.path("here")),
        &tree(&elsewhere.path("there")),
        "two places",
    );
}

#[test]
fn no_path_host_or_date_of_the_machine_gets_in() {
    let place = Workplace::with_every_table(64);
    place.write_bytes("audio/creek.flac", b"not a recording");
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out).expect(1);

    // "2018-06-02T06:30:00.123Z"
    let today = jiff::Timestamp::now().to_string()[..10].to_owned();
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut forbidden = vec![
        place.folder().to_str().unwrap().to_owned(),
        place.folder().file_name().unwrap().to_str().unwrap().to_owned(),
        today.replace('-', ""),
        today,
    ];
    if host.trim().len() > 3 {
        forbidden.push(host.trim().to_owned());
    }
    // Pages of Parquet files are compressed: their texts are looked at as they are read.
    let dataset = open(&out);
    let tables = [
        ("labels".to_owned(), format!("{:?}", labels(&dataset))),
        ("priors".to_owned(), format!("{:?}", priors(&dataset))),
        ("assets".to_owned(), format!("{:?}", dataset.assets())),
        ("rejects".to_owned(), format!("{:?}", dataset.rejects().unwrap())),
    ];
    let files = tree(&out).into_keys().filter(|name| !name.ends_with('/'));
    let files = files.map(|name| {
        (
            name.clone(),
            String::from_utf8_lossy(&fs::read(out.join(&name)).unwrap()).into_owned(),
        )
    });
    let mut seen = 0;
    for (name, text) in files.chain(tables) {
        seen += 1;
        for word in &forbidden {
            assert!(!text.contains(word.as_str()), "{name} holds {word:?}");
        }
    }
    assert!(seen > 8 && dataset.assets().iter().any(|asset| asset.path == "audio/sub/ridge.wav"));
}

/// The manifest named without a folder, and recordings named by absolute paths beside and below its folder.
#[test]
fn absolute_paths_of_recordings_are_written_relative() {
    let place = Workplace::with_recordings("", &[(1, 3.0), (2, 3.0)]);
    let folder = place.folder().to_str().unwrap();
    let table = format!("asset_id,path,split\n1,{folder}/audio/1.wav,train\n2,{folder}/audio/2.wav,train\n");
    place.write("tables/recordings.csv", &table);
    for name in ["manifest.toml", "taxa.csv"] {
        place.write(&format!("tables/{name}"), &place.read(name));
    }
    let out = place.path("out");
    let build = |folder: &str, manifest: &str| {
        let mut command = command();
        command.current_dir(place.path(folder));
        command.args(["build", manifest, "--overwrite", "--out"]).arg(&out);
        run(&mut command).expect(0);
        let paths = |asset: &shardfmt::AssetRow| asset.path.clone();
        open(&out).assets().iter().map(paths).collect::<Vec<_>>()
    };
    let expected = ["../audio/1.wav", "../audio/2.wav"];
    assert_eq!(build(".", "tables/manifest.toml"), expected);
    assert_eq!(build("tables", "./manifest.toml"), expected);
    assert_eq!(build("tables", "manifest.toml"), expected);
}
