//! Tests what `l48 export` hands on: boxes that pycocotools loads, a description that mlcroissant validates and reads
//! through.

use std::path::Path;

use serde_json::{Map, Value, json};
use shardfmt::{BoxStatus, Dataset, LabelRow, Split};

use crate::coco2014_set::Coco;
use crate::dataset_rows::{labels, open};
use crate::ml48s_set::Ml48sSet;
use crate::outside::{json as read_json, python};
use crate::program::{command, l48, run, workspace};
use crate::readers::{tables, with_expectations};
use crate::recordings::Workplace;

/// A dataset with boxes of every kind: with and without frequencies, ignored, of no class, and above the image.
fn with_boxes() -> (Workplace, std::path::PathBuf) {
    let place = Workplace::with_every_table(8);
    let boxes = place.read("boxes.csv") + "101,6.5,7.0,12000,13000,woothr,\n";
    place.write("boxes.csv", &boxes);
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out).expect(0);
    (place, out)
}

/// The boxes of a clip that belong in a COCO file: code, whether ignored, and x, y, width, height in pixels. What is
/// passive in a set imported from COCO is a crowd.
fn expected_boxes(dataset: &Dataset, row: &LabelRow) -> Vec<Value> {
    let crowds = (dataset.head().config["source"] == "coco2014").then_some(BoxStatus::Passive);
    let clips = dataset.head().clips;
    let (width, height) = (f64::from(clips.width), f64::from(clips.height));
    let listed = row
        .boxes
        .iter()
        .filter(|found| dataset.taxa().index(&found.species_code).is_some());
    let pixels = listed.filter_map(|found| {
        let (left, right) = (f64::from(found.x_min) * width, f64::from(found.x_max) * width);
        let near = f64::from(found.y_min.unwrap_or(0.0)) * height;
        let far = f64::from(found.y_max.unwrap_or(1.0)) * height;
        let ignored = found.status == BoxStatus::Ignore || Some(found.status) == crowds;
        (right > left && far > near)
            .then(|| json!([found.species_code, ignored, [left, near, right - left, far - near]]))
    });
    pixels.collect()
}

#[test]
fn boxes_are_those_of_the_label_tables() {
    let (place, out) = with_boxes();
    let file = place.path("boxes.json");
    let told = l48!("export", "coco-detection", &out, "--out", &file).expect(0);
    let boxes = read_json(&file);
    let (dataset, list) = (open(&out), |key: &str| boxes[key].as_array().unwrap().clone());
    let rows = labels(&dataset);
    assert_eq!(list("images").len(), rows.len());
    for (number, (image, row)) in (1..).zip(list("images").iter().zip(&rows)) {
        let name = format!("{}/{}", row.asset_id, row.clip_index);
        assert_eq!(
            *image,
            json!({"id": number, "file_name": name, "width": 448, "height": 448, "asset_id": row.asset_id,
                   "clip_index": row.clip_index, "shard": row.shard, "row": row.row, "split": row.split.as_str(),
                   "fully_annotated": row.fully_annotated})
        );
        let found = list("annotations").into_iter().filter(|one| one["image_id"] == number);
        assert_eq!(found.count(), expected_boxes(&dataset, row).len(), "{image}");
    }
    let annotations = list("annotations");
    assert!((1..).zip(&annotations).all(|(number, one)| one["id"] == number));
    let ignored = annotations.iter().filter(|one| one["iscrowd"] == 1).count();
    let whole_height = annotations.iter().filter(|one| one["bbox"][3] == 448.0).count();
    assert!(ignored > 0 && whole_height > 0 && ignored + whole_height < annotations.len());
    assert_eq!(list("categories").len(), 4);
    assert_eq!(
        boxes["categories"][0],
        json!({"id": 1, "supercategory": "taxon", "name": "woothr", "common_name": "Wood Thrush",
               "scientific_name": "Hylocichla mustelina"})
    );
    assert_eq!(
        (&boxes["info"]["description"], &boxes["info"]["axes"]["row_0"]),
        (&json!("test"), &json!("lowest"))
    );
    let told = told
        .prints(&format!(
            "{} images, {} boxes ({ignored} to be ignored), 4 categories",
            rows.len(),
            annotations.len()
        ))
        .prints("Left out, outside the image: 1 boxes");
    assert!(
        told.stdout
            .contains("Left out, not a class: 3 boxes, of nobird (2), unkbrd (1)"),
        "{}",
        told.stdout
    );
}

