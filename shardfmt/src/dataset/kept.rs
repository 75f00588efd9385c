//! Provides what an `OutputFolder` does with a dataset that is kept elsewhere: its state there, and shards that are sent
//! there, each with its record last.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::backing::{Backing, at_once};
use super::commit::{decode_dataset_json, read_dataset_json};
use super::folder::{FolderState, OutputFolder};
use super::info::DatasetInfo;
use super::records::plan_path;
use super::shard_output::ShardFiles;
use crate::entry::{DATASET_JSON, FileEntry, WORK_FOLDER};
use crate::error::{Error, Result};
use crate::fail_point::reach;
use crate::need::Operation;

/// What the place holds. One that has a plan holds an unfinished dataset, whatever else is there.
pub(super) fn state(kept: &dyn Backing) -> Result<FolderState> {
    if kept.size(DATASET_JSON)?.is_some() {
        return Ok(FolderState::Committed);
    }
    if kept.size(&plan_path())?.is_some() {
        return Ok(FolderState::Unfinished);
    }
    Ok(match kept.names("")?.map(|names| names.into_iter().next()) {
        Some(None) => FolderState::Free,
        Some(Some(first)) => FolderState::Foreign(first),
        None => FolderState::Foreign("files that cannot be listed".into()),
    })
}

impl OutputFolder {
    /// Whether it is scratch for a dataset that is kept elsewhere.
    #[must_use]
    pub fn is_scratch(&self) -> bool {
        self.kept().is_some()
    }

    /// Where the dataset is, for people: the folder's path, or the address it is kept at.
    #[must_use]
    pub fn place(&self) -> PathBuf {
        self.kept()
            .map_or_else(|| self.path().to_path_buf(), |kept| kept.place())
    }

    /// What its `dataset.json` says.
    ///
    /// # Errors
    /// As [`read_dataset_json`]; [`Error::Backing`].
    pub fn info(&self) -> Result<DatasetInfo> {
        let Some(kept) = self.kept() else {
            return read_dataset_json(&self.path().join(DATASET_JSON));
        };
        let path = kept.place().join(DATASET_JSON);
        match kept.read(DATASET_JSON)? {
            Some(bytes) => decode_dataset_json(&bytes, &path),
            None => Err(Error::NoDataset { path }),
        }
    }

    /// Sends a finished shard of a scratch folder to where the dataset is kept: its files, over what is there, then its
    /// record, unless another is there. Whoever finds the record finds the shard whole. Says whether this record is there
    /// now.
    ///
    /// # Errors
    /// [`Error::Backing`]; [`Error::Io`].
    pub fn publish_shard<T: Serialize>(&self, files: &ShardFiles, record: &T) -> Result<bool> {
        let Some(kept) = self.kept() else { return Ok(true) };
        for entry in files.entries() {
            kept.publish(entry)?;
            reach("file published");
        }
        let placed = self.records().publish_shard(files.number(), record)?;
        reach("record published");
        Ok(placed)
    }

    /// Removes a shard from a scratch folder that need not be there any more.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn drop_unpublished(&self, files: &ShardFiles) -> Result<()> {
        if !self.is_scratch() {
            return Ok(());
        }
        // First, so that it never speaks of files that are gone.
        self.records().remove_unpublished(files.number())?;
        files
            .entries()
            .iter()
            .try_for_each(|entry| remove_file(&self.path().join(&entry.path)))
    }

    /// Removes a scratch folder that no process uses and where nothing waits to be taken up. What stays does no harm.
    pub fn tidy(&self) {
        if !self.is_scratch() {
            return;
        }
        let Ok(_alone) = self.clone().patient(Duration::ZERO).lock() else {
            return;
        };
        let waits = |name: &String| name.ends_with(".json");
        if self.names_in(WORK_FOLDER).is_ok_and(|names| !names.iter().any(waits)) {
            let _ = self.remove();
        }
    }

    /// The numbers of those shards that are not whole where the dataset is kept: a file is missing, or is another one
    /// as far as the place can tell.
    ///
    /// # Errors
    /// [`Error::Backing`].
    pub fn not_whole<'a>(&self, shards: impl Iterator<Item = &'a ShardFiles>) -> Result<Vec<u32>> {
        let Some(kept) = self.kept() else { return Ok(Vec::new()) };
        let of_shard = |files: &'a ShardFiles| files.entries().iter().map(move |entry| (files.number(), entry));
        let entries: Vec<(u32, &FileEntry)> = shards.flat_map(of_shard).collect();
        let held = at_once(&entries, |(_, entry)| kept.holds(entry));
        let mut lacking = Vec::new();
        for ((shard, _), held) in entries.iter().zip(held) {
            if !held? && lacking.last() != Some(shard) {
                lacking.push(*shard);
            }
        }
        Ok(lacking)
    }

    /// The files of its `dataset.json` that are not there, or are others as far as the place can tell; of a dataset that
    /// is kept elsewhere.
    ///
    /// # Errors
    /// [`Error::Backing`].
    pub fn not_held<'a>(&self, info: &'a DatasetInfo) -> Result<Vec<&'a str>> {
        let Some(kept) = self.kept() else { return Ok(Vec::new()) };
        let held = at_once(&info.files, |entry| kept.holds(entry));
        let mut lacking = Vec::new();
        for (entry, held) in info.files.iter().zip(held) {
            if !held? {
                lacking.push(entry.path.as_str());
            }
        }
        Ok(lacking)
    }
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(Error::io(path, Operation::Remove, cause)),
        _ => Ok(()),
    }
}
