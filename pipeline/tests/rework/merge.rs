//! Merged datasets against their parts, and what merging refuses.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use pipeline::Error;
use pipeline::rework::{Linked, relabel};
use shardfmt::entry::{labels_path, priors_path, shard_path};
use shardfmt::{AssetRow, Checks, Dataset, LabelRow, read_dataset_json, write_dataset_json};

use super::dataset_files::{assert_alone, assert_sound, damage_record, files, merge};
use super::recordings::{NEW, OLD, REJECTED, Recordings, SETTINGS, all, built, new_details, old_details, source};

const FIRST: [i64; 3] = [11, REJECTED, 25];
const SECOND: [i64; 4] = [4, -2, 30, 6];

/// Two datasets that go together.
fn parts(place: &Recordings) -> (PathBuf, PathBuf) {
    let (a, b) = (place.path("a"), place.path("b"));
    built(&place.manifest("a", &FIRST, old_details, &OLD, SETTINGS), &a);
    built(&place.manifest("b", &SECOND, old_details, &OLD, SETTINGS), &b);
    (a, b)
}

#[test]
fn parts_follow_each_other_and_keep_all_but_their_numbers() {
    let place = Recordings::new();
    let (a, b) = parts(&place);
    let out = place.path("deep/merged");
    let outcome = merge(&a, std::slice::from_ref(&b), &out, &|_| {}).unwrap();
    assert_sound(&out);
    let merged = Dataset::open(&out).unwrap();
    let parts = [Dataset::open(&a).unwrap(), Dataset::open(&b).unwrap()];
    assert!(parts.iter().all(|part| part.shard_count() > 1));
    let mut number = 0;
    let mut assets: Vec<AssetRow> = Vec::new();
    for part in &parts {
        for shard in 0..part.shard_count() {
            let bytes = |dir: &Path, path: String| std::fs::read(dir.join(path)).unwrap();
            assert!(bytes(&out, shard_path(number)) == bytes(part.dir(), shard_path(shard)));
            assert!(bytes(&out, priors_path(number)) == bytes(part.dir(), priors_path(shard)));
            let mut labels = part
                .labels(&part.open_shard(shard, shardfmt::Checks::Off).unwrap())
                .unwrap();
            labels.iter_mut().for_each(|label| label.shard = number);
            assert_eq!(
                merged
                    .labels(&merged.open_shard(number, shardfmt::Checks::Off).unwrap())
                    .unwrap(),
                labels
            );
            let of_shard = part.assets().iter().filter(|asset| asset.shard == shard);
            assets.extend(of_shard.map(|asset| AssetRow {
                shard: number,
                ..asset.clone()
            }));
            number += 1;
        }
    }
    assert_eq!(merged.assets(), assets);
    assert_eq!(merged.shard_count(), number);
    assert_eq!(merged.rejects().unwrap(), parts[0].rejects().unwrap());
    assert_eq!(outcome.rejects.len(), 1);
    assert_eq!(
        outcome.clips,
        parts.iter().map(|part| part.info().counts.clips).sum::<u64>()
    );
    assert_eq!(merged.head().name, "birds");
    let config = &merged.head().config;
    for key in ["audio", "clips", "spectrogram"] {
        assert_eq!(config[key], parts[0].head().config[key]);
    }
    for (own, part) in config["parts"].as_array().unwrap().iter().zip(&parts) {
        assert_eq!(own["config_xxh3"], part.head().config_xxh3.to_string());
        assert_eq!(own["tables_xxh3"], part.head().config["tables_xxh3"]);
    }
    // A shard alone still says which part it is from.
    let last = merged.open_shard(number - 1, Checks::FirstTouch).unwrap();
    assert_eq!(last.metadata()["config_xxh3"], config["parts"][1]["config_xxh3"]);
}

#[test]
fn a_merged_set_is_relabelled_by_one_manifest_of_all() {
    let place = Recordings::new();
    let (a, b) = parts(&place);
    let (out, fresh) = (place.path("merged"), place.path("fresh"));
    merge(&a, &[b], &out, &|_| {}).unwrap();
    let manifest = place.manifest("new", &all(), new_details, &NEW, SETTINGS);
    relabel(&source(&manifest), &out, Linked::Verify, &|_| {}).unwrap();
    assert_sound(&out);
    built(&manifest, &fresh);
    let clips = |dir: &Path| -> HashMap<(i64, u32), LabelRow> {
        let dataset = Dataset::open(dir).unwrap();
        let shards = (0..dataset.shard_count()).flat_map(|shard| {
            dataset
                .labels(&dataset.open_shard(shard, shardfmt::Checks::Off).unwrap())
                .unwrap()
        });
        shards
            .map(|label| {
                (
                    (label.asset_id, label.clip_index),
                    LabelRow {
                        shard: 0,
                        row: 0,
                        ..label
                    },
                )
            })
            .collect()
    };
    assert_eq!(clips(&out), clips(&fresh));
}

