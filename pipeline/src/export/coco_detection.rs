//! Provides the boxes of a dataset as COCO detection annotations (<https://cocodataset.org/#format-data>), in one
//! JSON file.
//!
//! An image is a clip. Its `file_name` is `ASSET/CLIP`, the recording's id and the clip's number in it, which name
//! the clip in every version of a dataset; the pixels are record `row` of shard `shard`, which are given beside it.
//! Ids count from 1 in the order of shards and rows. A category is a class, its name the species code, its id the
//! class index plus 1, or, in a set imported from COCO 2014, the one it had there.
//!
//! A box is `[x, y, width, height]` in pixels of the stored image, `y` counted from row 0; one without frequencies
//! spans the whole height. A box that the annotators want ignored has `iscrowd` 1, the one mark that pycocotools goes
//! by: what a detector finds there is neither right nor wrong, and training leaves it out. So has a crowd of COCO
//! 2014. Boxes of a species that is not a class (an unknown bird, a marker that there is none) are left out and
//! counted: as categories they would be taught, as ignored boxes of every class they would hide errors. So are boxes
//! without an area, which lie beside what the image shows.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::json;
use shardfmt::Operation;
use shardfmt::persist::{AtomicFile, remove_leftovers_beside};
use shardfmt::{Checks, ClipBox, ClipSpec, Dataset, LabelRow, Split, Taxon};

use super::coco_categories::Categories;
use crate::error::{self, Result};

/// What was written, and what was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Clips.
    pub images: u64,
    /// Boxes, those to be ignored among them.
    pub boxes: u64,
    /// Boxes to be ignored.
    pub ignored: u64,
    /// Boxes left out because their species code is not a class.
    pub not_a_class: BTreeMap<String, u64>,
    /// Boxes left out because they have no area.
    pub without_area: u64,
}

/// A clip.
#[derive(Serialize)]
struct Image {
    id: u64,
    file_name: String,
    width: u32,
    height: u32,
    asset_id: i64,
    clip_index: u32,
    shard: u32,
    row: u32,
    split: &'static str,
    /// Where this is false, boxes may be missing.
    fully_annotated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_id: Option<i64>,
}

/// A box.
#[derive(Serialize)]
struct Annotation {
    id: u64,
    image_id: u64,
    category_id: i64,
    /// x, y, width and height in pixels.
    bbox: [f32; 4],
    area: f32,
    iscrowd: u8,
    /// Boxes have no outline; torchvision's loader wants the member.
    segmentation: [(); 0],
    status: &'static str,
}

/// A class.
#[derive(Serialize)]
struct Category<'a> {
    id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    supercategory: Option<&'a str>,
    name: &'a str,
    common_name: Option<&'a str>,
    scientific_name: Option<&'a str>,
}

impl<'a> Category<'a> {
    fn of(categories: &'a Categories, class: u32, taxon: &'a Taxon) -> Self {
        Category {
            id: categories.id(class),
            supercategory: categories.supercategory(class),
            name: &taxon.species_code,
            common_name: taxon.common_name.as_deref(),
            scientific_name: taxon.scientific_name.as_deref(),
        }
    }
}

/// Writes the boxes of a dataset, or of one split of it, to the file `out`, which appears when it is complete. Label
/// tables are read one at a time, once for the images and once for the boxes.
///
/// # Errors
/// A damaged label table; a file that cannot be written.
pub fn coco_detection(dataset: &Dataset, split: Option<Split>, out: &Path) -> Result<Exported> {
    let wrong = |cause| error::io(Operation::Write, out)(cause);
    let mut exported = Exported::default();
    remove_leftovers_beside(out)?;
    let mut file = BufWriter::new(AtomicFile::create(out)?);
    let head = dataset.head();
    let listed = Categories::of(&head.config, dataset.taxa());
    // No date and no place of this machine: the same dataset gives the same bytes.
    let origin =
        json!({"description": head.name, "contributor": head.program, "axes": head.axes, "values": head.values});
    write!(file, "{{\"info\":{origin},\"licenses\":[],\"images\":[").map_err(wrong)?;
    let mut images = Elements::default();
    each_clip(dataset, split, |id, row| {
        exported.images += 1;
        images.push(&mut file, &image(id, row, head.clips)).map_err(wrong)
    })?;
    file.write_all(b"\n],\"annotations\":[").map_err(wrong)?;
    let mut annotations = Elements::default();
    each_clip(dataset, split, |image_id, row| {
        for found in &row.boxes {
            let Some(class) = dataset.taxa().index(&found.species_code) else {
                *exported.not_a_class.entry(found.species_code.clone()).or_default() += 1;
                continue;
            };
            let Some(bbox) = bbox(found, head.clips) else {
                exported.without_area += 1;
                continue;
            };
            exported.boxes += 1;
            let iscrowd = u8::from(listed.is_crowd(found.status));
            exported.ignored += u64::from(iscrowd);
            let annotation = Annotation {
                id: exported.boxes,
                image_id,
                category_id: listed.id(class),
                bbox,
                area: bbox[2] * bbox[3],
                iscrowd,
                segmentation: [],
                status: found.status.as_str(),
            };
            annotations.push(&mut file, &annotation).map_err(wrong)?;
        }
        Ok(())
    })?;
    file.write_all(b"\n],\"categories\":[").map_err(wrong)?;
    let mut categories = Elements::default();
    for (class, taxon) in (0..).zip(dataset.taxa().iter()) {
        let category = Category::of(&listed, class, taxon);
        categories.push(&mut file, &category).map_err(wrong)?;
    }
    file.write_all(b"\n]}\n").map_err(wrong)?;
    file.into_inner().map_err(|e| wrong(e.into_error()))?.commit()?;
    Ok(exported)
}

