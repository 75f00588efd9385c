//! Defines the learner: model, method, asset regulariser and optimiser, and one step of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use loader::{Labels, Mode, Supervision};
use shardfmt::{ClipSpec, Dataset, ValueScale};
use tch::{Device, Kind, Tensor};

use crate::asset_reg::{self, AssetRegConfig, AssetTable, Clips, TableQuality};
use crate::augment::{self, Augmentation, Mixed};
use crate::batch::{Known, Loaded, Scaling, upload};
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::error::Result;
use crate::loss::{self, HeardLoss, KnownNegatives, Objective, ObjectiveConfig, Setup};
use crate::memory;
use crate::model::{Average, Head, Model, ModelSpec, Precision, read_weights};
use crate::optim::{Optimizer, Schedule};
use crate::prior_logits::TrainingPrior;
use crate::state::Named;

/// Names of the parts in a checkpoint. The model is what is evaluated: with an average of weights, that average, and
/// the weights it follows are a part of their own.
const MODEL: &str = "model";
const TRAINED: &str = "trained";
const OPTIMISER: &str = "optimiser";
const OBJECTIVE: &str = "objective";
const ASSET_TABLE: &str = "asset_table";

/// Bytes of an entry of the asset regulariser's table while it is made: three f64 and an f32.
const TABLE_ENTRY_BYTES: usize = 28;

/// Everything that changes during training.
pub struct Learner {
    device: Device,
    notes: Vec<String>,
    model: Model,
    average: Option<Average>,
    scaling: Scaling,
    augmentation: Option<Augmentation>,
    known: Known,
    objective: Objective,
    heard: Option<HeardLoss>,
    asset_table: Option<AssetTable>,
    prior: Option<TrainingPrior>,
    optimiser: Optimizer,
    epochs: u32,
}

/// The losses of a step; on a GPU, reading them waits for this step and whatever else was queued.
#[derive(Debug)]
pub struct StepOutcome {
    /// Value minimised.
    loss: Tensor,
    /// Share of the asset regulariser in it.
    asset_reg: Option<Tensor>,
}

impl StepOutcome {
    /// The value minimised, and the share of the asset regulariser in it.
    ///
    /// # Errors
    /// Errors of libtorch, such as a step that failed on the device.
    pub fn read(&self) -> Result<(f64, Option<f64>)> {
        let value = |tensor: &Tensor| tensor.f_double_value(&[]);
        Ok((value(&self.loss)?, self.asset_reg.as_ref().map(value).transpose()?))
    }
}

impl Learner {
    /// A learner with initial weights: random ones, or those of the weights file. After this, libtorch's own random
    /// numbers are no longer used. The schedule of its learning rate spans the epochs, of `epoch_steps` steps each.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for parameters that do not fit the method or the dataset, and those of
    /// reading weights.
    pub fn new(
        config: &Config,
        dataset: &Dataset,
        supervision: &Supervision,
        epoch_steps: usize,
        device: Device,
    ) -> Result<Self> {
        let start = starting_model(config, dataset, device)?;
        Self::with_model(start, config, dataset, (supervision, epoch_steps), device)
    }

    /// The learner of `checkpoint`. The weights file is not read, since the checkpoint replaces every weight.
    ///
    /// # Errors
    /// As [`Learner::new`], but for those of reading weights; [`Error::Checkpoint`](crate::Error::Checkpoint) and
    /// [`Error::State`](crate::Error::State) if the checkpoint is damaged or of other settings.
    pub fn restored(
        config: &Config,
        dataset: &Dataset,
        supervision: &Supervision,
        epoch_steps: usize,
        checkpoint: &Checkpoint,
        device: Device,
    ) -> Result<Self> {
        let start = (random_model(config, &Subject::of(dataset), device)?, Vec::new());
        let mut learner = Self::with_model(start, config, dataset, (supervision, epoch_steps), device)?;
        learner.restore(checkpoint)?;
        Ok(learner)
    }

    /// Checks the settings as far as possible without rows to learn from: ranges, the method with its parameters, and
    /// whether the changes to images suit the dataset.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting), as [`Learner::new`].
    pub fn check(config: &Config, dataset: &Dataset) -> Result<()> {
        config.validate()?;
        let setup = Setup {
            labels: Labels::from_matrices(dataset.taxa().len(), &[], &[])?,
            asset_ids: Vec::new(),
            mean_positives: (0.0, "no clips"),
            seed: config.seed,
            device: Device::Cpu,
            kind: Kind::Float,
        };
        let objective = Objective::new(&objective_config(config, false), &setup)?;
        augmentation(config, dataset, &objective).map(drop)
    }

