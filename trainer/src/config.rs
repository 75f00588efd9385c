//! Defines the settings of a run: read from a TOML file, changed by flags, resolved, written into the run's folder.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use shardfmt::{DatasetHead, Difference};
use tch::Device;

use crate::asset_reg::AssetRegConfig;
use crate::augment::AugmentConfig;
use crate::error::{Error, Result};
use crate::loss::Method;
use crate::model::{Arch, Precision};
use crate::optim::Algorithm;
use crate::sampler::SamplerConfig;
use crate::supervision::{Filters, FullUnknown, Mode, Rows};

/// Every setting of a run, with the benchmark's published values as defaults (L48 paper, section 5 and its code:
/// Adam, learning rate 1e-4, batch 16, 10 epochs, no schedule).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is known of the training clips.
    pub mode: Mode,
    /// Whether the rows kept are the mode's own, or those of target mode in every mode.
    pub rows: Rows,
    /// What an unknown class is in full mode.
    pub full_unknown: FullUnknown,
    /// Passes over the training rows.
    pub epochs: u32,
    /// Rows in a batch.
    pub batch: usize,
    /// Decides everything random.
    pub seed: u64,
    /// Threads of libtorch on the CPU; part of the run because sums are rounded differently for another number.
    pub threads: usize,
    /// Measure the best epoch on test too; without, a dataset needs no such split.
    pub measure_test: bool,
    /// Control: hand every clip of train and val another clip's labels and masks; a model can then learn nothing of use.
    pub permute_labels: bool,
    /// Which clips are left out of training.
    pub filters: Filters,
    /// How rows are drawn.
    pub sampling: SamplingConfig,
    /// The method.
    pub loss: LossConfig,
    /// The asset regulariser, if any.
    pub asset_reg: Option<AssetRegConfig>,
    /// The network.
    pub model: ModelConfig,
    /// The optimiser.
    pub optimiser: OptimiserConfig,
    /// Changes made to training images.
    pub augment: AugmentConfig,
    /// When checkpoints are written.
    pub checkpoint: CheckpointConfig,
}

/// How rows are drawn; see [`SamplerConfig`](crate::sampler::SamplerConfig).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplingConfig {
    /// At most so many clips of a recording in an epoch, others the next time.
    pub max_clips_per_asset: Option<usize>,
    /// So many clips of a recording stand side by side.
    pub clips_per_asset: Option<usize>,
    /// Draw every class equally often.
    pub class_balanced: bool,
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
    /// The method's own parameters.
    pub parameters: toml::Table,
}

/// The network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Which network.
    pub arch: Arch,
    /// Weights to start from: safetensors with torchvision's names.
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
}

/// When checkpoints are written; always at the end of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Also after so many steps within an epoch.
    pub every_steps: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Target,
            rows: Rows::Own,
            full_unknown: FullUnknown::AssumeNegative,
            epochs: 10,
            batch: 16,
            seed: 48,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            measure_test: true,
            permute_labels: false,
            filters: Filters::default(),
            sampling: SamplingConfig::default(),
            loss: LossConfig::default(),
            asset_reg: None,
            model: ModelConfig::default(),
            optimiser: OptimiserConfig::default(),
            augment: AugmentConfig::default(),
            checkpoint: CheckpointConfig::default(),
        }
    }
}

impl Default for LossConfig {
    fn default() -> Self {
        let (name, parameters) = ("an".to_owned(), toml::Table::new());
        Self {
            name,
            a: 1.0,
            b: 0.0,
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
        }
    }
}

