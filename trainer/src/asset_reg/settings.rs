//! Defines the settings of the asset regulariser, with their defaults.

use std::str::FromStr;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::group::Group;
use crate::error::{Error, Result};

/// Word for [`Init::Uniform`].
const UNIFORM: &str = "uniform";

/// Initial value of entries without a known positive; written as `uniform` or a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenInit", into = "WrittenInit")]
pub enum Init {
    /// U(.4, .6), keyed by seed and asset id.
    #[default]
    Uniform,
    /// One value for all.
    Value(f64),
}

/// [`Init`] as it is written in a configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenInit {
    Number(f64),
    Word(String),
}

impl From<Init> for WrittenInit {
    fn from(init: Init) -> Self {
        match init {
            Init::Uniform => Self::Word(UNIFORM.into()),
            Init::Value(value) => Self::Number(value),
        }
    }
}

impl TryFrom<WrittenInit> for Init {
    type Error = String;

    fn try_from(written: WrittenInit) -> std::result::Result<Self, String> {
        match written {
            WrittenInit::Number(value) => Ok(Self::Value(value)),
            WrittenInit::Word(word) => word.parse(),
        }
    }
}

impl FromStr for Init {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<Self, String> {
        match word.parse() {
            Ok(value) => Ok(Self::Value(value)),
            Err(_) if word == UNIFORM => Ok(Self::Uniform),
            Err(_) => Err(format!("{word:?} is neither {UNIFORM:?} nor a number")),
        }
    }
}

/// Controls of the regulariser, each without one part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// None: the regulariser itself.
    #[default]
    None,
    /// The table stays as initialised.
    Frozen,
    /// Groups are permuted over the training clips, so that rows of the table are meaningless.
    Shuffled,
    /// The table stays at the start of entries without a known positive: smoothing, and nothing else.
    Constant,
}

/// What the table takes for present when it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Positives {
    /// Known positives of any of the group's training clips.
    #[default]
    #[serde(alias = "clips")]
    #[value(alias = "clips")]
    Union,
    /// What the released code makes of them: of each asset the first clip, for asset ids 0, 1, 2, ... up to the first
    /// that is missing.
    Published,
    /// Nothing.
    None,
    /// Known positives of the clips, and what was heard anywhere in the recording.
    Heard,
}

/// Which entries are pulled towards the table and move it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// All.
    #[default]
    All,
    /// Those that are unknown in the mode of the run.
    Unknown,
}

/// What the table makes of a group's predictions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// A running mean that begins at the table's start.
    #[default]
    Ema,
    /// The same without the weight that the start has in it.
    EmaCorrected,
    /// For each clip the mean of the latest predictions of its group's other clips.
    Others,
}

/// The regulariser as configured; the defaults are the published values, where there are any.
///
/// Settings that came later are left out of a run's settings where they are what every run had before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AssetRegConfig {
    /// Weight in the loss; the published one is not given.
    pub alpha: f64,
    /// Share by which an entry moves towards a new probability; by default the published .001.
    pub eps: f64,
    /// Start of unknown entries.
    pub init: Init,
    /// Control, if any.
    pub control: Control,
    /// What starts at 1.
    #[serde(skip_serializing_if = "is_default")]
    pub positives: Positives,
    /// Which entries are pulled and move the table.
    #[serde(skip_serializing_if = "is_default")]
    pub on: On,
    /// What the table makes of predictions.
    #[serde(skip_serializing_if = "is_default")]
    pub average: Average,
    /// Which clips share a row of the table.
    #[serde(skip_serializing_if = "is_default")]
    pub group: Group,
}

/// Whether a setting is what every run had before there was a choice.
fn is_default<T: Default + PartialEq>(setting: &T) -> bool {
    *setting == T::default()
}

impl Default for AssetRegConfig {
    fn default() -> Self {
        Self {
            alpha: 0.1,
            eps: 0.001,
            init: Init::default(),
            control: Control::default(),
            positives: Positives::default(),
            on: On::default(),
            average: Average::default(),
            group: Group::default(),
        }
    }
}

impl AssetRegConfig {
    /// Checks that every value makes sense.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the setting and its range.
    pub fn validate(&self) -> Result<()> {
        let init = if let Init::Value(value) = self.init { value } else { 0.5 };
        for (name, value, max) in [("alpha", self.alpha, 1e9), ("eps", self.eps, 1.0), ("init", init, 1.0)] {
            if !(0.0..=max).contains(&value) {
                let reason = format!("{value} is not from 0 to {max}");
                return Err(Error::setting(format!("asset_reg.{name}"), reason));
            }
        }
        if self.average == Average::EmaCorrected && self.eps == 0.0 {
            let reason = "is 0, so that no prediction counts; a corrected mean needs a value above 0";
            return Err(Error::setting("asset_reg.eps", reason));
        }
        if self.positives == Positives::Published && self.group != Group::default() {
            let reason = "is \"published\", which goes by asset ids; set asset_reg.group = \"asset\"";
            return Err(Error::setting("asset_reg.positives", reason));
        }
        Ok(())
    }
}