/// Merges, expecting a refusal that names the difference and leaves nothing behind.
fn refusal(a: &Path, b: &Path, out: &Path) -> String {
    let before = (files(a), files(b));
    let error = merge(a, &[b.to_path_buf()], out, &|_| {}).unwrap_err();
    assert!(matches!(error, Error::PartsDiffer { .. }), "{error}");
    assert!(!out.exists());
    assert_alone(out);
    assert!(before == (files(a), files(b)), "a part was changed");
    error.to_string()
}

#[test]
fn parts_that_do_not_go_together_are_refused_by_name() {
    let place = Recordings::new();
    let (a, b) = parts(&place);
    let out = place.path("merged");
    let other = |name: &str, ids: &[i64], settings: &str, tables: &[(&str, &str)]| {
        let dir = place.path(name);
        built(&place.manifest(name, ids, old_details, tables, settings), &dir);
        refusal(&a, &dir, &out)
    };
    let settings = SETTINGS.replace("hop_length = 200", "hop_length = 250");
    let message = other("hop", &SECOND, &settings, &OLD);
    assert!(
        message.contains("spectrogram.hop_length was 200 and is 250"),
        "{message}"
    );
    let mut tables = OLD;
    tables[0].1 = "species_code\nwoothr\nnorcar\neastow\n";
    let message = other("taxa", &SECOND, SETTINGS, &tables);
    assert!(
        message.contains("class 0 was ") && message.contains("Wood Thrush"),
        "{message}"
    );
    let longer = format!("{}bkcchi,\n", OLD[0].1);
    tables[0].1 = &longer;
    let message = other("longer", &SECOND, SETTINGS, &tables);
    assert!(message.contains("the number of classes was 3 and is 4"), "{message}");
    let message = other("shared", &[4, 25], SETTINGS, &OLD);
    assert!(message.contains("asset 25 stands in both"), "{message}");
    let message = other("rejected", &[4, REJECTED], SETTINGS, &OLD);
    assert!(
        message.contains(&format!("asset {REJECTED} stands in both")),
        "{message}"
    );
    assert!(refusal(&a, &a, &out).contains("asset 11 stands in both"));

    let mut info = read_dataset_json(&b.join("dataset.json")).unwrap();
    let set = std::mem::replace(&mut info.head.instruction_set, "abacus".into());
    write_dataset_json(&b, &info).unwrap();
    let message = refusal(&a, &b, &out);
    assert!(
        message.contains(&format!("instruction_set was {set:?} and is \"abacus\"")),
        "{message}"
    );
}

#[test]
fn a_damaged_record_is_named_and_nothing_is_committed() {
    let place = Recordings::new();
    let (a, b) = parts(&place);
    let out = place.path("merged");
    let asset_id = damage_record(&b, 1, 3);
    let error = merge(&a, std::slice::from_ref(&b), &out, &|_| {}).unwrap_err();
    let Error::Dataset(shardfmt::Error::ClipChecksum {
        path,
        asset_id: named,
        row,
        ..
    }) = &error
    else {
        panic!("{error}");
    };
    assert_eq!((path, *named, *row), (&b.join(shard_path(1)), asset_id, 3));
    assert!(!out.exists());
    assert_alone(&out);
}

#[test]
fn a_table_of_another_shard_is_named_and_nothing_is_committed() {
    let place = Recordings::new();
    let (a, b) = parts(&place);
    let out = place.path("merged");
    std::fs::copy(a.join(labels_path(0)), a.join(labels_path(1))).unwrap();
    let error = merge(&a, &[b], &out, &|_| {}).unwrap_err().to_string();
    assert!(error.contains(&labels_path(1)), "{error}");
    assert!(!out.exists());
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let place = Recordings::new();
    let (a, b) = parts(&place);
    let out = place.path("merged");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("thesis.txt"), "all of it").unwrap();
    let error = merge(&a, std::slice::from_ref(&b), &out, &|_| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("thesis.txt"), "{error}");
    let error = merge(&a, std::slice::from_ref(&b), &b, &|_| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("a committed dataset"), "{error}");
    std::fs::remove_file(out.join("thesis.txt")).unwrap();
    merge(&a, &[b], &out, &|_| {}).unwrap();
    assert_sound(&out);
}
