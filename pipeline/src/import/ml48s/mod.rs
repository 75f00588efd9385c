//! Provides `Ml48s`, the Merlin L48 Spectrogram Dataset (NeurIPS 2025, arXiv 2511.00252) as it is published, as a
//! source of clips.
//!
//! The set holds pictures of spectrograms, 750 x 236 pixels of 3 seconds from 0 to 11.025 kHz, and no audio:
//! `taxa.csv` (the classes), `assets.json` (recordings: split, target species, and the species possible and observed
//! there), `clips.json` (labels and boxes of every picture) and `images/ASSET/CLIP.jpg`. Layout and keys are those of
//! the README of visipedia/ml48s.
//!
//! Labels are taken as given; a class that none of a clip's lists names is absent, as the published program takes it
//! (which knows only `unknown_species_codes` as unknown). A box is of a class or of an unknown bird. A recording's
//! clips are together, in the order of `clips.json`; `source_index` is the position there and `source_id` the clip's
//! id. `clips.json`, of hundreds of megabytes, is read twice and never held: each clip takes about 400 bytes (where
//! it is, its id, its picture, and what the plan keeps of that), whatever its labels and boxes take. The tables of
//! 130,000 clips, pictures apart, took 72 MiB, those of 400,000 took 173.

mod assets;
mod box_order;
mod clip;
mod index;
mod notes;
mod reader;
mod rows;
mod val_split;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde_json::{Value, json};
use shardfmt::Operation;
use shardfmt::{Axes, DatasetHead, FrequencyScale, Row0, Taxa, Xxh3, hash_file};

use crate::dataset_source::{AssetRecord, DatasetSource, Placement};
use crate::error::{Result, io};
use crate::tables::{Noticed, Problems, read_taxa};
use crate::tally::Tallies;
use assets::Asset;
pub use box_order::BoxOrder;
use box_order::{BoxReading, Evidence, SAMPLE_PICTURES};
pub use clip::UNKNOWN_BIRD;
use frontend::picture::{Channels, Picture, Resizer, SIDE_PIXELS, read_jpeg};
use frontend::source::{ClipSource, Rejected, Rendered};
use frontend::source_file::open_file;
use index::{Entry, Index};
use reader::{Files, PICTURE_PIXELS, is_of_the_set};
pub use reader::{GivenClips, PictureReader};

/// Length of a clip in seconds; clips of a recording follow each other without overlap.
const CLIP_S: f64 = 3.0;
/// Rate of the audio the pictures were made of; their frequency axis ends at half of it.
const RATE_HZ: u32 = 22_050;

/// The published set in a folder.
pub struct Ml48s {
    files: Arc<Files>,
    assets: Vec<PicturedAsset>,
    boxes: BoxReading,
    row_0: Row0,
    head: DatasetHead,
    facts: Vec<String>,
    warnings: Vec<String>,
    tallies: Tallies,
}

/// A recording that has pictures.
struct PicturedAsset {
    asset: Asset,
    /// The folder of its pictures, relative to the set's: what outputs name it by.
    path: String,
    clips: Range<usize>,
}

impl Ml48s {
    /// Reads and checks all tables of the set in `folder`, and looks at some of its pictures. `val_split` is the
    /// NumPy file of the asset ids that make the val split, `unknown_birds` are further codes of birds that nobody
    /// could name (the documented `Unknown bird` is known), `row_0` is the frequency of the pictures' top row,
    /// `box_order` the coordinate of a box that comes first (`None`: as the pictures tell), `shard_clips` the number
    /// of clips a shard aims at.
    ///
    /// # Errors
    /// [`Error::Manifest`](crate::Error::Manifest) with every mistake in the tables: file, line, object and key, value.
    /// [`Error::Io`](crate::Error::Io).
    pub fn open(
        folder: &Path,
        val_split: Option<&Path>,
        unknown_birds: &[String],
        row_0: Row0,
        box_order: Option<BoxOrder>,
        shard_clips: u32,
    ) -> Result<Ml48s> {
        let mut problems = Problems::default();
        let (taxa_csv, clips_json) = (folder.join("taxa.csv"), folder.join("clips.json"));
        let val = val_split.map_or_else(|| Some(BTreeSet::new()), |file| val_split::read(file, &mut problems));
        let Some(taxa) = read_taxa(&taxa_csv, &mut problems) else {
            return Err(problems.into());
        };
        let val = val.unwrap_or_default();
        let (assets, assets_hash) = assets::read(&folder.join("assets.json"), &taxa, &val, &mut problems);
        // Without all assets, every other clip would be one of an asset that is not there.
        let Some(assets_hash) = assets_hash else {
            return Err(problems.into());
        };
        let unknown_birds = [&[UNKNOWN_BIRD.to_owned()], unknown_birds].concat();
        let index = Index::read(&clips_json, &taxa, &unknown_birds, &assets, &mut problems);
        if index.clips.is_empty() && problems.is_empty() {
            problems.file(&clips_json, "has no clips");
        }
        let (Some(clips_hash), true) = (index.hash, problems.is_empty()) else {
            return Err(problems.into());
        };
        let Noticed { tallies, remarks } = *problems.noticed;
        let mut warnings = notes::warnings(folder, &assets, &index, val_split.map(|_| &val));
        warnings.extend(tallies.sentences().into_iter().chain(remarks));
        let files = Files {
            folder: folder.into(),
            clips_json: open_file(&clips_json).map_err(io(Operation::Open, &clips_json))?,
            taxa,
            clips: index.clips,
        };
        let boxes = box_reading(&files, box_order);
        warnings.extend(notes::of_pictures(boxes));
        let config = json!({
            "source": "ml48s",
            "boxes": { "order": boxes.order.as_str() },
            "row_0": row_0,
            "shards": { "clips": shard_clips },
            "tables_xxh3": {
                "taxa": hash_file(&taxa_csv)?.xxh3,
                "assets": assets_hash.xxh3,
                "clips": clips_hash.xxh3,
                "val_split": Xxh3::of(Value::from_iter(val.iter().copied()).to_string().as_bytes()),
            },
        });
        let head = super::head("ml48s", files.taxa.len(), config, Channels::Grey, axes(row_0));
        let assets = assets_with_pictures(assets, index.assets, &files);
        Ok(Ml48s {
            facts: notes::facts(&assets, &files, boxes, row_0),
            files: Arc::new(files),
            assets,
            boxes,
            row_0,
            head,
            warnings,
            tallies,
        })
    }

