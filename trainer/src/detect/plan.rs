//! Defines `Plan`, the settings of a folder of detections, so that work is only ever continued with the same ones.

use std::collections::BTreeMap;
use std::path::PathBuf;

use frontend::ImageSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shardfmt::{Xxh3, difference};

/// Value of `format`.
const FORMAT: &str = "l48-detections";
/// Version of the layout this crate writes and reads.
const SCHEMA_VERSION: u32 = 1;

/// The content of `detections.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    format: String,
    schema_version: u32,
    /// Program and version that began the folder.
    program: String,
    /// Folder of the run when the work began; it may have moved since.
    run: PathBuf,
    /// What decides the detections of a recording.
    settings: PlanSettings,
}

/// What decides the detections of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanSettings {
    /// Checksum of the weights.
    pub weights_xxh3: Xxh3,
    /// How recordings are cut and rendered.
    pub image: ImageSettings,
    /// The least probability of a class that `thresholds` does not name.
    pub min_score: f64,
    /// The least probability of others, by species code.
    pub thresholds: BTreeMap<String, f64>,
    /// At most so many classes of a window.
    pub top_k: Option<usize>,
    /// Checksum of the calibration that makes probabilities of logits; without one they are sigmoids.
    pub calibration_xxh3: Option<Xxh3>,
    /// Whether the features of every window are written.
    pub embeddings: bool,
}

impl Plan {
    /// The plan of a folder that is begun now.
    #[must_use]
    pub fn new(run: PathBuf, settings: PlanSettings) -> Self {
        Self {
            format: FORMAT.to_owned(),
            schema_version: SCHEMA_VERSION,
            program: concat!("l48-train ", env!("CARGO_PKG_VERSION")).to_owned(),
            run,
            settings,
        }
    }

    /// Why this program cannot continue a folder that has this plan, if it cannot.
    pub(super) fn check_version(&self) -> std::result::Result<(), String> {
        if (self.format.as_str(), self.schema_version) == (FORMAT, SCHEMA_VERSION) {
            return Ok(());
        }
        let got = format!("{} version {}", self.format, self.schema_version);
        Err(format!(
            "is {got}, but this program reads {FORMAT} version {SCHEMA_VERSION}"
        ))
    }

    /// Settings that `asked` has otherwise: name, value here, value there.
    pub(super) fn differences(&self, asked: &Self) -> Vec<String> {
        let json = |settings: &PlanSettings| serde_json::to_value(settings).unwrap_or(Value::Null);
        let found = difference("", &json(&self.settings), &json(&asked.settings));
        let differences = found.iter().map(|difference| {
            let [ours, theirs] = difference.values();
            format!("{}: {ours} -> {theirs}", difference.path)
        });
        differences.collect()
    }
}
