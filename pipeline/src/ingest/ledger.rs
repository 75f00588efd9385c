//! Defines the records an unfinished build keeps in `DIR/.build`: the plan, and one record per finished shard.
//!
//! A record is written after the files it speaks of are on disk, so what it says is true whenever the build is cut off.
//! Resuming and committing read only these records.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shardfmt::entry::WORK_FOLDER;
use shardfmt::fail_point::reach;
use shardfmt::persist::{sync_parent, write_atomic};
use shardfmt::{FileEntry, RejectRow, Split, Xxh3};

use super::plan::Plan;
use crate::error::{Error, Result, io};
use crate::labels::LabelCounts;
use frontend::source_file::SourceRecord;

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
    /// Rows (clips).
    pub(super) rows: u64,
    /// Assets that made it into the shard.
    pub(super) assets: Vec<AssetDigest>,
    /// Clips of digital silence.
    pub(super) silent_clips: u64,
    /// What the label rules counted.
    pub(super) counts: LabelCounts,
    /// The shard and its sidecars.
    pub(super) files: Vec<FileEntry>,
    /// The sources.
    pub(super) sources: Vec<SourceRecord>,
    /// Rejected assets, in plan order.
    pub(super) rejects: Vec<RejectRow>,
}

fn record_path(dir: &Path, shard: u32) -> PathBuf {
    dir.join(WORK_FOLDER).join(format!("{shard:05}.json"))
}

/// Path of the plan.
pub(super) fn plan_path(dir: &Path) -> PathBuf {
    dir.join(WORK_FOLDER).join("plan.json")
}

/// Writes the plan.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write_plan(dir: &Path, plan: &Plan) -> Result<()> {
    write(&plan_path(dir), plan)
}

/// Reads the plan; `None` when there is none.
///
/// # Errors
/// When it cannot be read or is damaged.
pub(super) fn read_plan(dir: &Path) -> Result<Option<Plan>> {
    read(&plan_path(dir))
}

/// Writes the record of a finished shard: the last thing its build does.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write_record(dir: &Path, record: &ShardRecord) -> Result<()> {
    write(&record_path(dir, record.shard), record)
}

/// Reads the record of a shard; `None` when it is not finished.
///
/// # Errors
/// When it cannot be read or is damaged.
pub(super) fn read_record(dir: &Path, shard: u32) -> Result<Option<ShardRecord>> {
    read(&record_path(dir, shard))
}

/// Forgets a shard that has to be built again.
///
/// # Errors
/// When the record cannot be removed.
pub(super) fn remove_record(dir: &Path, shard: u32) -> Result<()> {
    let path = record_path(dir, shard);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io("remove", path)(error)),
        _ => {
            reach("record removed");
            Ok(sync_parent(&path)?)
        }
    }
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let damaged = |error: serde_json::Error| Error::Record {
        path: path.into(),
        message: error.to_string(),
    };
    let text = serde_json::to_string(value).map_err(damaged)?;
    Ok(write_atomic(path, &shardfmt::sealed::seal(&text, path)?)?)
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("read", path)(error)),
    };
    let damaged = |message: String| Error::Record {
        path: path.into(),
        message,
    };
    let text = shardfmt::sealed::unseal(&bytes, path).map_err(|error| damaged(error.to_string()))?;
    serde_json::from_str(text)
        .map(Some)
        .map_err(|error| damaged(error.to_string()))
}
