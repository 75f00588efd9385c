//! Provides `Photographs`, the annotated pictures of COCO 2014 in the published order, with every mistake of their
//! tables.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use shardfmt::Split;

use super::annotations::{AnnotationEntry, ImageEntry, Instances};
use super::categories::Categories;
use super::split;
use crate::error::Result;
use crate::tables::Problems;

/// How far a box may lie outside its picture: edges were rounded after they were cut to it.
const SLACK_PX: f32 = 1.0;

/// One of the two halves that COCO 2014 comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Train2014,
    Val2014,
}

impl Half {
    fn name(self) -> &'static str {
        match self {
            Half::Train2014 => "train2014",
            Half::Val2014 => "val2014",
        }
    }

    fn annotations(self, folder: &Path) -> PathBuf {
        folder
            .join("annotations")
            .join(format!("instances_{}.json", self.name()))
    }
}

/// A picture with at least one annotation.
#[derive(Clone, Debug)]
pub(super) struct Photograph {
    pub(super) image_id: i64,
    /// File below the folder of the set, such as `train2014/COCO_train2014_000000000009.jpg`.
    pub(super) path: String,
    pub(super) width_px: u32,
    pub(super) height_px: u32,
    pub(super) split: Split,
    /// The single positive: class of the annotation with the largest area, the first of equals.
    pub(super) target: u32,
    pub(super) license: Option<Arc<str>>,
    pub(super) source_url: Option<String>,
    annotations: Range<usize>,
}

/// An object, or a crowd of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Annotation {
    pub(super) class: u32,
    pub(super) is_crowd: bool,
    /// Left, upper, right and lower edge in pixels.
    pub(super) edges_px: [f32; 4],
}

impl Annotation {
    /// Whether its edges are in order and inside a picture of so many pixels, but for rounding.
    pub(super) fn lies_within(&self, (width_px, height_px): (u32, u32)) -> bool {
        let [left, upper, right, lower] = self.edges_px;
        let within =
            |low: f32, high: f32, size_px: u32| -SLACK_PX <= low && low <= high && high <= size_px as f32 + SLACK_PX;
        within(left, right, width_px) && within(upper, lower, height_px)
    }
}

/// The annotated pictures: those of train2014, then those of val2014, each by image id in the order of its digits as
/// text.
#[derive(Debug)]
pub(super) struct Photographs {
    pub(super) categories: Categories,
    pub(super) photographs: Vec<Photograph>,
    /// Pictures that are left out because nothing in them is annotated.
    pub(super) without_annotation: u64,
    annotations: Vec<Annotation>,
}

