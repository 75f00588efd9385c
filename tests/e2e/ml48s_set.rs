//! Provides `Ml48sSet`, a small set in the official L48 layout: tables as JSON values, pictures with sounds in their
//! boxes.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::outside::json as json_file;
use crate::picture_file::jpeg;
use crate::program::workspace;

/// Pixels in a row of a picture, and rows.
const PICTURE_PIXELS: (usize, usize) = (750, 236);

/// A set in a temporary folder, to be changed before it is written.
pub(crate) struct Ml48sSet {
    folder: TempDir,
    pub(crate) taxa: String,
    pub(crate) assets: Vec<Value>,
    pub(crate) clips: Vec<Value>,
}

impl Ml48sSet {
    /// Three classes and three recordings of four clips; every picture has one sound and its box.
    pub(crate) fn small() -> Self {
        let asset = |id: i64, split: &str| {
            json!({"id": id, "split": split, "target_species_code": "b", "possible_species_codes": ["b", "a"],
                "observed_species_codes": ["b"], "present_species_codes": [], "unknown_species_codes": [], "absent_species_codes": []})
        };
        let mut clips = Vec::new();
        for (asset_id, order) in [
            (30, 0),
            (30, 1),
            (4, 0),
            (30, 2),
            (4, 2),
            (4, 1),
            (4, 5),
            (30, 3),
            (800, 0),
            (800, 1),
            (800, 2),
            (800, 3),
        ] {
            let left = 0.1 + 0.05 * order as f64;
            let found =
                json!({"id": 0, "species_code": "b", "status": "active", "bbox": [left, 0.55, left + 0.12, 0.9]});
            clips.push(json!({"id": 1000 - clips.len(), "asset_id": asset_id, "clip_order": order,
                "file_path": format!("images/{asset_id}/{order}.jpg"), "width": 750, "height": 236,
                "present_species_codes": ["b"], "unknown_species_codes": ["a"], "absent_species_codes": ["c"], "boxes": [found]}));
        }
        Ml48sSet {
            folder: with_set(),
            taxa: "species_code,common_name,scientific_name\nb,Bee-eater,\na,Avocet,\nc,Coot,\n".into(),
            assets: vec![asset(4, "test"), asset(800, "train"), asset(30, "train")],
            clips,
        }
    }

    /// The invented set of the fixtures; pictures that it lacks are drawn.
    pub(crate) fn fixture() -> Self {
        let set = Ml48sSet {
            folder: with_set(),
            taxa: fs::read_to_string(fixture("ml48s/taxa.csv")).unwrap(),
            assets: json_file(&fixture("ml48s/assets.json")).as_array().unwrap().clone(),
            clips: json_file(&fixture("ml48s/clips.json")).as_array().unwrap().clone(),
        };
        fs::write(
            set.path("val_split.npy"),
            fs::read(fixture("ml48s/val_split.npy")).unwrap(),
        )
        .unwrap();
        for picture in json_file(&fixture("expected.json"))["images"].as_array().unwrap() {
            let name = picture.as_str().unwrap();
            fs::create_dir_all(set.path(name).parent().unwrap()).unwrap();
            fs::write(set.path(name), fs::read(fixture(&format!("ml48s/{name}"))).unwrap()).unwrap();
        }
        set
    }

    /// Writes the tables.
    pub(crate) fn write_tables(&self) {
        fs::write(self.path("taxa.csv"), &self.taxa).unwrap();
        fs::write(self.path("assets.json"), serde_json::to_string(&self.assets).unwrap()).unwrap();
        fs::write(self.path("clips.json"), serde_json::to_string(&self.clips).unwrap()).unwrap();
    }

    /// Writes the tables, and the pictures that are not there yet.
    pub(crate) fn write(&self) -> &Self {
        self.write_tables();
        for clip in &self.clips {
            let file = self.path(clip["file_path"].as_str().unwrap());
            if !file.exists() {
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, picture(clip)).unwrap();
            }
        }
        self
    }

    /// The set's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.path("")
    }

    /// A path in the set's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("set").join(name)
    }

    /// A path beside the set's folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A temporary folder with an empty one for the set.
fn with_set() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("set")).unwrap();
    folder
}

/// A file of the `modes` fixtures: of the folder that `L48_FIXTURES` names, else tables and pictures as committed.
pub(crate) fn fixture(name: &str) -> PathBuf {
    if let Some(set) = std::env::var_os("L48_FIXTURES") {
        return Path::new(&set).join("modes").join(name);
    }
    let pictures = workspace().join("tests/fixtures/modes").join(name);
    if pictures.is_file() {
        pictures
    } else {
        workspace().join("trainer/loader/tests/fixtures/modes").join(name)
    }
}

/// Noise, and a sound in every box that counts.
fn picture(clip: &Value) -> Vec<u8> {
    let (width, height) = PICTURE_PIXELS;
    let seed = clip["id"].as_u64().unwrap() as usize;
    let sounds: Vec<[f64; 4]> = clip["boxes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|found| found["status"] != "ignore")
        .map(|found| [0, 1, 2, 3].map(|edge| found["bbox"][edge].as_f64().unwrap()))
        .collect();
    let level = |x: usize, y: usize| {
        let (across, down) = ((x as f64 + 0.5) / width as f64, (y as f64 + 0.5) / height as f64);
        let noise = (x * 7919 + y * 104_729 + seed * 1_299_709) % 31;
        let loud = sounds
            .iter()
            .any(|[left, upper, right, lower]| (left..right).contains(&&across) && (upper..lower).contains(&&down));
        40 + noise + if loud { 120 } else { 0 }
    };
    let pixels: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .map(|(x, y)| level(x, y) as u8)
        .collect();
    grey_jpeg(&pixels, width, height)
}

/// A grey JPEG.
pub(crate) fn grey_jpeg(pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
    jpeg(pixels, width, height, 90)
}
