//! Defines what `dataset.json` says, and the rules it must keep.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::checksum::Xxh3;
use crate::entry::{DATASET_JSON, FileEntry, REJECTS, TAXA, assets_path, labels_path, priors_path, shard_path};
use crate::error::{Error, Result};
use crate::layout::ClipSpec;
use crate::sidecar::{HEARD, IMPLIED_LABELS, LabelForm, TableForm};
use crate::words::{FrequencyScale, Row0, ValueReference, ValueUnit};

/// Value of `format`.
pub const FORMAT: &str = "l48-dataset";
/// Version of the dataset layout this crate writes and reads.
pub const SCHEMA_VERSION: u32 = 1;

/// What the image axes mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axes {
    /// How rows are spaced; [`FrequencyScale::None`] for photographs, whose numbers here are 0.
    pub frequency_scale: FrequencyScale,
    /// Lowest frequency of the image in Hz.
    pub fmin_hz: f64,
    /// Highest frequency of the image in Hz.
    pub fmax_hz: f64,
    /// Which frequency row 0 has; the upper edge of a photograph is [`Row0::Highest`].
    pub row_0: Row0,
    /// Columns per second.
    pub frame_rate_hz: f64,
    /// Length of a clip in seconds.
    pub clip_duration_s: f64,
    /// Seconds from the start of a clip to the start of the next one of its recording.
    pub hop_s: f64,
    /// Sample rate the images were computed at in Hz, if known.
    pub sample_rate_hz: Option<u32>,
}

impl Axes {
    /// The axes of photographs: neither is time or frequency.
    pub const PHOTOGRAPH: Self = Self {
        frequency_scale: FrequencyScale::None,
        fmin_hz: 0.0,
        fmax_hz: 0.0,
        row_0: Row0::Highest,
        frame_rate_hz: 0.0,
        clip_duration_s: 0.0,
        hop_s: 0.0,
        sample_rate_hz: None,
    };

    /// Whether the images are photographs.
    #[must_use]
    pub fn is_photograph(&self) -> bool {
        self.frequency_scale == FrequencyScale::None
    }
}

/// What the stored values mean: `physical = offset + step * stored`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueScale {
    /// Unit of the physical value.
    pub unit: ValueUnit,
    /// What a physical value of 0 is.
    pub reference: ValueReference,
    /// Physical value of a stored 0.
    pub offset: f64,
    /// Physical difference between stored values 1 apart.
    pub step: f64,
}

/// How much there is in the dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Shards, numbered from 0.
    pub shards: u32,
    /// Clips in all shards.
    pub clips: u64,
    /// Recordings with clips.
    pub assets: u64,
    /// Recordings left out.
    pub rejects: u64,
}

/// What is known of a dataset before its first clip is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatasetHead {
    /// Features that a reader must know.
    pub features_required: Vec<String>,
    /// Features that a reader may ignore.
    pub features_optional: Vec<String>,
    /// Name of the dataset.
    pub name: String,
    /// Program and version that wrote it.
    pub program: String,
    /// Configuration of the build; opaque here.
    pub config: serde_json::Value,
    /// The build's own checksum of its configuration; opaque here, compared for equality only.
    pub config_xxh3: Xxh3,
    /// Shape and number type of every clip.
    pub clips: ClipSpec,
    /// Meaning of the image axes.
    pub axes: Axes,
    /// Meaning of the values.
    pub values: ValueScale,
    /// Vector instruction set the images were computed with; results may differ in the last bits between sets.
    pub instruction_set: String,
}

impl DatasetHead {
    /// The form of the label tables.
    #[must_use]
    pub fn label_form(&self) -> LabelForm {
        match self.features_required.iter().any(|feature| feature == IMPLIED_LABELS) {
            true => LabelForm::Implied,
            false => LabelForm::Listed,
        }
    }

    /// The form of all tables.
    #[must_use]
    pub fn table_form(&self) -> TableForm {
        TableForm {
            labels: self.label_form(),
            heard: self.features_optional.iter().any(|feature| feature == HEARD),
        }
    }

    /// Checks every rule; `path` is that of `dataset.json`.
    ///
    /// # Errors
    /// [`Error::DatasetJson`] naming the field, [`Error::UnsupportedFeature`].
    pub fn validate(&self, path: &Path) -> Result<()> {
        let fail = |field, reason: String| Error::DatasetJson {
            path: path.to_path_buf(),
            field,
            reason,
        };
        check_features(path, &self.features_required)?;
        self.clips.validate().map_err(|e| fail("clips", e.to_string()))?;
        let numbers = [
            ("axes.fmin_hz", self.axes.fmin_hz),
            ("axes.fmax_hz", self.axes.fmax_hz),
            ("axes.frame_rate_hz", self.axes.frame_rate_hz),
            ("axes.clip_duration_s", self.axes.clip_duration_s),
            ("axes.hop_s", self.axes.hop_s),
            ("values.offset", self.values.offset),
            ("values.step", self.values.step),
        ];
        match numbers.into_iter().find(|(_, value)| !value.is_finite()) {
            Some((field, value)) => Err(fail(field, format!("{value} is not a finite number"))),
            None => Ok(()),
        }
    }
}

