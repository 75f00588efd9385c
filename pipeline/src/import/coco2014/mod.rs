//! Provides `Coco2014`, the pictures of COCO 2014 as a source of clips: the control of the benchmark on recordings.
//!
//! A picture is a recording of one clip without length: `[3, 448, 448]`, red, green, blue, top row first. Each class is
//! present or absent, as any annotation, crowds included, says; the target is the class of the largest annotation. The order
//! of pictures and the split are the published ones (Cole et al. 2021, "Multi-Label Learning from Single Positive Labels").

mod annotations;
mod photographs;
mod reader;
mod settings;
mod simulated_priors;
mod split;

use std::path::{Path, PathBuf};

use shardfmt::{AssetRow, BoxStatus, ClipBox, DatasetInfo, LabelRow, LabelSource, PriorRow, Split, Taxa};

use crate::error::Result;
use crate::labels::LabelCounts;
use crate::picture::{Channels, Picture, Resizer};
use crate::source::{AssetRecord, ClipSource, Placement, Rejected, Rendered};
use photographs::{Annotation, Photograph, Photographs};
pub use reader::PhotographReader;
pub use simulated_priors::{PriorRates, SimulatedPriors};

/// How far a box may lie outside its picture: edges were rounded after they were cut to it.
const SLACK_PX: f32 = 1.0;
/// Bytes of a usual picture before it is resized (640 x 480).
const USUAL_BYTES: usize = 640 * 480 * 3;

/// The annotated pictures of COCO 2014.
pub struct Coco2014 {
    folder: PathBuf,
    set: Photographs,
    priors: Option<SimulatedPriors>,
    info: DatasetInfo,
}

impl Coco2014 {
    /// Reads the annotations of the set in `folder`, with `annotations/instances_{train,val}2014.json` and the pictures in
    /// `train2014` and `val2014`. `shard_clips` is what a shard aims at; `priors` are simulated, or there are none.
    ///
    /// # Errors
    /// [`Error::Manifest`](crate::Error::Manifest) with all mistakes of the annotations.
    pub fn open(folder: &Path, shard_clips: u32, priors: Option<SimulatedPriors>) -> Result<Self> {
        let set = Photographs::read(folder)?;
        let config = settings::to_json(&set, shard_clips, priors.as_ref());
        Ok(Coco2014 {
            folder: folder.into(),
            info: super::dataset_info(settings::NAME, config, Channels::Rgb, settings::axes()),
            set,
            priors,
        })
    }

    /// What was found, a sentence each.
    pub fn facts(&self) -> Vec<String> {
        let of = |split| self.set.photographs.iter().filter(|one| one.split == split).count();
        let (train, val, test) = (of(Split::Train), of(Split::Val), of(Split::Test));
        vec![
            format!("annotated pictures: {train} for train, {val} for val, {test} for test"),
            format!(
                "pictures without an annotation, which are left out: {}",
                self.set.without_annotation
            ),
        ]
    }

    /// The picture of an asset; assets are numbered below `len`.
    fn photograph(&self, asset: usize) -> &Photograph {
        &self.set.photographs[asset]
    }

    fn file(&self, asset: usize) -> PathBuf {
        self.folder.join(&self.photograph(asset).path)
    }
}

impl ClipSource for Coco2014 {
    type Clip = Picture;
    type Reader = PhotographReader;
    type Facts = ();
    type Scratch = Resizer;

    fn len(&self) -> usize {
        self.set.photographs.len()
    }

    fn name(&self, asset: usize) -> (i64, &str) {
        let photograph = self.photograph(asset);
        (photograph.image_id, &photograph.path)
    }

    fn files(&self, asset: usize) -> Vec<PathBuf> {
        vec![self.file(asset)]
    }

    fn estimate_clips(&self, _asset: usize) -> u64 {
        1
    }

    fn taxa(&self) -> &Taxa {
        &self.set.taxa
    }

    fn dataset_info(&self) -> DatasetInfo {
        self.info.clone()
    }

    fn inputs_xxh3(&self) -> u64 {
        self.info.config_xxh3
    }

    fn clip_input_bytes(&self) -> usize {
        USUAL_BYTES
    }

    fn open(&self, asset: usize) -> std::result::Result<PhotographReader, Rejected> {
        let photograph = self.photograph(asset);
        let size_px = (photograph.width_px, photograph.height_px);
        let annotations = self.set.annotations(photograph);
        if let Some(outside) = annotations.iter().find(|one| !one.lies_within(size_px)) {
            let (code, [left, upper, right, lower]) = (self.taxa().code(outside.class), outside.edges_px);
            return Err(Rejected::new(
                "annotations",
                format!(
                    "a box of {} from {left}, {upper} to {right}, {lower} does not lie in its {} x {} pixels",
                    code.unwrap_or_default(),
                    size_px.0,
                    size_px.1
                ),
            ));
        }
        Ok(PhotographReader::new(self.file(asset), size_px))
    }