    /// What was found, a sentence each.
    pub fn facts(&self) -> &[String] {
        &self.facts
    }

    /// What looks odd and does not stop the import, a sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// An asset by its number; numbers are below `len`.
    fn asset(&self, number: usize) -> &PicturedAsset {
        &self.assets[number]
    }
}

/// The assets that have clips, in the order of their clips.
fn assets_with_pictures(assets: Vec<Asset>, ranges: Vec<(usize, Range<usize>)>, files: &Files) -> Vec<PicturedAsset> {
    let mut assets: Vec<Option<Asset>> = assets.into_iter().map(Some).collect();
    let of_range = |(number, clips): (usize, Range<usize>)| {
        let first = files.clips.get(clips.start)?;
        let folder = first.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Some(PicturedAsset {
            asset: assets.get_mut(number)?.take()?,
            path: folder.into(),
            clips,
        })
    };
    ranges.into_iter().filter_map(of_range).collect()
}

/// What a sample of pictures tells about boxes. Pictures that cannot be read are passed over: they are rejected later.
fn box_reading(files: &Files, asked: Option<BoxOrder>) -> BoxReading {
    let with_boxes: Vec<&Entry> = files.clips.iter().filter(|entry| entry.has_counting_box).collect();
    // Evenly over the set, so that a few recordings do not decide.
    let step = with_boxes.len().div_ceil(SAMPLE_PICTURES).max(1);
    let sample: Vec<&Entry> = with_boxes.into_iter().step_by(step).collect();
    let look = |picture: &mut Picture, entry: &Entry| {
        let clip = files.clip(entry).ok()?;
        let counting = clip.boxes.iter().filter(|found| found.counts());
        let boxes: Vec<[f64; 4]> = counting.map(|found| found.edges).collect();
        read_jpeg(&files.picture(entry), Channels::Rgb, picture, is_of_the_set).ok()?;
        Evidence::of(picture, &boxes)
    };
    let evidence = sample.into_par_iter().map_init(Picture::default, look);
    BoxReading::decide(&evidence.flatten().collect::<Vec<_>>(), asked)
}

fn axes(row_0: Row0) -> Axes {
    Axes {
        frequency_scale: FrequencyScale::Linear,
        fmin_hz: 0.0,
        fmax_hz: f64::from(RATE_HZ) / 2.0,
        row_0,
        frame_rate_hz: SIDE_PIXELS as f64 / CLIP_S,
        clip_duration_s: CLIP_S,
        hop_s: CLIP_S,
        sample_rate_hz: Some(RATE_HZ),
    }
}

impl ClipSource for Ml48s {
    type Clip = Picture;
    type Reader = PictureReader;
    type Facts = GivenClips;
    type Scratch = Resizer;

    fn len(&self) -> usize {
        self.assets.len()
    }

    fn files(&self, asset: usize) -> Vec<PathBuf> {
        let entries = self
            .files
            .clips
            .get(self.asset(asset).clips.clone())
            .unwrap_or_default();
        entries.iter().map(|entry| self.files.picture(entry)).collect()
    }

    fn clip_input_bytes(&self) -> usize {
        (PICTURE_PIXELS.0 * PICTURE_PIXELS.1) as usize
    }

    fn clip_bytes(&self) -> usize {
        self.head.clips.clip_bytes()
    }

    fn open(&self, asset: usize) -> std::result::Result<PictureReader, Rejected> {
        Ok(PictureReader::new(
            Arc::clone(&self.files),
            self.asset(asset).clips.clone(),
        ))
    }

    fn scratch(&self) -> Resizer {
        Resizer::new(Channels::Grey)
    }

    fn render(&self, clip: &Picture, scratch: &mut Resizer, stored: &mut [u8]) -> Rendered {
        super::render(clip, scratch, stored)
    }
}

impl DatasetSource for Ml48s {
    fn name(&self, asset: usize) -> (i64, &str) {
        let found = self.asset(asset);
        (found.asset.id, &found.path)
    }

    fn estimate_clips(&self, asset: usize) -> u64 {
        self.asset(asset).clips.len() as u64
    }

    fn taxa(&self) -> &Taxa {
        &self.files.taxa
    }

    fn head(&self) -> &DatasetHead {
        &self.head
    }

    fn tallies(&self) -> Tallies {
        self.tallies.clone()
    }

    fn describe(&self, asset: usize, facts: GivenClips, place: &Placement, _: &[Rendered]) -> AssetRecord {
        let PicturedAsset { asset, path, .. } = self.asset(asset);
        rows::record(asset, path, &facts.0, place, (self.boxes.order, self.row_0))
    }
}
