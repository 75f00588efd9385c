//! Provides `copy_clips`, the clips of a dataset in new shards: all of them or some, in the order they have.

use std::collections::BTreeMap;
use std::ops::Range;

use shardfmt::{AssetRow, Checks, Dataset, DatasetWriter, LabelRow, ShardFiles};

use super::input::Input;
use crate::error::Result;
use crate::event::{Event, Events};
use crate::packing::pack;

/// A recording to be copied.
pub(super) struct ChosenAsset<'a> {
    /// As it lies now.
    pub(super) asset: &'a AssetRow,
    /// Rows of those of its clips that are copied, ascending; at least one.
    pub(super) rows: Vec<u32>,
}

/// A shard to be written: metadata of its header, and its recordings.
pub(super) struct PlannedShard<'a> {
    metadata: BTreeMap<String, String>,
    chosen: &'a [ChosenAsset<'a>],
}

/// Packs recordings, which stay whole and in order, into shards of about `shard_clips`.
///
/// A shard carries the metadata of the build its clips come from, so clips of two builds (in a merged set) never share
/// one.
pub(super) fn plan<'a>(
    dataset: &Dataset,
    chosen: &'a [ChosenAsset<'a>],
    shard_clips: u32,
) -> Result<Vec<PlannedShard<'a>>> {
    // Neighbouring shards of one build.
    let mut runs: Vec<(BTreeMap<String, String>, Range<usize>)> = Vec::new();
    for shard in 0..dataset.shard_count() {
        let opened = dataset.open_shard(shard, Checks::Off)?;
        let end = chosen.partition_point(|chosen| chosen.asset.shard <= shard);
        match runs.last_mut() {
            Some((metadata, run)) if metadata == opened.metadata() => run.end = end,
            last => {
                let start = last.map_or(0, |(_, run)| run.end);
                runs.push((opened.metadata().clone(), start..end));
            }
        }
    }
    let mut planned = Vec::new();
    for (metadata, run) in runs {
        let chosen = chosen.get(run).unwrap_or_default();
        let clips = chosen.iter().map(|chosen| chosen.rows.len() as u64);
        planned.extend(pack(clips, shard_clips).into_iter().map(|range| PlannedShard {
            metadata: metadata.clone(),
            chosen: chosen.get(range).unwrap_or_default(),
        }));
    }
    Ok(planned)
}

/// Writes the planned shards; every record is verified when it is read. Returns their files and the number of silent
/// clips.
pub(super) fn copy_clips(
    dataset: &Dataset,
    planned: &[PlannedShard<'_>],
    writer: &DatasetWriter<'_>,
    events: &Events<'_>,
) -> Result<(Vec<ShardFiles>, u64)> {
    let mut copying = Copying {
        dataset,
        writer,
        input: None,
        silent_clips: 0,
    };
    let mut files = Vec::with_capacity(planned.len());
    for (shard, number) in planned.iter().zip(0..) {
        files.push(copying.shard(number, shard)?);
        events(Event::Clips(
            shard.chosen.iter().map(|chosen| chosen.rows.len() as u64).sum(),
        ));
    }
    Ok((files, copying.silent_clips))
}

/// Copies recordings in order; the shard they lie in stays open until the next one is needed.
struct Copying<'a> {
    dataset: &'a Dataset,
    writer: &'a DatasetWriter<'a>,
    input: Option<Input<'a>>,
    silent_clips: u64,
}

impl Copying<'_> {
    fn shard(&mut self, number: u32, planned: &PlannedShard<'_>) -> Result<ShardFiles> {
        let mut output = self.writer.shard(number, &planned.metadata)?;
        for ChosenAsset { asset, rows } in planned.chosen {
            let input = match self.input.take() {
                Some(input) if input.number() == asset.shard => input,
                _ => Input::open(self.dataset, asset.shard)?,
            };
            let mut labels = Vec::with_capacity(rows.len());
            for &row in rows {
                let (label, clip, hash) = (input.label(row)?, input.shard.clip(row)?, input.shard.record_xxh3(row)?);
                labels.push(LabelRow {
                    shard: number,
                    row: output.open_rows().end,
                    ..label.clone()
                });
                output.push(asset.asset_id, label.clip_index, input.shard.ref_db(row)?, clip, hash)?;
            }
            let rows = output.open_rows();
            let copied = AssetRow {
                shard: number,
                first_row: rows.start,
                clips: rows.end - rows.start,
                ..(*asset).clone()
            };
            output.end_asset(copied, input.prior_of(asset)?, labels)?;
            self.input = Some(input);
        }
        self.silent_clips += output.tables().silent_clips();
        Ok(output.finish(1)?)
    }
}
