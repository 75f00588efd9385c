//! Tests `l48 import coco2014` on an invented set in the official layout: labels, order, split, priors, rejects,
//! mistakes.

use std::fs;

use serde_json::{Value, json};
use shardfmt::{BoxStatus, LabelSource, Split};

use crate::coco2014_set::{Coco, annotation, image, picture_name, write_picture};
use crate::dataset_rows::{asset, clips_of, codes, images_of, labels, open, priors};
use crate::file_tree::{assert_same, tree};
use crate::picture_file::read_png;
use crate::program::l48;

/// Side of a stored picture.
const SIDE: usize = 448;

#[test]
fn pictures_come_in_the_published_order_with_the_published_labels() {
    let coco = Coco::new();
    coco.import("out", &["--shard-clips", "5"])
        .expect(0)
        .prints("13 clips")
        .complains("8 for train, 2 for val, 3 for test")
        .complains("left out for lack of annotations: 1");
    l48!("verify", coco.place.path("out")).expect(0);
    let dataset = open(&coco.place.path("out"));
    let rows = labels(&dataset);
    let ids: Vec<i64> = rows.iter().map(|row| row.asset_id).collect();
    assert_eq!(
        ids,
        [10, 100, 101, 25, 30, 31, 42, 581_921, 8, 9, 12, 40, 5],
        "ids as text"
    );
    for (row, index) in rows.iter().zip(0..) {
        assert_eq!((row.source_index, row.source_id), (Some(index), Some(row.asset_id)));
        assert_eq!(
            (row.clip_index, row.start_s, row.end_s, row.valid_s),
            (0, 0.0, 0.0, 0.0)
        );
        assert_eq!((row.fully_annotated, row.label_source), (true, LabelSource::Given));
        assert_eq!((row.unknown.len(), row.present.len() + row.absent.len()), (0, 43));
    }
    // NumPy: RandomState(1200).permutation(10) ends in 7, 3.
    let of = |split| {
        rows.iter()
            .filter(|row| row.split == split)
            .map(|row| row.asset_id)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(Split::Val), [25, 581_921]);
    assert_eq!(of(Split::Test), [12, 40, 5]);
    assert_eq!(of(Split::Train).len(), 8);

    let first_classes: Vec<&str> = dataset
        .taxa()
        .iter()
        .take(3)
        .map(|taxon| taxon.species_code.as_str())
        .collect();
    assert_eq!(first_classes, ["person", "traffic light", "cat"], "categories by id");
    let of_9 = &clips_of(&dataset, 9)[0];
    assert_eq!(codes(&dataset, &of_9.present), "person traffic light cat");
    assert_eq!(
        codes(&dataset, of_9.target.as_slice()),
        "cat",
        "of equal areas the first, though a crowd"
    );
    assert_eq!(
        codes(&dataset, clips_of(&dataset, 100)[0].target.as_slice()),
        "traffic light"
    );
    let boxes: Vec<_> = of_9
        .boxes
        .iter()
        .map(|one| {
            (
                one.species_code.as_str(),
                one.status,
                [Some(one.x_min), one.y_min, Some(one.x_max), one.y_max],
            )
        })
        .collect();
    let edges = |edges: [f32; 4]| edges.map(Some);
    assert_eq!(boxes[1], ("cat", BoxStatus::Passive, edges([0.25, 0.25, 0.75, 0.75])));
    assert_eq!(
        boxes[2],
        ("person", BoxStatus::Active, edges([0.0, 0.0, 1.0, 1.0])),
        "cut to the picture"
    );
    assert!(
        of_9.boxes
            .iter()
            .all(|one| (one.start_s, one.end_s, one.low_hz) == (0.0, 0.0, None))
    );

    let row = asset(&dataset, 9);
    assert_eq!(row.path, picture_name("train2014", 9));
    assert_eq!(
        row.source_bytes,
        fs::metadata(coco.picture("train2014", 9)).unwrap().len()
    );
    let given = (row.license.as_deref(), row.source_url.as_deref());
    assert_eq!(given, (Some("CC BY 2.0"), Some("https://example.org/9.jpg")));
    assert!(
        priors(&dataset)
            .iter()
            .all(|row| row.geo_possible.is_none() && row.checklist_observed.is_none())
    );

    let head = dataset.head();
    assert!(head.axes.is_photograph());
    assert_eq!(
        (head.clips.channels, head.clips.height, head.clips.width),
        (Some(3), 448, 448)
    );
    assert_eq!(head.config["source"], "coco2014");
    assert_eq!(
        head.config["categories"][1],
        json!({ "id": 3, "name": "traffic light", "supercategory": "any" })
    );
}