    fn scratch(&self) -> Resizer {
        Resizer::new(Channels::Rgb)
    }

    fn render(&self, clip: &Picture, scratch: &mut Resizer, stored: &mut [u8]) -> Rendered {
        scratch.render(clip, stored);
        Rendered {
            ref_db: f32::NAN,
            silent: false,
            rms_dbfs: None,
        }
    }

    fn describe(&self, asset: usize, (): (), place: &Placement, _clips: &[Rendered]) -> AssetRecord {
        let photograph = self.photograph(asset);
        let annotations = self.set.annotations(photograph);
        let classes = self.taxa().len() as u32;
        let (present, absent): (Vec<u32>, Vec<u32>) =
            (0..classes).partition(|class| annotations.iter().any(|one| one.class == *class));
        let prior = prior_row(photograph, self.priors.as_ref(), &present, classes);
        let boxes = annotations.iter().map(|one| self.clip_box(photograph, one)).collect();
        let label = LabelRow {
            asset_id: photograph.image_id,
            clip_index: 0,
            shard: place.shard,
            row: place.rows.start,
            start_s: 0.0,
            end_s: 0.0,
            valid_s: 0.0,
            split: photograph.split,
            target: Some(photograph.target),
            present,
            absent,
            unknown: Vec::new(),
            fully_annotated: true,
            label_source: LabelSource::Given,
            silent: false,
            rms_dbfs: None,
            boxes,
            source_index: i64::try_from(asset).ok(),
            source_id: Some(photograph.image_id),
        };
        AssetRecord {
            asset: asset_row(photograph, place),
            prior,
            labels: vec![label],
            counts: LabelCounts::default(),
        }
    }
}

impl Coco2014 {
    fn clip_box(&self, photograph: &Photograph, annotation: &Annotation) -> ClipBox {
        let [left, upper, right, lower] = annotation.edges_px;
        let of = |edge_px: f32, size_px: u32| (edge_px / size_px as f32).clamp(0.0, 1.0);
        // A crowd says that the class is there, but not where one of it begins and the next ends.
        let status = if annotation.is_crowd {
            BoxStatus::Passive
        } else {
            BoxStatus::Active
        };
        ClipBox {
            species_code: self.taxa().code(annotation.class).unwrap_or_default().into(),
            status,
            start_s: 0.0,
            end_s: 0.0,
            low_hz: None,
            high_hz: None,
            x_min: of(left, photograph.width_px),
            x_max: of(right, photograph.width_px),
            y_min: Some(of(upper, photograph.height_px)),
            y_max: Some(of(lower, photograph.height_px)),
        }
    }
}

impl Annotation {
    /// Whether its edges are in order and inside a picture of so many pixels, but for rounding.
    fn lies_within(&self, (width_px, height_px): (u32, u32)) -> bool {
        let [left, upper, right, lower] = self.edges_px;
        let within =
            |low: f32, high: f32, size_px: u32| -SLACK_PX <= low && low <= high && high <= size_px as f32 + SLACK_PX;
        within(left, right, width_px) && within(upper, lower, height_px)
    }
}

fn asset_row(photograph: &Photograph, place: &Placement) -> AssetRow {
    AssetRow {
        asset_id: photograph.image_id,
        path: photograph.path.clone(),
        source_bytes: place.source_bytes,
        source_xxh3: place.source_xxh3,
        codec: "jpeg".into(),
        native_rate_hz: 0,
        channels: Channels::Rgb.count() as u32,
        duration_s: 0.0,
        shard: place.shard,
        first_row: place.rows.start,
        clips: 1,
        split: photograph.split,
        target: Some(photograph.target),
        license: photograph.license.as_deref().map(str::to_owned),
        source_url: photograph.source_url.clone(),
    }
}

fn prior_row(photograph: &Photograph, priors: Option<&SimulatedPriors>, present: &[u32], classes: u32) -> PriorRow {
    let left_open = priors.map(|priors| priors.draw(photograph.image_id, present, classes));
    let (geo_possible, checklist_observed) = left_open
        .map(|left| (left.geo_possible, left.checklist_observed))
        .unzip();
    PriorRow {
        asset_id: photograph.image_id,
        checklist_complete: priors.map(|_| true),
        checklist_id: priors.map(|_| photograph.image_id.to_string()),
        geo_possible,
        checklist_observed,
        ..PriorRow::default()
    }
}
