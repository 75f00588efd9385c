//! Provides `relabel`: the labels and priors of another manifest over the clips of a dataset, without decoding.
//!
//! The shards stay the files they are, so their own metadata goes on naming the build that computed the images; the
//! manifest now in force is that of `dataset.json`.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use rayon::prelude::*;
use serde_json::Value;
use shardfmt::Operation;
use shardfmt::dataset::{Linked, Replacement};
use shardfmt::entry::{DATASET_JSON, assets_path, labels_path};
use shardfmt::{
    AssetRow, Dataset, DatasetHead, DatasetWriter, LabelRow, OutputFolder, RejectRow, ShardFiles, ShardTables,
    hash_file, read_dataset_json,
};

use super::destination::{PURPOSE, folder};
use super::input::{Input, rows_of};
use super::settings::{as_read, image_difference};
use crate::dataset_source::{AssetRecord, DatasetSource, Placement};
use crate::error::{Error, Result, io};
use crate::event::Outcome;
use crate::event::{Event, Events};
use crate::provenance::{IMPORTED_KEY, SHARDS_KEY, SUBSETS_KEY, set_config, subsets};
use crate::recording_source::RecordingSource;
use crate::tally::{Reason, Tallies};
use frontend::recordings::{ClipExtent, RecordingFacts};
use frontend::source::{ClipSource, Rendered};

/// Rewrites the tables of the dataset in `dir` as a build from `source` would write them, over the shards as they are.
///
/// Recordings keep the order and the shards they have, and those rejected before stay rejected. Sources that are still
/// there are hashed; for those that are not, what the dataset recorded of them counts. A subset keeps the clips it has:
/// recordings that have none in it are passed over, and which clips were chosen stays in its configuration. `linked`
/// says whether the clips are read, so that a damaged one does not come under a new commit.
///
/// # Errors
/// [`Error::AudioChanged`] when clips could differ: other audio, clip or spectrogram settings, other recordings, paths
/// or source bytes. [`Error::Dataset`] when another process has the dataset or it is damaged, a clip named by shard,
/// recording and row. The dataset is then as it was.
pub fn relabel(source: &RecordingSource, dir: &Path, linked: Linked, events: &Events<'_>) -> Result<Outcome> {
    let folder = folder(dir)?;
    read_dataset_json(&folder.path().join(DATASET_JSON))?;
    let lock = folder.lock()?;
    let relabelled = relabel_locked(source, &folder, linked, events);
    // Old or new, what now stands there holds a lock file that readers ignore.
    let tidied = folder.remove_records();
    drop(lock);
    let outcome = relabelled?;
    tidied?;
    Ok(outcome)
}

/// Length in seconds of each recording of the dataset in `dir`, by asset id: what a manifest is read with
/// ([`Audio::MayBeGone`](crate::manifest::Audio::MayBeGone)) whose recordings may be gone.
///
/// # Errors
/// [`Error::Dataset`] when there is no dataset, or it is damaged.
pub fn durations_s(dir: &Path) -> Result<HashMap<i64, f64>> {
    let dataset = Dataset::open(folder(dir)?.path())?;
    let assets = dataset.assets().iter();
    Ok(assets.map(|asset| (asset.asset_id, asset.duration_s)).collect())
}

fn relabel_locked(
    source: &RecordingSource,
    folder: &OutputFolder,
    linked: Linked,
    events: &Events<'_>,
) -> Result<Outcome> {
    let dir = folder.path();
    let dataset = Dataset::open(dir)?;
    let rejects = dataset.rejects()?;
    let changed = |difference| Error::AudioChanged {
        path: dir.into(),
        manifest: source.manifest().file.clone(),
        difference,
    };
    if let Some(set) = dataset.head().config.get(IMPORTED_KEY).and_then(Value::as_str) {
        return Err(changed(format!("it was imported ({set}); import the set again")));
    }
    if let Some(difference) = image_difference(dataset.head(), &as_read(source.head())?) {
        return Err(changed(difference));
    }
    if let Some(difference) = asset_difference(source, &dataset, &rejects) {
        return Err(changed(difference));
    }
    if let Some(difference) = source_difference(source, &dataset)? {
        return Err(changed(difference));
    }
    events(Event::Planned {
        clips: dataset.info().counts.clips,
        done: 0,
    });
    let output = Replacement::beside(folder, PURPOSE)?;
    let head = description(source, dataset.head());
    let writer = DatasetWriter::new(output.folder(), head, source.taxa().clone());
    let work = Relabelling {
        source,
        dataset: &dataset,
        numbers: numbers(source),
        writer: &writer,
        linked,
        events,
    };
    let shards: Result<Vec<_>> = (0..dataset.shard_count())
        .into_par_iter()
        .map(|shard| work.shard(shard))
        .collect();
    let (mut files, mut silent_clips) = (Vec::new(), 0);
    let mut tallies = source.tallies();
    // What decoding found is as it was.
    tallies.add_all(&Tallies::of(dataset.info()).only(&[Reason::OddFile]));
    let rejected = rejects.iter().filter_map(|reject| work.numbers.get(&reject.asset_id));
    rejected.for_each(|number| tallies.add_all(&source.left_out_with(*number)));
    for shard in shards? {
        files.push(shard.files);
        tallies.add_all(&shard.tallies);
        silent_clips += shard.silent_clips;
    }
    let committed = writer.commit(&files, &rejects, tallies.into_counts())?;
    super::warn_of_copies(&committed, events);
    if read_dataset_json(&dir.join(DATASET_JSON))? != *dataset.info() {
        return Err(Error::Replaced { path: dir.into() });
    }
    let outcome = super::outcome(&committed, silent_clips, rejects);
    output.replace(folder)?;
    Ok(outcome)
}

