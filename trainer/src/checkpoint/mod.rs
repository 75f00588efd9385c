//! Provides checkpoints: one folder each, written under another name, made durable, then renamed; `last` and `best` are
//! files that hold a folder's name.

mod policy;
mod tensors;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use loader::SamplerState;
pub use policy::expendable;
use serde::{Deserialize, Serialize};
use shardfmt::Operation;
use shardfmt::fail_point;
use shardfmt::persist::{sync_dir, write_atomic};

use crate::error::{Error, Result};
use crate::prior_logits::AddedPrior;
use crate::state::Named;

/// Version of the layout of a checkpoint.
const VERSION: u32 = 1;
const STATE: &str = "state.json";

/// The state of a run, without its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Layout version.
    pub version: u32,
    /// Steps taken.
    pub step: u64,
    /// The place in the order of rows; within an epoch, or at the start of one.
    pub sampler: SamplerState,
    /// Sum over the rows of the epoch so far of their batch's loss.
    pub loss_sum: f64,
    /// The best epoch so far.
    pub best: Option<Best>,
    /// What is added to the logits of clips that are scored, fitted on val after the last epoch that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_logits: Option<AddedPrior>,
}

/// The epoch with the highest val mAP.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Epoch, from 1.
    pub epoch: u32,
    /// Steps since the start of the run.
    pub step: u64,
    /// Its val mAP.
    pub val_map: f64,
}

/// One of the pointer files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// The newest checkpoint.
    Last,
    /// The checkpoint of the best epoch.
    Best,
}

impl Pointer {
    fn file(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Best => "best",
        }
    }
}

/// The `checkpoints` folder of a run.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    dir: PathBuf,
}

impl Checkpoints {
    /// Checkpoints in `dir`, which need not exist yet.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Writes a checkpoint, points `last` (and with `best`, `best` too) to it, and removes those that nothing points
    /// to.
    ///
    /// # Errors
    /// [`Error::Io`]; what `last` pointed to before is then still whole.
    pub fn write(&self, state: &State, parts: &BTreeMap<&'static str, Vec<Named>>, best: bool) -> Result<()> {
        let name = folder_name(state.step);
        self.write_folder(&name, state, parts)?;
        if best {
            self.point(Pointer::Best, &name)?;
        }
        self.point(Pointer::Last, &name)?;
        self.remove_expendable()
    }

    /// Saves the state of a run that has diverged, under a name that no pointer holds and no later checkpoint removes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_failed(&self, state: &State, parts: &BTreeMap<&'static str, Vec<Named>>) -> Result<PathBuf> {
        let name = format!("failed-{}", folder_name(state.step));
        self.write_folder(&name, state, parts)?;
        Ok(self.dir.join(name))
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn write_folder(&self, name: &str, state: &State, parts: &BTreeMap<&'static str, Vec<Named>>) -> Result<()> {
        fs::create_dir_all(&self.dir).map_err(|cause| Error::io(&self.dir, Operation::Create, cause))?;
        let (unfinished, finished) = (self.dir.join(format!(".{name}.tmp")), self.dir.join(name));
        remove_if_there(&unfinished)?;
        fs::create_dir(&unfinished).map_err(|cause| Error::io(&unfinished, Operation::Create, cause))?;
        for (part, tensors) in parts {
            tensors::write(&unfinished.join(file_name(part)), tensors)?;
            fail_point::reach("checkpoint part");
        }
        let text = serde_json::to_vec_pretty(state)
            .map_err(|cause| Error::io(&unfinished.join(STATE), Operation::Encode, cause.into()))?;
        write_atomic(&unfinished.join(STATE), &text)?;
        sync_dir(&unfinished)?;
        fail_point::reach("checkpoint written");
        // The same step may have been reached before, by a run that was killed before `last` pointed here.
        remove_if_there(&finished)?;
        fs::rename(&unfinished, &finished).map_err(|cause| Error::io(&finished, Operation::RenameTo, cause))?;
        fail_point::reach("checkpoint renamed");
        Ok(sync_dir(&self.dir)?)
    }

    fn point(&self, pointer: Pointer, name: &str) -> Result<()> {
        write_atomic(&self.dir.join(pointer.file()), name.as_bytes())?;
        fail_point::reach("checkpoint pointer");
        Ok(())
    }

    /// Folder that a pointer names; `None` if there is no such pointer yet.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Checkpoint`] if the folder is gone.
    pub fn pointed(&self, pointer: Pointer) -> Result<Option<PathBuf>> {
        let file = self.dir.join(pointer.file());
        let name = match fs::read_to_string(&file) {
            Ok(name) => name,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(Error::io(&file, Operation::Read, cause)),
        };
        let folder = self.dir.join(name.trim());
        if folder.is_dir() {
            return Ok(Some(folder));
        }
        let reason = format!("{} points to it, but there is no such folder", file.display());
        Err(Error::Checkpoint { path: folder, reason })
    }

