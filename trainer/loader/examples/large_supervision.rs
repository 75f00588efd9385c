//! Measures the supervision of a large taxonomy: 100,000 clips, 10,000 classes, about 20 entries of its own a clip.
//!
//! `cargo run --release -p loader --example large_supervision [CLIPS]` writes a dataset whose clips are one byte each,
//! and opens it in a process of its own, so that only what opening takes is measured. With a folder, `[CLIPS] DIR`, it
//! is kept there; with a folder alone, what is there is opened.
#![allow(clippy::print_stdout, reason = "what it is for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use loader::{Catalogue, Filters, Mode, Rows};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shardfmt::entry::{REJECTS, TAXA, assets_path, labels_path, priors_path, shard_path};
use shardfmt::{
    AssetRow, Axes, ClipSpec, Counts, Dataset, DatasetHead, DatasetInfo, Dtype, FileEntry, LabelForm, LabelRow,
    LabelSource, Others, PriorRow, ShardWriter, Split, Taxa, Taxon, ValueReference, ValueScale, ValueUnit, Xxh3,
    write_assets, write_dataset_json, write_labels, write_priors, write_rejects, write_taxa,
};

const CLASSES: u32 = 10_000;
const CLIPS_PER_RECORDING: u32 = 10;
const CLIPS_PER_SHARD: u32 = 500;
/// Entries of a clip's own: two species heard, and what was known of others.
const PRESENT: u32 = 2;
const ABSENT: u32 = 18;
/// Species that are possible at one place and date, and those that a checklist reports.
const POSSIBLE: u32 = 400;
const OBSERVED: u32 = 20;
/// Rows of the batches that are written out.
const BATCH: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (first, dir) = (arguments.next(), arguments.next());
    if let Some(dir) = first.as_deref().map(Path::new).filter(|dir| dir.is_dir()) {
        return open(dir);
    }
    let clips = first.map_or(Ok(100_000), |clips| clips.parse())?;
    let temporary = tempfile::tempdir()?;
    let dir = dir.as_deref().map_or(temporary.path(), Path::new);
    write(dir, clips)?;
    let status = Command::new(std::env::current_exe()?).arg(dir).status()?;
    status.success().then_some(()).ok_or_else(|| status.to_string().into())
}

/// Opens the dataset, selects its training rows in every mode and writes batches of them, and prints what that took.
fn open(dir: &Path) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let dataset = Dataset::open(dir)?;
    println!("opened in {:.2} s, {}", start.elapsed().as_secs_f64(), memory()?);
    let catalogue = Catalogue::read(&dataset)?;
    let (read_s, read_processor_s) = (start.elapsed().as_secs_f64(), processor_s()?);
    println!(
        "{} clips x {} classes: read in {read_s:.2} s ({read_processor_s:.2} s of a processor), {}",
        catalogue.clips().len(),
        catalogue.classes(),
        memory()?
    );
    for mode in Mode::ALL {
        let start = Instant::now();
        let filters = Filters::default();
        let rows = catalogue.select(Split::Train, mode, Rows::Own, &filters)?;
        let selected_s = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let [mut labels, mut mask] = [(); 2].map(|()| vec![0; BATCH * rows.classes()]);
        let written = rows.rows().min(100 * BATCH);
        let mut sums = [0_u64; 2];
        for first in (0..written).step_by(BATCH) {
            let entries = labels
                .chunks_exact_mut(rows.classes())
                .zip(mask.chunks_exact_mut(rows.classes()));
            for ((labels, mask), row) in entries.zip(first..written) {
                rows.labels.write(row, labels, mask);
            }
            sums[0] += u64::from(std::hint::black_box(&labels)[0]);
            sums[1] += u64::from(std::hint::black_box(&mask)[0]);
        }
        println!(
            "mode {mode}: {} rows, {} positives and {} negatives known, selected in {selected_s:.2} s; a batch of \
             {BATCH} is written out in {:.3} ms; {}",
            rows.rows(),
            rows.report.known_positives,
            rows.report.known_negatives,
            start.elapsed().as_secs_f64() * 1e3 / written.div_ceil(BATCH) as f64,
            memory()?
        );
    }
    Ok(())
}

/// Memory of the process, as Linux tells it.
fn memory() -> Result<String, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let megabytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        kilobytes.unwrap_or(f64::NAN) * 1024.0 / 1e6
    };
    Ok(format!(
        "{:.0} MB in memory, {:.0} MB at most",
        megabytes("VmRSS:"),
        megabytes("VmHWM:")
    ))
}

/// Seconds that all threads of the process have computed.
fn processor_s() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no fields")?;
    // Fields 14 and 15 of proc_pid_stat(5), in ticks of 10 ms; the first after the name is 3.
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

fn write(dir: &Path, clips: u32) -> Result<(), Box<dyn Error>> {
    for folder in ["shards", "labels", "priors", "assets"] {
        fs::create_dir_all(dir.join(folder))?;
    }
    let taxon = |class| Taxon {
        species_code: format!("species{class:05}"),
        common_name: None,
        scientific_name: None,
    };
    let taxa = Taxa::new((0..CLASSES).map(taxon).collect())?;
    let mut random = ChaCha8Rng::seed_from_u64(48);
    let mut files = vec![
        write_taxa(&dir.join(TAXA), &taxa)?,
        write_rejects(&dir.join(REJECTS), &[])?,
    ];
    for shard in 0..clips.div_ceil(CLIPS_PER_SHARD) {
        let first = shard * CLIPS_PER_SHARD;
        let clips = first..(first + CLIPS_PER_SHARD).min(clips);
        write_shard(dir, &taxa, shard, clips, &mut files, &mut random)?;
    }
    write_dataset_json(dir, &info(clips, files)?)?;
    Ok(())
}

