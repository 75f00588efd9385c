//! Provides the commit: from finished shards to a dataset, by writing `dataset.json` last.

use std::path::PathBuf;
use std::time::Duration;

use shardfmt::dataset::LockedFolder;
use shardfmt::{DatasetWriter, OutputFolder, RejectRow, ShardFiles};

use super::ledger::{self, ShardRecord};
use super::plan::Plan;
use super::shard_list::ranges;
use super::{Existing, expect_unfinished, ready, tidy};
use crate::error::{Error, Result};
use crate::event::{Events, Outcome};
use crate::leakage::warn_of_copies;

/// How to commit.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommitOptions {
    /// With [`Existing::Resume`] a dataset that is committed already is a success.
    pub existing: Existing,
    /// More rejected recordings than this fail the commit.
    pub max_rejects: Option<u64>,
    /// How long to wait for other processes to leave the folder.
    pub wait: Duration,
}

/// What `commit` did.
#[derive(Debug)]
pub enum Committed {
    /// The dataset was committed.
    Now(Outcome),
    /// It was committed already; what runs that were cut off had left in it was removed.
    Already,
}

/// Commits a dataset whose shards are all built.
///
/// # Errors
/// [`Error::Unfinished`], [`Error::TooManyRejects`], [`Error::NoClips`], [`Error::AlreadyCommitted`], or a failed
/// write.
pub fn commit(folder: &OutputFolder, options: CommitOptions, events: &Events<'_>) -> Result<Committed> {
    let folder = ready(folder, options.wait)?;
    match commit_unfinished(&folder, options.max_rejects, events) {
        Err(Error::AlreadyCommitted { .. }) if options.existing == Existing::Resume => {
            tidy(&folder)?;
            Ok(Committed::Already)
        }
        outcome => outcome.map(Committed::Now),
    }
}

fn commit_unfinished(folder: &OutputFolder, max_rejects: Option<u64>, events: &Events<'_>) -> Result<Outcome> {
    expect_unfinished(folder)?;
    // One that committed while this waited has removed what the lock was in.
    let locked = folder
        .lock()
        .or_else(|error| expect_unfinished(folder).and(Err(error.into())))?;
    // A rival may have committed in between.
    expect_unfinished(folder)?;
    // Or another machine does so now, where the dataset is kept, and removes the records.
    let outcome =
        commit_locked(&locked, max_rejects, events).or_else(|error| expect_unfinished(folder).and(Err(error)))?;
    folder.remove_records()?;
    Ok(outcome)
}

/// Commits under the lock; the records stay until the caller has no more use for them.
pub(super) fn commit_locked(folder: &LockedFolder, max_rejects: Option<u64>, events: &Events<'_>) -> Result<Outcome> {
    let plan = ledger::plan_of(folder)?;
    let records = records(folder, &plan)?;
    let mut tallies = plan.tallies.clone();
    records.iter().for_each(|record| tallies.add_all(&record.tallies));
    let rejects: Vec<RejectRow> = records
        .iter()
        .flat_map(|record| record.rejects.iter().cloned())
        .collect();
    let assets = records.iter().flat_map(|record| &record.assets);
    warn_of_copies(assets.map(|asset| (asset.asset_id, asset.split, asset.xxh3)), events);
    let taxa = plan.taxa()?;
    let writer = DatasetWriter::new(folder, plan.head, taxa);
    let files: Vec<ShardFiles> = records.iter().map(|record| record.files.clone()).collect();
    if let Some(refuse) = refusal(&files, &rejects, max_rejects) {
        let entry = writer.write_rejects(&rejects)?;
        return Err(refuse(folder.path().join(entry.path)));
    }
    let dataset = writer
        .commit(&files, &rejects, tallies.clone().into_counts())
        .map_err(ledger::damaged)?;
    let info = dataset.info();
    Ok(Outcome {
        shards: info.counts.shards.into(),
        clips: info.counts.clips,
        assets: info.counts.assets,
        bytes: info.files.iter().map(|file| file.bytes).sum(),
        silent_clips: records.iter().map(|record| record.silent_clips).sum(),
        tallies,
        rejects,
    })
}

/// Why nothing is committed, if too many recordings were rejected: an error that names the table of them.
fn refusal(
    files: &[ShardFiles],
    rejects: &[RejectRow],
    max_rejects: Option<u64>,
) -> Option<impl FnOnce(PathBuf) -> Error> {
    let (count, is_empty) = (rejects.len() as u64, files.iter().all(|files| files.clips() == 0));
    let exceeded = max_rejects.filter(|limit| count > *limit);
    if exceeded.is_none() && !is_empty {
        return None;
    }
    let first = rejects.first().map_or("none".into(), |row| {
        format!("asset {} ({}): {}: {}", row.asset_id, row.path, row.stage, row.reason)
    });
    Some(move |table| match exceeded {
        Some(limit) => Error::TooManyRejects {
            rejects: count,
            limit,
            first,
            table,
        },
        None => Error::NoClips {
            assets: count,
            first,
            table,
        },
    })
}

/// The records of all shards, of this plan and this program. Where the dataset is kept elsewhere, a shard whose files
/// are not whole there is as good as missing, and is built again when it is built next.
fn records(folder: &LockedFolder, plan: &Plan) -> Result<Vec<ShardRecord>> {
    let (planned, plan_xxh3) = (plan.shards.len(), plan.xxh3());
    let mut records = Vec::with_capacity(planned);
    let mut missing = Vec::new();
    folder.records().read_shards(
        &plan.all_shards(),
        |shard, record: shardfmt::Result<Option<ShardRecord>>| {
            match record.map_err(ledger::damaged)? {
                Some(record) if record.is_of(plan_xxh3) => records.push(record),
                _ => missing.push(shard),
            }
            Ok::<(), Error>(())
        },
    )?;
    for shard in folder.not_whole(records.iter().map(|record| &record.files))? {
        folder.records().remove_shard(shard)?;
        missing.push(shard);
    }
    missing.sort_unstable();
    if !missing.is_empty() {
        return Err(Error::Unfinished {
            planned,
            missing: missing.len(),
            shards: ranges(&missing),
        });
    }
    Ok(records)
}
