//! Defines `run.json`: the dataset and program of a run, so that its weights are never used on other images or classes
//! by mistake.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use frontend::{ImageSettings, RecordedImages};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shardfmt::entry::DATASET_JSON;
use shardfmt::{Axes, ClipSpec, Dataset, Taxon, ValueScale, Xxh3, difference, hash_file};
use tch::Device;

use crate::error::{Error, Result};

/// Value of `format`.
const FORMAT: &str = "l48-run";
/// Version of the layout this crate writes and reads.
const SCHEMA_VERSION: u32 = 1;
/// The section of the settings of images that may differ between a run's dataset and another: where clips are cut. Their length is in the
/// axes.
const CUTTING: &str = "clips";
/// Differences that are listed one by one.
const LISTED_DIFFERENCES: usize = 12;

/// The content of `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Always `l48-run`.
    pub format: String,
    /// Version of the layout.
    pub schema_version: u32,
    /// Program and version that began the run.
    pub program: String,
    /// Version of libtorch.
    pub torch: String,
    /// Where it computes, `cpu` or `cuda`; missing in runs of earlier versions.
    #[serde(default)]
    pub device: Option<String>,
    /// Threads that libtorch computes with; sums on a CPU depend on their number in the last bits.
    pub threads: usize,
    /// Parameters of the method that were worked out from the training rows, not given; missing in runs of earlier
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worked_out: Option<Vec<String>>,
    /// The dataset trained on.
    pub dataset: DatasetRecord,
}

/// The dataset of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatasetRecord {
    /// Name of the dataset.
    pub name: String,
    /// Its folder when the run began; it may have moved since.
    pub path: PathBuf,
    /// XXH3-64 of `dataset.json`, which lists the checksum of every file: a hash over all content.
    pub dataset_xxh3: Xxh3,
    /// The build's own checksum of its configuration.
    pub config_xxh3: Xxh3,
    /// Shape and number type of every clip.
    pub clips: ClipSpec,
    /// Meaning of the image axes.
    pub axes: Axes,
    /// Meaning of the values.
    pub values: ValueScale,
    /// The parts `audio`, `clips` and `spectrogram` of the dataset's configuration, where it has them: with clip shape,
    /// axes and values all that decides the image of a recording. Runs of earlier versions lack `clips` and call it
    /// `settings`.
    #[serde(alias = "settings")]
    pub image: BTreeMap<String, Value>,
    /// The classes, in class order.
    pub taxa: Vec<Taxon>,
}

impl RunRecord {
    /// The record of a run on `dataset`, by this version of the program, without `worked_out`.
    ///
    /// # Errors
    /// [`Error::Dataset`] if `dataset.json` cannot be read.
    pub fn new(dataset: &Dataset, torch: &str, device: Device, threads: usize) -> Result<Self> {
        Ok(Self {
            format: FORMAT.to_owned(),
            schema_version: SCHEMA_VERSION,
            program: concat!("l48-train ", env!("CARGO_PKG_VERSION")).to_owned(),
            torch: torch.to_owned(),
            device: Some(device_name(device).to_owned()),
            threads,
            worked_out: None,
            dataset: DatasetRecord::new(dataset)?,
        })
    }

    /// Whether the run is known to compute on another kind of device than `device`.
    #[must_use]
    pub fn is_of_another(&self, device: Device) -> bool {
        self.device.as_ref().is_some_and(|name| name != device_name(device))
    }

    pub(super) fn check_version(&self) -> std::result::Result<(), String> {
        if (self.format.as_str(), self.schema_version) == (FORMAT, SCHEMA_VERSION) {
            return Ok(());
        }
        let got = format!("{} version {}", self.format, self.schema_version);
        Err(format!(
            "is {got}, but this program reads {FORMAT} version {SCHEMA_VERSION}; use the program that wrote the run"
        ))
    }
}

