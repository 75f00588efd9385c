//! Provides `reshard`: the same clips in the same order, in shards of another size.

use std::path::Path;

use serde_json::json;
use shardfmt::{AssetRow, Dataset, DatasetHead};

use super::copying::{Taken, copy_clips, plan};
use super::input::rows_of;
use super::output::{Output, free_destination};
use crate::error::Result;
use crate::event::{Event, Events};
use crate::ingest::Outcome;
use crate::labels::LabelCounts;
use crate::provenance::{PROGRAM, SHARDS_KEY, set_config};

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
    let taken: Vec<Taken<'_>> = dataset.assets().iter().map(whole).collect();
    let planned = plan(&dataset, &taken, shard_clips)?;
    events(Event::Planned {
        clips: dataset.info().counts.clips,
        done: 0,
    });
    let output = Output::beside(&destination)?;
    let (files, silent_clips) = copy_clips(&dataset, &planned, &output, events)?;
    let head = description(dataset.head(), shard_clips);
    let committed = output.commit(head, dataset.taxa(), files, &rejects)?;
    let outcome = super::outcome(&committed, silent_clips, LabelCounts::default(), rejects);
    output.place(&destination)?;
    Ok(outcome)
}

fn whole(asset: &AssetRow) -> Taken<'_> {
    Taken {
        asset,
        rows: rows_of(asset).collect(),
    }
}

/// `dataset.json` of the copy: the aim for shards has changed, everything else stands.
fn description(old: &DatasetHead, shard_clips: u32) -> DatasetHead {
    let mut head = old.clone();
    head.program = PROGRAM.into();
    let mut config = head.config.clone();
    if let Some(config) = config.as_object_mut() {
        config.insert(SHARDS_KEY.into(), json!({ "clips": shard_clips }));
    }
    set_config(&mut head, config);
    head
}
