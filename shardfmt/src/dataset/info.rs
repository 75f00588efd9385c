//! Defines what `dataset.json` says, and the rules it must keep.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::entry::{FileEntry, REJECTS, TAXA, assets_path, hex_digits, labels_path, priors_path, shard_path};
use crate::error::{Error, Result};
use crate::layout::ClipSpec;

/// Value of `format`.
pub const FORMAT: &str = "l48-dataset";
/// Version of the dataset layout this crate writes and reads.
pub const SCHEMA_VERSION: u32 = 1;

/// `axes.frequency_scale` of photographs.
pub const NO_FREQUENCY: &str = "none";

/// What the image axes mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axes {
    /// How rows are spaced: `mel-slaney`, `mel-htk` or `linear`; `none` for photographs, whose other numbers here are 0.
    pub frequency_scale: String,
    /// Lowest frequency of the image in Hz.
    pub fmin_hz: f64,
    /// Highest frequency of the image in Hz.
    pub fmax_hz: f64,
    /// Which frequency row 0 has: `lowest` or `highest`; `highest` for photographs, whose row 0 is the upper edge.
    pub row_0: String,
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
    /// Whether the images are photographs: neither axis is time or frequency.
    #[must_use]
    pub fn is_photograph(&self) -> bool {
        self.frequency_scale == NO_FREQUENCY
    }
}

/// What the stored values mean: `physical = offset + step * stored`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueScale {
    /// `dB`, or `level` for a scale without a physical unit.
    pub unit: String,
    /// What 0 is: `clip` (the clip's own `ref_db`), `fixed` or `none`.
    pub reference: String,
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

/// The content of `dataset.json`, but for its checksum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatasetInfo {
    /// Always [`FORMAT`].
    pub format: String,
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
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
    #[serde(with = "hex_digits")]
    pub config_xxh3: u64,
    /// Shape and number type of every clip.
    pub clips: ClipSpec,
    /// Meaning of the image axes.
    pub axes: Axes,
    /// Meaning of the values.
    pub values: ValueScale,
    /// Vector instruction set the images were computed with; results may differ in the last bits between sets.
    pub instruction_set: String,
    /// Totals.
    pub counts: Counts,
    /// Every file of the dataset but `dataset.json`.
    pub files: Vec<FileEntry>,
}

impl DatasetInfo {
    /// Checks every rule; both the writer and the reader go through here. `path` is that of `dataset.json`.
    ///
    /// # Errors
    /// [`Error::DatasetJson`] naming the field, [`Error::UnsupportedVersion`], [`Error::UnsupportedFeature`].
    pub fn validate(&self, path: &Path) -> Result<()> {
        let fail = |field, reason: String| Error::DatasetJson {
            path: path.to_path_buf(),
            field,
            reason,
        };
        check_supported(
            path,
            &self.format,
            u64::from(self.schema_version),
            &self.features_required,
        )?;
        self.clips.validate().map_err(|e| fail("clips", e.to_string()))?;
        let words: [(&'static str, &str, &[&str]); 4] = [
            (
                "axes.frequency_scale",
                &self.axes.frequency_scale,
                &["mel-slaney", "mel-htk", "linear", NO_FREQUENCY],
            ),
            ("axes.row_0", &self.axes.row_0, &["lowest", "highest"]),
            ("values.unit", &self.values.unit, &["dB", "level"]),
            ("values.reference", &self.values.reference, &["clip", "fixed", "none"]),
        ];
        for (field, word, known) in words {
            if !known.contains(&word) {
                return Err(fail(field, format!("{word:?} is none of {known:?}")));
            }
        }
        let numbers = [
            ("axes.fmin_hz", self.axes.fmin_hz),
            ("axes.fmax_hz", self.axes.fmax_hz),
            ("axes.frame_rate_hz", self.axes.frame_rate_hz),
            ("axes.clip_duration_s", self.axes.clip_duration_s),
            ("axes.hop_s", self.axes.hop_s),
            ("values.offset", self.values.offset),
            ("values.step", self.values.step),
        ];
        if let Some((field, value)) = numbers.into_iter().find(|(_, value)| !value.is_finite()) {
            return Err(fail(field, format!("{value} is not a finite number")));
        }
        self.check_files().map_err(|reason| fail("files", reason))
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
                "{other:?} is no file of a dataset with {} shards",
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

/// Refuses what a newer program wrote; asked before anything else is read.
pub(super) fn check_supported(path: &Path, format: &str, version: u64, required: &[String]) -> Result<()> {
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
    match required.first() {
        Some(feature) => Err(Error::UnsupportedFeature {
            path: path.to_path_buf(),
            feature: feature.clone(),
        }),
        None => Ok(()),
    }
}
