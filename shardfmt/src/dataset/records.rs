//! Defines `Records`, what a writer keeps in `DIR/.build` while it makes a dataset: its plan, and a record a finished
//! shard.
//!
//! What they say is the writer's own. A record is written after the files it speaks of are on disk, so what it says is
//! true whenever the writer is cut off. They are sealed: a damaged one is told from one that says something else.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entry::WORK_FOLDER;
use crate::error::{Error, Result};
use crate::fail_point::reach;
use crate::need::Operation;
use crate::persist::{is_temporary, sync_parent, write_atomic};
use crate::sealed::{seal, unseal};

/// Name of the lock of the whole folder.
pub(super) const LOCK: &str = "lock";
const PLAN: &str = "plan.json";
/// What the names of the parts of a plan that is being made start with.
const PLAN_PART: &str = "plan-";

/// Name of the lock of one shard.
pub(super) fn lock_name(shard: u32) -> String {
    format!("{shard:05}.lock")
}

/// Whether a file among the records may have this name.
pub(super) fn is_name(name: &str) -> bool {
    let number = name.strip_prefix(PLAN_PART).unwrap_or(name);
    let numbered = number.strip_suffix(".json").or_else(|| name.strip_suffix(".lock"));
    let is_numbered = numbered.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    is_numbered || [PLAN, LOCK].contains(&name) || is_temporary(name)
}

/// The records in one folder.
#[derive(Clone, Debug)]
pub struct Records {
    dir: PathBuf,
}

impl Records {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            dir: folder.join(WORK_FOLDER),
        }
    }

    fn of_shard(&self, shard: u32) -> PathBuf {
        self.dir.join(format!("{shard:05}.json"))
    }

    /// Whether there is a plan.
    #[must_use]
    pub fn has_plan(&self) -> bool {
        self.dir.join(PLAN).exists()
    }

    /// Writes the plan.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Record`] for a value that is not a JSON object.
    pub fn write_plan<T: Serialize>(&self, plan: &T) -> Result<()> {
        write(&self.dir.join(PLAN), plan)
    }

    /// Reads the plan; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::Record`] when it is damaged; [`Error::Io`].
    pub fn read_plan<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        read(&self.dir.join(PLAN))
    }

    fn of_plan_part(&self, part: usize) -> PathBuf {
        self.dir.join(format!("{PLAN_PART}{part:05}.json"))
    }

    /// Writes a part of a plan that takes long to make, to be taken up if that is cut off.
    ///
    /// # Errors
    /// As [`Records::write_plan`].
    pub fn write_plan_part<T: Serialize>(&self, part: usize, value: &T) -> Result<()> {
        write(&self.of_plan_part(part), value)
    }

    /// Reads a part of a plan; `None` when there is none.
    ///
    /// # Errors
    /// As [`Records::read_plan`].
    pub fn read_plan_part<T: DeserializeOwned>(&self, part: usize) -> Result<Option<T>> {
        read(&self.of_plan_part(part))
    }

    /// Removes a part of a plan, which has been written whole. One that stays goes with the records.
    pub fn remove_plan_part(&self, part: usize) {
        let _ = fs::remove_file(self.of_plan_part(part));
    }

    /// Writes the record of a shard whose files are all on disk.
    ///
    /// # Errors
    /// As [`Records::write_plan`].
    pub fn write_shard<T: Serialize>(&self, shard: u32, record: &T) -> Result<()> {
        write(&self.of_shard(shard), record)
    }

    /// Reads the record of a shard; `None` when it is not finished.
    ///
    /// # Errors
    /// As [`Records::read_plan`].
    pub fn read_shard<T: DeserializeOwned>(&self, shard: u32) -> Result<Option<T>> {
        read(&self.of_shard(shard))
    }

    /// Forgets a shard that has to be made again.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove_shard(&self, shard: u32) -> Result<()> {
        let path = self.of_shard(shard);
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(()),
            Err(cause) => Err(Error::io(&path, Operation::Remove, cause)),
            Ok(()) => {
                reach("record removed");
                sync_parent(&path)
            }
        }
    }
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let text = serde_json::to_string(value).map_err(|error| damaged(path, &error))?;
    write_atomic(path, &seal(&text, path)?)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(Error::io(path, Operation::Read, cause)),
    };
    let text = unseal(&bytes, path).map_err(|error| damaged(path, &error))?;
    serde_json::from_str(text)
        .map(Some)
        .map_err(|error| damaged(path, &error))
}

fn damaged(path: &Path, error: &dyn std::error::Error) -> Error {
    Error::Record {
        path: path.to_path_buf(),
        reason: error.to_string(),
    }
}
