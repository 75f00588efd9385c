//! Opens a run: locks its folder, checks that dataset and settings are the run's, and makes its learner, fresh or
//! restored.

use std::path::Path;

use loader::{Sampler, Supervision};
use shardfmt::Operation;
use shardfmt::{Dataset, Split};
use tch::Device;

use crate::checkpoint::{Checkpoint, Checkpoints, Pointer, State};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::event::Observer;
use crate::learner::Learner;
use crate::material::Material;
use crate::measured::Measured;
use crate::observer::{Curves, EventLog, Observers, RunProgress, TensorBoard, cut_back, read_events};
use crate::prior_logits::{PriorLogitsConfig, PriorOffsets, Stated, TrainingPrior};
use crate::run_folder::{ClaimedFolder, RunFolder, RunRecord, device_name};

/// Version of libtorch, as its own folder said when the program was linked with it (`build.rs`).
const TORCH_VERSION: &str = env!("L48_TORCH_VERSION");

/// What to do with a run that is in the folder already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Resume it.
    Resume,
    /// Refuse to train.
    Refuse,
}

/// A run ready to train, in a folder that no other process can train in.
pub struct Run<'a> {
    pub(crate) material: &'a Material,
    /// Resolved, with the parameters of the method that were worked out from the training rows.
    pub(crate) config: Config,
    pub(crate) device: Device,
    pub(crate) rows: RunRows,
    pub(crate) sampler: Sampler,
    pub(crate) learner: Learner,
    /// What is added to logits, if anything; fitted on val.
    pub(crate) prior: Option<PriorOffsets>,
    pub(crate) state: State,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) observers: Observers,
    pub(crate) claim: ClaimedFolder,
}

/// The rows that a run learns from and is measured on.
pub(crate) struct RunRows {
    pub(crate) training: Supervision,
    pub(crate) val: Supervision,
    /// `None` if the settings say not to measure it.
    pub(crate) test: Option<Supervision>,
}

impl RunRows {
    /// Selects all of them before any training: an evaluation that is impossible is an error of the dataset, not of the
    /// last epoch.
    fn select(material: &Material, config: &Config) -> Result<Self> {
        let test = || material.evaluation(config, Split::Test);
        Ok(Self {
            training: material.training(config)?,
            val: material.evaluation(config, Split::Val)?,
            test: config.measure_test.then(test).transpose()?,
        })
    }
}

impl<'a> Run<'a> {
    /// Begins a run of `config` on `material` in the folder `out`, or restores the one in it from its last checkpoint.
    ///
    /// Everything is decided under the folder's lock, and nothing else is written before all is known to fit.
    ///
    /// # Errors
    /// [`Error::Dataset`] if another process trains in the folder; [`Error::OtherDataset`] and [`Error::OtherRun`]
    /// listing what differs from the run in it; [`Error::Setting`] if it holds something else; those of rows, weights
    /// and method.
    pub fn open(
        out: &Path,
        material: &'a Material,
        config: &Config,
        device: Device,
        existing: Existing,
    ) -> Result<Self> {
        let claim = RunFolder::claim(out)?;
        let dataset = &material.dataset;
        let begun = RunFolder::has_run(out);
        if begun && existing == Existing::Refuse {
            let reason = format!(
                "{} already has a run; resume it with --resume, or give another folder",
                out.display()
            );
            return Err(Error::setting("out", reason));
        }
        let record = if begun {
            check_same(out, dataset, config, device)?.1
        } else {
            RunRecord::new(dataset, TORCH_VERSION, device, config.threads)?
        };
        let checkpoints = Checkpoints::new(claim.folder().checkpoints());
        let last = if begun {
            checkpoints.pointed(Pointer::Last)?
        } else {
            None
        };
        let checkpoint = last.map(|dir| Checkpoint::open(&dir)).transpose()?;
        let mut config = config.resolved(dataset.head(), device)?;
        tch::set_num_threads(i32::try_from(config.threads).unwrap_or(i32::MAX));
        let rows = RunRows::select(material, &config)?;
        let sampler = Sampler::new(&rows.training, record.dataset.dataset_xxh3, config.sampler())?;
        let epoch_steps = sampler.batches_per_epoch();
        let learner = match &checkpoint {
            Some(checkpoint) => Learner::restored(&config, dataset, &rows.training, epoch_steps, checkpoint, device)?,
            None => Learner::new(&config, dataset, &rows.training, epoch_steps, device)?,
        };
        let prior = prior_offsets(material, &config, &rows.val, out)?;
        let learner = learner.with_prior(training_prior(material, &config, &rows.training, prior)?);
        let worked_out = config.set_worked_out(learner.parameters());
        if !begun {
            let worked_out = Some(worked_out);
            claim.begin(&config.to_toml()?, &RunRecord { worked_out, ..record })?;
        }
        let observers = observers(claim.folder(), checkpoint.as_ref())?;
        let state = checkpoint.map_or_else(|| State::start(sampler.state(1, 0)), |checkpoint| checkpoint.state);
        Ok(Self {
            material,
            config,
            device,
            rows,
            sampler,
            learner,
            prior,
            state,
            checkpoints,
            observers,
            claim,
        })
    }
}