#[test]
fn pictures_are_stored_as_planes_of_red_green_and_blue() {
    let coco = Coco::new();
    coco.import("out", &[]).expect(0);
    let dataset = open(&coco.place.path("out"));
    let clip = &images_of(&dataset, 9)[0];
    assert_eq!(clip.len(), 3 * SIDE * SIDE);
    // Right side up and not mirrored: orange is on the left.
    for (x, colour) in [(20, [230, 120, 20]), (420, [20, 60, 200])] {
        for (plane, level) in clip.chunks(SIDE * SIDE).zip(colour) {
            let stored = plane[SIDE * 7 + x];
            assert!(stored.abs_diff(level) <= 6, "{stored} is not {level}");
        }
    }
    let grey = &images_of(&dataset, 10)[0];
    assert!(grey.iter().all(|level| level.abs_diff(90) <= 1), "three times the grey");

    let sheet = coco.place.path("sheet.png");
    l48!("preview", coco.place.path("out"), "--asset", "9", "--out", &sheet).expect(0);
    let sheet = read_png(&sheet);
    let near = |colour: [u8; 3]| {
        let alike = |pixel: &&[u8; 3]| pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= 6);
        sheet.pixels.iter().filter(alike).count()
    };
    let half = SIDE * SIDE / 2;
    for colour in [[230, 120, 20], [20, 60, 200]] {
        assert!(
            (half * 9 / 10..=half).contains(&near(colour)),
            "{colour:?}: {}",
            near(colour)
        );
    }
}

#[test]
fn simulated_priors_rule_out_true_negatives_by_seed() {
    let coco = Coco::new();
    let rates = ["--prior-rates", "geo=0.3,checklist=0.6"];
    coco.import("out", &[&rates[..], &["--seed", "7"]].concat()).expect(0);
    let dataset = open(&coco.place.path("out"));
    let (mut geo, mut checklist) = (0, 0);
    for (row, prior) in labels(&dataset).iter().zip(priors(&dataset)) {
        let (possible, observed) = (prior.geo_possible.unwrap(), prior.checklist_observed.unwrap());
        assert_eq!((prior.asset_id, prior.checklist_complete), (row.asset_id, Some(true)));
        assert_eq!(prior.geo_modelled, None);
        assert!(row.present.iter().all(|class| observed.contains(class)));
        assert!(observed.iter().all(|class| possible.contains(class)));
        (geo, checklist) = (geo + 43 - possible.len(), checklist + 43 - observed.len());
    }
    // 543 absent classes: five standard deviations are 0.1.
    assert!((geo as f64 / 543.0 - 0.3).abs() < 0.1, "{geo}");
    assert!((checklist as f64 / 543.0 - 0.6).abs() < 0.1, "{checklist}");
    let simulated = json!({ "geo": 0.3, "checklist": 0.6, "seed": 7 });
    assert_eq!(dataset.head().config["simulated_priors"], simulated);

    coco.import("again", &[&rates[..], &["--seed", "7", "--threads", "1"]].concat())
        .expect(0);
    assert_same(
        &tree(&coco.place.path("out")),
        &tree(&coco.place.path("again")),
        "the same seed",
    );
    coco.import("other", &[&rates[..], &["--seed", "8"]].concat()).expect(0);
    let other = open(&coco.place.path("other"));
    assert_ne!(priors(&other), priors(&dataset));
    assert_eq!(labels(&other), labels(&dataset), "priors change no label");

    for wrong in ["geo=0.6,checklist=0.3", "geo=0.1,checklist=1.5", "geo=0.1", "0.1"] {
        coco.import("none", &["--prior-rates", wrong])
            .expect(2)
            .complains("--prior-rates");
    }
    coco.import("none", &["--seed", "7"])
        .expect(2)
        .complains("--prior-rates");
    assert!(!coco.place.path("none").exists());
}

