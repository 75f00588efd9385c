//! Provides the folder of detections: where its files are, its lock, and its plan.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use shardfmt::persist::{Lock, create_dirs, is_temporary, remove_leftovers, write_atomic};
use shardfmt::sealed::{seal, unseal};
use shardfmt::{Operation, Xxh3};

use super::plan::Plan;
use super::recordings::Listed;
use crate::error::{Error, Result};

const PLAN: &str = "detections.json";
const LOCK: &str = ".lock";
/// Folder of the parts, one a recording.
const PARTS: &str = ".parts";
/// Folder of the tables of features, one a recording.
const EMBEDDINGS: &str = "embeddings";

/// A folder of detections that no other process works in until this is dropped.
#[derive(Debug)]
pub struct DetectionFolder {
    dir: PathBuf,
    _lock: Lock,
}

impl DetectionFolder {
    /// Begins `plan` in the folder `dir`, which is made if there is none, or continues it with `resume`.
    ///
    /// # Errors
    /// [`Error::Dataset`] around [`shardfmt::Error::Locked`] if another process works in it; [`Error::Setting`] if it
    /// holds something else, or, without `resume`, detections; [`Error::OtherDetections`] if it was begun with other
    /// settings; [`Error::RunFile`] for a plan that is damaged or of another version.
    pub fn begin(dir: &Path, plan: &Plan, resume: bool) -> Result<Self> {
        let path = dir.join(PLAN);
        if !path.is_file() {
            check_free(dir)?;
        }
        create_dirs(&dir.join(PARTS))?;
        let lock = Lock::acquire(&dir.join(LOCK))?;
        let folder = Self {
            dir: dir.to_path_buf(),
            _lock: lock,
        };
        match fs::read(&path) {
            Ok(_) if !resume => {
                let reason = format!(
                    "{} already has detections; continue with --resume, or give another folder",
                    dir.display()
                );
                return Err(Error::setting("out", reason));
            }
            Ok(bytes) => check_same(dir, &path, &bytes, plan)?,
            Err(cause) if cause.kind() == ErrorKind::NotFound => {
                let json = serde_json::to_string_pretty(plan).map_err(|error| damaged(&path, error.to_string()))?;
                write_atomic(&path, &seal(&json, &path)?)?;
            }
            Err(cause) => return Err(Error::io(&path, Operation::Read, cause)),
        }
        // Unfinished files of processes that died here.
        remove_leftovers(dir)?;
        remove_leftovers(&dir.join(PARTS))?;
        Ok(folder)
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The part of a recording.
    pub(super) fn part(&self, recording: &Listed) -> PathBuf {
        let key = Xxh3::of(recording.path.as_bytes());
        self.dir.join(PARTS).join(format!("{key}.part"))
    }

    /// The features of a recording.
    pub(super) fn embeddings(&self, recording: &Listed) -> PathBuf {
        self.dir.join(EMBEDDINGS).join(with_suffix(&recording.name, ".parquet"))
    }
}

/// `name` with `suffix` behind it, whatever dots it has.
pub(super) fn with_suffix(name: &Path, suffix: &str) -> PathBuf {
    let mut whole = name.as_os_str().to_owned();
    whole.push(suffix);
    whole.into()
}

fn check_same(dir: &Path, path: &Path, bytes: &[u8], plan: &Plan) -> Result<()> {
    let there: Plan = serde_json::from_str(unseal(bytes, path)?).map_err(|error| damaged(path, error.to_string()))?;
    there.check_version().map_err(|reason| damaged(path, reason))?;
    let differences = there.differences(plan);
    if differences.is_empty() {
        return Ok(());
    }
    let folder = dir.to_path_buf();
    Err(Error::OtherDetections { folder, differences })
}

fn damaged(path: &Path, reason: String) -> Error {
    let path = path.to_path_buf();
    Error::RunFile { path, reason }
}

/// Refuses a folder with anything in it but the beginnings of this one.
fn check_free(dir: &Path) -> Result<()> {
    let list_error = |cause| Error::io(dir, Operation::ReadFolder, cause);
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(list_error(cause)),
    };
    for entry in entries {
        let name = entry.map_err(list_error)?.file_name();
        let known = name
            .to_str()
            .is_some_and(|name| [LOCK, PARTS].contains(&name) || is_temporary(name));
        if !known {
            let reason = format!("{} contains {name:?}; give a new or empty folder", dir.display());
            return Err(Error::setting("out", reason));
        }
    }
    Ok(())
}
