//! Provides `status`: how far a dataset is, from its folder alone and without keeping its writers up.

use shardfmt::OutputFolder;
use shardfmt::dataset::FolderState;

use super::ledger::{self, ShardRecord};
use crate::error::{Error, Result};

/// How far a dataset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its plan is being made, or was cut off.
    Planning,
    /// Shards are missing.
    Building,
    /// All shards are built.
    Built,
    /// It is a dataset.
    Committed,
}

/// What there is of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// How far it is.
    pub stage: Stage,
    /// Its name; empty where there is no plan yet.
    pub name: String,
    /// Name of the instruction set it is built with.
    pub instruction_set: String,
    /// Shards that are built.
    pub done: Vec<u32>,
    /// Shards that a process is building now, as far as locks tell.
    pub running: Vec<u32>,
    /// Shards that nobody has built or is building.
    pub missing: Vec<u32>,
    /// Clips that are planned, from headers; those there are where it is committed.
    pub planned_clips: u64,
    /// Clips in the shards that are built.
    pub clips: u64,
    /// Recordings that were rejected in these.
    pub rejects: u64,
}

/// Looks how far the dataset in a folder is, or the one that is made in scratch for where it is kept: there only locks
/// of this machine tell what is running.
///
/// # Errors
/// [`Error::NotPlanned`] and [`Error::Foreign`] where there is none; [`Error::Record`]; a failed read.
pub fn status(folder: &OutputFolder) -> Result<Status> {
    let path = folder.place();
    match folder.state()? {
        FolderState::Free => Err(Error::NotPlanned { path }),
        FolderState::Foreign(what) => Err(Error::Foreign { path, what }),
        FolderState::Committed => committed(folder),
        // Committed between the two looks: then the records are going or gone.
        FolderState::Unfinished => match unfinished(folder) {
            Err(_) if folder.state()? == FolderState::Committed => committed(folder),
            other => other,
        },
    }
}

fn committed(folder: &OutputFolder) -> Result<Status> {
    let info = folder.info()?;
    Ok(Status {
        stage: Stage::Committed,
        name: info.head.name,
        instruction_set: info.head.instruction_set,
        done: (0..info.counts.shards).collect(),
        running: Vec::new(),
        missing: Vec::new(),
        planned_clips: info.counts.clips,
        clips: info.counts.clips,
        rejects: info.counts.rejects,
    })
}

fn unfinished(folder: &OutputFolder) -> Result<Status> {
    let mut status = Status {
        stage: Stage::Planning,
        name: String::new(),
        instruction_set: String::new(),
        done: Vec::new(),
        running: Vec::new(),
        missing: Vec::new(),
        planned_clips: 0,
        clips: 0,
        rejects: 0,
    };
    let Some(plan) = ledger::read_plan(folder)? else {
        return Ok(status);
    };
    let plan_xxh3 = plan.xxh3();
    status.planned_clips = plan.clips();
    let in_place = |record: &ShardRecord| folder.is_scratch() || record.files.are_in(folder);
    folder.records().read_shards(&plan.all_shards(), |shard, record| {
        // A damaged record says nothing; its shard is built again.
        let record: Option<ShardRecord> = match record.map_err(ledger::damaged) {
            Err(Error::Record { .. }) => None,
            other => other?,
        };
        match record.filter(|record| record.is_of(plan_xxh3) && in_place(record)) {
            Some(record) => {
                status.done.push(shard);
                status.clips += record.files.clips();
                status.rejects += record.rejects.len() as u64;
            }
            None if folder.is_shard_locked(shard)? => status.running.push(shard),
            None => status.missing.push(shard),
        }
        Ok::<(), Error>(())
    })?;
    status.stage = match (status.running.as_slice(), status.missing.as_slice()) {
        ([], []) => Stage::Built,
        _ => Stage::Building,
    };
    (status.name, status.instruction_set) = (plan.head.name, plan.head.instruction_set);
    Ok(status)
}
