//! Defines the layouts that a benchmark is written in.

use std::fmt;

use serde::{Deserialize, Serialize};

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
