//! Tests the manifests of datasets in `manifests/`: each one builds, and birds.toml shows every key with its default.
//! `powdermill.toml`, for one published set, is tested by itself.
//! What is for training there (`train-*`, `benchmark-*`, `table-*`, `study-*`) is read by the tests of `trainer`; the recipes in
//! `cluster` have tests of their own.

use std::fs;

use serde_json::Value;
use toml::Table;

use crate::dataset_rows::{clips_of, codes, open};
use crate::file_tree::names;
use crate::program::{l48, workspace};
use crate::recordings::{TAXA, Workplace, noise};

/// Every table and annotation file that a shipped manifest may name, saying the same of two recordings.
fn every_input() -> Workplace {
    let place = Workplace::new();
    place.write(
        "taxa.csv",
        &format!("{TAXA}refspi1,Red-faced Spinetail,Cranioleuca erythrops\n"),
    );
    place.wav("audio/dawn.wav", 32_000, 1, &noise(32_000, 11.0, 1));
    place.wav("audio/ridge.wav", 44_100, 2, &noise(44_100, 6.0, 2));
    place.write(
        "recordings.csv",
        "asset_id,path,target_species,split\n1,audio/dawn.wav,woothr,train\n2,audio/ridge.wav,,test\n",
    );
    place.write(
        "boxes.csv",
        "asset_id,start_s,end_s,low_hz,high_hz,species_code,status\n1,0.5,2.5,1500,4000,woothr,\n",
    );
    place.write("geo_prior.csv", "asset_id,possible_species\n1,woothr;norcar\n");
    place.write(
        "checklist_prior.csv",
        "checklist_id,observed_species,all_species_reported\nS1,woothr,1\n",
    );
    place.write("annotated_spans.csv", "asset_id,start_s,end_s,scope\n1,0,11,all\n");
    let header = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies\n";
    let row = "1\tSpectrogram 1\t1\t0.5\t2.5\t1500\t4000\tWOTH\n";
    place.write("annotations/dawn.Table.1.selections.txt", &format!("{header}{row}"));
    place.write("annotations/ridge.Table.1.selections.txt", header);
    place.write("annotations/dawn.txt", "0.5\t2.5\tWOTH\n\\\t1500\t4000\n");
    place.write("annotations/ridge.txt", "");
    place
}

fn shipped() -> Vec<String> {
    let mut names = names(&workspace().join("manifests"));
    names.retain(|name| {
        !["train-", "benchmark-", "table-", "study-", "cluster", "powdermill"]
            .iter()
            .any(|kind| name.starts_with(kind))
    });
    names
}

fn text(name: &str) -> String {
    fs::read_to_string(workspace().join("manifests").join(name)).unwrap()
}

#[test]
fn every_one_builds() {
    let names = shipped();
    assert!(
        names.len() >= 5 && names.iter().all(|name| name.ends_with(".toml")),
        "{names:?}"
    );
    for name in names {
        let place = every_input();
        place.write("manifest.toml", &text(&name));
        let out = place.path("out");
        l48!("build", place.manifest(), "--out", &out).expect(0);
        l48!("verify", &out).expect(0);
        let dataset = open(&out);
        assert_eq!(
            format!("{}.toml", dataset.head().name),
            name,
            "a manifest's file is named as its dataset"
        );
        let first = &clips_of(&dataset, 1)[0];
        assert_eq!(codes(&dataset, &first.present), "woothr", "{name}");
        assert!(first.fully_annotated, "{name}");
    }
}

#[test]
fn birds_shows_every_key_with_its_default() {
    let shown: Table = text("birds.toml").parse().unwrap();
    let place = every_input();
    let dataset = shown["dataset"].as_table().unwrap();
    let least = Table::from_iter([
        ("dataset".into(), dataset.clone().into()),
        ("tables".into(), shown["tables"].clone()),
    ]);
    let config = |manifest: &str| {
        place.write("manifest.toml", manifest);
        l48!("build", place.manifest(), "--out", place.path("out"), "--overwrite").expect(0);
        l48!("inspect", place.path("out"), "--json").expect(0).json()["config"].clone()
    };
    let default = config(&least.to_string());
    assert_eq!(
        config(&text("birds.toml")),
        default,
        "the values in birds.toml are the defaults"
    );
    // The configuration that a dataset records has the sections and keys of a manifest.
    for (section, keys) in default
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| value.is_object())
    {
        for key in keys.as_object().map(serde_json::Map::keys).unwrap() {
            assert!(
                shown[section].get(key).is_some(),
                "birds.toml should show {section}.{key}"
            );
        }
    }
    // And the list of known keys, which a mistake prints, names no other.
    for (section, table) in &shown {
        place.write(
            "manifest.toml",
            &text("birds.toml").replace(&format!("[{section}]\n"), &format!("[{section}]\nmistake = 1\n")),
        );
        let refused = l48!("build", place.manifest(), "--out", place.path("other"))
            .expect(2)
            .stderr;
        let known = refused.split("unknown key; expected one of ").nth(1).unwrap().trim();
        let mut known: Vec<&str> = known.split(", ").collect();
        // What has no default is shown in a comment.
        known.retain(|key| !text("birds.toml").contains(&format!("\n# {key} = ")));
        known.sort_unstable();
        let mut keys: Vec<&str> = table.as_table().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, known, "[{section}]");
    }
}

#[test]
fn the_32_khz_manifest_makes_floats_of_absolute_level() {
    let place = every_input();
    place.write("manifest.toml", &text("birdset-32k.toml"));
    l48!("build", place.manifest(), "--out", place.path("out")).expect(0);
    let inspected = l48!("inspect", place.path("out"), "--json").expect(0).json();
    let expected = serde_json::json!({"dtype": "F32", "channels": null, "height": 128, "width": 501});
    assert_eq!(inspected["clips"], expected);
    assert_eq!(inspected["axes"]["frequency_scale"], "mel-htk");
    assert_eq!(inspected["axes"]["fmin_hz"], Value::from(0.0));
    assert_eq!(inspected["values"]["reference"], "fixed");
}