#[test]
fn pictures_that_are_not_what_the_tables_say_are_rejected() {
    let mut coco = Coco::new();
    coco.import("whole", &["--shard-clips", "4"]).expect(0);
    fs::remove_file(coco.picture("train2014", 10)).unwrap();
    let bytes = fs::read(coco.picture("train2014", 30)).unwrap();
    fs::write(coco.picture("train2014", 30), &bytes[..bytes.len() / 2]).unwrap();
    write_picture(&coco.place, "train2014", 31, (30, 40));
    let outside = annotation(8, 17, 1.0, [35.0, 0.0, 7.0, 10.0], false);
    let backwards = annotation(12, 17, 1.0, [35.0, 0.0, -7.0, 10.0], false);
    coco.train["annotations"].as_array_mut().unwrap().push(outside);
    coco.val["annotations"].as_array_mut().unwrap().push(backwards);
    coco.import("out", &["--shard-clips", "4"]).expect(1).prints("8 clips");
    let (dataset, whole) = (open(&coco.place.path("out")), open(&coco.place.path("whole")));
    let rejects: Vec<_> = dataset.rejects().unwrap();
    let expected = [
        (10, "open", "cannot be read"),
        (30, "decode", "cut off"),
        (31, "decode", "is 30 x 40 pixels, but its annotations say 40 x 30"),
        (
            8,
            "annotations",
            "the box of cat from 35, 0 to 42, 10 is outside the picture of 40 x 30 pixels",
        ),
        (12, "annotations", "the box of cat"),
    ];
    assert_eq!(rejects.len(), expected.len());
    for (row, (asset_id, stage, reason)) in rejects.iter().zip(expected) {
        assert_eq!((row.asset_id, row.stage.as_str()), (asset_id, stage));
        assert!(row.reason.contains(reason), "{}", row.reason);
    }
    // Nothing of the others depends on them.
    for id in [100, 101, 25, 42, 581_921, 9, 40, 5] {
        let (is, was) = (&clips_of(&dataset, id)[0], &clips_of(&whole, id)[0]);
        assert_eq!(
            (is.split, is.source_index, &is.present),
            (was.split, was.source_index, &was.present)
        );
        assert!(images_of(&dataset, id) == images_of(&whole, id));
    }
}

#[test]
fn an_import_that_was_refused_goes_on_where_it_stopped() {
    let coco = Coco::new();
    let flags = ["--shard-clips", "3"];
    coco.import("whole", &flags).expect(0);
    let bytes = fs::read(coco.picture("val2014", 5)).unwrap();
    fs::remove_file(coco.picture("val2014", 5)).unwrap();
    coco.import("out", &[&flags[..], &["--max-rejects", "0"]].concat())
        .expect(2)
        .complains("nothing was committed");
    coco.import("out", &flags).expect(2).complains("--resume");
    fs::write(coco.picture("val2014", 5), bytes).unwrap();
    coco.import("out", &[&flags[..], &["--resume"]].concat()).expect(0);
    assert_same(
        &tree(&coco.place.path("whole")),
        &tree(&coco.place.path("out")),
        "resumed",
    );
    coco.import("out", &[&flags[..], &["--resume"]].concat())
        .expect(0)
        .prints("Verified");
    coco.import(
        "out",
        &[&flags[..], &["--resume", "--prior-rates", "geo=0,checklist=0.5"]].concat(),
    )
    .expect(2)
    .complains("simulated_priors");
}

