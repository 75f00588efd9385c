//! Provides the benchmark in the layout of the L48 data set: `assets.json`, `clips.json`, `taxa.csv`, `val_split.npy`,
//! `images/`.

use std::fs;
use std::path::Path;

use serde::Serialize;
use shardfmt::{Split, Taxa};

use super::picture_file::{Pixel, write_jpeg};
use super::sonogram::{CLIP_SAMPLES, HEIGHT, SonogramAxes, Sonograph, WIDTH};
use super::{described, write_json};
use crate::error::Error;
use crate::files::{FileSizes, for_each_recording, write_file};
use crate::planned::{PlannedRecording, SetPlan};
use crate::species::Species;
use crate::{marker, tables};
use pipeline::import::ml48s::UNKNOWN_BIRD;
use pipeline::labels::ClipLabels;

/// An entry of `assets.json`.
#[derive(Serialize)]
struct AssetEntry<'a> {
    id: u32,
    split: &'static str,
    target_species_code: &'a str,
    possible_species_codes: Vec<&'a str>,
    observed_species_codes: Vec<&'a str>,
    present_species_codes: Vec<&'a str>,
    unknown_species_codes: Vec<&'a str>,
    absent_species_codes: Vec<&'a str>,
}

/// An entry of `clips.json`.
#[derive(Serialize)]
struct ClipEntry<'a> {
    id: u64,
    asset_id: u32,
    clip_order: usize,
    file_path: String,
    width: usize,
    height: usize,
    present_species_codes: Vec<&'a str>,
    unknown_species_codes: Vec<&'a str>,
    absent_species_codes: Vec<&'a str>,
    boxes: Vec<BoxEntry>,
}

#[derive(Serialize)]
struct BoxEntry {
    id: usize,
    species_code: String,
    status: &'static str,
    /// `[xmin, ymin, xmax, ymax]`, 0 to 1 from the left and the top.
    bbox: [f64; 4],
}

/// Writes all of it; returns the number of boxes in clips and the size of each picture.
///
/// # Errors
/// See [`Error`].
pub(super) fn write(
    dir: &Path,
    plan: &SetPlan,
    species: &[Species],
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<(usize, FileSizes), Error> {
    let taxa = described::taxa(species)?;
    marker::start(dir, &["images"])?;
    tables::write_taxa(dir, species)?;
    let (mut assets, mut clips, mut boxes) = (Vec::new(), Vec::new(), 0);
    for recording in &plan.recordings {
        let labels = described::clip_labels(recording, plan, &taxa, &SonogramAxes);
        assets.push(asset(recording, plan, &taxa, &labels));
        for (order, labels) in labels.iter().enumerate() {
            boxes += labels.boxes.len();
            // Ids have gaps, as in the published data.
            let id = 3 * clips.len() as u64 + u64::from(recording.asset_id % 3);
            clips.push(clip(id, recording, order, &taxa, labels));
        }
    }
    write_json(&dir.join("assets.json"), &assets)?;
    write_json(&dir.join("clips.json"), &clips)?;
    let val = plan.recordings.iter().filter(|recording| recording.split == Split::Val);
    let val: Vec<i64> = val.map(|recording| recording.asset_id.into()).collect();
    write_file(&dir.join("val_split.npy"), &npy(&val))?;
    let sonograph = Sonograph::new();
    let sizes = for_each_recording(plan, progress, |recording| write_pictures(dir, recording, &sonograph))?;
    Ok((boxes, sizes.into_iter().flatten().collect()))
}

/// Path of a clip's picture relative to the layout.
fn file_path(recording: &PlannedRecording, clip_order: usize) -> String {
    format!("images/{}/{clip_order}.jpg", recording.asset_id)
}

fn write_pictures(dir: &Path, recording: &PlannedRecording, sonograph: &Sonograph) -> Result<FileSizes, Error> {
    let folder = dir.join(format!("images/{}", recording.asset_id));
    fs::create_dir(&folder).map_err(|source| Error::Io { path: folder, source })?;
    let channels = recording.scene.render();
    let samples = channels.first().map(Vec::as_slice).unwrap_or_default();
    let pictures = samples.chunks(CLIP_SAMPLES).enumerate().map(|(order, clip)| {
        let name = file_path(recording, order);
        let size = (WIDTH as u16, HEIGHT as u16);
        let picture = sonograph.draw(clip);
        let bytes = write_jpeg(&dir.join(&name), &picture, size, Pixel::Grey)?;
        Ok((name, bytes))
    });
    pictures.collect()
}

fn codes(taxa: &Taxa, classes: impl IntoIterator<Item = u32>) -> Vec<&str> {
    classes.into_iter().filter_map(|class| taxa.code(class)).collect()
}

/// A species is present in an asset where it is in any clip, else unknown where it is in any clip, else absent.
fn asset<'a>(recording: &PlannedRecording, plan: &SetPlan, taxa: &'a Taxa, clips: &[ClipLabels]) -> AssetEntry<'a> {
    let visit = &plan.visits[recording.visit];
    let observed = visit.checklist.iter().flat_map(|checklist| &checklist.observed);
    let classes = 0..taxa.len() as u32;
    let is_present = |class: &u32| clips.iter().any(|clip| clip.present.contains(class));
    let is_unknown = |class: &u32| !is_present(class) && clips.iter().any(|clip| clip.unknown.contains(class));
    AssetEntry {
        id: recording.asset_id,
        // The published data names two splits; `val_split.npy` takes val out of train.
        split: if recording.split == Split::Test {
            "test"
        } else {
            "train"
        },
        target_species_code: taxa.code(recording.target as u32).unwrap_or_default(),
        possible_species_codes: codes(taxa, visit.possible().into_iter().map(|class| class as u32)),
        observed_species_codes: codes(taxa, observed.map(|&class| class as u32)),
        present_species_codes: codes(taxa, classes.clone().filter(is_present)),
        unknown_species_codes: codes(taxa, classes.clone().filter(is_unknown)),
        absent_species_codes: codes(taxa, classes.filter(|class| !is_present(class) && !is_unknown(class))),
    }
}