/// The log-odds of the prior that `config` adds to logits, fitted on val.
fn prior_offsets(
    material: &Material,
    config: &Config,
    rows: &Supervision,
    scratch: &Path,
) -> Result<Option<PriorOffsets>> {
    let (Some(prior), eval) = (&config.prior_logits, &config.eval) else {
        return Ok(None);
    };
    let val = Measured { rows, eval, scratch };
    material.prior_offsets(&val, prior.from).map(Some)
}

/// What is added to the logits of training rows.
fn training_prior(
    material: &Material,
    config: &Config,
    training: &Supervision,
    offsets: Option<PriorOffsets>,
) -> Result<Option<TrainingPrior>> {
    let prior = config.prior_logits.filter(PriorLogitsConfig::in_training);
    let (Some(prior), Some(offsets)) = (prior, offsets) else {
        return Ok(None);
    };
    let stated = Stated::read(&material.dataset, &training.clips, prior.from)?;
    Ok(Some(TrainingPrior::new(offsets, stated, training)))
}

/// Progress, log of events, TensorBoard and curves. The log is cut back to the checkpoint, and without one removed.
fn observers(folder: &RunFolder, checkpoint: Option<&Checkpoint>) -> Result<Observers> {
    let log = folder.metrics();
    match checkpoint {
        Some(checkpoint) => cut_back(&log, checkpoint.state.step)?,
        None => remove(&log)?,
    }
    let mut curves = Curves::new(&folder.curves());
    read_events(&log)?.iter().try_for_each(|event| curves.observe(event))?;
    Ok(Observers::new(vec![
        Box::new(EventLog::open(&log)?),
        Box::new(TensorBoard::new(&folder.tensorboard())),
        Box::new(curves),
        Box::new(RunProgress::new()),
    ]))
}

/// The run in the folder `dir` with its record, if it is of this dataset, these settings and this kind of device.
/// Parameters that are not given, and that the run has worked out from the training rows, are those of the run.
///
/// # Errors
/// [`Error::OtherDataset`] and [`Error::OtherRun`] listing what differs, and those of [`RunFolder::open`].
pub fn check_same(dir: &Path, dataset: &Dataset, config: &Config, device: Device) -> Result<(RunFolder, RunRecord)> {
    let (folder, record) = RunFolder::open(dir)?;
    record.dataset.check_same(dir, dataset)?;
    let resolved = |config: &Config| config.resolved(dataset.head(), device);
    let (began, mut asked) = (resolved(&Config::read(&folder.config())?)?, resolved(config)?);
    asked.take_worked_out(&began, record.worked_out.as_deref());
    let mut differences = began.differences(&asked)?;
    if record.is_of_another(device) {
        let ran_on = record.device.as_deref().unwrap_or_default();
        differences.push(format!("--device: {ran_on} -> {}", device_name(device)));
    }
    if differences.is_empty() {
        return Ok((folder, record));
    }
    let run = dir.to_path_buf();
    Err(Error::OtherRun { run, differences })
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path, Operation::Remove, cause)),
        _ => Ok(()),
    }
}
