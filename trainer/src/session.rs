//! Opens a run: its folder made, or taken up again if dataset and settings are the same, and those who watch it.

use std::path::Path;

use shardfmt::persist::Lock;
use shardfmt::{Dataset, Xxh3};
use tch::Device;

use crate::checkpoint::{Checkpoint, Checkpoints, Pointer};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::event::Observer;
use crate::observer::{Curves, EventLog, Observers, Progress, TensorBoard, cut_back, read_events};
use crate::run_folder::{RunFolder, RunRecord, device_name};

/// Version of libtorch as its own folder said when the program was linked with it (`build.rs`).
const TORCH_VERSION: &str = env!("L48_TORCH_VERSION");

/// A run that may begin or go on, closed to other processes.
pub struct Session {
    /// Its folder.
    pub folder: RunFolder,
    /// XXH3-64 of the dataset's description, which lists the checksum of every file.
    pub dataset_hash: Xxh3,
    /// The checkpoint to go on from; `None` at the start.
    pub checkpoint: Option<Checkpoint>,
    /// Progress, log of events, TensorBoard, curves.
    pub observers: Observers,
    _lock: Lock,
}

impl Session {
    /// Makes the folder `dir` for a run of `config`, resolved, on `dataset`, or takes up the run in it. The log is cut back to the
    /// checkpoint. `worked_out` names the parameters of the method that were not given.
    ///
    /// # Errors
    /// [`Error::OtherDataset`] and [`Error::OtherRun`] listing what differs from the run in the folder; [`Error::Setting`] if
    /// the folder holds something else; [`Error::Dataset`] if another process trains in it.
    pub fn open(
        dir: &Path,
        dataset: &Dataset,
        config: &Config,
        worked_out: Vec<String>,
        device: Device,
    ) -> Result<Self> {
        let record = RunRecord {
            worked_out: Some(worked_out),
            ..RunRecord::new(dataset, TORCH_VERSION, device, config.threads)?
        };
        let dataset_hash = record.dataset.dataset_xxh3;
        let folder = if RunFolder::has_run(dir) {
            check_same(dir, dataset, config, device)?
        } else {
            RunFolder::create(dir, &config.to_toml()?, &record)?
        };
        let lock = folder.lock()?;
        let last = Checkpoints::new(folder.checkpoints()).pointed(Pointer::Last)?;
        let checkpoint = last.map(|dir| Checkpoint::open(&dir)).transpose()?;
        let log = folder.metrics();
        match &checkpoint {
            Some(checkpoint) => cut_back(&log, checkpoint.state.step)?,
            // Nothing of a run without a checkpoint is gone on with.
            None => remove(&log)?,
        }
        let mut curves = Curves::new(&folder.curves());
        read_events(&log)?.iter().try_for_each(|event| curves.observe(event))?;
        let observers = Observers::new(vec![
            Box::new(EventLog::open(&log)?),
            Box::new(TensorBoard::new(&folder.tensorboard())),
            Box::new(curves),
            Box::new(Progress::new()),
        ]);
        Ok(Self {
            folder,
            dataset_hash,
            checkpoint,
            observers,
            _lock: lock,
        })
    }
}

/// The run in the folder `dir`, if it is of this dataset, these settings and this kind of device. Parameters that are not given, and that the
/// run has worked out from the training rows, are those of the run.
///
/// # Errors
/// [`Error::OtherDataset`] and [`Error::OtherRun`] listing what differs, and those of [`RunFolder::open`].
pub fn check_same(dir: &Path, dataset: &Dataset, config: &Config, device: Device) -> Result<RunFolder> {
    let (folder, record) = RunFolder::open(dir)?;
    record.dataset.check_same(dir, dataset)?;
    let resolved = |config: &Config| config.resolved(dataset.head(), device);
    let (began, mut asked) = (resolved(&Config::read(&folder.config())?)?, resolved(config)?);
    asked.take_worked_out(&began, record.worked_out.as_deref());
    let mut differences = began.differences(&asked)?;
    if record.is_of_another(device) {
        let ran_on = record.device.unwrap_or_default();
        differences.push(format!("--device: {ran_on} -> {}", device_name(device)));
    }
    if differences.is_empty() {
        return Ok(folder);
    }
    let run = dir.to_path_buf();
    Err(Error::OtherRun { run, differences })
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path, "remove", cause)),
        _ => Ok(()),
    }
}
