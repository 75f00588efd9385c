//! Provides `Coco2014`, the pictures of COCO 2014 as a source of clips: the control of the benchmark on recordings.
//!
//! A picture is a recording of one clip without length: `[3, 448, 448]`, red, green, blue, top row first. Each class
//! is present or absent, as any annotation, crowds included, says; the target is the class of the largest annotation.
//! The order of pictures and the split are the published ones (Cole et al. 2021, "Multi-Label Learning from Single
//! Positive Labels").

mod annotations;
mod categories;
mod photographs;
mod reader;
mod rows;
mod settings;
mod simulated_priors;
mod split;

use std::path::{Path, PathBuf};

use shardfmt::{Axes, DatasetHead, Split, Taxa};

use crate::dataset_source::{AssetRecord, DatasetSource, Placement};
use crate::error::Result;
pub(crate) use annotations::CategoryEntry;
use frontend::picture::{Channels, Picture, Resizer};
use frontend::source::{ClipSource, Rejected, Rendered};
use photographs::{Photograph, Photographs};
pub use reader::PhotographReader;
pub(crate) use settings::categories;
pub use simulated_priors::{PriorRates, SimulatedPriors};

/// Bytes of a usual picture before it is resized (640 x 480).
const USUAL_BYTES: usize = 640 * 480 * 3;

/// The annotated pictures of COCO 2014.
pub struct Coco2014 {
    folder: PathBuf,
    set: Photographs,
    priors: Option<SimulatedPriors>,
    head: DatasetHead,
}

impl Coco2014 {
    /// Reads the annotations of the set in `folder`, with `annotations/instances_{train,val}2014.json` and the
    /// pictures in `train2014` and `val2014`. `shard_clips` is what a shard aims at; `priors` are simulated, or there
    /// are none.
    ///
    /// # Errors
    /// [`Error::Manifest`](crate::Error::Manifest) with all mistakes of the annotations.
    pub fn open(folder: &Path, shard_clips: u32, priors: Option<SimulatedPriors>) -> Result<Self> {
        let set = Photographs::read(folder)?;
        let config = settings::to_json(&set, shard_clips, priors.as_ref());
        let classes = set.categories.entries.len();
        Ok(Coco2014 {
            folder: folder.into(),
            head: super::head(settings::NAME, classes, config, Channels::Rgb, Axes::PHOTOGRAPH),
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
                "pictures left out for lack of annotations: {}",
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

    fn files(&self, asset: usize) -> Vec<PathBuf> {
        vec![self.file(asset)]
    }

    fn clip_input_bytes(&self) -> usize {
        USUAL_BYTES
    }

    fn clip_bytes(&self) -> usize {
        self.head.clips.clip_bytes()
    }

    fn open(&self, asset: usize) -> std::result::Result<PhotographReader, Rejected> {
        let photograph = self.photograph(asset);
        let size_px = (photograph.width_px, photograph.height_px);
        let outside = self
            .set
            .annotations(photograph)
            .iter()
            .find(|one| !one.lies_within(size_px));
        if let Some(outside) = outside {
            let code = self.taxa().code(outside.class).unwrap_or_default();
            let ([left, upper, right, lower], (width, height)) = (outside.edges_px, size_px);
            let reason = format!(
                "the box of {code} from {left}, {upper} to {right}, {lower} is outside the picture of {width} x {height} pixels"
            );
            return Err(Rejected::new("annotations", reason));
        }
        Ok(PhotographReader::new(self.file(asset), size_px))
    }

    fn scratch(&self) -> Resizer {
        Resizer::new(Channels::Rgb)
    }

    fn render(&self, clip: &Picture, scratch: &mut Resizer, stored: &mut [u8]) -> Rendered {
        super::render(clip, scratch, stored)
    }
}

impl DatasetSource for Coco2014 {
    fn name(&self, asset: usize) -> (i64, &str) {
        let photograph = self.photograph(asset);
        (photograph.image_id, &photograph.path)
    }

    fn estimate_clips(&self, _asset: usize) -> u64 {
        1
    }

    fn taxa(&self) -> &Taxa {
        &self.set.categories.taxa
    }

    fn head(&self) -> &DatasetHead {
        &self.head
    }

    fn describe(&self, asset: usize, (): (), place: &Placement, _clips: &[Rendered]) -> AssetRecord {
        let photograph = self.photograph(asset);
        rows::record(
            photograph,
            self.set.annotations(photograph),
            asset,
            place,
            self.priors.as_ref(),
            self.taxa(),
        )
    }
}