fn write_shard(
    dir: &Path,
    taxa: &Taxa,
    shard: u32,
    clips: std::ops::Range<u32>,
    files: &mut Vec<FileEntry>,
    random: &mut ChaCha8Rng,
) -> Result<(), Box<dyn Error>> {
    let mut writer = ShardWriter::create(&dir.join(shard_path(shard)), spec()?, &BTreeMap::new())?;
    let recordings = clips.start / CLIPS_PER_RECORDING..clips.end.div_ceil(CLIPS_PER_RECORDING);
    let priors: Vec<PriorRow> = recordings.clone().map(|asset| prior(asset, random)).collect();
    let assets = recordings.map(|asset| asset_row(asset, shard, asset * CLIPS_PER_RECORDING - clips.start, &clips));
    let assets: Vec<AssetRow> = assets.collect();
    let mut labels = Vec::new();
    for clip in clips {
        let row = label(clip, shard, writer.rows(), random);
        writer.push(row.asset_id, row.clip_index, -20.0, &[0])?;
        labels.push(row);
    }
    files.push(writer.finish()?);
    files.push(write_labels(
        &dir.join(labels_path(shard)),
        taxa,
        LabelForm::Implied,
        &labels,
    )?);
    files.push(write_priors(&dir.join(priors_path(shard)), taxa, &priors)?);
    files.push(write_assets(
        &dir.join(assets_path(shard)),
        taxa,
        LabelForm::Listed,
        &assets,
    )?);
    Ok(())
}

fn spec() -> Result<ClipSpec, Box<dyn Error>> {
    Ok(ClipSpec::new(Dtype::U8, None, 1, 1)?)
}

fn label(clip: u32, shard: u32, row: u32, random: &mut ChaCha8Rng) -> LabelRow {
    let mut present = distinct(PRESENT + ABSENT, random);
    let mut absent = present.split_off(PRESENT as usize);
    present.sort_unstable();
    absent.sort_unstable();
    let index = clip % CLIPS_PER_RECORDING;
    LabelRow {
        asset_id: i64::from(clip / CLIPS_PER_RECORDING),
        clip_index: index,
        shard,
        row,
        start_s: 3.0 * f64::from(index),
        end_s: 3.0 * f64::from(index + 1),
        valid_s: 3.0,
        split: Split::Train,
        target: present.first().copied(),
        present,
        absent,
        unknown: Vec::new(),
        fully_annotated: false,
        label_source: LabelSource::Given,
        silent: false,
        rms_dbfs: Some(-30.0),
        boxes: Vec::new(),
        source_index: None,
        source_id: None,
        others: Some(Others::Unknown),
        from_recording: Vec::new(),
    }
}

fn prior(asset: u32, random: &mut ChaCha8Rng) -> PriorRow {
    let [mut possible, mut observed] = [POSSIBLE, OBSERVED].map(|count| distinct(count, random));
    possible.sort_unstable();
    observed.sort_unstable();
    PriorRow {
        asset_id: i64::from(asset),
        geo_possible: Some(possible),
        checklist_observed: Some(observed),
        checklist_complete: Some(true),
        ..PriorRow::default()
    }
}

fn asset_row(asset: u32, shard: u32, first_row: u32, clips: &std::ops::Range<u32>) -> AssetRow {
    AssetRow {
        asset_id: i64::from(asset),
        path: format!("{asset}.wav"),
        source_bytes: 1,
        source_xxh3: Xxh3(asset.into()),
        codec: "pcm".into(),
        native_rate_hz: 22_050,
        channels: 1,
        duration_s: 3.0 * f64::from(CLIPS_PER_RECORDING),
        shard,
        first_row,
        clips: CLIPS_PER_RECORDING.min(clips.end - clips.start - first_row),
        split: Split::Train,
        target: None,
        license: None,
        source_url: None,
        heard: None,
    }
}

fn info(clips: u32, files: Vec<FileEntry>) -> Result<DatasetInfo, Box<dyn Error>> {
    let form = LabelForm::Implied;
    let head = DatasetHead {
        features_required: form.features_required(),
        features_optional: Vec::new(),
        name: "large".into(),
        program: "example".into(),
        config: serde_json::json!({}),
        config_xxh3: Xxh3(0),
        clips: spec()?,
        axes: Axes::PHOTOGRAPH,
        values: ValueScale {
            unit: ValueUnit::Level,
            reference: ValueReference::None,
            offset: 0.0,
            step: 1.0,
        },
        instruction_set: "any".into(),
    };
    Ok(DatasetInfo {
        head,
        counts: Counts {
            shards: clips.div_ceil(CLIPS_PER_SHARD),
            clips: clips.into(),
            assets: clips.div_ceil(CLIPS_PER_RECORDING).into(),
            rejects: 0,
        },
        tallies: BTreeMap::new(),
        files,
    })
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
