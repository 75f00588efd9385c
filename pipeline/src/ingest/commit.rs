//! Provides the commit: from finished shards to a dataset, by writing `dataset.json` last.

use std::path::{Path, PathBuf};

use shardfmt::dataset::LockedFolder;
use shardfmt::{DatasetWriter, RejectRow, ShardFiles};

use super::ledger::{self, ShardRecord};
use super::plan::Plan;
use super::{expect_unfinished, folder};
use crate::error::{Error, Result};
use crate::event::{Events, Outcome};
use crate::leakage::warn_of_copies;
use crate::provenance::PROGRAM;

/// Commits a folder whose shards are all built.
///
/// # Errors
/// [`Error::Unfinished`], [`Error::MixedInstructionSets`], [`Error::TooManyRejects`], [`Error::NoClips`], or a failed
/// write.
pub fn commit(dir: &Path, max_rejects: Option<u64>, events: &Events<'_>) -> Result<Outcome> {
    let folder = folder(dir)?;
    expect_unfinished(&folder)?;
    let locked = folder.lock()?;
    // A rival may have committed in between.
    expect_unfinished(&folder)?;
    let outcome = commit_locked(&locked, max_rejects, events)?;
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
    let mut head = plan.head;
    head.instruction_set = records
        .first()
        .map_or_else(String::new, |record| record.instruction_set.clone());
    let writer = DatasetWriter::new(folder, head, taxa);
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

/// The records of all shards, of one plan, one program and one instruction set.
fn records(folder: &LockedFolder, plan: &Plan) -> Result<Vec<ShardRecord>> {
    let (planned, plan_xxh3) = (plan.shards.len(), plan.xxh3());
    let mut records = Vec::with_capacity(planned);
    let mut missing = Vec::new();
    for shard in 0..planned as u32 {
        match ledger::read_record(folder, shard)? {
            Some(record) if record.plan_xxh3 == plan_xxh3 && record.program == PROGRAM => records.push(record),
            _ => missing.push(shard),
        }
    }
    if let Some(&first) = missing.first() {
        return Err(Error::Unfinished {
            planned,
            missing: missing.len(),
            first,
        });
    }
    if let Some(one) = records.first()
        && let Some(other) = records
            .iter()
            .find(|record| record.instruction_set != one.instruction_set)
    {
        let (expected, got) = (one.instruction_set.clone(), other.instruction_set.clone());
        return Err(Error::MixedInstructionSets {
            shard: other.shard,
            expected,
            got,
        });
    }
    Ok(records)
}
