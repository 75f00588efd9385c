//! Provides `subset`: chosen clips of a dataset as a dataset of their own.

use std::path::Path;

use shardfmt::dataset::Replacement;
use shardfmt::{Dataset, DatasetWriter};

use super::clip_list::ClipList;
use super::copying::{copy_clips, plan};
use super::destination::{PURPOSE, free_folder};
use super::input::rows_of;
use crate::error::{Error, Result};
use crate::event::Outcome;
use crate::event::{Event, Events};
use crate::provenance::{of_subset, shard_clips};

/// Copies the clips of a dataset, wherever it is kept, that the list names to a new dataset at `out`.
///
/// Clips keep the dataset's order, their numbers and their labels; a recording without a clip left is dropped, rejected
/// ones stay listed. Shards have the size the dataset was built with. Every record is verified when it is read.
///
/// # Errors
/// [`Error::Manifest`] with every entry of the list that names an unknown clip or repeats one;
/// [`Error::NothingSelected`]; [`Error::OutputTaken`]; [`Error::Dataset`] naming shard, asset and row of a damaged
/// record. Nothing is then left at `out`.
pub fn subset(dataset: &Dataset, list: &ClipList, out: &Path, events: &Events<'_>) -> Result<Outcome> {
    let destination = free_folder(out)?;
    let rejects = dataset.rejects()?;
    if list.is_empty() {
        return Err(Error::NothingSelected {
            list: list.file().into(),
        });
    }
    let taken = list.select(dataset)?;
    let planned = plan(dataset, &taken, shard_size(dataset))?;
    events(Event::Planned {
        clips: taken.iter().map(|taken| taken.rows.len() as u64).sum(),
        done: 0,
    });
    let output = Replacement::beside(&destination, PURPOSE)?;
    let head = of_subset(dataset.head(), &list.name(), list.xxh3());
    let writer = DatasetWriter::new(output.folder(), head, dataset.taxa().clone());
    let (files, silent_clips) = copy_clips(dataset, &planned, &writer, events)?;
    let committed = writer.commit(&files, &rejects, dataset.info().tallies.clone())?;
    let outcome = super::outcome(&committed, silent_clips, rejects);
    output.place(&destination)?;
    Ok(outcome)
}

/// The clips a shard aims at: what the configuration says, or, where parts of a merged set had their own, the largest
/// shard.
fn shard_size(dataset: &Dataset) -> u32 {
    let largest = || dataset.assets().iter().map(|asset| rows_of(asset).end).max();
    shard_clips(&dataset.head().config).or_else(largest).unwrap_or(1)
}
