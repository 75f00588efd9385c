//! Defines `DatasetWriter`, which makes a dataset in a folder: shards, then the commit, after which it is one.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::commit::{encode, write_dataset_json};
use super::folder::LockedFolder;
use super::info::{Counts, DatasetHead, DatasetInfo};
use super::shard_file::Linked;
use super::shard_output::{ShardFiles, ShardOutput, ShardTables, take_shard};
use super::{Dataset, DatasetShard};
use crate::entry::{DATASET_JSON, FOLDERS, FileEntry, REJECTS, TAXA, WORK_FOLDER, shard_path};
use crate::error::{Error, Result};
use crate::fail_point::reach;
use crate::need::Operation;
use crate::persist::{is_being_written, is_temporary};
use crate::shard::Checks;
use crate::shard_writer::ShardWriter;
use crate::sidecar::{HEARD, RejectRow, TableForm, Taxa, write_rejects, write_taxa};

/// Makes a dataset in a folder that is locked and prepared. What it commits can be opened: shards and tables agree as
/// they are written, and all of them are looked at once more before `dataset.json` makes them a dataset.
#[derive(Debug)]
pub struct DatasetWriter<'a> {
    folder: &'a LockedFolder,
    head: DatasetHead,
    taxa: Taxa,
}

impl<'a> DatasetWriter<'a> {
    /// A writer of a dataset with this head and these classes.
    #[must_use]
    pub fn new(folder: &'a LockedFolder, mut head: DatasetHead, taxa: Taxa) -> Self {
        // Tables are written anew, without what a newer program may have added to those of another dataset.
        head.features_optional.retain(|feature| feature == HEARD);
        Self { folder, head, taxa }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &LockedFolder {
        self.folder
    }

    /// The classes.
    #[must_use]
    pub fn taxa(&self) -> &Taxa {
        &self.taxa
    }

    /// The form of its tables.
    pub(super) fn table_form(&self) -> TableForm {
        self.head.table_form()
    }

    /// Starts shard `number`, with `metadata` in its header.
    ///
    /// # Errors
    /// As [`ShardWriter::create`].
    pub fn shard(&self, number: u32, metadata: &BTreeMap<String, String>) -> Result<ShardOutput<'_>> {
        let path = self.folder.path().join(shard_path(number));
        let clips = ShardWriter::create(&path, self.head.clips, metadata)?;
        Ok(ShardOutput::new(self, number, clips))
    }

    /// Takes a shard of another dataset over as shard `number`, its clips as they are, with `tables` about them. The
    /// file is linked where the file system can, else copied; `linked` says whether the clips of one that was linked
    /// are verified.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the tables are not about these clips; [`Error::ClipChecksum`], [`Error::FileChecksum`] if
    /// the shard is damaged; [`Error::Io`].
    pub fn take_shard(
        &self,
        from: (&Dataset, &DatasetShard),
        number: u32,
        linked: Linked,
        tables: &ShardTables,
    ) -> Result<ShardFiles> {
        take_shard(self, from, number, linked, tables)
    }