impl Photographs {
    /// Reads both annotation files of `folder`, one after the other. About 250 bytes a picture and 24 an annotation
    /// stay: 50 MB of half a gigabyte of JSON.
    ///
    /// # Errors
    /// [`Error::Manifest`](crate::Error::Manifest) with all mistakes: a file that cannot be read, repeated ids,
    /// annotations of pictures or categories that are not listed, categories that differ, file names that lead
    /// elsewhere, no annotated picture.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let mut problems = Problems::default();
        let mut set = Photographs {
            categories: Categories::default(),
            photographs: Vec::new(),
            without_annotation: 0,
            annotations: Vec::new(),
        };
        for half in [Half::Train2014, Half::Val2014] {
            let file = half.annotations(folder);
            if let Some(instances) = Instances::read(&file, &mut problems) {
                set.add(half, &file, instances, &mut problems);
            }
        }
        if problems.is_empty() {
            Ok(set)
        } else {
            Err(problems.into())
        }
    }

    /// The annotations of a picture, in the order of its file.
    pub(super) fn annotations(&self, photograph: &Photograph) -> &[Annotation] {
        self.annotations.get(photograph.annotations.clone()).unwrap_or_default()
    }

    fn add(&mut self, half: Half, file: &Path, instances: Instances, problems: &mut Problems) {
        let Instances {
            images,
            annotations,
            categories,
            licenses,
        } = instances;
        self.categories.take(file, categories, problems);
        let class_of = self.categories.class_of();
        let number_of: HashMap<i64, usize> = images.iter().map(|image| image.id).zip(0..).collect();
        self.check_images(file, &images, &number_of, problems);

        let mut found = locate(file, annotations, &number_of, &class_of, problems);
        // Published tables sort ids as strings ("for backwards compatibility"), and the split depends on the order.
        let id_of = |number: usize| images.get(number).map_or(String::new(), |image| image.id.to_string());
        found.sort_by_cached_key(|one| id_of(one.image));

        let licenses: HashMap<i64, Arc<str>> = licenses.into_iter().map(|one| (one.id, one.name.into())).collect();
        let first = self.photographs.len();
        for group in found.chunk_by(|one, other| one.image == other.image) {
            let Some(image) = group.first().and_then(|one| images.get(one.image)) else {
                continue;
            };
            let start = self.annotations.len();
            self.annotations.extend(group.iter().map(|one| one.annotation));
            self.photographs.push(Photograph {
                image_id: image.id,
                path: format!("{}/{}", half.name(), image.file_name),
                width_px: image.width,
                height_px: image.height,
                split: if half == Half::Val2014 {
                    Split::Test
                } else {
                    Split::Train
                },
                target: largest(group),
                license: image.license.and_then(|id| licenses.get(&id).cloned()),
                source_url: image.flickr_url.clone(),
                annotations: start..self.annotations.len(),
            });
        }
        let added = self.photographs.get_mut(first..).unwrap_or_default();
        if added.is_empty() {
            problems.file(file, "no picture has an annotation");
        }
        self.without_annotation += images.len().saturating_sub(added.len()) as u64;
        if half == Half::Train2014 {
            let validation = split::validation(u32::try_from(added.len()).unwrap_or(u32::MAX));
            for (photograph, _) in added.iter_mut().zip(validation).filter(|(_, is)| *is) {
                photograph.split = Split::Val;
            }
        }
    }

    fn check_images(
        &self,
        file: &Path,
        images: &[ImageEntry],
        number_of: &HashMap<i64, usize>,
        problems: &mut Problems,
    ) {
        for (image, number) in images.iter().zip(0..) {
            let id = image.id.to_string();
            if number_of.get(&image.id) != Some(&number) {
                problems.value(file, "images.id", &id, "duplicate image");
            }
            if !is_file_name(&image.file_name) {
                problems.value(file, "images.file_name", &image.file_name, "is not a file name");
            }
        }
        for photograph in self
            .photographs
            .iter()
            .filter(|one| number_of.contains_key(&one.image_id))
        {
            let id = photograph.image_id.to_string();
            problems.value(file, "images.id", &id, "is also in instances_train2014.json");
        }
    }
}

/// Whether a name is one of a file in the folder itself.
fn is_file_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

/// An annotation whose picture and class have been found.
struct LocatedAnnotation {
    /// Number of the picture in its file.
    image: usize,
    area: f64,
    annotation: Annotation,
}

/// Finds picture and class of every annotation; those that name others are problems.
fn locate(
    file: &Path,
    annotations: Vec<AnnotationEntry>,
    number_of: &HashMap<i64, usize>,
    class_of: &HashMap<i64, u32>,
    problems: &mut Problems,
) -> Vec<LocatedAnnotation> {
    let mut found = Vec::with_capacity(annotations.len());
    for entry in annotations {
        let [left, upper, width, height] = entry.bbox;
        match (number_of.get(&entry.image_id), class_of.get(&entry.category_id)) {
            (Some(&image), Some(&class)) => found.push(LocatedAnnotation {
                image,
                area: entry.area,
                annotation: Annotation {
                    class,
                    is_crowd: entry.iscrowd != 0,
                    edges_px: [left, upper, left + width, upper + height].map(|edge| edge as f32),
                },
            }),
            (None, _) => {
                let id = entry.image_id.to_string();
                problems.value(file, "annotations.image_id", &id, "the file lists no such image");
            }
            (_, None) => {
                let id = entry.category_id.to_string();
                problems.value(file, "annotations.category_id", &id, "the file lists no such category");
            }
        }
    }
    found
}

/// Class of the annotation with the largest area; of equal ones the first.
fn largest(annotations: &[LocatedAnnotation]) -> u32 {
    let mut largest = (f64::NEG_INFINITY, 0);
    for one in annotations {
        if one.area > largest.0 {
            largest = (one.area, one.annotation.class);
        }
    }
    largest.1
}