/// Has pycocotools load the boxes of a dataset, which are written beside it.
fn pycocotools_loads(out: &Path) {
    let Some(mut python) = python(&workspace().join("tests/python/coco_detection.py")) else {
        return;
    };
    let dataset = open(out);
    let name = |row: &LabelRow| format!("{}/{}", row.asset_id, row.clip_index);
    let images: Map<String, Value> = labels(&dataset)
        .iter()
        .map(|row| (name(row), expected_boxes(&dataset, row).into()))
        .collect();
    let classes: Vec<&str> = dataset.taxa().iter().map(|taxon| taxon.species_code.as_str()).collect();
    let [file, expected] = ["boxes.json", "expected.json"].map(|name| out.with_file_name(name));
    std::fs::write(&expected, json!({"images": images, "classes": classes}).to_string()).unwrap();
    l48!("export", "coco-detection", out, "--out", &file).expect(0);
    run(python.arg(&file).arg(&expected)).expect(0).prints("boxes equal");
}

#[test]
fn pycocotools_loads_the_boxes() {
    let (_place, out) = with_boxes();
    pycocotools_loads(&out);
}

#[test]
fn pycocotools_loads_the_boxes_of_imported_sets() {
    let coco = Coco::new();
    let out = coco.place.path("out");
    coco.import("out", &[]).expect(0);
    pycocotools_loads(&out);
    // Ids, kinds and crowds are those that the set came with.
    let boxes = read_json(&coco.place.path("boxes.json"));
    let category =
        json!({"id": 17, "supercategory": "any", "name": "cat", "common_name": "cat", "scientific_name": null});
    assert!(
        boxes["categories"].as_array().unwrap().contains(&category),
        "{}",
        boxes["categories"]
    );
    let marked: Vec<_> = boxes["annotations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["category_id"] == 17 || one["iscrowd"] == 1)
        .collect();
    assert!(
        marked.len() == 1 && marked[0]["iscrowd"] == 1 && marked[0]["category_id"] == 17,
        "{marked:?}"
    );
    // So are those of a part of it.
    let (part, file) = (coco.place.path("part"), coco.place.path("part.json"));
    coco.place.write("chosen.csv", "9\n");
    l48!("subset", &out, "--clips", coco.place.path("chosen.csv"), "--out", &part).expect(0);
    l48!("export", "coco-detection", &part, "--out", &file)
        .expect(0)
        .prints("(1 to be ignored)");
    assert_eq!(read_json(&file)["categories"], boxes["categories"]);

    let set = Ml48sSet::fixture();
    set.write();
    l48!("import", "ml48s", set.folder(), "--out", set.beside("out")).expect(0);
    pycocotools_loads(&set.beside("out"));
    let boxes = read_json(&set.beside("boxes.json"));
    assert_eq!(
        (&boxes["categories"][0]["id"], &boxes["categories"][0]["supercategory"]),
        (&json!(1), &json!("taxon"))
    );
}

#[test]
fn a_split_is_exported_alone() {
    let (place, out) = with_boxes();
    let file = place.path("boxes.json");
    l48!("export", "coco-detection", &out, "--out", &file, "--split", "val").expect(0);
    let images = read_json(&file)["images"].as_array().unwrap().clone();
    let rows = labels(&open(&out));
    let val = rows.iter().filter(|row| row.split == Split::Val);
    let names: Vec<String> = val.map(|row| format!("{}/{}", row.asset_id, row.clip_index)).collect();
    assert!(!names.is_empty() && names.len() < rows.len());
    assert!(
        images
            .iter()
            .map(|image| image["file_name"].as_str().unwrap())
            .eq(names)
    );
}

#[test]
fn a_failed_export_leaves_what_was_there() {
    let (place, out) = with_boxes();
    let file = place.path("boxes.json");
    place.write("boxes.json", "old");
    let damaged = out.join("labels/00001.parquet");
    let mut bytes = std::fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    for arguments in [["coco-detection", "--out"], ["croissant", "--out"]] {
        run(command().arg("export").args(arguments).arg(&file).arg(&out))
            .expect(2)
            .complains("labels/00001.parquet");
        assert_eq!(place.read("boxes.json"), "old");
    }
    assert!(!place.path(".boxes.json.tmp").exists());
    l48!("export", "coco-detection", &out, "--out", place.path("no/boxes.json"))
        .expect(2)
        .complains("no/");
}

/// What makes a description complete.
const ABOUT: [&str; 10] = [
    "--creator",
    "Bird Lab",
    "--url",
    "https://example.org/birds",
    "--published",
    "2026-05-01",
    "--cite",
    "Bird Lab (2026)",
    "--data-version",
    "1.0.0",
];

/// Has mlcroissant validate the description of a dataset, and read its tables through it.
fn mlcroissant_reads(out: &Path, expected: &Path, about: &[&str]) {
    let Some(mut python) = python(&workspace().join("tests/python/croissant.py")) else {
        return;
    };
    let described = command()
        .args(["export", "croissant"])
        .arg(out)
        .args(about)
        .args(ABOUT)
        .output();
    let described = described.unwrap();
    assert!(
        described.status.success() && described.stderr.is_empty(),
        "{described:?}"
    );
    let name = out.file_name().unwrap().to_str().unwrap();
    let description = out.with_file_name(format!("{name}.croissant.json"));
    run(python.arg(&description).arg(out).arg(expected))
        .expect(0)
        .prints("of 5 tables equal");
}

#[test]
fn mlcroissant_validates_the_description_and_reads_every_table() {
    let (place, plain, expected) = with_expectations();
    // A name that a glob pattern would take for something else.
    let out = place.path("birds [1]");
    std::fs::rename(plain, &out).unwrap();
    mlcroissant_reads(&out, &expected, &[]);
}

#[test]
fn mlcroissant_reads_imported_sets() {
    let coco = Coco::new();
    coco.import("out", &["--prior-rates", "geo=0.3,checklist=0.6", "--shard-clips", "5"])
        .expect(0);
    let (out, expected) = (coco.place.path("out"), coco.place.path("expected.json"));
    std::fs::write(&expected, tables(&open(&out)).to_string()).unwrap();
    mlcroissant_reads(&out, &expected, &[]);

    // With a reject; nothing says the licence of its pictures.
    let set = Ml48sSet::small();
    set.write();
    std::fs::remove_file(set.path("images/30/2.jpg")).unwrap();
    let (out, expected) = (set.beside("out"), set.beside("expected.json"));
    l48!("import", "ml48s", set.folder(), "--out", &out).expect(1);
    std::fs::write(&expected, tables(&open(&out)).to_string()).unwrap();
    mlcroissant_reads(&out, &expected, &["--license", "CC0-1.0"]);
}

#[test]
fn a_description_says_what_is_known_and_what_is_missing() {
    let (place, out) = with_boxes();
    let description = |path: &Path| read_json(path);
    let told = l48!("export", "croissant", &out).expect(0);
    let told = told
        .prints("out.croissant.json")
        .complains("creator, url, datePublished");
    assert_eq!(told.stdout.lines().count(), 1, "{told:?}");
    let plain = description(&place.path("out.croissant.json"));
    assert_eq!(plain["license"], json!(["CC0-1.0", "MIT"]), "the recordings' licences");
    assert!(plain["description"].as_str().unwrap().contains("448 x 448 U8") && plain["creator"].is_null());
    let text = place.read("out.croissant.json");
    assert!(
        !text.contains(place.folder().to_str().unwrap()),
        "no path of this machine"
    );

    std::fs::create_dir(place.path("deeper")).unwrap();
    std::fs::rename(&out, place.path("deeper/set")).unwrap();
    let (set, file) = (place.path("deeper/set"), place.path("c.json"));
    let about = ["--license", "CC-BY-4.0", "--description", "Birds at dawn."];
    run(command()
        .args(["export", "croissant"])
        .arg(&set)
        .arg("--out")
        .arg(&file)
        .args(about)
        .args(ABOUT))
    .expect(0);
    let full = description(&file);
    assert_eq!(
        [
            &full["license"],
            &full["description"],
            &full["url"],
            &full["datePublished"],
            &full["citeAs"],
            &full["version"]
        ],
        [
            &json!(["CC-BY-4.0"]),
            &json!("Birds at dawn."),
            &json!("https://example.org/birds"),
            &json!("2026-05-01"),
            &json!("Bird Lab (2026)"),
            &json!("1.0.0")
        ]
    );
    assert_eq!(full["distribution"][0]["contentUrl"], "deeper/set/dataset.json");

    for wrong in [set.join("c.json"), place.path("deeper/set/labels/c.json")] {
        l48!("export", "croissant", &set, "--out", &wrong)
            .expect(2)
            .complains("put it next to the dataset's folder");
        assert!(!wrong.exists());
    }
}