#[test]
fn every_mistake_of_the_tables_is_reported_at_once() {
    let mut coco = Coco::new();
    let train = |coco: &mut Coco, key: &str, value: Value| coco.train[key].as_array_mut().unwrap().push(value);
    train(&mut coco, "images", image(9, "train2014", (40, 30)));
    train(&mut coco, "annotations", annotation(6, 1, 1.0, [0.0; 4], false));
    for _ in 0..9 {
        train(&mut coco, "annotations", annotation(9, 2, 1.0, [0.0; 4], false));
    }
    let mut astray = image(1000, "train2014", (40, 30));
    astray["file_name"] = json!("../secret.jpg");
    train(&mut coco, "images", astray);
    coco.val["images"]
        .as_array_mut()
        .unwrap()
        .push(image(100, "val2014", (40, 30)));
    coco.val["categories"][0]["name"] = json!("dog");
    let refused = coco.import("out", &[]).expect(2);
    let (train, val) = ("instances_train2014.json: ", "instances_val2014.json: ");
    let expected = [
        (train, "images.id = \"9\": duplicate image"),
        (train, "images.file_name = \"../secret.jpg\": is not a file name"),
        (train, "annotations.image_id = \"6\": the file lists no such image"),
        (
            train,
            "annotations.category_id = \"2\": the file lists no such category (9 times)",
        ),
        (val, "17 \"dog\" here, 17 \"cat\" there"),
        (val, "images.id = \"100\": is also in instances_train2014.json"),
    ];
    for (file, message) in expected {
        let found = refused
            .stderr
            .lines()
            .any(|line| line.contains(file) && line.contains(message));
        assert!(found, "{message} is missing in\n{}", refused.stderr);
    }
    // The announcement, one line for the nine alike, one for each of the others.
    assert_eq!(refused.stderr.lines().count(), 1 + 1 + 5, "{}", refused.stderr);
    assert!(!coco.place.path("out").exists());

    let mut coco = Coco::new();
    coco.train["annotations"] = json!([]);
    coco.val["categories"] = json!([{ "id": 1, "name": "person" }, { "id": 1, "name": "cat" }]);
    coco.import("out", &[])
        .expect(2)
        .complains("no picture has an annotation");
    coco.train["categories"] = coco.val["categories"].clone();
    coco.import("out", &[])
        .expect(2)
        .complains("categories.id = \"1\": duplicate category");
    coco.train["categories"] = json!([{ "id": 1, "name": "cat" }, { "id": 2, "name": "cat" }]);
    coco.import("out", &[])
        .expect(2)
        .complains("the species code \"cat\" is already that of class 0");
}

#[test]
fn files_that_are_no_annotations_are_refused_with_their_place() {
    let coco = Coco::new();
    let empty = coco.place.path("nothing");
    let both = l48!("import", "coco2014", &empty, "--out", coco.place.path("out")).expect(2);
    assert!(
        both.stderr.contains("instances_train2014.json: cannot be read"),
        "{}",
        both.stderr
    );
    assert!(
        both.stderr.contains("instances_val2014.json: cannot be read"),
        "{}",
        both.stderr
    );
    let whole = coco.train.to_string();
    for (text, reason) in [
        (whole[..whole.len() / 2].to_owned(), "EOF while parsing"),
        (whole.replace("\"bbox\"", "\"box\""), "missing field `bbox`"),
        (
            whole.replace("[0.0,0.0,10.0,10.0]", "[0.0,0.0,10.0]"),
            "invalid length 3",
        ),
        (whole.replace("\"area\":50.0", "\"area\":1e999"), "number out of range"),
        (
            whole.replace("\"annotations\"", "\"notes\""),
            "missing field `annotations`",
        ),
        (format!("{whole}{whole}"), "trailing characters"),
        ("[]".into(), "at line 1"),
    ] {
        coco.place.write("annotations/instances_train2014.json", &text);
        l48!(
            "import",
            "coco2014",
            coco.place.folder(),
            "--out",
            coco.place.path("out")
        )
        .expect(2)
        .complains(reason);
    }
    assert!(!coco.place.path("out").exists());
}
