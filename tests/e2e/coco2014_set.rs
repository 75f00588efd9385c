//! Provides `Coco`, an invented set in the layout of COCO 2014: tables as JSON values, pictures of two colours.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::picture_file::jpeg;
use crate::program::Ended;
use crate::recordings::Workplace;

/// Annotated pictures of train2014, in the order of the file.
const TRAIN: [i64; 10] = [9, 10, 25, 30, 31, 100, 101, 581_921, 42, 8];
/// Annotated pictures of val2014.
const VAL: [i64; 3] = [5, 12, 40];
/// A picture without an annotation, in train2014.
const BARE: i64 = 77;
/// The set in a temporary folder, its tables still to be changed.
pub(crate) struct Coco {
    pub(crate) place: Workplace,
    pub(crate) train: Value,
    pub(crate) val: Value,
}

pub(crate) fn image(id: i64, half: &str, (width, height): (u32, u32)) -> Value {
    json!({
        "id": id, "file_name": format!("COCO_{half}_{id:012}.jpg"), "width": width, "height": height, "license": 4,
        "flickr_url": format!("https://example.org/{id}.jpg"), "date_captured": "2013-11-14 11:18:45",
    })
}

pub(crate) fn annotation(image_id: i64, category_id: i64, area: f64, bbox: [f64; 4], is_crowd: bool) -> Value {
    let outline = if is_crowd {
        json!({ "counts": [272, 2, 4], "size": [30, 40] })
    } else {
        json!([[1.5, 2.0, 3.0, 4.0, 5.0, 6.0]])
    };
    json!({
        "id": image_id * 100 + category_id, "image_id": image_id, "category_id": category_id, "area": area, "bbox": bbox,
        "iscrowd": i32::from(is_crowd), "segmentation": outline,
    })
}

/// Size of the invented pictures in pixels; one is wide.
fn size_of(id: i64) -> (u32, u32) {
    if id == 25 { (64, 24) } else { (40, 30) }
}

impl Coco {
    pub(crate) fn new() -> Self {
        let place = Workplace::new();
        // Out of order, as nothing promises that it is not; ids have gaps.
        let mut categories = vec![(17, "cat"), (3, "traffic light"), (1, "person")];
        let more: Vec<String> = (20..60).map(|id| format!("thing {id}")).collect();
        categories.extend((20..60).zip(more.iter().map(String::as_str)));
        let categories: Vec<Value> = categories
            .into_iter()
            .map(|(id, name)| json!({ "supercategory": "any", "id": id, "name": name }))
            .collect();
        let table = |half: &str, ids: &[i64], annotations: Vec<Value>| {
            let images: Vec<Value> = ids.iter().map(|&id| image(id, half, size_of(id))).collect();
            json!({
                "info": { "year": 2014 }, "images": images, "licenses": [{ "id": 4, "name": "CC BY 2.0", "url": "" }],
                "annotations": annotations, "categories": categories,
            })
        };
        let plain = |id: i64| annotation(id, 1, 50.0, [0.0, 0.0, 10.0, 10.0], false);
        let mut of_train = vec![
            annotation(9, 3, 20.0, [0.0, 0.0, 4.0, 5.0], false),
            annotation(9, 17, 100.5, [10.0, 7.5, 20.0, 15.0], true),
            annotation(9, 1, 100.5, [0.0, 0.0, 40.4, 30.0], false),
            annotation(100, 1, 10.0, [1.0, 1.0, 2.0, 5.0], false),
            annotation(100, 3, 500.0, [0.0, 0.0, 40.0, 12.5], false),
            annotation(100, 1, 499.9, [1.0, 1.0, 0.0, 5.0], false),
        ];
        of_train.extend([10, 25, 30, 31, 101, 581_921, 42, 8].map(plain));
        let mut ids = TRAIN.to_vec();
        ids.insert(3, BARE);
        let train = table("train2014", &ids, of_train);
        let val = table("val2014", &VAL, VAL.map(plain).to_vec());
        for id in ids {
            write_picture(&place, "train2014", id, size_of(id));
        }
        for id in VAL {
            write_picture(&place, "val2014", id, size_of(id));
        }
        Coco { place, train, val }
    }

    /// Imports as the tables are now.
    pub(crate) fn import(&self, out: &str, flags: &[&str]) -> Ended {
        for (half, table) in [("train2014", &self.train), ("val2014", &self.val)] {
            self.place
                .write(&format!("annotations/instances_{half}.json"), &table.to_string());
        }
        let mut command = crate::program::command();
        command
            .args(["import", "coco2014"])
            .arg(self.place.folder())
            .arg("--out");
        crate::program::run(command.arg(self.place.path(out)).args(flags))
    }

    pub(crate) fn picture(&self, half: &str, id: i64) -> PathBuf {
        self.place.path(&picture_name(half, id))
    }
}

pub(crate) fn picture_name(half: &str, id: i64) -> String {
    format!("{half}/COCO_{half}_{id:012}.jpg")
}

/// Writes a picture: orange on the left, blue on the right; number 10 in grey, with one channel.
pub(crate) fn write_picture(place: &Workplace, half: &str, id: i64, (width, height): (u32, u32)) {
    let colour = |x: u32| if x < width / 2 { [230, 120, 20] } else { [20, 60, 200] };
    let samples: Vec<u8> = if id == 10 {
        vec![90; (width * height) as usize]
    } else {
        (0..width * height).flat_map(|i| colour(i % width)).collect()
    };
    let bytes = jpeg(&samples, width as usize, height as usize, 98);
    place.write_bytes(&picture_name(half, id), &bytes);
}