    fn with_model(
        (model, notes): (Model, Vec<String>),
        config: &Config,
        dataset: &Dataset,
        (supervision, epoch_steps): (&Supervision, usize),
        device: Device,
    ) -> Result<Self> {
        let (mean_positives, of) = supervision.mean_positives();
        let setup = Setup {
            labels: supervision.labels.clone(),
            asset_ids: supervision.asset_ids(),
            mean_positives: (mean_positives, &of),
            seed: config.seed,
            device,
            kind: Kind::Float,
        };
        let objective = Objective::new(&objective_config(config, supervision.unknown_left_out), &setup)?;
        let table = |settings: &AssetRegConfig| {
            let clips = Clips {
                asset_ids: &asset_reg::groups(dataset, &supervision.clips, settings.group)?,
                labels: &supervision.labels,
            };
            AssetTable::new(&clips, settings, config.seed, (Kind::Float, device))
        };
        if config.asset_reg.is_some() {
            let entries = [supervision.report.kept.assets as usize, supervision.classes()];
            memory::check(
                "asset_reg",
                "the table's beliefs of the recordings",
                entries,
                TABLE_ENTRY_BYTES,
            )?;
        }
        let asset_table = config.asset_reg.as_ref().map(table).transpose()?;
        let mut groups = model.groups(config.optimiser.last_layer);
        groups.extend(objective.trained());
        let settings = &config.optimiser;
        let steps = u64::from(config.epochs) * epoch_steps as u64;
        let schedule = Schedule::new(settings.schedule, settings.warmup_steps, steps)?;
        let optimiser = Optimizer::new(settings.algorithm(), settings.lr, settings.weight_decay, groups)?;
        let average = settings.average.map(|decay| Average::of(&model, decay)).transpose()?;
        let heard = config.loss.heard;
        let mut learner = Self {
            device,
            notes,
            scaling: Subject::of(dataset).scaling(&model, device)?,
            augmentation: augmentation(config, dataset, &objective)?,
            model,
            average,
            known: Known::new(&supervision.labels, device),
            heard: heard.map(|weight| HeardLoss::new(weight, &setup.asset_ids, &supervision.labels)),
            objective,
            asset_table,
            prior: None,
            optimiser: optimiser.with(schedule, settings.clip_norm),
            epochs: config.epochs,
        };
        learner.notes.extend_from_slice(learner.objective.notes());
        if matches!(config.mode, Mode::Geo | Mode::Checklist) {
            learner.notes.extend(learner.objective.inert_prior()?);
        }
        Ok(learner)
    }

    /// The same, with a prior that the loss sees in its logits.
    #[must_use]
    pub fn with_prior(self, prior: Option<TrainingPrior>) -> Self {
        Self { prior, ..self }
    }

