//! Defines `OutputFolder`, a folder in which a dataset is made, stands or is replaced: its state, its locks, its names.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::backing::Backing;
use super::info::FORMAT;
use super::records::{self, Records};
use crate::entry::{DATASET_JSON, FOLDERS, REJECTS, TAXA, WORK_FOLDER};
use crate::error::{Error, Result};
use crate::fail_point::reach;
use crate::need::Operation;
use crate::persist::{
    self, Lock, create_dirs, exchange_dirs, is_exchange_cut_off, is_temporary, remove_leftovers, sync_parent,
};

/// What a folder holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderState {
    /// Nothing, or it is not there.
    Free,
    /// Files of a dataset that has not been committed.
    Unfinished,
    /// A dataset.
    Committed,
    /// Something else; one entry is named.
    Foreign(String),
}

/// How much of `dataset.json` is looked at to tell that it is one of ours, damaged or not.
const RECOGNISED_BYTES: u64 = 4096;
/// Times that a folder is emptied in which others make files meanwhile.
const REMOVALS: u32 = 100;

/// A folder that holds a dataset, is to hold one, or is free; or scratch for a dataset that is kept elsewhere.
#[derive(Clone, Debug)]
pub struct OutputFolder {
    dir: PathBuf,
    /// How long locks are waited for.
    patience: Duration,
    /// Where the dataset is kept, if it is only made here.
    kept: Option<Arc<dyn Backing>>,
}