/// The content of `dataset.json`, but for its checksum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "DatasetJson", try_from = "DatasetJson")]
pub struct DatasetInfo {
    /// What was known before the first clip.
    pub head: DatasetHead,
    /// Totals.
    pub counts: Counts,
    /// What was left out or changed when the dataset was made, counted by reason. The reasons are the program's.
    pub tallies: BTreeMap<String, u64>,
    /// Every file of the dataset but `dataset.json`.
    pub files: Vec<FileEntry>,
}

/// The members of the file, in its order.
#[derive(Serialize, Deserialize)]
struct DatasetJson {
    format: String,
    schema_version: u32,
    #[serde(flatten)]
    head: DatasetHead,
    counts: Counts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tallies: BTreeMap<String, u64>,
    files: Vec<FileEntry>,
}

impl From<DatasetInfo> for DatasetJson {
    fn from(info: DatasetInfo) -> Self {
        let DatasetInfo {
            head,
            counts,
            tallies,
            files,
        } = info;
        Self {
            format: FORMAT.to_owned(),
            schema_version: SCHEMA_VERSION,
            head,
            counts,
            tallies,
            files,
        }
    }
}

impl TryFrom<DatasetJson> for DatasetInfo {
    type Error = Error;

    fn try_from(json: DatasetJson) -> Result<Self> {
        let DatasetJson {
            head,
            counts,
            tallies,
            files,
            ..
        } = json;
        check_version(Path::new(DATASET_JSON), &json.format, json.schema_version.into())?;
        Ok(Self {
            head,
            counts,
            tallies,
            files,
        })
    }
}

impl DatasetInfo {
    /// Checks every rule; both the writer and the reader go through here. `path` is that of `dataset.json`.
    ///
    /// # Errors
    /// As [`DatasetHead::validate`].
    pub fn validate(&self, path: &Path) -> Result<()> {
        self.head.validate(path)?;
        self.check_files().map_err(|reason| Error::DatasetJson {
            path: path.to_path_buf(),
            field: "files",
            reason,
        })
    }

    /// The file list must be the layout's, each file once, with row counts that fit the totals.
    fn check_files(&self) -> std::result::Result<(), String> {
        let mut rows = HashMap::new();
        for entry in &self.files {
            if rows.insert(entry.path.as_str(), entry.rows).is_some() {
                return Err(format!("{:?} is listed twice", entry.path));
            }
        }
        let mut take = |path: &str| rows.remove(path).ok_or_else(|| format!("{path:?} is not listed"));
        take(TAXA)?;
        let (mut clips, mut assets, rejects) = (0_u64, 0_u64, take(REJECTS)?);
        for shard in 0..self.counts.shards {
            let in_shard = [take(&shard_path(shard))?, take(&labels_path(shard))?];
            let of_assets = [take(&assets_path(shard))?, take(&priors_path(shard))?];
            for [a, b] in [in_shard, of_assets] {
                if a != b {
                    return Err(format!(
                        "shard {shard}: tables that belong together have {a} and {b} rows"
                    ));
                }
            }
            clips = clips.saturating_add(in_shard[0]);
            assets = assets.saturating_add(of_assets[0]);
        }
        if let Some(other) = rows.keys().min() {
            return Err(format!(
                "{other:?} does not belong to a dataset with {} shards",
                self.counts.shards
            ));
        }
        let (counted, stated) = (
            (clips, assets, rejects),
            (self.counts.clips, self.counts.assets, self.counts.rejects),
        );
        if counted != stated {
            return Err(format!(
                "clips, assets and rejects add up to {counted:?}, counts say {stated:?}"
            ));
        }
        Ok(())
    }
}

/// Refuses the file of another format or version; asked before anything else is read.
pub(super) fn check_version(path: &Path, format: &str, version: u64) -> Result<()> {
    if format != FORMAT {
        let reason = format!("{format:?}, expected {FORMAT:?}");
        return Err(Error::DatasetJson {
            path: path.to_path_buf(),
            field: "format",
            reason,
        });
    }
    if version != u64::from(SCHEMA_VERSION) {
        let (path, got) = (path.to_path_buf(), version.to_string());
        return Err(Error::UnsupportedVersion {
            path,
            supported: SCHEMA_VERSION,
            got,
        });
    }
    Ok(())
}

/// Refuses a feature that this crate does not know.
pub(super) fn check_features(path: &Path, required: &[String]) -> Result<()> {
    match required.iter().find(|feature| *feature != IMPLIED_LABELS) {
        Some(feature) => Err(Error::UnsupportedFeature {
            path: path.to_path_buf(),
            feature: feature.clone(),
        }),
        None => Ok(()),
    }
}
