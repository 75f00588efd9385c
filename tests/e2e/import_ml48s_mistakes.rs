//! Tests `l48 import ml48s` on sets with mistakes: what is said, what is rejected, and what is refused.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::dataset_rows::{clips_of, codes, open, priors};
use crate::import_ml48s::{import, imported, in_source_order};
use crate::ml48s_set::{Ml48sSet, fixture, grey_jpeg};
use crate::program::{l48, run};

#[test]
fn pictures_that_are_missing_damaged_or_of_another_size_reject_their_asset() {
    let set = Ml48sSet::small();
    set.write();
    fs::remove_file(set.path("images/30/2.jpg")).unwrap();
    let whole = fs::read(set.path("images/4/2.jpg")).unwrap();
    fs::write(set.path("images/4/2.jpg"), &whole[..whole.len() / 2]).unwrap();
    let ended = run(&mut import(&set, "out", &[])).expect(1);
    ended
        .complains("rejected asset 30 (images/30): open: clip 997 (images/30/2.jpg): cannot be read: No such file")
        .complains(
            "rejected asset 4 (images/4): decode: clip 996 (images/4/2.jpg): not a JPEG file, or one that is cut off",
        )
        .prints("4 clips of 1 recordings")
        .prints("2 recordings were rejected");
    let dataset = open(&set.beside("out"));
    assert_eq!(dataset.rejects().unwrap().len(), 2);
    assert_eq!(clips_of(&dataset, 800).len(), 4);
    l48!("verify", set.beside("out")).expect(0);
    run(&mut import(&set, "strict", &["--max-rejects", "1"]))
        .expect(2)
        .complains("more than --max-rejects 1");
    assert!(!set.beside("strict/dataset.json").exists());

    // What is no file could be read for ever.
    let set = Ml48sSet::small();
    set.write();
    fs::remove_file(set.path("images/30/2.jpg")).unwrap();
    let made = Command::new("mkfifo")
        .arg(set.path("images/30/2.jpg"))
        .status()
        .unwrap();
    assert!(made.success());
    run(&mut import(&set, "out", &[])).expect(1).complains(
        "rejected asset 30 (images/30): open: clip 997 (images/30/2.jpg): cannot be read: not a regular file",
    );

    // Another size, in the picture or in the table.
    let mut set = Ml48sSet::small();
    set.clips[3]["height"] = json!(237);
    set.write();
    fs::write(set.path("images/4/0.jpg"), grey_jpeg(&[9; 700 * 236], 700, 236)).unwrap();
    run(&mut import(&set, "out", &[]))
        .expect(1)
        .complains("clip 998 (images/4/0.jpg): expected a picture of 750 x 236, got 700 x 236")
        .complains("clip 997 (images/30/2.jpg): expected a picture of 750 x 236, but clips.json says 750 x 237");
}

#[test]
fn every_mistake_of_every_table_is_reported_at_once() {
    let mut set = Ml48sSet::small();
    set.write();
    set.assets[0]["split"] = json!("testing");
    set.assets[1]["possible_species_codes"] = json!(["b", "zzz"]);
    set.assets.push(json!({"id": 4, "split": "train"}));
    set.clips[0]["asset_id"] = json!(31);
    set.clips[1]["present_species_codes"] = json!(["yyy"]);
    set.clips[2]["boxes"][0]["bbox"] = json!([0.1, 0.2, 1.5, 0.4]);
    set.clips[3]["file_path"] = json!("../secret.jpg");
    set.clips[4]["id"] = json!(999);
    set.clips[5].as_object_mut().unwrap().remove("boxes");
    set.clips[6]["absent_species_codes"] = json!(["b"]);
    set.clips[7]["boxes"][0]["species_code"] = json!("c0ot");
    for (name, values) in [("assets.json", &set.assets), ("clips.json", &set.clips)] {
        fs::write(set.path(name), serde_json::to_string_pretty(values).unwrap()).unwrap();
    }
    fs::write(set.path("val_split.npy"), "1, 2, 3").unwrap();
    let val: PathBuf = set.path("val_split.npy");
    let ended = run(&mut import(&set, "out", &["--val-split", val.to_str().unwrap()])).expect(2);
    for text in [
        "12 problems in the input; nothing was written",
        "val_split.npy: is not a NumPy file",
        "[0].split = \"testing\": expected one of train, val, test",
        "[1].possible_species_codes = \"zzz\": unknown species code",
        "[3].id = \"4\": duplicate id (first in [0])",
        "[0].asset_id = \"31\": assets.json has no such asset",
        "[1].present_species_codes = \"yyy\": unknown species code",
        "[2].boxes[0].bbox = \"[0.1, 0.2, 1.5, 0.4]\": is outside the picture",
        "[3].file_path = \"../secret.jpg\": expected a path inside the set's folder",
        "[4].id = \"999\": duplicate id",
        "[5]: missing field `boxes`",
        "[6].absent_species_codes = \"b\": duplicate species code (first in present_species_codes)",
        "[7].boxes[0].species_code = \"c0ot\": unknown species code: it is neither in taxa.csv nor named by --unknown-bird",
    ] {
        assert!(ended.stderr.contains(text), "{text} is not in\n{}", ended.stderr);
    }
    let line = ended
        .stderr
        .split("clips.json:")
        .nth(2)
        .unwrap()
        .split(':')
        .next()
        .unwrap();
    assert!(
        line.parse::<u32>().unwrap() > 20,
        "the line of the clip in the file: {line}"
    );
    assert!(!set.beside("out").exists());

    fs::remove_file(set.path("clips.json")).unwrap();
    run(&mut import(&set, "out", &[]))
        .expect(2)
        .complains("clips.json: cannot be read: No such file");
    fs::write(set.path("clips.json"), "[{\"id\": 1,").unwrap();
    run(&mut import(&set, "out", &[]))
        .expect(2)
        .complains("clips.json:1: the file is truncated inside an item");
}

