//! Provides the benchmark in the layout of COCO 2014: `annotations/instances_{train,val}2014.json`, `train2014/`,
//! `val2014/`.
//!
//! Each clip is an image. Clips of train and val are in `train2014`, from which the published split takes its val;
//! those of test are `val2014`. Every object is annotated, whatever was known of the recordings.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};
use shardfmt::Split;

use super::look::{Look, looks};
use super::photograph::{Object, Photograph, photograph};
use super::picture_file::{Pixel, write_jpeg};
use super::species::MEMBERS;
use super::write_json;
use crate::error::Error;
use crate::files::{FileSizes, for_each_recording};
use crate::marker;
use crate::planned::{PlannedRecording, SetPlan};
use crate::species::Species;

/// The published parts: folder, and those of our splits that they hold.
const PARTS: [(&str, &[Split]); 2] = [("train2014", &[Split::Train, Split::Val]), ("val2014", &[Split::Test])];

#[derive(Serialize)]
struct CocoInstances<'a> {
    info: Value,
    licenses: [Value; 0],
    images: Vec<&'a CocoImage>,
    annotations: Vec<&'a CocoAnnotation>,
    categories: Vec<Value>,
}

/// An entry of `images`.
#[derive(Serialize)]
struct CocoImage {
    id: u64,
    file_name: String,
    width: u32,
    height: u32,
}

/// An entry of `annotations`.
#[derive(Serialize)]
struct CocoAnnotation {
    id: u64,
    image_id: u64,
    category_id: usize,
    /// In pixels.
    area: usize,
    /// `[x, y, width, height]` in pixels.
    bbox: [u32; 4],
    iscrowd: u8,
    /// Polygons, or the uncompressed run lengths of a crowd.
    segmentation: Value,
}

/// One image with its annotations.
type AnnotatedImage = (Split, CocoImage, Vec<CocoAnnotation>);