impl OutputFolder {
    /// The folder at `dir` by its own path, free of links and dots: it is renamed, and others are made beside it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn at(dir: &Path) -> Result<Self> {
        Ok(Self {
            dir: Self::own_path(dir)?,
            patience: Duration::ZERO,
            kept: None,
        })
    }

    /// The folder at `dir` as scratch for a dataset that is kept elsewhere. What is asked of it is answered for the
    /// dataset there; locks are of this machine only, and nothing keeps writers on others out: whoever publishes a shard
    /// first has it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn scratch(dir: &Path, kept: Arc<dyn Backing>) -> Result<Self> {
        let kept = Some(kept);
        Ok(Self { kept, ..Self::at(dir)? })
    }

    /// Where the dataset is kept, if the folder is scratch.
    pub(super) fn kept(&self) -> Option<&Arc<dyn Backing>> {
        self.kept.as_ref()
    }

    /// The same folder, whose locks are waited for up to `patience` where another process has them.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// How long its locks are waited for.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.patience
    }

    fn own_path(dir: &Path) -> Result<PathBuf> {
        let fail = |cause| Error::io(dir, Operation::FindFolder, cause);
        if dir.exists() {
            return fs::canonicalize(dir).map_err(fail);
        }
        let dir = std::path::absolute(dir).map_err(fail)?;
        // The folder is made later; the nearest one that is there decides where.
        let Some(parent) = dir.ancestors().skip(1).find(|parent| parent.exists()) else {
            return Ok(dir);
        };
        let real = fs::canonicalize(parent).map_err(|cause| Error::io(parent, Operation::FindFolder, cause))?;
        Ok(real.join(dir.strip_prefix(parent).unwrap_or(&dir)))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// A folder next to this one, on the same file system, where what will take its place is made. Each `purpose` has
    /// its own: the leftovers of one are not those of another.
    #[must_use]
    pub fn beside(&self, purpose: &str) -> Self {
        let mut name = OsString::from(".");
        name.push(self.dir.file_name().unwrap_or_default());
        name.push(".");
        name.push(purpose);
        Self {
            dir: self.dir.with_file_name(name),
            patience: self.patience,
            kept: None,
        }
    }

    /// Looks at what it holds.
    ///
    /// # Errors
    /// [`Error::Io`]; so for the other questions.
    pub fn state(&self) -> Result<FolderState> {
        if let Some(kept) = &self.kept {
            return super::kept::state(&**kept);
        }
        let names = self.names()?;
        let has = |name: &str| names.iter().any(|found| found == name);
        let Some(first) = names.first() else {
            return Ok(FolderState::Free);
        };
        if has(DATASET_JSON) {
            return Ok(match is_dataset_json(&self.dir.join(DATASET_JSON))? {
                true => FolderState::Committed,
                false => FolderState::Foreign(DATASET_JSON.into()),
            });
        }
        if has(WORK_FOLDER)
            && self.has_records()
            && self.names_in(WORK_FOLDER)?.iter().all(|name| records::is_name(name))
        {
            return Ok(FolderState::Unfinished);
        }
        Ok(FolderState::Foreign(first.clone()))
    }

    /// What is in it, sorted.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        names(&self.dir)
    }

    /// What is in one of its folders, sorted.
    pub(super) fn names_in(&self, folder: &str) -> Result<Vec<String>> {
        names(&self.dir.join(folder))
    }

    /// The first entry that is neither of a dataset nor of one that is being made.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn foreign_entry(&self) -> Result<Option<String>> {
        let is_ours = |name: &String| {
            [DATASET_JSON, TAXA, REJECTS, WORK_FOLDER].contains(&name.as_str())
                || FOLDERS.contains(&name.as_str())
                || is_temporary(name)
        };
        Ok(self.names()?.into_iter().find(|name| !is_ours(name)))
    }

    /// Whether it is an old dataset that a replacement which was cut off has left beside the new one.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn is_leftover(&self) -> Result<bool> {
        Ok(self.state()? == FolderState::Committed && !self.records().has_plan())
    }

    /// Whether a writer keeps records in it, or kept some until it was cut off.
    #[must_use]
    pub fn has_records(&self) -> bool {
        self.dir.join(WORK_FOLDER).is_dir()
    }

    /// The records kept while a dataset is made in it.
    #[must_use]
    pub fn records(&self) -> Records {
        Records::new(&self.dir, self.kept.clone())
    }

    /// Takes the folder for this process alone, creating it if it is not there.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process writes there; [`Error::Io`].
    pub fn lock(&self) -> Result<LockedFolder> {
        let records = self.dir.join(WORK_FOLDER);
        create_dirs(&records)?;
        let lock = Lock::acquire_within(&records.join(records::LOCK), self.patience)?;
        Ok(LockedFolder {
            folder: self.clone(),
            _lock: lock,
        })
    }

    /// Takes a folder that has records together with others that take it so, each for shards of its own
    /// ([`LockedFolder::lock_shard`]); keeps those out that take it alone.
    ///
    /// # Errors
    /// As [`OutputFolder::lock`].
    pub fn lock_shared(&self) -> Result<LockedFolder> {
        if self.kept.is_some() {
            // The records are elsewhere; nothing is here before the first shard.
            create_dirs(&self.dir.join(WORK_FOLDER))?;
        }
        let lock = Lock::acquire_shared_within(&self.dir.join(WORK_FOLDER).join(records::LOCK), self.patience)?;
        Ok(LockedFolder {
            folder: self.clone(),
            _lock: lock,
        })
    }

    /// Whether a process is writing this shard now, as far as locks tell.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn is_shard_locked(&self, shard: u32) -> Result<bool> {
        Lock::is_held(&self.shard_lock(shard))
    }

    fn shard_lock(&self, shard: u32) -> PathBuf {
        self.dir.join(WORK_FOLDER).join(records::lock_name(shard))
    }

    /// Brings a replacement of this folder by `aside` to its end that was cut off where a file system needs several
    /// renames for it.
    ///
    /// # Errors
    /// [`Error::Locked`] if the replacement goes on in another process; [`Error::Io`].
    pub fn end_exchange(&self, aside: &Self) -> Result<()> {
        if !is_exchange_cut_off(&self.dir) {
            return Ok(());
        }
        // Whoever is still at it holds the lock of the new dataset, which is at one of these paths.
        let new = [self, aside].into_iter().filter(|folder| folder.has_records());
        let _locks: Vec<LockedFolder> = new.map(Self::lock).collect::<Result<_>>()?;
        persist::end_exchange(&self.dir, &aside.dir)
    }

    /// Removes it and all it holds.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(&self) -> Result<()> {
        remove(&self.dir)
    }

    /// Removes unfinished files whose writers have died on this machine, wherever a dataset may hold some.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove_leftovers(&self) -> Result<()> {
        remove_leftovers(&self.dir)?;
        let folders = FOLDERS.iter().chain([&WORK_FOLDER]);
        folders
            .map(|name| self.dir.join(name))
            .try_for_each(|folder| remove_leftovers(&folder))
    }

    /// Removes the records of a dataset that has been committed, and the scratch folder that it was made in.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Backing`].
    pub fn remove_records(&self) -> Result<()> {
        if let Some(kept) = &self.kept {
            Records::remove_published(&**kept)?;
            self.remove()
        } else if self.has_records() {
            remove(&self.dir.join(WORK_FOLDER))
        } else {
            Ok(())
        }
    }
}

