//! Provides `Output`, the folder beside its destination in which a dataset is made, committed, and then given its name.

use std::path::{Path, PathBuf};

use shardfmt::entry::{REJECTS, TAXA, WORK_FOLDER, assets_path, labels_path, priors_path};
use shardfmt::fail_point::reach;
use shardfmt::persist::{Lock, sync_dir};
use shardfmt::{
    AssetRow, Counts, Dataset, DatasetHead, DatasetInfo, FileEntry, LabelForm, LabelRow, PriorRow, RejectRow, Taxa,
    write_assets, write_dataset_json, write_labels, write_priors, write_rejects, write_taxa,
};

use crate::error::{Error, Result, io};
use crate::ingest::folder::{self, State};

/// The rows of the three tables of one shard.
#[derive(Default)]
pub(super) struct ShardTables {
    pub(super) labels: Vec<LabelRow>,
    pub(super) priors: Vec<PriorRow>,
    pub(super) assets: Vec<AssetRow>,
}

impl ShardTables {
    /// Clips of digital silence.
    pub(super) fn silent_clips(&self) -> u64 {
        self.labels.iter().filter(|label| label.silent).count() as u64
    }
}

/// The files of one shard: clips, labels, priors, assets.
pub(super) type ShardFiles = [FileEntry; 4];

/// A locked folder beside the destination. Dropped before it has been put in place, it is removed again.
pub(super) struct Output {
    dir: PathBuf,
    _lock: Lock,
    in_place: bool,
}

/// The folder itself, not a link to it, since it is exchanged; a rework's exchange that was cut off is brought to its end.
pub(super) fn settled(dir: &Path) -> Result<PathBuf> {
    let dir = folder::canonical(dir)?;
    folder::end_exchange(&dir, &made_in(&dir))?;
    Ok(dir)
}

/// The folder in which a rework makes what is to stand at `destination`.
fn made_in(destination: &Path) -> PathBuf {
    folder::sibling(destination, "rework")
}

/// Where a new dataset goes: links followed, so that the folder beside it is on its file system, and nothing may stand there.
pub(super) fn free_destination(out: &Path) -> Result<PathBuf> {
    settled(out)?;
    let what = match folder::state(out)? {
        State::Free if out.exists() => return std::fs::canonicalize(out).map_err(io("open the folder", out)),
        State::Free => return std::path::absolute(out).map_err(io("find the folder", out)),
        State::Unfinished => "an unfinished build".into(),
        State::Committed => "a committed dataset".into(),
        State::Foreign(what) => what,
    };
    Err(Error::OutputTaken { path: out.into(), what })
}

impl Output {
    /// Takes the folder beside `destination` and removes what an interrupted run left in it.
    pub(super) fn beside(destination: &Path) -> Result<Self> {
        let dir = made_in(destination);
        let lock = folder::lock(&dir)?;
        let output = Output {
            dir,
            _lock: lock,
            in_place: false,
        };
        let dir = &output.dir;
        for entry in std::fs::read_dir(dir).map_err(io("read the folder", dir))? {
            let path = entry.map_err(io("read the folder", dir))?.path();
            if path.file_name().is_some_and(|name| name == WORK_FOLDER) {
                continue;
            }
            let removed = if path.is_dir() {
                std::fs::remove_dir_all(&path)
            } else {
                std::fs::remove_file(&path)
            };
            removed.map_err(io("remove", &path))?;
            reach("leftover removed");
        }
        folder::create(dir)?;
        Ok(output)
    }

    /// The folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes the tables of a shard whose clips are in place.
    pub(super) fn write_tables(
        &self,
        number: u32,
        clips: FileEntry,
        taxa: &Taxa,
        form: LabelForm,
        tables: &ShardTables,
    ) -> Result<ShardFiles> {
        let path = |of: fn(u32) -> String| self.dir.join(of(number));
        Ok([
            clips,
            write_labels(&path(labels_path), taxa, form, &tables.labels)?,
            write_priors(&path(priors_path), taxa, &tables.priors)?,
            write_assets(&path(assets_path), taxa, &tables.assets)?,
        ])
    }

    /// Commits: `dataset.json` is `head` with the files and counts of the shards, in order. Opens what was committed.
    pub(super) fn commit(
        &self,
        mut head: DatasetHead,
        taxa: &Taxa,
        shards: Vec<ShardFiles>,
        rejects: &[RejectRow],
    ) -> Result<Dataset> {
        let sum = |of: fn(&ShardFiles) -> u64| shards.iter().map(of).sum::<u64>();
        let counts = Counts {
            shards: shards.len() as u32,
            clips: sum(|[clips, ..]| clips.rows),
            assets: sum(|[.., assets]| assets.rows),
            rejects: rejects.len() as u64,
        };
        // Tables are written anew, without what a newer program may have added to them.
        head.features_optional = Vec::new();
        let mut files = vec![write_taxa(&self.dir.join(TAXA), taxa)?];
        files.extend(shards.into_iter().flatten());
        files.push(write_rejects(&self.dir.join(REJECTS), rejects)?);
        write_dataset_json(&self.dir, &DatasetInfo { head, counts, files })?;
        Ok(Dataset::open(&self.dir)?)
    }

    /// Gives the committed folder the name of a destination that is free.
    pub(super) fn place(mut self, destination: &Path) -> Result<()> {
        std::fs::rename(&self.dir, destination).map_err(io("move the finished dataset to", destination))?;
        self.in_place = true;
        reach("folder renamed");
        sync_dir(destination.parent().unwrap_or(Path::new("/")))?;
        // Last, so that nobody could take the lock while the folder still had its old name.
        folder::tidy(destination)
    }

    /// Puts the committed folder in the place of a dataset, which is then removed.
    pub(super) fn replace(mut self, destination: &Path) -> Result<()> {
        folder::replace(destination, &self.dir)?;
        self.in_place = true;
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.in_place {
            // A leftover means nothing and is removed by the next run; drop cannot report.
            let _ = folder::remove(&self.dir);
        }
    }
}
