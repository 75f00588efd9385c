//! Provides `subset`: the clips of a dataset that fulfil an SQL condition, as a dataset of their own.

use std::path::Path;

use predicate::{Predicate, STACK_BYTES};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use serde_json::{Value, json};
use shardfmt::checksum::hex;
use shardfmt::{Dataset, DatasetInfo};

use super::columns;
use super::copying::{Taken, copy_clips, plan};
use super::input::{Input, rows_of};
use super::output::{Output, free_destination};
use super::settings::{SUBSETS_KEY, set_config};
use crate::build::{Event, Events, Outcome, PROGRAM};
use crate::error::{Error, Result};
use crate::labels::LabelCounts;

/// Copies the clips of the dataset in `dir` for which the SQL expression `condition` is true to a new dataset at `out`.
///
/// The condition sees the columns of the label table, and of the asset and prior tables those that it has not. Clips keep
/// their order, their numbers and their labels; a recording without a clip left is no longer there, rejected ones are still
/// listed. Shards have the size the dataset was built with. Every record is verified when it is read.
///
/// # Errors
/// [`Error::Predicate`] for a condition that cannot be computed; [`Error::NothingSelected`]; [`Error::OutputTaken`];
/// [`Error::Dataset`] naming shard, asset and row of a damaged record. Nothing is then left at `out`.
pub fn subset(dir: &Path, condition: &str, out: &Path, events: &Events<'_>) -> Result<Outcome> {
    let destination = free_destination(out)?;
    let dataset = Dataset::open(dir)?;
    let rejects = dataset.rejects()?;
    let taken = select(&dataset, condition)?;
    if taken.is_empty() {
        return Err(Error::NothingSelected {
            path: dir.into(),
            predicate: condition.into(),
            clips: dataset.info().counts.clips,
        });
    }
    let planned = plan(&dataset, &taken, shard_clips(&dataset))?;
    events(Event::Planned {
        clips: taken.iter().map(|taken| taken.rows.len() as u64).sum(),
        done: 0,
    });
    let output = Output::beside(&destination)?;
    let (files, silent_clips) = copy_clips(&dataset, &planned, &output, events)?;
    let info = description(dataset.info(), condition);
    let committed = output.commit(info, dataset.taxa(), files, &rejects)?;
    let outcome = super::outcome(&committed, silent_clips, LabelCounts::default(), rejects);
    output.place(&destination)?;
    Ok(outcome)
}

/// The recordings of which clips fulfil the condition, with these.
fn select<'a>(dataset: &'a Dataset, condition: &str) -> Result<Vec<Taken<'a>>> {
    // A pool of its own, whose threads have the stack that a condition may take.
    let pool = ThreadPoolBuilder::new().stack_size(STACK_BYTES).build();
    let pool = pool.map_err(|error| Error::Threads {
        threads: rayon::current_num_threads(),
        message: error.to_string(),
    })?;
    pool.install(|| select_here(dataset, condition))
}

fn select_here<'a>(dataset: &'a Dataset, condition: &str) -> Result<Vec<Taken<'a>>> {
    let wrong = |place: String, error| {
        let (message, columns) = match error {
            predicate::Error::Condition { message, columns } => (message, columns),
            other => (other.to_string(), "unknown".into()),
        };
        Error::Predicate {
            predicate: condition.into(),
            message: format!("{place}{message}"),
            columns,
        }
    };
    let planned = Predicate::new(condition, &columns::no_rows(dataset.taxa())?);
    let planned = planned.map_err(|error| wrong(String::new(), error))?;
    let of_shard = |number| -> Result<Vec<Taken<'a>>> {
        let input = Input::open(dataset, number)?;
        let rows = planned.rows(&columns::of_shard(&input)?);
        let rows = rows.map_err(|error| wrong(format!("in shard {number}: "), error))?;
        let of_asset = |asset| {
            let all = rows_of(asset);
            let first = rows.partition_point(|row| *row < all.start);
            let end = rows.partition_point(|row| *row < all.end);
            let rows = rows.get(first..end).unwrap_or_default().to_vec();
            Taken { asset, rows }
        };
        let taken = input.assets.iter().map(of_asset);
        Ok(taken.filter(|taken| !taken.rows.is_empty()).collect())
    };
    let shards: Result<Vec<_>> = (0..dataset.shard_count()).into_par_iter().map(of_shard).collect();
    Ok(shards?.into_iter().flatten().collect())
}

/// The clips a shard aims at: what the configuration says, or, where parts of a merged set had their own, the largest shard.
fn shard_clips(dataset: &Dataset) -> u32 {
    let stated = &dataset.info().config["shards"]["clips"];
    let largest = || dataset.assets().iter().map(|asset| rows_of(asset).end).max();
    let stated = stated.as_u64().and_then(|clips| u32::try_from(clips).ok());
    stated.or_else(largest).unwrap_or(1)
}

/// `dataset.json` of the subset: everything stands, and which clips of what were chosen is added.
fn description(old: &DatasetInfo, condition: &str) -> DatasetInfo {
    let mut info = old.clone();
    info.program = PROGRAM.into();
    let mut config = info.config.clone();
    if let Some(config) = config.as_object_mut() {
        let chosen = json!({ "of": old.name, "config_xxh3": hex(old.config_xxh3), "where": condition });
        // The subset of a subset lists both, the first one first.
        let subsets = config.entry(SUBSETS_KEY).or_insert_with(|| json!([]));
        match subsets {
            Value::Array(subsets) => subsets.push(chosen),
            other => *other = json!([chosen]),
        }
    }
    set_config(&mut info, config);
    info
}