impl DatasetRecord {
    /// The record of `dataset`.
    ///
    /// # Errors
    /// [`Error::Dataset`] if `dataset.json` cannot be read.
    pub fn new(dataset: &Dataset) -> Result<Self> {
        let head = dataset.head();
        let setting = |name: &str| Some((name.to_owned(), head.config.get(name)?.clone()));
        Ok(Self {
            name: head.name.clone(),
            path: dataset.place(),
            dataset_xxh3: hash_file(&dataset.dir().join(DATASET_JSON))?.xxh3,
            config_xxh3: head.config_xxh3,
            clips: head.clips,
            axes: head.axes.clone(),
            values: head.values.clone(),
            image: ImageSettings::KEYS.into_iter().filter_map(setting).collect(),
            taxa: dataset.taxa().iter().cloned().collect(),
        })
    }

    /// What decided the images, for recordings that are to be rendered alike.
    #[must_use]
    pub fn images(&self) -> RecordedImages<'_> {
        RecordedImages {
            sections: &self.image,
            clips: self.clips,
            axes: &self.axes,
            values: &self.values,
        }
    }

    /// Checks that the images and classes of `dataset` mean what those of the run's own dataset do; `run` is for the
    /// error. Clips, labels, names of classes in plain language and the distance between clips may differ.
    ///
    /// # Errors
    /// [`Error::OtherDataset`] listing what differs; [`Error::Dataset`] if `dataset.json` cannot be read.
    pub fn check_compatible(&self, run: &Path, dataset: &Dataset) -> Result<()> {
        let other = Self::new(dataset)?;
        self.refuse(run, dataset, self.differences(&other))
    }

    /// Checks that `dataset` is the very dataset of the run, as resuming it requires.
    ///
    /// # Errors
    /// As [`DatasetRecord::check_compatible`].
    pub fn check_same(&self, run: &Path, dataset: &Dataset) -> Result<()> {
        let other = Self::new(dataset)?;
        let mut differences = self.differences(&other);
        if differences.is_empty() && self.dataset_xxh3 != other.dataset_xxh3 {
            differences.push("its content (clips, labels, priors or splits) has changed since".to_owned());
        }
        self.refuse(run, dataset, differences)
    }

    fn refuse(&self, run: &Path, dataset: &Dataset, differences: Vec<String>) -> Result<()> {
        if differences.is_empty() {
            return Ok(());
        }
        let (run, dataset) = (run.to_path_buf(), dataset.dir().to_path_buf());
        Err(Error::OtherDataset {
            run,
            dataset,
            differences: differences.join("; "),
        })
    }

    fn differences(&self, other: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |name: &str, ours: Value, theirs: Value| {
            differences.extend(difference(name, &ours, &theirs).iter().map(|difference| {
                let [ours, theirs] = difference.values();
                format!("{} is {theirs}, in the run {ours}", difference.path)
            }));
        };
        compare("clips", json(&self.clips), json(&other.clips));
        // The distance between clips changes no image.
        let hop_s = self.axes.hop_s;
        compare(
            "axes",
            json(&self.axes),
            json(&Axes {
                hop_s,
                ..other.axes.clone()
            }),
        );
        compare("values", json(&self.values), json(&other.values));
        for (name, ours) in self.image.iter().filter(|(name, _)| *name != CUTTING) {
            // An imported set has no such settings; then the axes must suffice.
            if let Some(theirs) = other.image.get(name) {
                compare(name, ours.clone(), theirs.clone());
            }
        }
        differences.extend(self.class_differences(other));
        let more = differences.len().saturating_sub(LISTED_DIFFERENCES);
        differences.truncate(LISTED_DIFFERENCES);
        differences.extend((more > 0).then(|| format!("and {more} more")));
        differences
    }

    fn class_differences(&self, other: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        if self.taxa.len() != other.taxa.len() {
            differences.push(format!("{} classes, in the run {}", other.taxa.len(), self.taxa.len()));
        }
        let pairs = self.taxa.iter().zip(&other.taxa).enumerate();
        for (class, (ours, theirs)) in pairs.filter(|(_, (ours, theirs))| ours.species_code != theirs.species_code) {
            differences.push(format!(
                "class {class} is {:?}, in the run {:?}",
                theirs.species_code, ours.species_code
            ));
        }
        differences
    }
}

/// The name of a kind of device on the command line and in a run's record.
#[must_use]
pub fn device_name(device: Device) -> &'static str {
    if device.is_cuda() { "cuda" } else { "cpu" }
}

/// `value` as JSON, which everything read from dataset.json has.
fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