#[test]
fn what_looks_odd_is_said() {
    let mut set = Ml48sSet::small();
    set.assets.push(json!({"id": 5, "split": "train"}));
    set.clips[0]["absent_species_codes"] = json!([]);
    set.assets[1].as_object_mut().unwrap().remove("possible_species_codes");
    set.write();
    fs::write(
        set.path("val_split.npy"),
        fs::read(fixture("ml48s/val_split.npy")).unwrap(),
    )
    .unwrap();
    let (ended, dataset) = imported(&set, &[]);
    ended
        .complains("1 assets have no clips and were left out")
        .complains("1 clips do not list every class; the 1 missing labels are taken as absent")
        .complains("2 assets have no possible_species_codes, so no geographic prior")
        .complains("1 assets have no observed_species_codes, so no checklist")
        .complains("there is a val_split.npy, but without --val-split it is not used");
    assert_eq!(dataset.assets().len(), 3);
    let first = &in_source_order(&dataset)[0];
    let lists = [&first.present, &first.absent, &first.unknown].map(|list| codes(&dataset, list));
    assert_eq!(lists, ["b", "c", "a"], "what no list names is absent");
    let prior = priors(&dataset)
        .into_iter()
        .find(|prior| prior.asset_id == 800)
        .unwrap();
    assert_eq!((prior.geo_possible, prior.checklist_complete), (None, Some(true)));
}

/// A NumPy file of whole numbers (numpy.lib.format, version 1.0).
fn npy(ids: &[i64]) -> Vec<u8> {
    let described = format!(
        "{{'descr': '<i8', 'fortran_order': False, 'shape': ({},), }}",
        ids.len()
    );
    // With the ten bytes before it a multiple of 64, its line end included.
    let header = format!("{described:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(ids.iter().flat_map(|id| id.to_le_bytes()));
    bytes
}

#[test]
fn another_sets_val_split_and_pictures_of_other_clips_are_said() {
    let mut set = Ml48sSet::small();
    set.clips[0]["file_path"] = json!("images/31/0.jpg");
    set.clips[1]["file_path"] = json!("images/31/0.jpg");
    set.write();
    fs::write(set.path("ids.npy"), npy(&[4, 77])).unwrap();
    let ids = set.path("ids.npy").to_str().unwrap().to_owned();
    let (ended, _) = imported(&set, &["--val-split", &ids]);
    ended
        .complains("1 ids of the val split are not in assets.json")
        .complains("1 assets of the test split are moved to val by --val-split; is it the right file?")
        .complains("2 clips have a picture outside images/ASSET")
        .complains("1 clips share their picture with another clip");
}

#[test]
fn boxes_are_of_the_classes_or_of_unknown_birds() {
    let mut set = Ml48sSet::small();
    set.clips[3]["boxes"][0]["species_code"] = json!("Unknown bird");
    set.clips[4]["boxes"][0]["species_code"] = json!("unkbrd1");
    set.clips[5]["boxes"][0]["species_code"] = json!("unkbrd1");
    set.write();
    let ended = run(&mut import(&set, "out", &[])).expect(2);
    // One message for the same mistake, with both places.
    ended.complains("1 problem in the input").complains(
        "[4].boxes[0].species_code = \"unkbrd1\": unknown species code: it is neither in taxa.csv nor named by --unknown-bird \
         (also clips.json:1 [5])",
    );
    let (_, dataset) = imported(&set, &["--unknown-bird", "unkbrd1"]);
    let found: Vec<String> = in_source_order(&dataset)[3..6]
        .iter()
        .map(|row| row.boxes[0].species_code.clone())
        .collect();
    assert_eq!(found, ["Unknown bird", "unkbrd1", "unkbrd1"]);
}

#[test]
fn mistakes_without_end_end_the_reading() {
    let mut set = Ml48sSet::small();
    // One object that is wrong a hundred thousand times, and one after it.
    set.clips[0]["present_species_codes"] = json!(vec!["zzz"; 100_000]);
    set.clips[1]["file_path"] = json!("../secret.jpg");
    set.write_tables();
    let ended = run(&mut import(&set, "out", &[])).expect(2);
    ended
        .complains("2 problems in the input")
        .complains("[0].present_species_codes = \"zzz\": unknown species code")
        .complains("(1000 times)");

    // Assets that cannot be read to their end do not make every clip one of an asset that is not there.
    fs::write(set.path("assets.json"), "[{\"id\": 4, \"split\": \"train\"},").unwrap();
    let ended = run(&mut import(&set, "out", &[])).expect(2);
    assert!(
        ended.stderr.contains("assets.json") && !ended.stderr.contains("no such asset"),
        "{}",
        ended.stderr
    );
    ended.complains("1 problem in the input");
}
