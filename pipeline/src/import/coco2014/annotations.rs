//! Provides `Instances`, what one annotation file of COCO says; outlines of objects are skipped while it is read.

use std::io::BufReader;
use std::path::Path;

use serde::Deserialize;

use crate::tables::Problems;
use frontend::source_file::open_file;

/// Bytes read from the file at a time.
const READ_BYTES: usize = 1 << 20;

/// An annotation file, as far as it is used: about 100 bytes a picture and as many an annotation.
#[derive(Debug, Deserialize)]
pub(super) struct Instances {
    pub(super) images: Vec<ImageEntry>,
    pub(super) annotations: Vec<AnnotationEntry>,
    pub(super) categories: Vec<CategoryEntry>,
    #[serde(default)]
    pub(super) licenses: Vec<LicenseEntry>,
}

/// A picture.
#[derive(Debug, Deserialize)]
pub(super) struct ImageEntry {
    pub(super) id: i64,
    pub(super) file_name: String,
    pub(super) width: u32,
    pub(super) height: u32,
    #[serde(default)]
    pub(super) license: Option<i64>,
    #[serde(default)]
    pub(super) flickr_url: Option<String>,
}

/// An object, or a crowd of them, in a picture.
#[derive(Debug, Deserialize)]
pub(super) struct AnnotationEntry {
    pub(super) image_id: i64,
    pub(super) category_id: i64,
    /// Pixels inside the outline.
    pub(super) area: f64,
    /// Left, top, width and height in pixels.
    pub(super) bbox: [f64; 4],
    #[serde(default)]
    pub(super) iscrowd: u8,
}

/// A class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct CategoryEntry {
    pub(crate) id: i64,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) supercategory: Option<String>,
}

/// A licence that pictures refer to.
#[derive(Debug, Deserialize)]
pub(super) struct LicenseEntry {
    pub(super) id: i64,
    pub(super) name: String,
}

impl Instances {
    /// Reads an annotation file; what keeps it from being read is a problem.
    pub(super) fn read(file: &Path, problems: &mut Problems) -> Option<Self> {
        let opened = match open_file(file) {
            Ok(opened) => opened,
            Err(error) => {
                problems.file(file, format!("cannot be read: {error}"));
                return None;
            }
        };
        let read = serde_json::from_reader(BufReader::with_capacity(READ_BYTES, opened));
        read.map_err(|error| problems.file(file, format!("is not a COCO instances file: {error}")))
            .ok()
    }
}