    /// Learns from one batch of training rows in `epoch`, counted from 1.
    ///
    /// The regulariser's table takes the probabilities the batch was trained with, before the optimiser moves (L48
    /// paper, equation of R_P; see `asset_reg`).
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch).
    pub fn step(&mut self, batch: &Loaded, epoch: u32) -> Result<StepOutcome> {
        let stored = batch.memory.upload(batch.rows.len(), self.device)?;
        self.step_on(stored, batch, epoch)
    }

    /// [`Learner::step`] with the batch's stored values on the device already.
    ///
    /// # Errors
    /// As [`Learner::step`].
    pub fn step_on(&mut self, mut stored: Tensor, batch: &Loaded, epoch: u32) -> Result<StepOutcome> {
        let numbers: Vec<i64> = batch.rows.iter().map(|&row| row.into()).collect();
        let rows = upload(&numbers, self.device)?;
        let [mut labels, mut mask] = self.known.gather(&batch.rows)?;
        let mut mixed = None;
        if let Some(augmentation) = &self.augmentation {
            let clips = augment::ClipBatch {
                images: stored,
                labels,
                mask,
            };
            let changed = augmentation.apply(clips, &batch.rows, &batch.ref_db, epoch)?;
            (stored, labels, mask, mixed) = (changed.images, changed.labels, changed.mask, changed.mixed);
        }
        let paths = self.model.drawn_paths(&batch.rows, epoch);
        let paths = paths.map(|paths| upload(&paths, self.device)).transpose()?;
        let images = self.scaling.images(&stored)?;
        let mut logits = self.model.forward_along(&images, paths.as_ref())?;
        if let Some(prior) = &self.prior {
            logits = prior.add(&logits, &batch.rows)?;
        }
        let mut loss = self.objective.forward(&loss::LossBatch {
            logits: &logits,
            labels: &labels,
            mask: &mask,
            rows: &rows,
            epoch,
            epochs: self.epochs,
            mixed: mixed.as_ref(),
        })?;
        if let Some(heard) = &self.heard
            && let Some(of_recordings) = heard.forward(&logits, &batch.rows)?
        {
            loss = loss.f_add(&of_recordings)?;
        }
        let mut asset_reg = None;
        let places = self
            .asset_table
            .as_ref()
            .map(|table| table.table_rows(&batch.rows))
            .transpose()?;
        if let (Some(table), Some(places)) = (&self.asset_table, &places) {
            let penalty = table.penalty(&logits, &mask, places, mixed.as_ref())?;
            loss = loss.f_add(&penalty)?;
            asset_reg = Some(penalty.detach());
        }
        self.optimiser.zero_grad()?;
        loss.f_backward()?;
        if let (Some(table), Some(places)) = (&mut self.asset_table, &places) {
            match mixed.as_ref().map(Mixed::alone) {
                // A prediction for two clips says little of either.
                Some(alone) => {
                    let rows = alone
                        .iter()
                        .filter_map(|&place| batch.rows.get(usize::try_from(place).ok()?));
                    let places = table.table_rows(&rows.copied().collect::<Vec<_>>())?;
                    let alone = upload(alone, self.device)?;
                    let [logits, mask] = [&logits, &mask].map(|of| of.f_index_select(0, &alone));
                    table.update(&logits?, &mask?, &places)?;
                }
                None => table.update(&logits, &mask, places)?,
            }
        }
        self.optimiser.step()?;
        if let Some(average) = &mut self.average {
            average.update(self.optimiser.steps())?;
        }
        Ok(StepOutcome {
            loss: loss.detach(),
            asset_reg,
        })
    }

    /// Every parameter of the method with the value it has, those worked out from the training rows included.
    #[must_use]
    pub fn parameters(&self) -> toml::Table {
        self.objective.parameters()
    }

    /// Notes to the user: a last layer that starts random, parameters that were worked out, a prior that is inert.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The form in which training clips may be loaded: see [`Model::loaded`]. Changes that need whole images get them.
    #[must_use]
    pub fn loaded(&self, stored: ClipSpec) -> ClipSpec {
        match &self.augmentation {
            Some(augmentation) if !augmentation.only_mirrors() => stored,
            _ => self.model.loaded(stored),
        }
    }

    /// Where the tensors lie.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// The model, to evaluate it: the average of weights if there is one.
    #[must_use]
    pub fn model(&self) -> (&Model, &Scaling) {
        let average = self.average.as_ref().map(Average::model);
        (average.unwrap_or(&self.model), &self.scaling)
    }

    /// How well the asset regulariser's table tells what `labels`, those trained on, hide; `None` without one, or if
    /// nothing known is hidden.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch).
    pub fn table_quality(&self, labels: &Labels) -> Result<Option<TableQuality>> {
        let quality = |table| asset_reg::quality(table, labels, &labels.everything());
        Ok(self.asset_table.as_ref().map(quality).transpose()?.flatten())
    }

    /// All state that the configuration does not determine, by part.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch).
    pub fn parts(&self) -> Result<BTreeMap<&'static str, Vec<Named>>> {
        let mut parts = BTreeMap::from([(MODEL, self.model().0.state()), (OPTIMISER, self.optimiser.state()?)]);
        if self.average.is_some() {
            parts.insert(TRAINED, self.model.state());
        }
        let objective = self.objective.state();
        if !objective.is_empty() {
            parts.insert(OBJECTIVE, objective);
        }
        if let Some(table) = &self.asset_table {
            parts.insert(ASSET_TABLE, table.state()?);
        }
        Ok(parts)
    }

    /// Restores what [`Learner::parts`] gave.
    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        if let Some(average) = &mut self.average {
            average.load(&checkpoint.tensors(MODEL)?)?;
            self.model.load(&checkpoint.tensors(TRAINED)?)?;
        } else {
            self.model.load(&checkpoint.tensors(MODEL)?)?;
        }
        self.optimiser.load_state(&checkpoint.tensors(OPTIMISER)?)?;
        if !self.objective.state().is_empty() {
            self.objective.load_state(&checkpoint.tensors(OBJECTIVE)?)?;
        }
        if let Some(table) = &mut self.asset_table {
            table.load_state(&checkpoint.tensors(ASSET_TABLE)?)?;
        }
        Ok(())
    }
}