/// What `dataset.json` says from now on: the new manifest, over images and shards as they are.
fn description(source: &RecordingSource, old: &DatasetHead) -> DatasetHead {
    let mut head = source.head().clone();
    head.instruction_set = old.instruction_set.clone();
    let mut config = head.config.clone();
    if let Some(config) = config.as_object_mut() {
        match old.config.get(SHARDS_KEY) {
            Some(shards) => config.insert(SHARDS_KEY.into(), shards.clone()),
            // `shift_remove` keeps the order of the other keys.
            None => config.shift_remove(SHARDS_KEY),
        };
        // Which clips were chosen holds whatever is said of them.
        let subsets = subsets(&old.config);
        if !subsets.is_empty() {
            config.insert(SUBSETS_KEY.into(), subsets.into());
        }
    }
    set_config(&mut head, config);
    head
}

/// Number of each asset in the source.
fn numbers(source: &RecordingSource) -> HashMap<i64, usize> {
    (0..source.len())
        .map(|number| (source.name(number).0, number))
        .collect()
}

/// The first recording that only one of both has, or that has another path. A subset may lack recordings.
fn asset_difference(source: &RecordingSource, dataset: &Dataset, rejects: &[RejectRow]) -> Option<String> {
    let is_subset = !subsets(&dataset.head().config).is_empty();
    let kept = dataset
        .assets()
        .iter()
        .map(|asset| (asset.asset_id, asset.path.as_str()));
    let rejected = rejects.iter().map(|reject| (reject.asset_id, reject.path.as_str()));
    let mut was: HashMap<i64, &str> = kept.chain(rejected).collect();
    for number in 0..source.len() {
        let (id, path) = source.name(number);
        match was.remove(&id) {
            None if is_subset => {}
            None => return Some(format!("asset {id} ({path}) is new")),
            Some(old) if old != path => return Some(format!("the path of asset {id} was {old:?} and is {path:?}")),
            Some(_) => {}
        }
    }
    let (id, path) = was.into_iter().min()?;
    Some(format!("asset {id} ({path}) is no longer there"))
}

/// The first recording whose source is there and has other bytes than were built from.
fn source_difference(source: &RecordingSource, dataset: &Dataset) -> Result<Option<String>> {
    let numbers = numbers(source);
    let difference = |asset: &AssetRow| -> Result<Option<String>> {
        let number = numbers.get(&asset.asset_id);
        for file in number.map(|number| source.files(*number)).unwrap_or_default() {
            let id = asset.asset_id;
            let bytes = match std::fs::metadata(&file) {
                Ok(facts) => facts.len(),
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(io(Operation::LookAt, file)(error)),
            };
            if bytes != asset.source_bytes {
                let was = asset.source_bytes;
                return Ok(Some(format!("the source of asset {id} was {was} bytes and is {bytes}")));
            }
            let xxh3 = hash_file(&file)?.xxh3;
            if xxh3 != asset.source_xxh3 {
                let (was, is) = (asset.source_xxh3, xxh3);
                return Ok(Some(format!(
                    "the xxh3 of the source of asset {id} was {was} and is {is}"
                )));
            }
        }
        Ok(None)
    };
    let found = dataset.assets().par_iter().map(difference);
    found.find_map_first(Result::transpose).transpose()
}