/// Writes all of it; returns the number of annotations and the size of each picture.
///
/// # Errors
/// See [`Error`].
pub(super) fn write(
    dir: &Path,
    plan: &SetPlan,
    species: &[Species],
    confusability: f64,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<(usize, FileSizes), Error> {
    marker::start(dir, &["annotations", "train2014", "val2014"])?;
    let looks = looks(confusability);
    let written = for_each_recording(plan, progress, |recording| {
        write_pictures(dir, recording, ids_apart(plan), &looks)
    })?;
    let (images, sizes): (Vec<Vec<AnnotatedImage>>, Vec<FileSizes>) = written.into_iter().unzip();
    let images: Vec<AnnotatedImage> = images.into_iter().flatten().collect();
    for (part, splits) in PARTS {
        let here = || images.iter().filter(|(split, ..)| splits.contains(split));
        let instances = CocoInstances {
            info: json!({ "description": "Synthetic benchmark in the layout of COCO 2014", "year": 2014 }),
            licenses: [],
            images: here().map(|(_, image, _)| image).collect(),
            annotations: here().flat_map(|(.., annotations)| annotations).collect(),
            categories: categories(species),
        };
        write_json(&dir.join(format!("annotations/instances_{part}.json")), &instances)?;
    }
    let annotations = images.iter().map(|(.., annotations)| annotations.len()).sum();
    Ok((annotations, sizes.into_iter().flatten().collect()))
}

/// Ids have gaps, as COCO's 80 categories in 1 to 90 have.
fn category_id(class: usize) -> usize {
    1 + class + class / 5
}

fn categories(species: &[Species]) -> Vec<Value> {
    let category = |(class, species): (usize, &Species)| {
        json!({
            "id": category_id(class),
            "name": species.common_name,
            "supercategory": format!("triple {}", class / MEMBERS + 1),
        })
    };
    species.iter().enumerate().map(category).collect()
}

/// How far the ids of two recordings' first images are apart at least: a power of ten, and more than any recording has
/// clips, so that ids of different recordings never meet.
fn ids_apart(plan: &SetPlan) -> u64 {
    let most = plan.recordings.iter().map(PlannedRecording::clips).max().unwrap_or(0);
    10_u64.pow((most.max(1)).ilog10() + 1)
}

fn write_pictures(
    dir: &Path,
    recording: &PlannedRecording,
    ids_apart: u64,
    looks: &[Look],
) -> Result<(Vec<AnnotatedImage>, FileSizes), Error> {
    let (mut images, mut sizes) = (Vec::new(), FileSizes::new());
    for clip in 0..recording.clips() {
        let photograph = photograph(recording, clip, looks);
        let id = u64::from(recording.asset_id) * ids_apart + clip as u64;
        let part = PARTS.into_iter().find(|(_, splits)| splits.contains(&recording.split));
        let part = part.map_or("train2014", |(part, _)| part);
        let file_name = format!("COCO_{part}_{id:012}.jpg");
        let Photograph { width, height, .. } = photograph;
        let name = format!("{part}/{file_name}");
        let path = dir.join(&name);
        // Photographs are at most 320 pixels wide and 240 high.
        let bytes = write_jpeg(&path, &photograph.pixels, (width as u16, height as u16), Pixel::Rgb)?;
        sizes.insert(name, bytes);
        let objects = (0_u64..).zip(&photograph.objects);
        let annotations = objects.map(|(number, object)| annotation(id * 100 + number, id, (width, height), object));
        let annotations = annotations.collect();
        let image = CocoImage {
            id,
            file_name,
            width,
            height,
        };
        images.push((recording.split, image, annotations));
    }
    Ok((images, sizes))
}

fn annotation(id: u64, image_id: u64, size: (u32, u32), object: &Object) -> CocoAnnotation {
    let (columns, rows) = (
        object.mask.iter().map(|pixel| pixel.0),
        object.mask.iter().map(|pixel| pixel.1),
    );
    let (left, top) = (columns.clone().min().unwrap_or(0), rows.clone().min().unwrap_or(0));
    let (right, bottom) = (columns.max().unwrap_or(0) + 1, rows.max().unwrap_or(0) + 1);
    let segmentation = match &object.outline {
        Some(outline) => json!([outline
            .iter()
            .flatten()
            .map(|edge| (edge * 100.0).round() / 100.0)
            .collect::<Vec<_>>()]),
        None => json!({ "counts": run_lengths(&object.mask, size), "size": [size.1, size.0] }),
    };
    CocoAnnotation {
        id,
        image_id,
        category_id: category_id(object.class),
        area: object.mask.len(),
        bbox: [left, top, right - left, bottom - top],
        iscrowd: u8::from(object.outline.is_none()),
        segmentation,
    }
}

/// Lengths of the runs of pixels outside and inside a mask by turns, down one column after the other.
fn run_lengths(mask: &[(u32, u32)], (width, height): (u32, u32)) -> Vec<u32> {
    let (mut counts, mut done) = (vec![], 0);
    for position in mask.iter().map(|(x, y)| x * height + y) {
        match counts.last_mut() {
            Some(inside) if position == done => *inside += 1,
            _ => counts.extend([position - done, 1]),
        }
        done = position + 1;
    }
    counts.extend(Some(width * height - done).filter(|&rest| rest > 0));
    counts
}

#[cfg(test)]
mod tests {
    use super::run_lengths;

    #[test]
    fn runs_go_down_the_columns() {
        // Two columns of three pixels: the middle one of the first, all of the second.
        assert_eq!(run_lengths(&[(0, 1), (1, 0), (1, 1), (1, 2)], (2, 3)), [1, 1, 1, 3]);
        assert_eq!(run_lengths(&[(0, 0)], (2, 3)), [0, 1, 5]);
        assert_eq!(run_lengths(&[], (2, 3)), [6]);
    }
}
