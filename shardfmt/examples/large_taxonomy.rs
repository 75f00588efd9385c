//! Measures the label and prior tables of a large taxonomy: 100,000 clips, 10,000 classes, about 20 entries of its own
//! a clip.
//!
//! `cargo run --release -p shardfmt --example large_taxonomy [CLIPS]`; the form that lists every class is measured
//! beside it with a hundredth of the clips.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shardfmt::{
    LabelForm, LabelRow, LabelSource, Others, PriorRow, Split, Taxa, Taxon, read_labels, read_priors, write_labels,
    write_priors,
};

const CLASSES: u32 = 10_000;
const CLIPS_PER_RECORDING: u32 = 10;
const CLIPS_PER_TABLE: u32 = 500;
/// Entries of a clip's own: two species heard, and what was known of others.
const PRESENT: u32 = 2;
const ABSENT: u32 = 18;
/// Species that are possible at one place and date.
const POSSIBLE: u32 = 400;

fn main() -> Result<(), Box<dyn Error>> {
    let clips = std::env::args().nth(1).map_or(Ok(100_000), |clips| clips.parse())?;
    let folder = tempfile::tempdir()?;
    let taxon = |class| Taxon {
        species_code: format!("species{class:05}"),
        common_name: None,
        scientific_name: None,
    };
    let taxa = Taxa::new((0..CLASSES).map(taxon).collect())?;
    measure(folder.path(), &taxa, LabelForm::Implied, clips)?;
    measure(folder.path(), &taxa, LabelForm::Listed, clips / 100)
}

/// Writes the tables of `clips` clips, reads them again, and prints what that took.
#[allow(clippy::print_stdout, reason = "what it is for")]
fn measure(folder: &Path, taxa: &Taxa, form: LabelForm, clips: u32) -> Result<(), Box<dyn Error>> {
    let mut random = ChaCha8Rng::seed_from_u64(48);
    let (labels_file, priors_file) = (folder.join("labels.parquet"), folder.join("priors.parquet"));
    let (mut bytes, mut entries, mut write_s, mut read_s) = (0, 0, 0.0, 0.0);
    for first in (0..clips).step_by(CLIPS_PER_TABLE as usize) {
        let labels: Vec<LabelRow> = (first..(first + CLIPS_PER_TABLE).min(clips))
            .map(|clip| label(clip, form, &mut random))
            .collect();
        let recordings = first / CLIPS_PER_RECORDING..(first + labels.len() as u32).div_ceil(CLIPS_PER_RECORDING);
        let priors: Vec<PriorRow> = recordings.map(|asset| prior(asset, &mut random)).collect();
        let start = Instant::now();
        bytes += write_labels(&labels_file, taxa, form, &labels)?.bytes;
        bytes += write_priors(&priors_file, taxa, &priors)?.bytes;
        write_s += start.elapsed().as_secs_f64();
        let start = Instant::now();
        let (labels, priors) = (read_labels(&labels_file, taxa, form)?, read_priors(&priors_file, taxa)?);
        read_s += start.elapsed().as_secs_f64();
        entries += labels
            .iter()
            .map(|row| row.present.len() + row.absent.len() + row.unknown.len())
            .sum::<usize>();
        entries += priors
            .iter()
            .filter_map(|row| row.geo_possible.as_ref())
            .map(Vec::len)
            .sum::<usize>();
    }
    let memory = entries * size_of::<u32>() + clips as usize * size_of::<LabelRow>();
    println!(
        "{form:?}: {clips} clips x {CLASSES} classes: {:.1} MB on disk, written in {write_s:.2} s, read and checked in \
         {read_s:.2} s, {:.1} MB in memory",
        bytes as f64 / 1e6,
        memory as f64 / 1e6
    );
    Ok(())
}

fn label(clip: u32, form: LabelForm, random: &mut ChaCha8Rng) -> LabelRow {
    let mut classes = distinct(PRESENT + ABSENT, random);
    let mut absent = classes.split_off(PRESENT as usize);
    classes.sort_unstable();
    absent.sort_unstable();
    let known = |class: &u32| classes.contains(class) || absent.contains(class);
    let unknown = match form {
        LabelForm::Implied => Vec::new(),
        LabelForm::Listed => (0..CLASSES).filter(|class| !known(class)).collect(),
    };
    let index = clip % CLIPS_PER_RECORDING;
    LabelRow {
        asset_id: i64::from(clip / CLIPS_PER_RECORDING),
        clip_index: index,
        shard: 0,
        row: clip % CLIPS_PER_TABLE,
        start_s: 3.0 * f64::from(index),
        end_s: 3.0 * f64::from(index + 1),
        valid_s: 3.0,
        split: Split::Train,
        target: classes.first().copied(),
        unknown,
        present: classes,
        absent,
        fully_annotated: false,
        label_source: LabelSource::Given,
        silent: false,
        rms_dbfs: Some(-30.0),
        boxes: Vec::new(),
        source_index: None,
        source_id: None,
        others: (form == LabelForm::Implied).then_some(Others::Unknown),
        from_recording: Vec::new(),
    }
}

fn prior(asset: u32, random: &mut ChaCha8Rng) -> PriorRow {
    let mut possible = distinct(POSSIBLE, random);
    possible.sort_unstable();
    PriorRow {
        asset_id: i64::from(asset),
        geo_possible: Some(possible),
        ..PriorRow::default()
    }
}

fn distinct(count: u32, random: &mut ChaCha8Rng) -> Vec<u32> {
    let mut classes = Vec::new();
    while classes.len() < count as usize {
        let class = random.random_range(0..CLASSES);
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    classes
}
