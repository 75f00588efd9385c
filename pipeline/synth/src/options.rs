//! Defines which synthetic set to make.

use serde::{Deserialize, Serialize};

use crate::conditions::Conditions;
use crate::layout::SetLayout;

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
    /// How large it is, and in what it is as recordings from the field are.
    #[serde(default, skip_serializing_if = "Conditions::are_default")]
    pub conditions: Conditions,
}