/// The changes made to training clips, refused where they clash with state kept of each clip.
fn augmentation(config: &Config, dataset: &Dataset, objective: &Objective) -> Result<Option<Augmentation>> {
    let mut keeping = vec![(config.loss.name.as_str(), objective.mixing())];
    let table = config.asset_reg.as_ref().map(AssetTable::mixing);
    keeping.extend(table.map(|mixing| ("the asset regulariser", mixing)));
    Augmentation::new(&config.augment, dataset.head(), config.seed, &keeping)
}

fn objective_config(config: &Config, mask_unknown: bool) -> ObjectiveConfig {
    ObjectiveConfig {
        method: config.loss.name.clone(),
        parameters: config.loss.parameters.clone(),
        known_negatives: KnownNegatives {
            a: config.loss.a,
            b: config.loss.b,
            target: config.loss.negatives_target,
        },
        mask_unknown,
    }
}

/// What a model is made for: classes, and the clips they are found in.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Number of classes.
    pub classes: usize,
    /// Shape and number type of a clip as stored.
    pub clips: ClipSpec,
    /// What stored values mean.
    pub values: &'a ValueScale,
}

impl<'a> Subject<'a> {
    /// That of a dataset.
    #[must_use]
    pub fn of(dataset: &'a Dataset) -> Self {
        let head = dataset.head();
        Self {
            classes: dataset.taxa().len(),
            clips: head.clips,
            values: &head.values,
        }
    }

    fn scaling(&self, model: &Model, device: Device) -> Result<Scaling> {
        Scaling::new(self.clips.dtype, self.values, &model.normalisation(), device)
    }
}

/// The model of a configuration with random initial weights.
fn random_model(config: &Config, subject: &Subject<'_>, device: Device) -> Result<Model> {
    let precision = config.model.precision;
    let settings = ModelSpec {
        arch: config.model.arch,
        classes: subject.classes,
        clip_channels: subject.clips.channels.unwrap_or(1) as usize,
        precision: precision.unwrap_or(Precision::usual(device)),
    };
    Model::new(&settings, config.seed, device)
}

/// The model that a run starts with, and notes on it.
fn starting_model(config: &Config, dataset: &Dataset, device: Device) -> Result<(Model, Vec<String>)> {
    let mut model = random_model(config, &Subject::of(dataset), device)?;
    let Some(path) = &config.model.weights else {
        return Ok((model, Vec::new()));
    };
    let notes = match model.load_backbone(&read_weights(path)?)? {
        Head::Loaded => Vec::new(),
        Head::Fresh { classes } => {
            let theirs = classes.map_or_else(
                || "no last layer".to_owned(),
                |classes| format!("a last layer of {classes} classes"),
            );
            vec![format!("{} has {theirs}; the last layer starts random", path.display())]
        }
    };
    Ok((model, notes))
}

/// The file with the weights of a checkpoint's model.
#[must_use]
pub fn weights_file(checkpoint: &Checkpoint) -> PathBuf {
    checkpoint.file(MODEL)
}

/// The model of a checkpoint, to evaluate it.
///
/// # Errors
/// [`Error::Checkpoint`](crate::Error::Checkpoint), [`Error::State`](crate::Error::State).
pub fn trained_model(
    config: &Config,
    subject: &Subject<'_>,
    checkpoint: &Checkpoint,
    device: Device,
) -> Result<(Model, Scaling)> {
    // Every weight comes from the checkpoint; the file they once started from may be gone.
    let mut model = random_model(config, subject, device)?;
    model.load(&checkpoint.tensors(MODEL)?)?;
    let scaling = subject.scaling(&model, device)?;
    Ok((model, scaling))
}
