//! Provides the run folder: its making, its files' places, and the lock that keeps a second process out.

use std::fs;
use std::path::{Path, PathBuf};

use shardfmt::persist::{Lock, is_temporary, remove_leftovers, sync_dir, sync_parent, write_atomic};
use shardfmt::sealed::{seal, unseal};

use super::record::RunRecord;
use crate::error::{Error, Result};

const CONFIG: &str = "config.toml";
const RECORD: &str = "run.json";
const METRICS: &str = "metrics.jsonl";
const CURVES: &str = "curves.png";
const PER_CLASS: &str = "per_class.parquet";
const TENSORBOARD: &str = "tensorboard";
const CHECKPOINTS: &str = "checkpoints";
const LOCK: &str = ".lock";

/// Names a folder may hold before a run begins in it: those of a run that was killed before it had a record.
const OF_A_RUN: [&str; 5] = [CONFIG, TENSORBOARD, CHECKPOINTS, METRICS, LOCK];

/// A folder with a run in it; `run.json` is written last and makes it one.
#[derive(Clone, Debug)]
pub struct RunFolder {
    dir: PathBuf,
}

impl RunFolder {
    /// Makes the folder `dir` and puts the resolved configuration and the record of the run in it.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is a run already, or anything else; [`Error::Io`], [`Error::Dataset`] if it cannot be
    /// written.
    pub fn create(dir: &Path, config_toml: &str, record: &RunRecord) -> Result<Self> {
        let run = Self { dir: dir.to_path_buf() };
        run.check_free()?;
        for folder in [run.dir.clone(), run.tensorboard(), run.checkpoints()] {
            fs::create_dir_all(&folder).map_err(|cause| Error::io(&folder, "create", cause))?;
        }
        write_atomic(&run.config(), config_toml.as_bytes())?;
        let json = serde_json::to_string_pretty(record).map_err(|error| run.damaged(error.to_string()))?;
        write_atomic(&run.record_path(), &seal(&json, &run.record_path())?)?;
        sync_dir(dir)?;
        sync_parent(dir)?;
        Ok(run)
    }

    /// Whether there is a run in the folder `dir`, finished or not.
    #[must_use]
    pub fn has_run(dir: &Path) -> bool {
        dir.join(RECORD).is_file()
    }

    /// The run in the folder `dir`, and its record.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no record to read; [`Error::Dataset`] if it is damaged; [`Error::RunFile`] if it is not of
    /// this version.
    pub fn open(dir: &Path) -> Result<(Self, RunRecord)> {
        let run = Self { dir: dir.to_path_buf() };
        let path = run.record_path();
        let bytes = fs::read(&path).map_err(|cause| Error::io(&path, "open the record of a run,", cause))?;
        let record: RunRecord =
            serde_json::from_str(unseal(&bytes, &path)?).map_err(|error| run.damaged(error.to_string()))?;
        record.check_version().map_err(|reason| run.damaged(reason))?;
        Ok((run, record))
    }

    /// Keeps other processes from training in this folder until dropped, and removes the unfinished files of those that
    /// have died in it.
    ///
    /// # Errors
    /// [`Error::Dataset`] around [`shardfmt::Error::Locked`] if another process does.
    pub fn lock(&self) -> Result<Lock> {
        let lock = Lock::acquire(&self.dir.join(LOCK))?;
        for folder in [&self.dir, &self.checkpoints()] {
            remove_leftovers(folder)?;
        }
        Ok(lock)
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Every setting of the run, defaults written out.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.join(CONFIG)
    }

    /// The log of events.
    #[must_use]
    pub fn metrics(&self) -> PathBuf {
        self.dir.join(METRICS)
    }

    /// The picture of the curves.
    #[must_use]
    pub fn curves(&self) -> PathBuf {
        self.dir.join(CURVES)
    }

    /// Average precision of every class.
    #[must_use]
    pub fn per_class(&self) -> PathBuf {
        self.dir.join(PER_CLASS)
    }

    /// Folder of the TensorBoard files.
    #[must_use]
    pub fn tensorboard(&self) -> PathBuf {
        self.dir.join(TENSORBOARD)
    }

    /// Folder of the checkpoints.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.dir.join(CHECKPOINTS)
    }

    fn record_path(&self) -> PathBuf {
        self.dir.join(RECORD)
    }

    fn damaged(&self, reason: String) -> Error {
        Error::RunFile {
            path: self.record_path(),
            reason,
        }
    }

    /// Refuses a folder with anything in it but the beginnings of a run.
    fn check_free(&self) -> Result<()> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(Error::io(&self.dir, "look into", cause)),
        };
        for entry in entries {
            let name = entry
                .map_err(|cause| Error::io(&self.dir, "look into", cause))?
                .file_name();
            let dir = self.dir.display();
            if name == RECORD {
                return Err(Error::setting(
                    "out",
                    format!("{dir} has a run already; resume it, or give another folder"),
                ));
            }
            let known = name
                .to_str()
                .is_some_and(|name| OF_A_RUN.contains(&name) || is_temporary(name));
            if !known {
                let name = name.to_string_lossy();
                return Err(Error::setting(
                    "out",
                    format!("{dir} has {name:?} in it; give a new or empty folder"),
                ));
            }
        }
        Ok(())
    }
}
