//! Defines the settings of a run: read from a TOML file, changed by flags, resolved, written into the run's folder.

mod sections;

use std::path::Path;

use loader::{Filters, FullUnknown, Level, Mode, Rows, SamplerConfig, SinglePositive};
use serde::{Deserialize, Serialize};
use shardfmt::Operation;
use shardfmt::{DatasetHead, Difference};
use tch::Device;

pub use sections::{
    CheckpointConfig, EvalConfig, LossConfig, ModelConfig, OptimiserConfig, OptimiserName, OrderName, SamplingConfig,
};

use crate::asset_reg::AssetRegConfig;
use crate::augment::AugmentConfig;
use crate::error::{Error, Result};
use crate::loss::Method;
use crate::model::Precision;
use crate::prior_logits::PriorLogitsConfig;

/// Every setting of a run, with the benchmark's published values as defaults (L48 paper, section 5 and its code:
/// Adam, learning rate 1e-4, batch 16, 10 epochs, no schedule).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How much of the labels training may see.
    pub mode: Mode,
    /// Which positive of a clip is the single one, in the modes that show one; left out of a run's settings where it is
    /// the target, as in every run before there was another.
    #[serde(skip_serializing_if = "SinglePositive::is_default")]
    pub single_positive: SinglePositive,
    /// Whether the rows are the mode's own, or those of mode target in every mode.
    pub rows: Rows,
    /// How unknown labels count in mode full.
    pub full_unknown: FullUnknown,
    /// Passes over the training rows.
    pub epochs: u32,
    /// Rows in a batch.
    pub batch: usize,
    /// Decides everything random.
    pub seed: u64,
    /// Threads of libtorch on the CPU; part of the run because sums are rounded differently for another number.
    pub threads: usize,
    /// Measure the best epoch on test too; otherwise the dataset needs no such split.
    pub measure_test: bool,
    /// Control: give each clip of train and val the labels and mask of another; a model can then learn nothing useful.
    pub permute_labels: bool,
    /// Which clips are left out of training.
    pub filters: Filters,
    /// How rows are drawn.
    pub sampling: SamplingConfig,
    /// The method.
    pub loss: LossConfig,
    /// The asset regulariser, if any.
    pub asset_reg: Option<AssetRegConfig>,
    /// The prior added to logits, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior_logits: Option<PriorLogitsConfig>,
    /// The network.
    pub model: ModelConfig,
    /// The optimiser.
    pub optimiser: OptimiserConfig,
    /// Changes made to training images.
    pub augment: AugmentConfig,
    /// When checkpoints are written.
    pub checkpoint: CheckpointConfig,
    /// What splits are measured on.
    #[serde(skip_serializing_if = "EvalConfig::is_default")]
    pub eval: EvalConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Target,
            single_positive: SinglePositive::Target,
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
            prior_logits: None,
            model: ModelConfig::default(),
            optimiser: OptimiserConfig::default(),
            augment: AugmentConfig::default(),
            checkpoint: CheckpointConfig::default(),
            eval: EvalConfig::default(),
        }
    }
}

impl Config {
    /// Reads settings; what the file leaves out keeps its default.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Setting`] for invalid TOML, an unknown key or a value of another type, with its line.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::io(path, Operation::Read, cause))?;
        toml::from_str(&text).map_err(|cause| Error::setting(path.display().to_string(), cause.to_string()))
    }

    /// The settings as TOML, every one of them.
    ///
    /// # Errors
    /// [`Error::Setting`] for a number that TOML cannot hold.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|cause| Error::setting("configuration", cause.to_string()))
    }

    /// Checks what needs no dataset. The parameters of the method are checked where it is made.
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
            ("sampling.window_shards", self.sampling.window_shards),
        ] {
            if value == Some(0) {
                return Err(Error::setting(setting, "must be at least 1"));
            }
        }
        if self.sampling.order.is_default() && self.sampling.window_shards.is_some() {
            let reason = "has no effect: the order is \"shuffled\"; set sampling.order = \"window\", or drop it";
            return Err(Error::setting("sampling.window_shards", reason));
        }
        let optimiser = &self.optimiser;
        for (setting, value, least) in [
            ("optimiser.lr", optimiser.lr, f64::MIN_POSITIVE),
            ("optimiser.weight_decay", optimiser.weight_decay, 0.0),
            ("optimiser.momentum", optimiser.momentum, 0.0),
            ("optimiser.last_layer", optimiser.last_layer, 0.0),
            ("loss.a", self.loss.a, 0.0),
            ("loss.b", self.loss.b, 0.0),
            ("loss.heard", self.loss.heard.unwrap_or(0.0), 0.0),
        ] {
            if !(value.is_finite() && value >= least) {
                let bound = if least > 0.0 { "above 0" } else { "0 or more" };
                return Err(Error::setting(
                    setting,
                    format!("must be a finite number {bound}, not {value}"),
                ));
            }
        }
        self.optimiser.validate()?;
        if self.loss.heard.is_some() && self.sampling.clips_per_asset.is_none_or(|clips| clips < 2) {
            let reason = "is about a recording's clips in one batch; set sampling.clips_per_asset to 2 or more";
            return Err(Error::setting("loss.heard", reason));
        }
        if self.checkpoint.every_steps == Some(0) {
            return Err(Error::setting("checkpoint.every_steps", "must be at least 1"));
        }
        if let Some(asset_reg) = &self.asset_reg {
            asset_reg.validate()?;
        }
        if let Some(prior) = &self.prior_logits {
            prior.validate(self.augment.mixup)?;
        }
        self.eval.validate()?;
        if self.permute_labels && self.eval.level == Level::Recording {
            let reason = "permutes labels of clips, so recordings cannot be measured; drop it, or measure clips";
            return Err(Error::setting("permute_labels", reason));
        }
        self.augment.validate()
    }

    /// The settings with defaults filled in that depend on the method, the device or the dataset, except for parameters
    /// that are worked out from the training rows.
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
            arrangement: self.sampling.arrangement(),
            drop_last: false,
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

    /// Copies parameters that a run of the same method has worked out and that are not set here: those in `worked_out`,
    /// or all if the run has no such list.
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
    fn invalid_values_are_named() {
        type Break = fn(&mut Config);
        let broken: [(&str, Break); 9] = [
            ("epochs", |config| config.epochs = 0),
            ("batch", |config| config.batch = 1),
            ("optimiser.lr", |config| config.optimiser.lr = f64::NAN),
            ("optimiser.clip_norm", |config| config.optimiser.clip_norm = Some(0.0)),
            ("optimiser.average", |config| config.optimiser.average = Some(1.0)),
            ("loss.b", |config| config.loss.b = -1.0),
            ("sampling.clips_per_asset", |config| {
                config.sampling.clips_per_asset = Some(0)
            }),
            ("seed", |config| config.seed = u64::MAX),
            ("prior_logits.at", |config| {
                config.prior_logits = toml::from_str("from = 'geo'\nat = 'both'").ok();
                config.augment.mixup = 0.5;
            }),
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
