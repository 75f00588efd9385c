//! Provides what is done to a dataset's folder as a whole: its state, its locks, and its replacement.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use shardfmt::Xxh3;
use shardfmt::entry::{DATASET_JSON, FOLDERS, REJECTS, TAXA, WORK_FOLDER};
use shardfmt::fail_point::reach;
use shardfmt::persist::{
    self, Lock, create_dirs, exchange_dirs, is_exchange_cut_off, is_temporary, remove_leftovers, sync_parent,
};

use super::ledger::{self, ShardRecord};
use crate::dataset_source::DatasetSource;
use crate::error::{Error, Result, io};
use crate::provenance::PROGRAM;
use frontend::source_file::{CHANGED_WHILE_READ, SourceRecord};

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

/// How much of `dataset.json` is looked at to tell that it is one of ours, damaged or not.
const RECOGNISED_BYTES: u64 = 4096;

/// Looks at a folder.
pub(crate) fn state(dir: &Path) -> Result<State> {
    let names = names(dir)?;
    let has = |name: &str| names.iter().any(|found| found == name);
    let Some(first) = names.first() else {
        return Ok(State::Free);
    };
    if has(DATASET_JSON) {
        let ours = is_dataset_json(&dir.join(DATASET_JSON))?;
        return Ok(if ours {
            State::Committed
        } else {
            State::Foreign(DATASET_JSON.into())
        });
    }
    if has(WORK_FOLDER) && names_in_records(dir)?.iter().all(|name| is_record_name(name)) {
        return Ok(State::Unfinished);
    }
    Ok(State::Foreign(first.clone()))
}

/// The first entry of a folder that no dataset has, nor the build of one.
pub(super) fn foreign_entry(dir: &Path) -> Result<Option<String>> {
    let is_ours = |name: &String| {
        [DATASET_JSON, TAXA, REJECTS, WORK_FOLDER].contains(&name.as_str())
            || FOLDERS.contains(&name.as_str())
            || is_temporary(name)
    };
    Ok(names(dir)?.into_iter().find(|name| !is_ours(name)))
}

/// Names in a folder, sorted; none when there is no folder.
fn names(dir: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io("open the folder", dir)(error)),
    };
    let name = |entry: std::io::Result<std::fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = entries
        .map(name)
        .collect::<std::io::Result<_>>()
        .map_err(io("read the folder", dir))?;
    names.sort();
    Ok(names)
}

fn names_in_records(dir: &Path) -> Result<Vec<String>> {
    let path = dir.join(WORK_FOLDER);
    if path.is_dir() {
        names(&path)
    } else {
        Ok(vec![WORK_FOLDER.into()])
    }
}

/// Whether a build would give a file of its records this name.
fn is_record_name(name: &str) -> bool {
    let numbered = name.strip_suffix(".json").or_else(|| name.strip_suffix(".lock"));
    let is_numbered = numbered.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    is_numbered || ["plan.json", "lock"].contains(&name) || is_temporary(name)
}

fn is_dataset_json(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(io("open", path))?;
    file.take(RECOGNISED_BYTES)
        .read_to_end(&mut start)
        .map_err(io("read", path))?;
    let format = shardfmt::dataset::FORMAT.as_bytes();
    Ok(start.windows(format.len()).any(|bytes| bytes == format))
}

/// The folder's own path, free of links and dots: it is renamed, and stands beside others.
pub(crate) fn canonical(dir: &Path) -> Result<PathBuf> {
    if dir.exists() {
        return std::fs::canonicalize(dir).map_err(io("find the folder", dir));
    }
    let absolute = std::path::absolute(dir).map_err(io("find the folder", dir))?;
    // The folder is made later; the nearest one that is there decides where.
    let Some(parent) = absolute.ancestors().skip(1).find(|parent| parent.exists()) else {
        return Ok(absolute);
    };
    let real = std::fs::canonicalize(parent).map_err(io("find the folder", parent))?;
    Ok(real.join(absolute.strip_prefix(parent).unwrap_or(&absolute)))
}

