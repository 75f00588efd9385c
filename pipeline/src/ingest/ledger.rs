//! Defines the records that an unfinished build keeps with `shardfmt::dataset::Records`: the plan, and a record a
//! shard.
//!
//! Resuming and committing read only these.

use serde::{Deserialize, Serialize};
use shardfmt::{OutputFolder, RejectRow, ShardFiles, Split, Xxh3};

use super::plan::Plan;
use crate::dataset_source::DatasetSource;
use crate::error::{Error, Result};
use crate::provenance::PROGRAM;
use crate::tally::Tallies;
use frontend::source_file::{CHANGED_WHILE_READ, SourceRecord};

/// What tells copies of one recording apart from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AssetDigest {
    /// Id of the asset.
    pub(super) asset_id: i64,
    /// Its split.
    pub(super) split: Split,
    /// Checksum of its source.
    pub(super) xxh3: Xxh3,
}

/// What is known of a finished shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ShardRecord {
    /// Hash of the plan the shard belongs to.
    pub(super) plan_xxh3: Xxh3,
    /// Program and version that built it.
    pub(super) program: String,
    /// Instruction set that rounded its values.
    pub(super) instruction_set: String,
    /// Number of the shard.
    pub(super) shard: u32,
    /// Assets that made it into the shard.
    pub(super) assets: Vec<AssetDigest>,
    /// Clips of digital silence.
    pub(super) silent_clips: u64,
    /// What was left out or changed of what was given.
    pub(super) tallies: Tallies,
    /// The shard and its sidecars.
    pub(super) files: ShardFiles,
    /// The sources.
    pub(super) sources: Vec<SourceRecord>,
    /// Rejected assets, in plan order.
    pub(super) rejects: Vec<RejectRow>,
}

impl ShardRecord {
    /// Whether this program built it by this plan, which includes the instruction set.
    pub(super) fn is_of(&self, plan_xxh3: Xxh3) -> bool {
        self.plan_xxh3 == plan_xxh3 && self.program == PROGRAM
    }

    /// Whether all that could be read is in it; what could not be read then may be readable now.
    pub(super) fn is_final(&self) -> bool {
        let is_final = |reject: &RejectRow| reject.stage != CHANGED_WHILE_READ;
        self.rejects.iter().all(is_final)
    }

    /// Whether its shard need not be built again; a new time of change alone is no change.
    pub(super) fn holds<S: DatasetSource>(&self, source: &S, plan_xxh3: Xxh3) -> bool {
        let unchanged = |then: &SourceRecord| then.holds(&source.files(then.asset));
        self.is_of(plan_xxh3) && self.is_final() && self.sources.iter().all(unchanged)
    }
}

/// Reads the plan.
///
/// # Errors
/// [`Error::NotPlanned`]; [`Error::Record`] when it is damaged.
pub(super) fn plan_of(folder: &OutputFolder) -> Result<Plan> {
    read_plan(folder)?.ok_or_else(|| Error::NotPlanned { path: folder.place() })
}

/// Reads the plan; `None` when there is none.
///
/// # Errors
/// As [`plan_of`].
pub(super) fn read_plan(folder: &OutputFolder) -> Result<Option<Plan>> {
    folder.records().read_plan().map_err(damaged)
}

/// Reads the record of a shard; `None` when it is not finished.
///
/// # Errors
/// [`Error::Record`] when it is damaged.
pub(super) fn read_record(folder: &OutputFolder, shard: u32) -> Result<Option<ShardRecord>> {
    folder.records().read_shard(shard).map_err(damaged)
}

/// A shard that a run which was cut off has finished in a scratch folder, and not published.
///
/// # Errors
/// A failed read.
pub(super) fn unpublished<S: DatasetSource>(
    source: &S,
    folder: &OutputFolder,
    plan_xxh3: Xxh3,
    shard: u32,
) -> Result<Option<ShardRecord>> {
    let record: Option<ShardRecord> = match folder.records().read_unpublished(shard).map_err(damaged) {
        Err(Error::Record { .. }) => None,
        other => other?,
    };
    Ok(record.filter(|record| record.files.are_in(folder) && record.holds(source, plan_xxh3)))
}

/// What to do about a damaged record of a build.
pub(super) fn damaged(error: shardfmt::Error) -> Error {
    match error {
        shardfmt::Error::Record { path, reason } => Error::Record { path, message: reason },
        other => other.into(),
    }
}

/// What is recorded of a shard.
pub(super) enum Recorded {
    /// Nothing.
    Nothing,
    /// A shard to be built again: of another plan, of sources that have changed, or the record or the files are
    /// damaged.
    Stale,
    /// A shard that need not be built again.
    Finished(Box<ShardRecord>),
}

/// Looks what is recorded of a shard: finished is one of the same plan, with sources unchanged and files in place.
pub(super) fn recorded<S: DatasetSource>(
    source: &S,
    folder: &OutputFolder,
    plan_xxh3: Xxh3,
    shard: u32,
) -> Result<Recorded> {
    judge(source, folder, plan_xxh3, read_record(folder, shard))
}

/// What a record says that has been read. Where the dataset is kept elsewhere, files are in place once there is a
/// record.
pub(super) fn judge<S: DatasetSource>(
    source: &S,
    folder: &OutputFolder,
    plan_xxh3: Xxh3,
    record: Result<Option<ShardRecord>>,
) -> Result<Recorded> {
    let record = match record {
        Ok(Some(record)) => record,
        Ok(None) => return Ok(Recorded::Nothing),
        // A damaged record says nothing; its shard is built again.
        Err(Error::Record { .. }) => return Ok(Recorded::Stale),
        Err(error) => return Err(error),
    };
    let in_place = folder.is_scratch() || record.files.are_in(folder);
    Ok(if in_place && record.holds(source, plan_xxh3) {
        Recorded::Finished(Box::new(record))
    } else {
        Recorded::Stale
    })
}
