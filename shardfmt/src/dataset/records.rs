//! Defines `Records`, what a writer keeps in `DIR/.build` while it makes a dataset: its plan, and a record a finished
//! shard.
//!
//! What they say is the writer's own. A record is written after the files it speaks of are in their places, so what it
//! says is true whenever the writer is cut off. They are sealed: a damaged one is told from one that says something
//! else. Of a dataset that is made in scratch, the plan and the records of shards that have been published are where the
//! dataset is kept; a shard that has not been published yet has its record in the scratch folder.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::backing::{Backing, at_once};
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
/// Records that are asked for before the first of them is looked at, where they are kept elsewhere.
const ASKED: usize = 64;

/// Where the plan of a dataset lies that is kept elsewhere, as a path under it.
pub(super) fn plan_path() -> String {
    path_there(PLAN)
}

fn path_there(name: &str) -> String {
    format!("{WORK_FOLDER}/{name}")
}

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

/// Name of the record of one shard.
fn shard_name(shard: u32) -> String {
    format!("{shard:05}.json")
}

/// The records in one folder.
#[derive(Clone, Debug)]
pub struct Records {
    dir: PathBuf,
    /// Where the dataset is kept, if that is elsewhere.
    kept: Option<Arc<dyn Backing>>,
}

impl Records {
    pub(super) fn new(folder: &Path, kept: Option<Arc<dyn Backing>>) -> Self {
        Self {
            dir: folder.join(WORK_FOLDER),
            kept,
        }
    }

    fn of_shard(&self, shard: u32) -> PathBuf {
        self.dir.join(shard_name(shard))
    }

    /// Whether there is a plan in the folder.
    #[must_use]
    pub fn has_plan(&self) -> bool {
        self.dir.join(PLAN).exists()
    }

    /// Writes the plan; says whether this one is there now. Where the dataset is kept elsewhere, one that is there
    /// already stays.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Backing`]; [`Error::Record`] for a value that is not a JSON object.
    pub fn write_plan<T: Serialize>(&self, plan: &T) -> Result<bool> {
        self.write_new(PLAN, plan)
    }

    fn write_new<T: Serialize>(&self, name: &str, value: &T) -> Result<bool> {
        let path = self.dir.join(name);
        match &self.kept {
            Some(kept) => kept.create(&path_there(name), &encode(&path, value)?),
            None => write(&path, value).map(|()| true),
        }
    }

    /// Reads the plan; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::Record`] when it is damaged; [`Error::Io`]; [`Error::Backing`].
    pub fn read_plan<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        self.read(PLAN)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(kept) = &self.kept else {
            return read(&self.dir.join(name));
        };
        let name = path_there(name);
        match kept.read(&name)? {
            Some(bytes) => decode(&kept.place().join(&name), &bytes).map(Some),
            None => Ok(None),
        }
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

    /// Writes the record of a shard whose files are all in the folder.
    ///
    /// # Errors
    /// As [`Records::write_plan`].
    pub fn write_shard<T: Serialize>(&self, shard: u32, record: &T) -> Result<()> {
        write(&self.of_shard(shard), record)
    }

    /// Writes the record of a shard whose files are all where the dataset is kept; says whether this one is there now.
    pub(super) fn publish_shard<T: Serialize>(&self, shard: u32, record: &T) -> Result<bool> {
        self.write_new(&shard_name(shard), record)
    }

    /// Reads the record of a shard; `None` when it is not finished, or has not been published.
    ///
    /// # Errors
    /// As [`Records::read_plan`].
    pub fn read_shard<T: DeserializeOwned>(&self, shard: u32) -> Result<Option<T>> {
        self.read(&shard_name(shard))
    }

    /// Reads the record of a shard that is in a scratch folder and has to be published; `None` when there is none.
    ///
    /// # Errors
    /// As [`Records::read_plan`].
    pub fn read_unpublished<T: DeserializeOwned>(&self, shard: u32) -> Result<Option<T>> {
        match self.kept {
            Some(_) => read(&self.of_shard(shard)),
            None => Ok(None),
        }
    }

    /// Reads the records of `shards`, as [`Records::read_shard`] does, and shows each to `visit`, in this order; many at
    /// once where they are kept elsewhere.
    ///
    /// # Errors
    /// That of `visit`; [`Error::Backing`] where they cannot be listed.
    pub fn read_shards<T: DeserializeOwned + Send, E: From<Error>>(
        &self,
        shards: &[u32],
        mut visit: impl FnMut(u32, Result<Option<T>>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let Some(kept) = &self.kept else {
            return shards
                .iter()
                .try_for_each(|shard| visit(*shard, self.read_shard(*shard)));
        };
        let there: HashSet<String> = kept.names(WORK_FOLDER)?.unwrap_or_default().into_iter().collect();
        for some in shards.chunks(ASKED) {
            let records = at_once(some, |shard| match there.contains(&path_there(&shard_name(*shard))) {
                true => self.read_shard(*shard),
                false => Ok(None),
            });
            for (shard, record) in some.iter().zip(records) {
                visit(*shard, record)?;
            }
        }
        Ok(())
    }

    /// Forgets a shard that has to be made again.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Backing`].
    pub fn remove_shard(&self, shard: u32) -> Result<()> {
        if let Some(kept) = &self.kept {
            kept.remove(&path_there(&shard_name(shard)))?;
            reach("published record removed");
        }
        self.remove_unpublished(shard)
    }

    pub(super) fn remove_unpublished(&self, shard: u32) -> Result<()> {
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

    /// Removes all of them that are kept elsewhere.
    pub(super) fn remove_published(kept: &dyn Backing) -> Result<()> {
        let names = kept.names(WORK_FOLDER)?.unwrap_or_default();
        at_once(&names, |name| kept.remove(name)).into_iter().collect()
    }
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    write_atomic(path, &encode(path, value)?)
}

fn encode<T: Serialize>(path: &Path, value: &T) -> Result<Vec<u8>> {
    let text = serde_json::to_string(value).map_err(|error| damaged(path, &error))?;
    seal(&text, path)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => decode(path, &bytes).map(Some),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::io(path, Operation::Read, cause)),
    }
}

fn decode<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T> {
    let text = unseal(bytes, path).map_err(|error| damaged(path, &error))?;
    serde_json::from_str(text).map_err(|error| damaged(path, &error))
}

fn damaged(path: &Path, error: &dyn std::error::Error) -> Error {
    Error::Record {
        path: path.to_path_buf(),
        reason: error.to_string(),
    }
}