/// What all shards are relabelled from.
struct Relabelling<'a> {
    source: &'a RecordingSource,
    dataset: &'a Dataset,
    numbers: HashMap<i64, usize>,
    writer: &'a DatasetWriter<'a>,
    linked: Linked,
    events: &'a Events<'a>,
}

/// One shard with its new tables.
struct RelabelledShard {
    files: ShardFiles,
    tallies: Tallies,
    silent_clips: u64,
}

impl Relabelling<'_> {
    fn shard(&self, number: u32) -> Result<RelabelledShard> {
        let input = Input::open(self.dataset, number)?;
        let (mut tables, mut tallies) = (ShardTables::default(), Tallies::default());
        for asset in input.assets {
            let record = self.describe(&input, asset)?;
            tallies.add_all(&record.tallies);
            tables.labels.extend(record.labels);
            tables.priors.push(record.prior);
            tables.assets.push(record.asset);
        }
        let from = (self.dataset, &input.shard);
        let files = self.writer.take_shard(from, number, self.linked, &tables)?;
        (self.events)(Event::Clips(tables.labels.len() as u64));
        Ok(RelabelledShard {
            files,
            tallies,
            silent_clips: tables.silent_clips(),
        })
    }

    /// The rows of an asset as a build would write them, from what the old rows say of its sound.
    fn describe(&self, input: &Input<'_>, asset: &AssetRow) -> Result<AssetRecord> {
        let id = asset.asset_id;
        let place = Placement {
            shard: input.number(),
            rows: rows_of(asset),
            source_bytes: asset.source_bytes,
            source_xxh3: asset.source_xxh3,
        };
        let old = input.labels_of(asset);
        let rendered: Result<Vec<Rendered>> = old.iter().map(|label| rendered(self.source, input, label)).collect();
        let number = self.numbers.get(&id).ok_or_else(|| {
            let (expected, got) = ("in the manifest".into(), format!("{id}, which is not"));
            input.mismatch(assets_path(input.number()), "asset_id", expected, got)
        })?;
        let rate_hz = self.source.manifest().frontend.settings().audio.sample_rate_hz;
        let record = self
            .source
            .describe(*number, facts(asset, old, rate_hz), &place, &rendered?);
        // Samples were counted back from seconds; that the same seconds come out of them proves the count.
        if record.asset.duration_s != asset.duration_s {
            let (expected, got) = (record.asset.duration_s.to_string(), asset.duration_s.to_string());
            return Err(input.mismatch(assets_path(input.number()), "duration_s", expected, got));
        }
        let times = |label: &LabelRow| (label.clip_index, label.start_s, label.end_s, label.valid_s);
        for (new, old) in record.labels.iter().zip(old) {
            if times(new) != times(old) {
                let field = "(clip_index, start_s, end_s, valid_s)";
                let (expected, got) = (format!("{:?}", times(new)), format!("{:?} for asset {id}", times(old)));
                return Err(input.mismatch(labels_path(input.number()), field, expected, got));
            }
        }
        Ok(record)
    }
}

fn rendered(source: &RecordingSource, input: &Input<'_>, label: &LabelRow) -> Result<Rendered> {
    let ref_db = input.shard.ref_db(label.row)?;
    Ok(Rendered {
        ref_db,
        silent: label.silent,
        rms_dbfs: label.rms_dbfs,
        mean_db: match source.asks_mean_db() {
            true => Some(source.frontend().mean_db(ref_db, input.shard.clip(label.row)?)),
            false => None,
        },
    })
}

/// What decoding found out, from the old rows: seconds become samples again.
fn facts(asset: &AssetRow, labels: &[LabelRow], rate_hz: u32) -> RecordingFacts {
    let rate = f64::from(rate_hz);
    let clip = |label: &LabelRow| {
        // The nearest sample is the one the seconds were computed from: a double holds them to far less than half a
        // sample. Only a last clip, whose real audio ends with the recording, may end between two samples, and counts
        // the later one.
        let nearest = (label.valid_s * rate).round();
        let valid = if nearest / rate < label.valid_s {
            nearest + 1.0
        } else {
            nearest
        };
        ClipExtent {
            clip_index: label.clip_index,
            start_sample: (label.start_s * rate).round() as u64,
            valid_samples: valid as u64,
        }
    };
    RecordingFacts {
        codec: asset.codec.clone(),
        rate_hz: asset.native_rate_hz,
        channels: asset.channels,
        frames: (asset.duration_s * f64::from(asset.native_rate_hz)).round() as u64,
        clips: labels.iter().map(clip).collect(),
        oddities: Vec::new(),
    }
}
