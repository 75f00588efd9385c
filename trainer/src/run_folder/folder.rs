//! Provides the run folder: where its files are, how it is made, and the lock that keeps other processes out.

use std::fs;
use std::path::{Path, PathBuf};

use shardfmt::Operation;
use shardfmt::persist::{Lock, is_temporary, remove_leftovers, sync_dir, sync_parent, write_atomic};
use shardfmt::sealed::{seal, unseal};

use super::record::RunRecord;
use crate::calibration::CalibrationFile;
use crate::error::{Error, Result};

const CONFIG: &str = "config.toml";
const RECORD: &str = "run.json";
const METRICS: &str = "metrics.jsonl";
const CURVES: &str = "curves.svg";
const PER_CLASS: &str = "per_class.parquet";
const CALIBRATION: &str = "calibration.json";
const RELIABILITY: &str = "reliability.svg";
const TENSORBOARD: &str = "tensorboard";
const CHECKPOINTS: &str = "checkpoints";
const LOCK: &str = ".lock";

/// Names a folder may hold before a run begins in it: those of a run that was killed before it had a record.
const OF_A_RUN: [&str; 6] = [RECORD, CONFIG, TENSORBOARD, CHECKPOINTS, METRICS, LOCK];

/// A folder with a run in it; `run.json` is written last and makes it one.
#[derive(Clone, Debug)]
pub struct RunFolder {
    dir: PathBuf,
}

impl RunFolder {
    /// Locks the folder `dir`, which is made if there is none, for a run to begin or to be resumed in it.
    ///
    /// # Errors
    /// [`Error::Dataset`] around [`shardfmt::Error::Locked`] if another process trains in it; [`Error::Setting`] if it
    /// holds anything but a run; [`Error::Io`].
    pub fn claim(dir: &Path) -> Result<ClaimedFolder> {
        let run = Self { dir: dir.to_path_buf() };
        if !Self::has_run(dir) {
            run.check_free()?;
        }
        let is_new = !dir.exists();
        fs::create_dir_all(dir).map_err(|cause| Error::io(dir, Operation::Create, cause))?;
        let lock = Lock::acquire(&dir.join(LOCK))?;
        // Unfinished files of processes that died here.
        for folder in [&run.dir, &run.checkpoints()] {
            remove_leftovers(folder)?;
        }
        Ok(ClaimedFolder {
            run,
            is_new,
            _lock: lock,
        })
    }

    /// Whether there is a run in the folder `dir`, finished or not.
    #[must_use]
    pub fn has_run(dir: &Path) -> bool {
        dir.join(RECORD).is_file()
    }

    /// The run in the folder `dir`, and its record.
    ///
    /// # Errors
    /// [`Error::RunFile`] if there is no record, or one of another version; [`Error::Dataset`] if it is damaged;
    /// [`Error::Io`].
    pub fn open(dir: &Path) -> Result<(Self, RunRecord)> {
        let run = Self { dir: dir.to_path_buf() };
        let path = run.record_path();
        let bytes = fs::read(&path).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => run.damaged("no such file; there is no run in this folder".to_owned()),
            _ => Error::io(&path, Operation::Read, cause),
        })?;
        let record: RunRecord =
            serde_json::from_str(unseal(&bytes, &path)?).map_err(|error| run.damaged(error.to_string()))?;
        record.check_version().map_err(|reason| run.damaged(reason))?;
        Ok((run, record))
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

    /// What makes probabilities of its best model's logits, once it was fitted.
    #[must_use]
    pub fn calibration(&self) -> CalibrationFile {
        CalibrationFile::at(self.dir.join(CALIBRATION))
    }

    /// The picture of how often probabilities come true.
    #[must_use]
    pub fn reliability(&self) -> PathBuf {
        self.dir.join(RELIABILITY)
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
        let list_error = |cause| Error::io(&self.dir, Operation::ReadFolder, cause);
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(list_error(cause)),
        };
        for entry in entries {
            let name = entry.map_err(list_error)?.file_name();
            // A leftover of an atomic write is temporary. Another process may have begun a run just now: its lock
            // decides.
            let known = name
                .to_str()
                .is_some_and(|name| OF_A_RUN.contains(&name) || is_temporary(name));
            if !known {
                let reason = format!("{} contains {name:?}; give a new or empty folder", self.dir.display());
                return Err(Error::setting("out", reason));
            }
        }
        Ok(())
    }
}

/// The folder of a run, which no other process can train in until this is dropped.
///
/// Without a run in it, it is removed when dropped, if it was made for the run and nothing else is in it.
#[derive(Debug)]
pub struct ClaimedFolder {
    run: RunFolder,
    is_new: bool,
    _lock: Lock,
}

impl ClaimedFolder {
    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        &self.run
    }

    /// Begins a run: writes the resolved configuration and the record.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is a run already; [`Error::Io`], [`Error::Dataset`] if it cannot be written.
    pub fn begin(&self, config_toml: &str, record: &RunRecord) -> Result<()> {
        let run = &self.run;
        if RunFolder::has_run(run.dir()) {
            let reason = format!("{} already has a run; give another folder", run.dir.display());
            return Err(Error::setting("out", reason));
        }
        for folder in [run.tensorboard(), run.checkpoints()] {
            fs::create_dir_all(&folder).map_err(|cause| Error::io(&folder, Operation::Create, cause))?;
        }
        write_atomic(&run.config(), config_toml.as_bytes())?;
        let json = serde_json::to_string_pretty(record).map_err(|error| run.damaged(error.to_string()))?;
        write_atomic(&run.record_path(), &seal(&json, &run.record_path())?)?;
        sync_dir(&run.dir)?;
        Ok(sync_parent(&run.dir)?)
    }
}

impl Drop for ClaimedFolder {
    fn drop(&mut self) {
        // The lock is still held, and whoever waits at its file sees that it is gone. A folder that is not empty stays.
        if self.is_new && !RunFolder::has_run(&self.run.dir) {
            let _ = fs::remove_file(self.run.dir.join(LOCK));
            let _ = fs::remove_dir(&self.run.dir);
        }
    }
}