/// A folder that no other process writes in, or only other shards; until dropped.
#[derive(Debug)]
pub struct LockedFolder {
    folder: OutputFolder,
    _lock: Lock,
}

impl Deref for LockedFolder {
    type Target = OutputFolder;

    fn deref(&self) -> &OutputFolder {
        &self.folder
    }
}

impl LockedFolder {
    /// Keeps other writers of this shard out until dropped; waits up to `wait` for one that is at it.
    ///
    /// # Errors
    /// [`Error::Locked`] after that time; [`Error::Io`].
    pub fn lock_shard(&self, shard: u32, wait: Duration) -> Result<Lock> {
        Lock::acquire_within(&self.shard_lock(shard), wait)
    }

    /// Creates the folders of a dataset, durably, and removes the unfinished files of writers that have died.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn prepare(&self) -> Result<()> {
        FOLDERS.iter().try_for_each(|name| create_dirs(&self.dir.join(name)))?;
        sync_parent(&self.dir)?;
        self.remove_leftovers()
    }

    /// Removes all but the records and the lock: nothing there is of use to the next dataset made in it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn clear(&self) -> Result<()> {
        for name in self.names()?.iter().filter(|name| *name != WORK_FOLDER) {
            let path = self.dir.join(name);
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.map_err(|cause| Error::io(&path, Operation::Remove, cause))?;
            reach("leftover removed");
        }
        Ok(())
    }

    /// Gives the committed dataset in this folder the place of `old`, which is then removed.
    ///
    /// # Errors
    /// [`Error::Io`]; either the old dataset or the new one is in place.
    pub fn replace(&self, old: &OutputFolder) -> Result<()> {
        exchange_dirs(&old.dir, &self.dir)?;
        // Until here its records say whose the folder beside is.
        old.remove_records()?;
        remove(&self.dir)
    }
}

/// Names in a folder, sorted; none when there is no folder.
fn names(dir: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(Error::io(dir, Operation::OpenFolder, cause)),
    };
    let name = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = entries
        .map(name)
        .collect::<std::io::Result<_>>()
        .map_err(|cause| Error::io(dir, Operation::ReadFolder, cause))?;
    names.sort();
    Ok(names)
}

fn is_dataset_json(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(|cause| Error::io(path, Operation::Open, cause))?;
    file.take(RECOGNISED_BYTES)
        .read_to_end(&mut start)
        .map_err(|cause| Error::io(path, Operation::Read, cause))?;
    let format = FORMAT.as_bytes();
    Ok(start.windows(format.len()).any(|bytes| bytes == format))
}

fn remove(dir: &Path) -> Result<()> {
    // Whoever waits for a lock in it may make the file anew while the folder is being emptied, once a pause.
    for left in (0..REMOVALS).rev() {
        match fs::remove_dir_all(dir) {
            Err(cause) if cause.kind() == ErrorKind::DirectoryNotEmpty && left > 0 => {}
            Err(cause) if cause.kind() != ErrorKind::NotFound => {
                return Err(Error::io(dir, Operation::RemoveFolder, cause));
            }
            _ => break,
        }
    }
    reach("folder removed");
    Ok(())
}
