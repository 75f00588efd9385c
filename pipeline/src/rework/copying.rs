//! Provides `copy_clips`, the clips of a dataset in new shards: all of them or some, in the order they have.

use std::collections::BTreeMap;
use std::ops::Range;

use shardfmt::entry::shard_path;
use shardfmt::{AssetRow, Checks, Dataset, LabelRow, ShardWriter};

use super::input::Input;
use super::output::{Output, ShardFiles, ShardTables};
use crate::error::Result;
use crate::event::{Event, Events};
use crate::packing::pack;

/// A recording to be copied.
pub(super) struct Taken<'a> {
    /// As it lies now.
    pub(super) asset: &'a AssetRow,
    /// Rows of those of its clips that are copied, ascending; at least one.
    pub(super) rows: Vec<u32>,
}

/// A shard to be written: metadata of its header, and its recordings.
pub(super) struct PlannedShard<'a> {
    metadata: BTreeMap<String, String>,
    taken: &'a [Taken<'a>],
}

/// Packs recordings, which stay whole and in order, into shards of about `shard_clips`.
///
/// A shard carries the metadata of the build its clips come from, so clips of two builds (in a merged set) never share one.
pub(super) fn plan<'a>(dataset: &Dataset, taken: &'a [Taken<'a>], shard_clips: u32) -> Result<Vec<PlannedShard<'a>>> {
    // Neighbouring shards of one build.
    let mut runs: Vec<(BTreeMap<String, String>, Range<usize>)> = Vec::new();
    for shard in 0..dataset.shard_count() {
        let opened = dataset.open_shard(shard, Checks::Off)?;
        let end = taken.partition_point(|taken| taken.asset.shard <= shard);
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
        let taken = taken.get(run).unwrap_or_default();
        let clips = taken.iter().map(|taken| taken.rows.len() as u64);
        planned.extend(pack(clips, shard_clips).into_iter().map(|range| PlannedShard {
            metadata: metadata.clone(),
            taken: taken.get(range).unwrap_or_default(),
        }));
    }
    Ok(planned)
}

/// Writes the planned shards; every record is verified when it is read. Returns their files and the number of silent clips.
pub(super) fn copy_clips(
    dataset: &Dataset,
    planned: &[PlannedShard<'_>],
    output: &Output,
    events: &Events<'_>,
) -> Result<(Vec<ShardFiles>, u64)> {
    let mut copying = Copying {
        dataset,
        output,
        input: None,
        silent_clips: 0,
    };
    let mut files = Vec::with_capacity(planned.len());
    for (shard, number) in planned.iter().zip(0..) {
        files.push(copying.shard(number, shard)?);
        events(Event::Clips(
            shard.taken.iter().map(|taken| taken.rows.len() as u64).sum(),
        ));
    }
    Ok((files, copying.silent_clips))
}

/// Copies recordings in order; the shard they lie in stays open until the next one is needed.
struct Copying<'a> {
    dataset: &'a Dataset,
    output: &'a Output,
    input: Option<Input<'a>>,
    silent_clips: u64,
}

impl Copying<'_> {
    fn shard(&mut self, number: u32, planned: &PlannedShard<'_>) -> Result<ShardFiles> {
        let path = self.output.dir().join(shard_path(number));
        let mut writer = ShardWriter::create(&path, self.dataset.head().clips, &planned.metadata)?;
        let mut tables = ShardTables::default();
        for Taken { asset, rows } in planned.taken {
            let input = match self.input.take() {
                Some(input) if input.number() == asset.shard => input,
                _ => Input::open(self.dataset, asset.shard)?,
            };
            let first_row = writer.rows();
            for &row in rows {
                let (label, clip, hash) = (input.label(row)?, input.shard.clip(row)?, input.shard.record_xxh3(row)?);
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
                clips: writer.rows() - first_row,
                ..(*asset).clone()
            });
            tables.priors.push(input.prior_of(asset)?);
            self.input = Some(input);
        }
        self.silent_clips += tables.silent_clips();
        let clips = writer.finish()?;
        let form = self.dataset.head().label_form();
        self.output
            .write_tables(number, clips, self.dataset.taxa(), form, &tables)
    }
}