/// Creates the folders of a dataset, durably, and removes the unfinished files of writers that have died there.
pub(crate) fn create(dir: &Path) -> Result<()> {
    FOLDERS.iter().try_for_each(|name| create_dirs(&dir.join(name)))?;
    sync_parent(dir)?;
    let folders = FOLDERS.iter().chain([&WORK_FOLDER]).map(|name| dir.join(name));
    std::iter::once(dir.to_path_buf())
        .chain(folders)
        .try_for_each(|folder| Ok(remove_leftovers(&folder)?))
}

/// Keeps every other build out.
pub(crate) fn lock(dir: &Path) -> Result<Lock> {
    let records = dir.join(WORK_FOLDER);
    create_dirs(&records)?;
    Ok(Lock::acquire(&records.join("lock"))?)
}

/// Keeps whole builds and commits out of a planned folder, and lets builds of other shards in.
pub(super) fn lock_shared(dir: &Path) -> Result<Lock> {
    Ok(Lock::acquire_shared(&dir.join(WORK_FOLDER).join("lock"))?)
}

/// Keeps other builds of this shard out.
pub(super) fn lock_shard(dir: &Path, shard: u32) -> Result<Lock> {
    Ok(Lock::acquire(&dir.join(WORK_FOLDER).join(format!("{shard:05}.lock")))?)
}

/// An error unless the folder holds an unfinished build.
pub(super) fn expect_unfinished(dir: &Path) -> Result<()> {
    match state(dir)? {
        State::Unfinished => Ok(()),
        State::Committed => Err(Error::AlreadyCommitted { path: dir.into() }),
        State::Free => Err(Error::NotPlanned { path: dir.into() }),
        State::Foreign(what) => Err(Error::Foreign { path: dir.into(), what }),
    }
}

/// The record of a shard that need not be built again: same plan, sources unchanged, files in place.
pub(super) fn finished<S: DatasetSource>(
    source: &S,
    dir: &Path,
    plan_xxh3: Xxh3,
    shard: u32,
) -> Result<Option<ShardRecord>> {
    let record = match ledger::read_record(dir, shard) {
        Ok(Some(record)) => record,
        Ok(None) => return Ok(None),
        // A damaged record says nothing; its shard is built again.
        Err(Error::Record { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let same_build = record.plan_xxh3 == plan_xxh3
        && record.program == PROGRAM
        && record.instruction_set == source.head().instruction_set;
    let in_place = |file: &shardfmt::FileEntry| {
        std::fs::metadata(dir.join(&file.path)).is_ok_and(|facts| facts.len() == file.bytes)
    };
    // What could not be read then may be readable now; a new time of change alone is no change.
    let unchanged = |then: &SourceRecord| then.holds(&source.files(then.asset));
    let is_final = |reject: &shardfmt::RejectRow| reject.stage != CHANGED_WHILE_READ;
    if same_build
        && record.files.iter().all(in_place)
        && record.sources.iter().all(unchanged)
        && record.rejects.iter().all(is_final)
    {
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
    // Until here its records say whose the folder beside is.
    tidy(dir)?;
    remove(aside)
}

/// Ends the replacement of `dir` by `aside` that was cut off where a file system needs several renames for it.
pub(crate) fn end_exchange(dir: &Path, aside: &Path) -> Result<()> {
    if !is_exchange_cut_off(dir) {
        return Ok(());
    }
    // Whoever is still at it holds the lock of the new dataset, which is at one of these paths.
    let new = [dir, aside].into_iter().filter(|folder| has_records(folder));
    let _locks: Vec<Lock> = new.map(lock).collect::<Result<_>>()?;
    Ok(persist::end_exchange(dir, aside)?)
}

/// Whether a folder beside is an old dataset that an interrupted replacement did not remove any more.
pub(super) fn is_leftover(aside: &Path) -> Result<bool> {
    Ok(state(aside)? == State::Committed && !ledger::plan_path(aside).exists())
}

/// Removes a folder and all it holds.
pub(crate) fn remove(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io("remove the folder", dir)(error)),
        _ => {}
    }
    reach("folder removed");
    Ok(())
}

/// Whether a build keeps records in the folder, or kept some until it was cut off.
pub(super) fn has_records(dir: &Path) -> bool {
    dir.join(WORK_FOLDER).is_dir()
}

/// Removes the records of a build that has been committed.
pub(crate) fn tidy(dir: &Path) -> Result<()> {
    if has_records(dir) {
        remove(&dir.join(WORK_FOLDER))
    } else {
        Ok(())
    }
}
