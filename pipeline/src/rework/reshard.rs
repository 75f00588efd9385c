//! Provides `reshard`: the same clips in the same order, in shards of another size.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde_json::json;
use shardfmt::entry::shard_path;
use shardfmt::{AssetRow, Checks, Dataset, DatasetInfo, LabelRow, ShardWriter};

use super::input::{Input, assets_of, rows_of};
use super::output::{Output, ShardFiles, ShardTables, free_destination};
use super::settings::set_config;
use crate::build::{Event, Events, Outcome, PROGRAM, PlannedAsset, pack};
use crate::error::Result;
use crate::labels::LabelCounts;

/// Copies the dataset in `dir` to a new one at `out`, in shards of about `shard_clips`. Recordings stay whole and in order;
/// every record is verified when it is read.
///
/// A shard carries the metadata of the build its clips come from, so a merged set gets no shard with clips of two builds.
///
/// # Errors
/// [`Error::OutputTaken`](crate::Error::OutputTaken); [`Error::Dataset`](crate::Error::Dataset) naming shard, asset and row of
/// a damaged record. Nothing is then left at `out`.
pub fn reshard(dir: &Path, shard_clips: u32, out: &Path, events: &Events<'_>) -> Result<Outcome> {
    let destination = free_destination(out)?;
    let dataset = Dataset::open(dir)?;
    let rejects = dataset.rejects()?;
    let planned = plan(&dataset, shard_clips)?;
    events(Event::Planned {
        clips: dataset.info().counts.clips,
        done: 0,
    });
    let output = Output::beside(&destination)?;
    let mut copying = Copying {
        dataset: &dataset,
        output: &output,
        input: None,
        silent_clips: 0,
    };
    let mut files = Vec::with_capacity(planned.len());
    for (shard, number) in planned.iter().zip(0..) {
        files.push(copying.shard(number, shard)?);
        let clips = shard.assets.iter().map(|asset| u64::from(asset.clips)).sum();
        events(Event::Clips(clips));
    }
    let silent_clips = copying.silent_clips;
    let info = description(dataset.info(), shard_clips);
    let committed = output.commit(info, dataset.taxa(), files, &rejects)?;
    let outcome = super::outcome(&committed, silent_clips, LabelCounts::default(), rejects);
    output.place(&destination)?;
    Ok(outcome)
}

/// A shard to be written: metadata of its header, and its recordings as they lie now.
struct PlannedShard<'a> {
    metadata: BTreeMap<String, String>,
    assets: &'a [AssetRow],
}

fn plan(dataset: &Dataset, shard_clips: u32) -> Result<Vec<PlannedShard<'_>>> {
    // Neighbouring shards of one build.
    let mut runs: Vec<(BTreeMap<String, String>, Range<usize>)> = Vec::new();
    for shard in 0..dataset.shard_count() {
        let opened = dataset.open_shard(shard, Checks::Off)?;
        let assets = assets_of(dataset, shard);
        match runs.last_mut() {
            Some((metadata, run)) if metadata == opened.metadata() => run.end = assets.end,
            _ => runs.push((opened.metadata().clone(), assets)),
        }
    }
    let mut planned = Vec::new();
    for (metadata, run) in runs {
        let assets = dataset.assets().get(run).unwrap_or_default();
        let sizes: Vec<PlannedAsset> = assets.iter().map(size).collect();
        planned.extend(pack(&sizes, shard_clips).into_iter().map(|range| PlannedShard {
            metadata: metadata.clone(),
            assets: assets.get(range).unwrap_or_default(),
        }));
    }
    Ok(planned)
}

fn size(asset: &AssetRow) -> PlannedAsset {
    PlannedAsset {
        asset_id: asset.asset_id,
        clips: asset.clips.into(),
        files: Vec::new(),
    }
}

/// `dataset.json` of the copy: the aim for shards has changed, everything else stands.
fn description(old: &DatasetInfo, shard_clips: u32) -> DatasetInfo {
    let mut info = old.clone();
    info.program = PROGRAM.into();
    let mut config = info.config.clone();
    if let Some(config) = config.as_object_mut() {
        config.insert("shards".into(), json!({ "clips": shard_clips }));
    }
    set_config(&mut info, config);
    info
}

/// Copies recordings in order; the shard they lie in stays open until the next one is needed.
struct Copying<'a> {
    dataset: &'a Dataset,
    output: &'a Output,
    input: Option<Input<'a>>,
    silent_clips: u64,
}

impl<'a> Copying<'a> {
    fn shard(&mut self, number: u32, planned: &PlannedShard<'_>) -> Result<ShardFiles> {
        let path = self.output.dir().join(shard_path(number));
        let mut writer = ShardWriter::create(&path, self.dataset.info().clips, &planned.metadata)?;
        let mut tables = ShardTables::default();
        for asset in planned.assets {
            let input = match self.input.take() {
                Some(input) if input.number == asset.shard => input,
                _ => Input::open(self.dataset, asset.shard)?,
            };
            let first_row = writer.rows();
            for (row, label) in rows_of(asset).zip(input.labels_of(asset)) {
                let (clip, hash) = (input.shard.clip(row)?, input.shard.record_xxh3(row)?);
                tables.labels.push(LabelRow {
                    shard: number,
                    row: writer.rows(),
                    ..label.clone()
                });
                writer.push_hashed(asset.asset_id, label.clip_index, input.shard.ref_db(row)?, clip, hash)?;
            }
            tables.assets.push(AssetRow {
                shard: number,
                first_row,
                ..asset.clone()
            });
            tables.priors.push(input.prior_of(asset)?);
            self.input = Some(input);
        }
        self.silent_clips += tables.silent_clips();
        let clips = writer.finish()?;
        self.output.write_tables(number, clips, self.dataset.taxa(), &tables)
    }
}
