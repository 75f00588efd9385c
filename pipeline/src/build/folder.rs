//! Provides what is done to a dataset's folder as a whole: its state, its locks, and its replacement.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use shardfmt::entry::{DATASET_JSON, FOLDERS, WORK_FOLDER};
use shardfmt::persist::{Lock, exchange_dirs, sync_dir};

use super::ledger::{self, ShardRecord};
use super::plan::{PROGRAM, Plan, SourceStat};
use super::reader::hash;
use crate::error::{Error, Result, io};
use crate::source::ClipSource;

/// What a folder holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing, or it is not there.
    Free,
    /// A build that has not been committed.
    Unfinished,
    /// A dataset.
    Committed,
    /// Something else; one entry is named.
    Foreign(String),
}

/// Looks at a folder.
pub(crate) fn state(dir: &Path) -> Result<State> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(State::Free),
        Err(error) => return Err(io("open the folder", dir)(error)),
    };
    if dir.join(DATASET_JSON).exists() {
        return Ok(State::Committed);
    }
    if dir.join(WORK_FOLDER).is_dir() {
        return Ok(State::Unfinished);
    }
    match entries.into_iter().next() {
        None => Ok(State::Free),
        Some(entry) => {
            let entry = entry.map_err(io("read the folder", dir))?;
            Ok(State::Foreign(entry.file_name().to_string_lossy().into_owned()))
        }
    }
}

/// A folder that is nobody's dataset is left alone, whatever the flags.
pub(super) fn foreign(dir: &Path, what: &str) -> Error {
    Error::NotEmpty {
        path: dir.into(),
        what: format!("{what}: not a dataset, so it is neither resumed nor overwritten"),
    }
}

/// Creates the folders of a dataset.
pub(crate) fn create(dir: &Path) -> Result<()> {
    for name in FOLDERS {
        let path = dir.join(name);
        std::fs::create_dir_all(&path).map_err(io("create the folder", &path))?;
    }
    Ok(sync_dir(dir)?)
}

fn records(dir: &Path) -> Result<PathBuf> {
    let path = dir.join(WORK_FOLDER);
    std::fs::create_dir_all(&path).map_err(io("create the folder", &path))?;
    Ok(path)
}

/// Keeps every other build out.
pub(crate) fn lock(dir: &Path) -> Result<Lock> {
    Ok(Lock::acquire(&records(dir)?.join("lock"))?)
}

/// Keeps whole builds and commits out, and lets builds of other shards in.
pub(super) fn lock_shared(dir: &Path) -> Result<Lock> {
    Ok(Lock::acquire_shared(&records(dir)?.join("lock"))?)
}

/// Keeps other builds of this shard out.
pub(super) fn lock_shard(dir: &Path, shard: u32) -> Result<Lock> {
    Ok(Lock::acquire(&records(dir)?.join(format!("{shard:05}.lock")))?)
}

/// The record of a shard that need not be built again: same plan, sources unchanged, files in place.
pub(super) fn finished<S: ClipSource>(source: &S, dir: &Path, plan: &Plan, shard: u32) -> Result<Option<ShardRecord>> {
    let record = match ledger::read_record(dir, shard) {
        Ok(Some(record)) => record,
        Ok(None) => return Ok(None),
        // A damaged record says nothing; its shard is built again.
        Err(Error::Record { .. } | Error::Dataset(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let same_build = record.plan_xxh3 == plan.xxh3()
        && record.program == PROGRAM
        && record.instruction_set == source.dataset_info().instruction_set;
    let in_place = |file: &shardfmt::FileEntry| {
        std::fs::metadata(dir.join(&file.path)).is_ok_and(|facts| facts.len() == file.bytes)
    };
    let unchanged = |then: &ledger::SourceRecord| {
        let files = source.files(then.asset);
        let now: Vec<_> = files.iter().map(|file| SourceStat::of(file)).collect();
        // A new time of change alone is no change when the bytes are the same.
        now == then.files || (then.xxh3.is_some() && hash(&files).ok().map(|(_, xxh3)| xxh3) == then.xxh3)
    };
    if same_build && record.files.iter().all(in_place) && record.sources.iter().all(unchanged) {
        return Ok(Some(record));
    }
    ledger::remove_record(dir, shard)?;
    Ok(None)
}

/// Where `--overwrite` builds.
pub(super) fn beside(dir: &Path) -> PathBuf {
    sibling(dir, "overwrite")
}

/// A folder next to another, on the same file system, where what will take its place is made. Each purpose has its own: one
/// run's leftovers are not another's.
pub(crate) fn sibling(dir: &Path, purpose: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(dir.file_name().unwrap_or_default());
    name.push(".");
    name.push(purpose);
    dir.with_file_name(name)
}

/// Puts the finished dataset in the place of the old one, which is then removed.
pub(crate) fn replace(dir: &Path, aside: &Path) -> Result<()> {
    exchange_dirs(dir, aside)?;
    remove(aside)
}

/// Removes a folder and all it holds.
pub(crate) fn remove(dir: &Path) -> Result<()> {
    std::fs::remove_dir_all(dir).map_err(io("remove the folder", dir))
}

/// Removes the records of a build that was cut off right after its commit.
pub(crate) fn tidy(dir: &Path) -> Result<()> {
    let path = dir.join(WORK_FOLDER);
    if path.is_dir() { remove(&path) } else { Ok(()) }
}
