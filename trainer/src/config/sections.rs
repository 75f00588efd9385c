//! Defines the sections of a run's settings, with their defaults.

use std::path::PathBuf;

use clap::ValueEnum;
use loader::{Arrangement, DEFAULT_WINDOW_SHARDS, Level, Unheard};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{Arch, Precision};
use crate::optim::{Algorithm, Decay};

/// How rows are drawn; see [`SamplerConfig`](loader::SamplerConfig).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplingConfig {
    /// At most this many clips of a recording in an epoch, others in the next.
    pub max_clips_per_asset: Option<usize>,
    /// Up to this many clips of a recording side by side.
    pub clips_per_asset: Option<usize>,
    /// Draw every class equally often.
    pub class_balanced: bool,
    /// Over how much of the dataset an epoch is shuffled; left out of a run's settings where it is all of it.
    #[serde(skip_serializing_if = "OrderName::is_default")]
    pub order: OrderName,
    /// Shards of a window, for order `window`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_shards: Option<usize>,
}

/// The orders of an epoch by name; see [`Arrangement`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OrderName {
    /// Shuffled over the whole dataset.
    #[default]
    Shuffled,
    /// Shuffled over a window of shards at a time.
    Window,
}

impl OrderName {
    /// Whether it is what every run had before there was another.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl SamplingConfig {
    /// Over how much of the dataset an epoch is shuffled.
    #[must_use]
    pub fn arrangement(&self) -> Arrangement {
        match self.order {
            OrderName::Shuffled => Arrangement::Shuffled,
            OrderName::Window => Arrangement::Window(self.window_shards.unwrap_or(DEFAULT_WINDOW_SHARDS)),
        }
    }
}

/// The method and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// Name of the method.
    pub name: String,
    /// Weight of the method's own loss on known negatives.
    pub a: f64,
    /// Weight of binary cross-entropy on known negatives.
    pub b: f64,
    /// Probability that known negatives are pulled to, in place of the method's own loss on them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negatives_target: Option<f64>,
    /// Weight of the loss of what was heard in recordings, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard: Option<f64>,
    /// The method's own parameters.
    pub parameters: toml::Table,
}

/// The network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Which network.
    pub arch: Arch,
    /// Initial weights: safetensors with torchvision's names.
    pub weights: Option<PathBuf>,
    /// Number type of convolutions; absent: bf16 on a GPU, f32 on the CPU.
    pub precision: Option<Precision>,
}

/// The optimiser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimiserConfig {
    /// Which one.
    pub name: OptimiserName,
    /// Learning rate.
    pub lr: f64,
    /// Weight decay: in the gradient (Adam, SGD) or beside it (AdamW).
    pub weight_decay: f64,
    /// Momentum of SGD.
    pub momentum: f64,
    /// The last layer learns at `lr` times this.
    pub last_layer: f64,
    /// What the learning rate does after the warm-up; left out of a run's settings, as the three below, where it is what
    /// every run had before there was another.
    #[serde(skip_serializing_if = "Decay::is_default")]
    pub schedule: Decay,
    /// Steps over which the learning rate rises to `lr`.
    #[serde(skip_serializing_if = "is_zero")]
    pub warmup_steps: u64,
    /// Largest norm of all gradients together; absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Decay of the average of weights that is evaluated and saved; absent: the weights themselves are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(steps: &u64) -> bool {
    *steps == 0
}

/// The optimisers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OptimiserName {
    /// Adam; weight decay is added to the gradient.
    Adam,
    /// Adam with decoupled weight decay.
    Adamw,
    /// Gradient descent with momentum.
    Sgd,
}

impl OptimiserConfig {
    /// The algorithm with its own settings.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.name {
            OptimiserName::Adam => Algorithm::Adam,
            OptimiserName::Adamw => Algorithm::AdamW,
            OptimiserName::Sgd => Algorithm::Sgd {
                momentum: self.momentum,
            },
        }
    }

    /// Checks the ranges of what changes over the steps; the other numbers are checked with those of other sections.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the setting and what is allowed.
    pub fn validate(&self) -> Result<()> {
        if let Some(norm) = self.clip_norm.filter(|norm| !(norm.is_finite() && *norm > 0.0)) {
            let reason = format!("must be a finite number above 0, not {norm}");
            return Err(Error::setting("optimiser.clip_norm", reason));
        }
        if let Some(decay) = self.average.filter(|decay| !(0.0..1.0).contains(decay)) {
            let reason = format!("must be from 0 to below 1, such as 0.999, not {decay}");
            return Err(Error::setting("optimiser.average", reason));
        }
        Ok(())
    }
}

/// What splits are measured on; left out of a run's settings where it is what every run had before there was a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvalConfig {
    /// Clips, or recordings by the highest scores of their clips.
    pub level: Level,
    /// What a class is in a recording that was not heard in it, at level `recording`.
    pub unheard: Unheard,
}

impl EvalConfig {
    /// Whether each clip is measured by itself.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Checks that both go together.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn validate(&self) -> Result<()> {
        match (self.level, self.unheard) {
            (Level::Clip, Unheard::Absent) => {
                let reason = "has no effect: clips are measured; set eval.level = \"recording\", or drop it";
                Err(Error::setting("eval.unheard", reason))
            }
            _ => Ok(()),
        }
    }
}

/// When checkpoints are written; always at the end of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Also every so many steps within an epoch.
    pub every_steps: Option<u64>,
}

impl Default for LossConfig {
    fn default() -> Self {
        let (name, parameters) = ("an".to_owned(), toml::Table::new());
        Self {
            name,
            a: 1.0,
            b: 0.0,
            negatives_target: None,
            heard: None,
            parameters,
        }
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            arch: Arch::Resnet50,
            weights: None,
            precision: None,
        }
    }
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self {
            name: OptimiserName::Adam,
            lr: 1e-4,
            weight_decay: 0.0,
            momentum: 0.9,
            last_layer: 1.0,
            schedule: Decay::Constant,
            warmup_steps: 0,
            clip_norm: None,
            average: None,
        }
    }
}