/// Shows `visit` the chosen clips in the order of shards and rows, numbered from 1.
fn each_clip(
    dataset: &Dataset,
    split: Option<Split>,
    mut visit: impl FnMut(u64, &LabelRow) -> Result<()>,
) -> Result<()> {
    let mut id = 0;
    for shard in 0..dataset.shard_count() {
        let shard = dataset.open_shard(shard, Checks::Off)?;
        for row in dataset.labels(&shard)? {
            if split.is_none_or(|split| split == row.split) {
                id += 1;
                visit(id, &row)?;
            }
        }
    }
    Ok(())
}

fn image(id: u64, row: &LabelRow, clips: ClipSpec) -> Image {
    Image {
        id,
        file_name: format!("{}/{}", row.asset_id, row.clip_index),
        width: clips.width,
        height: clips.height,
        asset_id: row.asset_id,
        clip_index: row.clip_index,
        shard: row.shard,
        row: row.row,
        split: row.split.as_str(),
        fully_annotated: row.fully_annotated,
        source_id: row.source_id,
    }
}

/// A box as `[x, y, width, height]` in pixels of the stored image; `None` if nothing of it is in there.
fn bbox(found: &ClipBox, clips: ClipSpec) -> Option<[f32; 4]> {
    let span = |near: f32, far: f32, pixels: u32| {
        let edge = |relative: f32| relative.clamp(0.0, 1.0) * pixels as f32;
        let (near, length) = (edge(near), edge(far) - edge(near));
        (length > 0.0).then_some((near, length))
    };
    let (x, width) = span(found.x_min, found.x_max, clips.width)?;
    let (y, height) = span(found.y_min.unwrap_or(0.0), found.y_max.unwrap_or(1.0), clips.height)?;
    Some([x, y, width, height])
}

/// The elements of a JSON array, one a line.
#[derive(Default)]
struct Elements {
    has_some: bool,
}

impl Elements {
    fn push(&mut self, file: &mut impl Write, element: &impl Serialize) -> io::Result<()> {
        let between: &[u8] = if std::mem::replace(&mut self.has_some, true) {
            b",\n"
        } else {
            b"\n"
        };
        file.write_all(between)?;
        Ok(serde_json::to_writer(file, element)?)
    }
}

#[cfg(test)]
mod tests {
    use shardfmt::{BoxStatus, Dtype};

    use super::*;

    const CLIPS: ClipSpec = ClipSpec {
        dtype: Dtype::U8,
        channels: None,
        height: 200,
        width: 400,
    };

    fn found(x: [f32; 2], y: [Option<f32>; 2]) -> ClipBox {
        ClipBox {
            species_code: "woothr".into(),
            status: BoxStatus::Active,
            start_s: 0.0,
            end_s: 1.0,
            low_hz: None,
            high_hz: None,
            x_min: x[0],
            x_max: x[1],
            y_min: y[0],
            y_max: y[1],
        }
    }

    #[test]
    fn boxes_become_pixels() {
        let cases = [
            (
                [0.25, 0.75],
                [Some(0.125), Some(0.625)],
                Some([100.0, 25.0, 200.0, 100.0]),
            ),
            // No frequencies: all of them. One edge only: to the end of the image.
            ([0.0, 1.0], [None, None], Some([0.0, 0.0, 400.0, 200.0])),
            ([0.5, 1.0], [Some(0.5), None], Some([200.0, 100.0, 200.0, 100.0])),
            // What reaches beyond the image is cut; what lies beside it, or is a line, or is turned around, is nothing.
            ([-1.0, 2.0], [Some(-0.5), Some(0.5)], Some([0.0, 0.0, 400.0, 100.0])),
            ([0.25, 0.75], [Some(1.0), Some(1.0)], None),
            ([0.5, 0.5], [None, None], None),
            ([0.75, 0.25], [None, None], None),
            ([1.5, 1.75], [None, None], None),
        ];
        for (x, y, expected) in cases {
            assert_eq!(bbox(&found(x, y), CLIPS), expected, "{x:?} {y:?}");
        }
    }

    #[test]
    fn elements_stand_between_commas() {
        let mut text = Vec::new();
        let mut elements = Elements::default();
        [1, 2, 3]
            .iter()
            .for_each(|element| assert!(elements.push(&mut text, element).is_ok()));
        assert_eq!(text, b"\n1,\n2,\n3");
    }
}
