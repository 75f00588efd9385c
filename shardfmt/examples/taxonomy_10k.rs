//! Writes the label and prior tables of 10,000 classes in both forms, and prints as JSON what they take on disk and to read.
//!
//! `taxonomy_10k DIR implied 100000` writes 100,000 clips with implied labels; `taxonomy_10k DIR listed 4096` one shard with
//! three explicit lists, of which more is a multiple. About 20 classes a clip are the clip's own: present, or other than the
//! recording's prior says. Of each recording (10 clips) every class is modelled and 400 are possible.
//!
//! The first run writes, the second one, with the same arguments, reads what it finds.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::path::Path;
use std::time::Instant;

use shardfmt::entry::{labels_path, priors_path};
use shardfmt::{
    Error, GeoPrior, Label, LabelForm, LabelRow, LabelSource, PriorRow, Result, Split, Taxa, Taxon, read_labels,
    read_priors, write_labels, write_priors,
};

const CLASSES: u32 = 10_000;
const SHARD_CLIPS: u32 = 4096;
const CLIPS_OF_ASSET: u32 = 10;
const POSSIBLE: u32 = 400;
const OWN: u32 = 20;

/// Pseudorandom numbers (the generator of Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(end)) as u32
    }

    fn classes(&mut self, count: u32) -> Vec<u32> {
        let mut classes: Vec<u32> = (0..count).map(|_| self.below(CLASSES)).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }
}

/// A clip of which `own` classes are present or the opposite of what the prior says; all classes listed.
fn listed(asset_id: i64, place: [u32; 3], geo: &GeoPrior, own: &[u32]) -> LabelRow {
    let [clip_index, shard, row] = place;
    let mut lists = [Vec::new(), Vec::new(), Vec::new()];
    for class in 0..CLASSES {
        let label = match (own.binary_search(&class), geo.rules_out(class)) {
            (Ok(at), _) if at % 4 == 0 => Label::Present,
            (Ok(_), true) | (Err(_), false) => Label::Unknown,
            (Ok(_), false) | (Err(_), true) => Label::Absent,
        };
        let [present, absent, unknown] = &mut lists;
        match label {
            Label::Present => present.push(class),
            Label::Absent => absent.push(class),
            Label::Unknown => unknown.push(class),
        }
    }
    let [present, absent, unknown] = lists;
    LabelRow {
        asset_id,
        clip_index,
        shard,
        row,
        start_s: f64::from(clip_index) * 3.0,
        end_s: f64::from(clip_index + 1) * 3.0,
        valid_s: 3.0,
        split: Split::Train,
        target: present.first().copied(),
        present,
        absent,
        unknown,
        fully_annotated: false,
        label_source: LabelSource::Incomplete,
        silent: false,
        rms_dbfs: Some(-30.0),
        boxes: vec![],
        source_index: None,
        source_id: None,
        others: None,
    }
}

/// The rows of one shard.
fn rows(form: LabelForm, shard: u32, clips: u32, random: &mut Random) -> (Vec<LabelRow>, Vec<PriorRow>) {
    let (mut labels, mut priors) = (Vec::new(), Vec::new());
    for row in 0..clips {
        let asset_id = i64::from(shard * SHARD_CLIPS + row - row % CLIPS_OF_ASSET);
        if row % CLIPS_OF_ASSET == 0 {
            priors.push(PriorRow {
                asset_id,
                geo_possible: Some(random.classes(POSSIBLE)),
                geo_modelled: Some((0..CLASSES).collect()),
                ..PriorRow::default()
            });
        }
        if let Some(prior) = priors.last() {
            let geo = GeoPrior::new(prior, CLASSES);
            let place = [row % CLIPS_OF_ASSET, shard, row];
            let mut label = listed(asset_id, place, &geo, &random.classes(OWN));
            form.apply_to(&mut label, &geo, CLASSES);
            labels.push(label);
        }
    }
    priors.iter_mut().for_each(|prior| form.apply(prior, &mut [], CLASSES));
    (labels, priors)
}

/// Most memory the process has taken so far, in MiB; `None` where the system does not say.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib >> 10)
}

/// Writes the tables; says what they take on disk, labels and priors.
fn write(dir: &Path, taxa: &Taxa, form: LabelForm, clips: u32) -> Result<[u64; 2]> {
    let (mut random, mut bytes) = (Random(48), [0, 0]);
    for shard in 0..clips.div_ceil(SHARD_CLIPS) {
        let (labels, priors) = rows(form, shard, SHARD_CLIPS.min(clips - shard * SHARD_CLIPS), &mut random);
        bytes[0] += write_labels(&dir.join(labels_path(shard)), taxa, form, &labels)?.bytes;
        bytes[1] += write_priors(&dir.join(priors_path(shard)), taxa, &priors)?.bytes;
    }
    Ok(bytes)
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [dir, form, clips] = args.as_slice() else {
        println!("usage: taxonomy_10k DIR implied|listed CLIPS");
        return Ok(());
    };
    let (dir, form, clips) = (
        Path::new(dir),
        form.as_str(),
        clips.parse::<u32>().unwrap_or(SHARD_CLIPS),
    );
    let form = match form {
        "listed" => LabelForm::Listed,
        _ => LabelForm::Implied,
    };
    let taxon = |class: u32| Taxon {
        species_code: format!("sp{class:05}"),
        common_name: None,
        scientific_name: None,
    };
    let taxa = Taxa::new((0..CLASSES).map(taxon).collect())?;
    let shards = 0..clips.div_ceil(SHARD_CLIPS);
    if !dir.join(labels_path(0)).exists() {
        for folder in ["labels", "priors"] {
            let folder = dir.join(folder);
            std::fs::create_dir_all(&folder).map_err(|_| Error::FileMissing { path: folder })?;
        }
        let started = Instant::now();
        let [labels, priors] = write(dir, &taxa, form, clips)?;
        let seconds = started.elapsed().as_secs_f64();
        println!("{{\"label_bytes\":{labels},\"prior_bytes\":{priors},\"write_s\":{seconds:.2}}}");
        return Ok(());
    }
    let started = Instant::now();
    let (mut labels, mut priors) = (Vec::new(), Vec::new());
    for shard in shards {
        labels.extend(read_labels(&dir.join(labels_path(shard)), &taxa, form)?);
        priors.extend(read_priors(&dir.join(priors_path(shard)), &taxa)?);
    }
    let (seconds, peak) = (started.elapsed().as_secs_f64(), peak_mib().unwrap_or_default());
    let named = |row: &LabelRow| row.present.len() + row.absent.len() + row.unknown.len();
    let named = labels.iter().map(named).sum::<usize>() as f64 / labels.len().max(1) as f64;
    println!(
        "{{\"clips\":{},\"named_per_clip\":{named:.1},\"read_s\":{seconds:.2},\"peak_mib\":{peak}}}",
        labels.len()
    );
    Ok(())
}