    fn remove_expendable(&self) -> Result<()> {
        let mut kept = Vec::new();
        for pointer in [Pointer::Last, Pointer::Best] {
            let folder = self.pointed(pointer)?;
            kept.extend(folder.and_then(|folder| Some(folder.file_name()?.to_str()?.to_owned())));
        }
        let entries = fs::read_dir(&self.dir).map_err(|cause| Error::io(&self.dir, Operation::ReadFolder, cause))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        for name in expendable(names.collect(), &kept) {
            remove_if_there(&self.dir.join(name))?;
        }
        Ok(())
    }
}

/// A checkpoint read back.
#[derive(Debug)]
pub struct Checkpoint {
    dir: PathBuf,
    /// The state of the run.
    pub state: State,
}

impl Checkpoint {
    /// Reads the state of the checkpoint in folder `dir`; its tensors are read when asked for.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Checkpoint`] for damage or another version.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(STATE);
        let bytes = fs::read(&path).map_err(|cause| Error::io(&path, Operation::Read, cause))?;
        let state: State = serde_json::from_slice(&bytes).map_err(|cause| Error::Checkpoint {
            path: path.clone(),
            reason: cause.to_string(),
        })?;
        if state.version != VERSION {
            let reason = format!("layout version {}, this program reads {VERSION}", state.version);
            return Err(Error::Checkpoint { path, reason });
        }
        let dir = dir.to_path_buf();
        Ok(Self { dir, state })
    }

    /// The file of one part.
    #[must_use]
    pub fn file(&self, part: &str) -> PathBuf {
        self.dir.join(file_name(part))
    }

    /// Tensors of one part, on the host.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if the file is missing or damaged.
    pub fn tensors(&self, part: &str) -> Result<Vec<Named>> {
        tensors::read(&self.file(part))
    }
}

impl State {
    /// The state of a run that has taken no step.
    #[must_use]
    pub fn start(sampler: SamplerState) -> Self {
        Self {
            version: VERSION,
            step: 0,
            sampler,
            loss_sum: 0.0,
            best: None,
            prior_logits: None,
        }
    }
}

fn folder_name(step: u64) -> String {
    format!("{step:09}")
}

fn file_name(part: &str) -> String {
    format!("{part}.safetensors")
}

fn remove_if_there(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(Error::io(dir, Operation::Remove, cause)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use tch::Tensor;

    use super::*;
    use crate::prior_logits::{PriorOffsets, PriorSource};

    fn state(step: u64) -> State {
        let sampler = SamplerState {
            dataset_hash: shardfmt::Xxh3(7),
            seed: 1,
            epoch: 2,
            rows_consumed: 3,
        };
        State {
            step,
            loss_sum: 0.1 + 0.2,
            ..State::start(sampler)
        }
    }

    fn parts(value: f32) -> BTreeMap<&'static str, Vec<Named>> {
        BTreeMap::from([("model", vec![("w".to_owned(), Tensor::from_slice(&[value]))])])
    }

    #[test]
    fn last_and_best_are_kept_and_others_removed() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path().join("checkpoints"));
        for (step, best) in [(5, true), (10, false), (15, false)] {
            checkpoints.write(&state(step), &parts(step as f32), best).unwrap();
        }
        let read = |pointer| {
            let folder = checkpoints.pointed(pointer).unwrap().unwrap();
            let checkpoint = Checkpoint::open(&folder).unwrap();
            let weight = checkpoint.tensors("model").unwrap()[0].1.double_value(&[0]);
            (checkpoint.state.step, weight)
        };
        assert_eq!(read(Pointer::Last), (15, 15.0));
        assert_eq!(read(Pointer::Best), (5, 5.0));
        let mut names: Vec<_> = fs::read_dir(&checkpoints.dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["000000005", "000000015", "best", "last"]);
    }

    #[test]
    fn numbers_come_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path().into());
        let offsets = PriorOffsets {
            from: PriorSource::Geo,
            absent: -10.0 / 3.0,
            present: 0.1 + 0.2,
        };
        let before = State {
            loss_sum: 1.000_000_000_000_000_2 / 3.0,
            prior_logits: Some(offsets.times(1.0 / 3.0)),
            ..state(1)
        };
        checkpoints.write(&before, &parts(0.0), false).unwrap();
        let folder = checkpoints.pointed(Pointer::Last).unwrap().unwrap();
        assert_eq!(Checkpoint::open(&folder).unwrap().state, before);
    }

    #[test]
    fn damage_is_an_error_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path().into());
        checkpoints.write(&state(1), &parts(0.0), false).unwrap();
        let last = checkpoints.pointed(Pointer::Last).unwrap().unwrap();
        fs::write(last.join("model.safetensors"), b"no tensors").unwrap();
        let error = Checkpoint::open(&last).unwrap().tensors("model").unwrap_err();
        assert!(error.to_string().contains("model.safetensors"), "{error}");
        fs::write(last.join(STATE), b"{").unwrap();
        assert!(Checkpoint::open(&last).unwrap_err().to_string().contains(STATE));
        fs::remove_dir_all(&last).unwrap();
        assert!(
            checkpoints
                .pointed(Pointer::Last)
                .unwrap_err()
                .to_string()
                .contains("no such folder")
        );
    }
}
