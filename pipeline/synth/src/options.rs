//! Defines which synthetic set to make.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Fewest recordings with which the demo's quotas can be met reliably.
pub const MIN_RECORDINGS: usize = 60;

/// Which small demo to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoOptions {
    /// Decides everything random.
    pub seed: u64,
    /// Number of recordings, at least [`MIN_RECORDINGS`].
    pub recordings: usize,
    /// What to write.
    pub form: DemoForm,
}

/// What a small demo is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DemoForm {
    /// Recordings, six tables and a manifest: for `l48 build`.
    #[default]
    Tables,
    /// The memory card of AudioMoth recorders, without tables: for `l48 scan`.
    AudioMoth,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self {
            seed: 48,
            recordings: 240,
            form: DemoForm::Tables,
        }
    }
}

/// Which benchmark to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkOptions {
    /// Decides everything random.
    pub seed: u64,
    /// How alike the members of a triple are, from 0 (clearly distinct) to 1 (alike but for chance). Who sings when
    /// hardly depends on it.
    pub confusability: f64,
    /// What to write.
    pub layout: SetLayout,
}

/// What a benchmark is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SetLayout {
    /// Recordings, six tables and a manifest: for `l48 build`.
    Audio,
    /// Linear spectrograms of the same recordings as JPEGs, in the layout of the L48 data set: for `l48 import ml48s`.
    Ml48s,
    /// Colour pictures of the same truth in the layout of COCO 2014, one for each clip: for `l48 import coco2014`.
    Coco,
}

impl fmt::Display for SetLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Audio => "audio",
            Self::Ml48s => "ml48s",
            Self::Coco => "coco",
        })
    }
}