fn clip<'a>(id: u64, recording: &PlannedRecording, order: usize, taxa: &'a Taxa, labels: &ClipLabels) -> ClipEntry<'a> {
    let boxes = labels.boxes.iter().enumerate().map(|(id, found)| {
        // Edges nearer to row 0 come first; a box without frequencies, which there is none of, would span all.
        let (top, bottom) = (found.y_max.unwrap_or(0.0), found.y_min.unwrap_or(1.0));
        BoxEntry {
            id,
            species_code: if taxa.index(&found.species_code).is_some() {
                found.species_code.clone()
            } else {
                UNKNOWN_BIRD.to_owned()
            },
            status: found.status.as_str(),
            bbox: [found.x_min, top, found.x_max, bottom].map(rounded),
        }
    });
    ClipEntry {
        id,
        asset_id: recording.asset_id,
        clip_order: order,
        file_path: file_path(recording, order),
        width: WIDTH,
        height: HEIGHT,
        present_species_codes: codes(taxa, labels.present.iter().copied()),
        unknown_species_codes: codes(taxa, labels.unknown.iter().copied()),
        absent_species_codes: codes(taxa, labels.absent.iter().copied()),
        boxes: boxes.collect(),
    }
}

/// To four decimals, as the published data has them: finer than a pixel.
fn rounded(position: f32) -> f64 {
    (f64::from(position) * 1e4).round() / 1e4
}

/// A NumPy array file, version 1.0, of a vector of 64-bit integers (numpy.org, `numpy.lib.format`).
fn npy(values: &[i64]) -> Vec<u8> {
    /// Header and preamble together are a multiple of this.
    const ALIGNMENT: usize = 64;
    let header = format!(
        "{{'descr': '<i8', 'fortran_order': False, 'shape': ({},), }}",
        values.len()
    );
    let preamble = b"\x93NUMPY\x01\x00";
    let unpadded = preamble.len() + 2 + header.len() + 1;
    let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
    let mut bytes = preamble.to_vec();
    bytes.extend(((header.len() + padding + 1) as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(std::iter::repeat_n(b' ', padding));
    bytes.push(b'\n');
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}
