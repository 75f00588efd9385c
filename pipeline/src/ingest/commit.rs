//! Provides the commit: from finished shards to a dataset, by writing `dataset.json` last.

use std::path::Path;

use shardfmt::entry::{FOLDERS, REJECTS, TAXA, WORK_FOLDER};
use shardfmt::fail_point::reach;
use shardfmt::persist::{is_being_written, is_temporary};
use shardfmt::{Counts, DatasetInfo, RejectRow, write_dataset_json, write_rejects, write_taxa};

use super::folder;
use super::ledger::{self, ShardRecord};
use super::plan::Plan;
use crate::error::{Error, Result, io};
use crate::event::Events;
use crate::labels::LabelCounts;
use crate::leakage::warn_of_copies;
use crate::provenance::PROGRAM;

/// What was committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Shards.
    pub shards: u64,
    /// Clips.
    pub clips: u64,
    /// Recordings that made it.
    pub assets: u64,
    /// Bytes of all files but `dataset.json`.
    pub bytes: u64,
    /// Clips of digital silence.
    pub silent_clips: u64,
    /// What the label rules counted.
    pub counts: LabelCounts,
    /// Rejected recordings, in plan order.
    pub rejects: Vec<RejectRow>,
}

/// Commits a folder whose shards are all built.
///
/// # Errors
/// [`Error::Unfinished`], [`Error::MixedInstructionSets`], [`Error::TooManyRejects`], [`Error::NoClips`], or a failed write.
pub fn commit(dir: &Path, max_rejects: Option<u64>, events: &Events<'_>) -> Result<Outcome> {
    let dir = &folder::canonical(dir)?;
    folder::end_exchange(dir, &folder::beside(dir))?;
    folder::expect_unfinished(dir)?;
    let _lock = folder::lock(dir)?;
    // A rival may have committed in between.
    folder::expect_unfinished(dir)?;
    let outcome = commit_locked(dir, max_rejects, events)?;
    folder::tidy(dir)?;
    Ok(outcome)
}

/// Commits under the lock; the records stay until the caller has no more use for them.
pub(super) fn commit_locked(dir: &Path, max_rejects: Option<u64>, events: &Events<'_>) -> Result<Outcome> {
    let plan = ledger::read_plan(dir)?.ok_or_else(|| Error::NotPlanned { path: dir.into() })?;
    let records = records(dir, &plan)?;
    let sum = |of: fn(&ShardRecord) -> u64| records.iter().map(of).sum::<u64>();
    let mut counts = LabelCounts::default();
    records.iter().for_each(|record| counts += record.counts);
    let rejects: Vec<RejectRow> = records
        .iter()
        .flat_map(|record| record.rejects.iter().cloned())
        .collect();
    let first = || {
        rejects.first().map_or("none".into(), |row| {
            format!("asset {} ({}): {}: {}", row.asset_id, row.path, row.stage, row.reason)
        })
    };
    if let Some(limit) = max_rejects.filter(|limit| rejects.len() as u64 > *limit) {
        return Err(Error::TooManyRejects {
            rejects: rejects.len() as u64,
            limit,
            first: first(),
        });
    }
    let clips = sum(|record| record.rows);
    if clips == 0 {
        return Err(Error::NoClips {
            assets: plan.assets.len(),
            first: first(),
        });
    }
    let assets = records.iter().flat_map(|record| &record.assets);
    warn_of_copies(assets.map(|asset| (asset.asset_id, asset.split, asset.xxh3)), events);
    remove_strays(dir, &records)?;
    let mut head = plan.head.clone();
    head.instruction_set = records
        .first()
        .map_or_else(String::new, |record| record.instruction_set.clone());
    let mut files = vec![write_taxa(&dir.join(TAXA), &plan.taxa()?)?];
    files.extend(records.iter().flat_map(|record| record.files.iter().cloned()));
    files.push(write_rejects(&dir.join(REJECTS), &rejects)?);
    let assets = sum(|record| record.assets.len() as u64);
    let totals = Counts {
        shards: records.len() as u32,
        clips,
        assets,
        rejects: rejects.len() as u64,
    };
    let bytes = files.iter().map(|file| file.bytes).sum();
    let info = DatasetInfo {
        head,
        counts: totals,
        files,
    };
    write_dataset_json(dir, &info)?;
    let silent_clips = sum(|record| record.silent_clips);
    Ok(Outcome {
        shards: records.len() as u64,
        clips,
        assets,
        bytes,
        silent_clips,
        counts,
        rejects,
    })
}

/// The records of all shards, of one plan, one program and one instruction set, with their files in place.
fn records(dir: &Path, plan: &Plan) -> Result<Vec<ShardRecord>> {
    let (planned, plan_xxh3) = (plan.shards.len(), plan.xxh3());
    let mut records = Vec::with_capacity(planned);
    let mut missing = Vec::new();
    for shard in 0..planned as u32 {
        match ledger::read_record(dir, shard)? {
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
    for file in records.iter().flat_map(|record| &record.files) {
        let path = dir.join(&file.path);
        let facts = std::fs::metadata(&path).map_err(io("find the finished file", &path))?;
        if facts.len() != file.bytes {
            let message = format!(
                "its shard's file {} has {} bytes, recorded were {}",
                file.path,
                facts.len(),
                file.bytes
            );
            return Err(Error::Record {
                path: dir.join(WORK_FOLDER),
                message,
            });
        }
    }
    Ok(records)
}

/// Removes what interrupted writers left behind; a dataset holds its own files and nothing else. A writer elsewhere that
/// still has a file open here is late: its shard is recorded as finished, and it ends with an error.
fn remove_strays(dir: &Path, records: &[ShardRecord]) -> Result<()> {
    let kept: std::collections::HashSet<&str> = records
        .iter()
        .flat_map(|record| record.files.iter().map(|file| file.path.as_str()))
        .collect();
    for (name, place) in FOLDERS
        .iter()
        .map(|name| (*name, dir.join(name)))
        .chain([("", dir.into())])
    {
        for entry in std::fs::read_dir(&place).map_err(io("read the folder", &place))? {
            let entry = entry.map_err(io("read the folder", &place))?;
            let file = entry.file_name().to_string_lossy().into_owned();
            let is_kept = match name {
                "" => !is_temporary(&file),
                _ => kept.contains(format!("{name}/{file}").as_str()),
            };
            if !is_kept && !is_being_written(&file) {
                let path = entry.path();
                std::fs::remove_file(&path).map_err(io("remove", &path))?;
                reach("stray removed");
            }
        }
    }
    Ok(())
}
