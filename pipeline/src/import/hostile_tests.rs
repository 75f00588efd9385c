//! Tests of damaged tables: a bit turned or the end cut off at every byte of a small set ends in a source or a list
//! of mistakes, never in a panic.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use shardfmt::Row0;

use super::coco2014::Coco2014;
use super::ml48s::Ml48s;

/// Opens a set once for each damage of one of its files; returns how often it was taken and how often refused.
fn sweep(file: &Path, open: impl Fn() -> bool) -> [u32; 2] {
    let whole = fs::read(file).unwrap();
    let mut ends = [0, 0];
    for at in 0..whole.len() {
        let mut turned = whole.clone();
        turned[at] ^= 1 << (at % 8);
        for damaged in [&turned[..], &whole[..at]] {
            fs::write(file, damaged).unwrap();
            ends[usize::from(!open())] += 1;
        }
    }
    fs::write(file, whole).unwrap();
    assert!(open(), "the whole file is taken");
    ends
}

fn npy(ids: &[i64]) -> Vec<u8> {
    let header = format!(
        "{{'descr': '<i8', 'fortran_order': False, 'shape': ({},), }}\n",
        ids.len()
    );
    let start = [
        b"\x93NUMPY\x01\x00",
        &(header.len() as u16).to_le_bytes()[..],
        header.as_bytes(),
    ]
    .concat();
    start
        .into_iter()
        .chain(ids.iter().flat_map(|id| id.to_le_bytes()))
        .collect()
}

#[test]
fn damaged_tables_of_l48_are_taken_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let asset = |id: i64| {
        json!({"id": id, "split": "train", "target_species_code": "a", "possible_species_codes": ["a", "b"],
            "observed_species_codes": ["a"]})
    };
    let clip = |id: i64, asset_id: i64| {
        json!({"id": id, "asset_id": asset_id, "clip_order": id, "file_path": format!("images/{asset_id}/{id}.jpg"),
            "width": 750, "height": 236, "present_species_codes": ["a"], "unknown_species_codes": [], "absent_species_codes": ["b"],
            "boxes": [{"id": 0, "species_code": "a", "status": "active", "bbox": [0.1, 0.25, 0.5, 0.75]}]})
    };
    let write = |name: &str, values: &[Value]| fs::write(file(name), serde_json::to_vec(values).unwrap()).unwrap();
    write("assets.json", &[asset(5), asset(7)]);
    write("clips.json", &[clip(1, 5), clip(2, 7), clip(3, 5)]);
    fs::write(file("taxa.csv"), "species_code\na\nb\n").unwrap();
    fs::write(file("val_split.npy"), npy(&[7, 9])).unwrap();
    let open = || Ml48s::open(dir.path(), Some(&file("val_split.npy")), &[], Row0::Highest, None, 512).is_ok();
    for name in ["assets.json", "clips.json", "taxa.csv", "val_split.npy"] {
        let [taken, refused] = sweep(&file(name), open);
        assert!(refused > 20 && taken > 0, "{name}: {taken} taken, {refused} refused");
    }
}

#[test]
fn damaged_annotations_of_coco_are_taken_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("annotations")).unwrap();
    let file = |half: &str| dir.path().join(format!("annotations/instances_{half}.json"));
    for (half, first) in [("train2014", 1), ("val2014", 90)] {
        let ids = [first, first + 1, first + 12];
        let image = |id: i64| json!({"id": id, "file_name": format!("{id}.jpg"), "width": 40, "height": 30});
        let annotation = |id: i64| json!({"image_id": id, "category_id": 3, "area": 8.5, "bbox": [1.0, 2.0, 3.0, 4.5], "iscrowd": 0});
        let table = json!({"images": ids.map(image), "annotations": ids.map(annotation), "categories": [{"id": 3, "name": "cat"}]});
        fs::write(file(half), table.to_string()).unwrap();
    }
    for half in ["train2014", "val2014"] {
        let [taken, refused] = sweep(&file(half), || Coco2014::open(dir.path(), 512, None).is_ok());
        assert!(refused > 300 && taken > 20, "{half}: {taken} taken, {refused} refused");
    }
}
