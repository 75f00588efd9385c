//! Provides `subset`: chosen clips of a dataset as a dataset of their own.

use std::path::Path;

use serde_json::{Value, json};
use shardfmt::{Dataset, DatasetHead};

use super::clip_list::ClipList;
use super::copying::{copy_clips, plan};
use super::input::rows_of;
use super::output::{Output, free_destination};
use super::settings::{SUBSETS_KEY, set_config};
use crate::error::{Error, Result};
use crate::ingest::{Event, Events, Outcome, PROGRAM};
use crate::labels::LabelCounts;

/// Copies the clips of the dataset in `dir` that the list names to a new dataset at `out`.
///
/// Clips keep the dataset's order, their numbers and their labels; a recording without a clip left is dropped, rejected
/// ones stay listed. Shards have the size the dataset was built with. Every record is verified when it is read.
///
/// # Errors
/// [`Error::Manifest`] with every entry of the list that names an unknown clip or repeats one; [`Error::NothingSelected`];
/// [`Error::OutputTaken`]; [`Error::Dataset`] naming shard, asset and row of a damaged record. Nothing is then left at `out`.
pub fn subset(dir: &Path, list: &ClipList, out: &Path, events: &Events<'_>) -> Result<Outcome> {
    let destination = free_destination(out)?;
    let dataset = Dataset::open(dir)?;
    let rejects = dataset.rejects()?;
    if list.is_empty() {
        return Err(Error::NothingSelected {
            list: list.file().into(),
        });
    }
    let taken = list.select(&dataset)?;
    let planned = plan(&dataset, &taken, shard_clips(&dataset))?;
    events(Event::Planned {
        clips: taken.iter().map(|taken| taken.rows.len() as u64).sum(),
        done: 0,
    });
    let output = Output::beside(&destination)?;
    let (files, silent_clips) = copy_clips(&dataset, &planned, &output, events)?;
    let head = description(dataset.head(), list);
    let committed = output.commit(head, dataset.taxa(), files, &rejects)?;
    let outcome = super::outcome(&committed, silent_clips, LabelCounts::default(), rejects);
    output.place(&destination)?;
    Ok(outcome)
}

/// The clips a shard aims at: what the configuration says, or, where parts of a merged set had their own, the largest shard.
fn shard_clips(dataset: &Dataset) -> u32 {
    let stated = &dataset.head().config["shards"]["clips"];
    let largest = || dataset.assets().iter().map(|asset| rows_of(asset).end).max();
    let stated = stated.as_u64().and_then(|clips| u32::try_from(clips).ok());
    stated.or_else(largest).unwrap_or(1)
}

/// `dataset.json` of the subset: everything stands, and which clips of what were chosen is added.
fn description(old: &DatasetHead, list: &ClipList) -> DatasetHead {
    let mut head = old.clone();
    head.program = PROGRAM.into();
    let mut config = head.config.clone();
    if let Some(config) = config.as_object_mut() {
        let clips = json!({ "name": list.name(), "xxh3": list.xxh3() });
        let chosen = json!({ "of": old.name, "config_xxh3": old.config_xxh3, "clips": clips });
        // The subset of a subset lists both, the first one first.
        let subsets = config.entry(SUBSETS_KEY).or_insert_with(|| json!([]));
        match subsets {
            Value::Array(subsets) => subsets.push(chosen),
            other => *other = json!([chosen]),
        }
    }
    set_config(&mut head, config);
    head
}