impl Config {
    /// Reads settings; what the file leaves out keeps its default.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Setting`] for what is no TOML, an unknown key or a value of another type, with its line.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::io(path, "read", cause))?;
        toml::from_str(&text).map_err(|cause| Error::setting(path.display().to_string(), cause.to_string()))
    }

    /// The settings as TOML, every one of them.
    ///
    /// # Errors
    /// [`Error::Setting`] for a number that TOML cannot hold.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|cause| Error::setting("configuration", cause.to_string()))
    }

    /// Checks what can be checked without a dataset. The parameters of the method are checked where it is made.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the setting and what is allowed.
    pub fn validate(&self) -> Result<()> {
        let positive = [("epochs", u64::from(self.epochs)), ("batch", self.batch as u64)];
        let positive = positive.into_iter().chain([("threads", self.threads as u64)]);
        for (setting, value) in positive {
            if value == 0 {
                return Err(Error::setting(setting, "must be at least 1"));
            }
        }
        // A TOML integer is an i64, and the run's folder keeps the seed as one.
        if i64::try_from(self.seed).is_err() {
            return Err(Error::setting("seed", "must be below 2^63"));
        }
        if self.batch == 1 {
            return Err(Error::setting(
                "batch",
                "must be at least 2: batch norm has no spread over a single clip",
            ));
        }
        for (setting, value) in [
            ("sampling.clips_per_asset", self.sampling.clips_per_asset),
            ("sampling.max_clips_per_asset", self.sampling.max_clips_per_asset),
        ] {
            if value == Some(0) {
                return Err(Error::setting(setting, "must be at least 1"));
            }
        }
        let optimiser = &self.optimiser;
        for (setting, value, least) in [
            ("optimiser.lr", optimiser.lr, f64::MIN_POSITIVE),
            ("optimiser.weight_decay", optimiser.weight_decay, 0.0),
            ("optimiser.momentum", optimiser.momentum, 0.0),
            ("optimiser.last_layer", optimiser.last_layer, 0.0),
            ("loss.a", self.loss.a, 0.0),
            ("loss.b", self.loss.b, 0.0),
        ] {
            if !(value.is_finite() && value >= least) {
                let bound = if least > 0.0 { "above 0" } else { "0 or more" };
                return Err(Error::setting(
                    setting,
                    format!("{value} is not a finite number {bound}"),
                ));
            }
        }
        if self.checkpoint.every_steps == Some(0) {
            return Err(Error::setting("checkpoint.every_steps", "must be at least 1"));
        }
        if let Some(asset_reg) = &self.asset_reg {
            asset_reg.validate()?;
        }
        self.augment.validate()
    }

    /// The settings with every default written out that depends on the method, the device or the dataset, but for parameters that are
    /// worked out from the training rows.
    ///
    /// # Errors
    /// [`Error::Setting`] for an unknown method or parameter, or a value out of range.
    pub fn resolved(&self, head: &DatasetHead, device: Device) -> Result<Self> {
        let mut resolved = self.clone();
        let method = Method::named(&self.loss.name)?;
        resolved.loss.parameters = method.parameters(&self.loss.parameters)?.table();
        resolved.model.precision = Some(self.model.precision.unwrap_or(Precision::usual(device)));
        resolved.augment = self.augment.resolved(head);
        Ok(resolved)
    }

    /// The order of the training rows.
    #[must_use]
    pub fn sampler(&self) -> SamplerConfig {
        SamplerConfig {
            seed: self.seed,
            batch: self.batch,
            clips_per_asset: self.sampling.clips_per_asset,
            max_clips_per_asset: self.sampling.max_clips_per_asset,
            class_balanced: self.sampling.class_balanced,
            rank: 0,
            ranks: 1,
        }
    }

    /// Replaces the parameters of the method by `all` of them, and names those that were not set.
    pub(crate) fn set_worked_out(&mut self, all: toml::Table) -> Vec<String> {
        let given = std::mem::replace(&mut self.loss.parameters, all);
        let names = self.loss.parameters.keys();
        names.filter(|name| !given.contains_key(*name)).cloned().collect()
    }

    /// Takes over parameters of the method that are not set here, which a run of the same method has worked out: those in `worked_out`, or all
    /// where the run does not say.
    pub(crate) fn take_worked_out(&mut self, run: &Self, worked_out: Option<&[String]>) {
        if self.loss.name == run.loss.name {
            let taken = |name: &String| worked_out.is_none_or(|names| names.contains(name));
            for (name, value) in run.loss.parameters.iter().filter(|(name, _)| taken(name)) {
                self.loss.parameters.entry(name).or_insert_with(|| value.clone());
            }
        }
    }

    /// The settings in which `self` and `other` differ, one a line: `key: ours -> theirs`.
    ///
    /// # Errors
    /// As [`Config::to_toml`].
    pub fn differences(&self, other: &Self) -> Result<Vec<String>> {
        let tree =
            |config| serde_json::to_value(config).map_err(|cause| Error::setting("configuration", cause.to_string()));
        let mut found = shardfmt::difference("", &tree(self)?, &tree(other)?);
        found.sort_by(|a, b| a.path.cmp(&b.path));
        let line = |difference: &Difference| {
            let [ours, theirs] = difference.values();
            format!("{}: {ours} -> {theirs}", difference.path)
        };
        Ok(found.iter().map(line).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn survives_toml() {
        let mut config = Config {
            asset_reg: Some(AssetRegConfig::default()),
            ..Config::default()
        };
        config.loss.parameters.insert("delta".into(), toml::Value::Float(0.005));
        config.model.weights = Some("weights.safetensors".into());
        let back: Config = toml::from_str(&config.to_toml().unwrap()).unwrap();
        assert_eq!(back, config);
        assert!(back.differences(&config).unwrap().is_empty());
    }

    #[test]
    fn differences_name_key_and_both_values() {
        let mut other = Config::default();
        other.optimiser.lr = 0.5;
        other.asset_reg = Some(AssetRegConfig::default());
        let found = Config::default().differences(&other).unwrap();
        assert!(found.contains(&"optimiser.lr: 0.0001 -> 0.5".to_owned()), "{found:?}");
        assert!(
            found
                .iter()
                .any(|line| line.starts_with("asset_reg.alpha: not set -> ")),
            "{found:?}"
        );
    }

    #[test]
    fn senseless_values_are_named() {
        type Break = fn(&mut Config);
        let broken: [(&str, Break); 6] = [
            ("epochs", |config| config.epochs = 0),
            ("batch", |config| config.batch = 1),
            ("optimiser.lr", |config| config.optimiser.lr = f64::NAN),
            ("loss.b", |config| config.loss.b = -1.0),
            ("sampling.clips_per_asset", |config| {
                config.sampling.clips_per_asset = Some(0)
            }),
            ("seed", |config| config.seed = u64::MAX),
        ];
        for (setting, breaks) in broken {
            let mut config = Config::default();
            breaks(&mut config);
            let error = config.validate().unwrap_err().to_string();
            assert!(error.starts_with(setting), "{error}");
        }
        assert!(Config::default().validate().is_ok());
    }

    #[test]
    fn shipped_settings_make_sense() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/train-demo.toml");
        Config::read(&path).unwrap().validate().unwrap();
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(toml::from_str::<Config>("epoch = 3").is_err());
    }
}
