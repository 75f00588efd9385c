//! Provides the commit: from finished shards to a dataset, by writing `dataset.json` last.

use std::collections::HashMap;
use std::path::Path;

use shardfmt::entry::{DATASET_JSON, FOLDERS, REJECTS, TAXA, WORK_FOLDER};
use shardfmt::fail_point::reach;
use shardfmt::{Counts, RejectRow, Split, read_assets, write_dataset_json, write_rejects, write_taxa};

use super::ledger::{self, ShardRecord};
use super::plan::{PROGRAM, Plan};
use super::{Event, Events, folder};
use crate::error::{Error, Result, io};
use crate::labels::LabelCounts;

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
    if !ledger::plan_path(dir).is_file() {
        return Err(Error::NotPlanned { path: dir.into() });
    }
    let _lock = folder::lock(dir)?;
    commit_locked(dir, max_rejects, events)
}

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
    warn_of_copies(dir, &plan, &records, events)?;
    remove_strays(dir, &records)?;
    let mut info = plan.info.clone();
    info.instruction_set = records
        .first()
        .map_or_else(String::new, |record| record.instruction_set.clone());
    info.files = vec![write_taxa(&dir.join(TAXA), &plan.taxa()?)?];
    info.files
        .extend(records.iter().flat_map(|record| record.files.iter().cloned()));
    info.files.push(write_rejects(&dir.join(REJECTS), &rejects)?);
    let assets = sum(|record| record.assets);
    info.counts = Counts {
        shards: records.len() as u32,
        clips,
        assets,
        rejects: rejects.len() as u64,
    };
    let bytes = info.files.iter().map(|file| file.bytes).sum();
    write_dataset_json(dir, &info)?;
    folder::tidy(dir)?;
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
    let planned = plan.shards.len();
    let mut records = Vec::with_capacity(planned);
    let mut missing = Vec::new();
    for shard in 0..planned as u32 {
        match ledger::read_record(dir, shard)? {
            Some(record) if record.plan_xxh3 == plan.xxh3() && record.program == PROGRAM => records.push(record),
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

/// Warns when one file's bytes stand in two splits under different names.
fn warn_of_copies(dir: &Path, plan: &Plan, records: &[ShardRecord], events: &Events<'_>) -> Result<()> {
    let taxa = plan.taxa()?;
    let mut seen: HashMap<u64, (Split, i64)> = HashMap::new();
    for file in records
        .iter()
        .flat_map(|record| &record.files)
        .filter(|file| file.path.starts_with("assets/"))
    {
        for asset in read_assets(&dir.join(&file.path), &taxa)? {
            let (split, id) = *seen.entry(asset.source_xxh3).or_insert((asset.split, asset.asset_id));
            if split != asset.split {
                let (a, b) = (split.as_str(), asset.split.as_str());
                let text = format!(
                    "leakage: assets {id} ({a}) and {} ({b}) are the same recording, byte for byte",
                    asset.asset_id
                );
                events(Event::Warning(&text));
            }
        }
    }
    Ok(())
}

/// Removes what interrupted writers left behind; a dataset holds its own files and nothing else.
fn remove_strays(dir: &Path, records: &[ShardRecord]) -> Result<()> {
    let kept: std::collections::HashSet<&str> = records
        .iter()
        .flat_map(|record| record.files.iter().map(|file| file.path.as_str()))
        .collect();
    for name in FOLDERS {
        let folder = dir.join(name);
        for entry in std::fs::read_dir(&folder).map_err(io("read the folder", &folder))? {
            let path = entry.map_err(io("read the folder", &folder))?.path();
            let relative = format!("{name}/{}", path.file_name().unwrap_or_default().to_string_lossy());
            if !kept.contains(relative.as_str()) {
                std::fs::remove_file(&path).map_err(io("remove", &path))?;
                reach("stray removed");
            }
        }
    }
    let top = [DATASET_JSON, TAXA, REJECTS].map(|name| dir.join(format!(".{name}.tmp")));
    for path in top.iter().filter(|path| path.exists()) {
        std::fs::remove_file(path).map_err(io("remove", path))?;
    }
    Ok(())
}