    /// Commits: the folder becomes a dataset of these shards, in order of their numbers. What else lies in it goes.
    /// `tallies` counts what was left out or changed on the way, by reason. Of a dataset that is kept elsewhere, where
    /// its shards have been published whole, only the asset tables are looked at once more.
    ///
    /// # Errors
    /// [`Error::Record`] if a file is not as it was when its shard was finished; [`Error::DatasetJson`],
    /// [`Error::Mismatch`] and those of opening a dataset if what was written is not one; [`Error::Taken`] if another one
    /// has been committed. It then has not been committed.
    pub fn commit(
        &self,
        shards: &[ShardFiles],
        rejects: &[RejectRow],
        tallies: BTreeMap<String, u64>,
    ) -> Result<Dataset> {
        let (dir, kept) = (self.folder.path(), self.folder.kept());
        check_numbers(dir, shards)?;
        if kept.is_none() {
            check_in_place(dir, shards)?;
            self.remove_strays(shards)?;
        }
        let taxa = write_taxa(&dir.join(TAXA), &self.taxa)?;
        let rejected = self.write_rejects(rejects)?;
        if let Some(kept) = kept {
            [&taxa, &rejected]
                .into_iter()
                .try_for_each(|entry| kept.publish(entry))?;
        }
        let mut files = vec![taxa];
        files.extend(shards.iter().flat_map(ShardFiles::entries).cloned());
        files.push(rejected);
        let counts = Counts {
            shards: shards.len() as u32,
            clips: shards.iter().map(ShardFiles::clips).sum(),
            assets: shards.iter().map(ShardFiles::assets).sum(),
            rejects: rejects.len() as u64,
        };
        let head = self.head.clone();
        let info = DatasetInfo {
            head,
            counts,
            tallies,
            files,
        };
        let path = self.folder.place().join(DATASET_JSON);
        info.validate(&path)?;
        let dataset = Dataset::of(dir, info, kept)?;
        match kept {
            None => {
                for shard in 0..dataset.shard_count() {
                    dataset.open_shard(shard, Checks::Off)?;
                }
                write_dataset_json(dir, dataset.info())?;
            }
            Some(kept) if kept.create(DATASET_JSON, &encode(dataset.info(), &path)?)? => reach("dataset published"),
            Some(_) => return Err(Error::Taken { path }),
        }
        Ok(dataset)
    }

    /// Writes the table of rejected recordings, as the commit does: for people to look at where nothing else is left.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_rejects(&self, rejects: &[RejectRow]) -> Result<FileEntry> {
        write_rejects(&self.folder.path().join(REJECTS), rejects)
    }

    /// Removes what interrupted writers left behind; a dataset holds its own files and nothing else. A writer elsewhere
    /// that still has a file open here is late: its shard is finished, and it ends with an error.
    fn remove_strays(&self, shards: &[ShardFiles]) -> Result<()> {
        let entries = shards.iter().flat_map(ShardFiles::entries);
        let kept: HashSet<&str> = entries.map(|file| file.path.as_str()).collect();
        for name in self.folder.names()?.iter().filter(|name| is_temporary(name)) {
            self.remove_stray(name)?;
        }
        for folder in FOLDERS {
            for name in self.folder.names_in(folder)? {
                let path = format!("{folder}/{name}");
                if !kept.contains(path.as_str()) {
                    self.remove_stray(&path)?;
                }
            }
        }
        Ok(())
    }

    fn remove_stray(&self, name: &str) -> Result<()> {
        let path = self.folder.path().join(name);
        if is_being_written(&path.file_name().unwrap_or_default().to_string_lossy()) {
            return Ok(());
        }
        match fs::remove_file(&path) {
            // Its writer elsewhere has just ended.
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
            removed => removed.map_err(|cause| Error::io(&path, Operation::Remove, cause))?,
        }
        reach("stray removed");
        Ok(())
    }
}

/// Checks that the shards are numbered from 0 on.
fn check_numbers(dir: &Path, shards: &[ShardFiles]) -> Result<()> {
    if let Some((expected, shard)) = (0..).zip(shards).find(|(number, shard)| *number != shard.number()) {
        return Err(Error::DatasetJson {
            path: dir.join(DATASET_JSON),
            field: "files",
            reason: format!("shard {} stands where shard {expected} is to be", shard.number()),
        });
    }
    Ok(())
}

/// Checks that each file has the size it had when it was finished.
fn check_in_place(dir: &Path, shards: &[ShardFiles]) -> Result<()> {
    for file in shards.iter().flat_map(ShardFiles::entries) {
        let path = dir.join(&file.path);
        let facts = fs::metadata(&path).map_err(|cause| Error::io(&path, Operation::Find, cause))?;
        if facts.len() != file.bytes {
            let (name, got, recorded) = (&file.path, facts.len(), file.bytes);
            return Err(Error::Record {
                path: dir.join(WORK_FOLDER),
                reason: format!("its shard's file {name} has {got} bytes, recorded were {recorded}"),
            });
        }
    }
    Ok(())
}
