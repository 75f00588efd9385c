//! Provides `reshard`: the same clips in the same order, in shards of another size.

use std::path::Path;

use serde_json::json;
use shardfmt::dataset::Replacement;
use shardfmt::{AssetRow, Dataset, DatasetHead, DatasetWriter};

use super::copying::{ChosenAsset, copy_clips, plan};
use super::destination::{PURPOSE, free_folder};
use super::input::rows_of;
use crate::error::Result;
use crate::event::Outcome;
use crate::event::{Event, Events};
use crate::provenance::{PROGRAM, SHARDS_KEY, set_config};

/// Copies the dataset in `dir` to a new one at `out`, in shards of about `shard_clips`. Recordings stay whole and in
/// order; every record is verified when it is read.
///
/// A shard carries the metadata of the build its clips come from, so a merged set gets no shard with clips of two
/// builds.
///
/// # Errors
/// [`Error::OutputTaken`](crate::Error::OutputTaken); [`Error::Dataset`](crate::Error::Dataset) naming shard, asset and
/// row of a damaged record. Nothing is then left at `out`.
pub fn reshard(dir: &Path, shard_clips: u32, out: &Path, events: &Events<'_>) -> Result<Outcome> {
    let destination = free_folder(out)?;
    let dataset = Dataset::open(dir)?;
    let rejects = dataset.rejects()?;
    let taken: Vec<ChosenAsset<'_>> = dataset.assets().iter().map(whole).collect();
    let planned = plan(&dataset, &taken, shard_clips)?;
    events(Event::Planned {
        clips: dataset.info().counts.clips,
        done: 0,
    });
    let output = Replacement::beside(&destination, PURPOSE)?;
    let head = description(dataset.head(), shard_clips);
    let writer = DatasetWriter::new(output.folder(), head, dataset.taxa().clone());
    let (files, silent_clips) = copy_clips(&dataset, &planned, &writer, events)?;
    let committed = writer.commit(&files, &rejects, dataset.info().tallies.clone())?;
    let outcome = super::outcome(&committed, silent_clips, rejects);
    output.place(&destination)?;
    Ok(outcome)
}

fn whole(asset: &AssetRow) -> ChosenAsset<'_> {
    ChosenAsset {
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
