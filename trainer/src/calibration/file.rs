//! Defines `calibration.json`, the calibration of a run: which weights it is of, and the logistic of every class.

use std::io::ErrorKind;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shardfmt::persist::write_atomic;
use shardfmt::sealed::{seal, unseal};
use shardfmt::{Operation, Taxon, Xxh3};

use super::{Calibration, FittedClass, Logistic};
use crate::error::{Error, Result};

/// Value of `format`.
const FORMAT: &str = "l48-calibration";
/// Version of the layout this crate writes and reads.
const SCHEMA_VERSION: u32 = 1;

/// The content of `calibration.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationRecord {
    format: String,
    schema_version: u32,
    /// Program and version that fitted it.
    program: String,
    /// Checksum of the weights whose logits it is of.
    pub weights_xxh3: Xxh3,
    /// XXH3-64 of the `dataset.json` whose val it was fitted on.
    pub dataset_xxh3: Xxh3,
    /// Clips of val.
    pub clips: u64,
    /// The logistic of all classes together.
    pub pooled: Logistic,
    /// In class order.
    pub classes: Vec<ClassRecord>,
}

/// The calibration of a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassRecord {
    /// The class.
    pub species_code: String,
    /// p = sigmoid(slope x + intercept).
    pub slope: f64,
    /// See `slope`.
    pub intercept: f64,
    /// Clips that are known to have it.
    pub positives: u64,
    /// Clips that are known not to.
    pub negatives: u64,
    /// Whether slope and intercept are those of all classes together.
    pub pooled: bool,
}

/// The file of a run's calibration.
#[derive(Clone, Debug)]
pub struct CalibrationFile {
    path: PathBuf,
}

impl CalibrationFile {
    /// The file at `path`, which may not be there.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Writes the calibration.
    ///
    /// # Errors
    /// [`Error::Dataset`] if it cannot be written.
    pub fn write(&self, record: &CalibrationRecord) -> Result<()> {
        let json = serde_json::to_string_pretty(record).map_err(|error| self.damaged(error.to_string()))?;
        Ok(write_atomic(&self.path, &seal(&json, &self.path)?)?)
    }

    /// The calibration of the weights with this checksum and these classes, and its own checksum.
    ///
    /// # Errors
    /// [`Error::RunFile`] if there is none, or one of other weights or of another version, and [`Error::Dataset`] if it
    /// is damaged.
    pub fn read(&self, weights_xxh3: Xxh3, taxa: &[Taxon]) -> Result<(Calibration, Xxh3)> {
        let bytes = std::fs::read(&self.path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => self.damaged("no such file; run `l48-train calibrate` first".to_owned()),
            _ => Error::io(&self.path, Operation::Read, cause),
        })?;
        let json = unseal(&bytes, &self.path)?;
        let record: CalibrationRecord = serde_json::from_str(json).map_err(|error| self.damaged(error.to_string()))?;
        if (record.format.as_str(), record.schema_version) != (FORMAT, SCHEMA_VERSION) {
            let got = format!("{} version {}", record.format, record.schema_version);
            let reason = format!("is {got}, but this program reads {FORMAT} version {SCHEMA_VERSION}");
            return Err(self.damaged(reason));
        }
        let codes = |codes: &mut dyn Iterator<Item = &String>| codes.cloned().collect::<Vec<_>>();
        let same_classes = codes(&mut record.classes.iter().map(|class| &class.species_code))
            == codes(&mut taxa.iter().map(|taxon| &taxon.species_code));
        if record.weights_xxh3 != weights_xxh3 || !same_classes {
            let reason = "is of other weights than those of the best epoch now; run `l48-train calibrate` again";
            return Err(self.damaged(reason.to_owned()));
        }
        let logistic = |class: &ClassRecord| Logistic {
            slope: class.slope,
            intercept: class.intercept,
        };
        let classes = record.classes.iter().map(logistic).collect();
        Ok((Calibration { classes }, Xxh3::of(&bytes)))
    }

    fn damaged(&self, reason: String) -> Error {
        let path = self.path.clone();
        Error::RunFile { path, reason }
    }
}

impl CalibrationRecord {
    /// The record of what was fitted now.
    #[must_use]
    pub fn new(
        [weights_xxh3, dataset_xxh3]: [Xxh3; 2],
        clips: u64,
        taxa: &[Taxon],
        (fitted, pooled): (&[FittedClass], Logistic),
    ) -> Self {
        let class = |(taxon, class): (&Taxon, &FittedClass)| ClassRecord {
            species_code: taxon.species_code.clone(),
            slope: class.logistic.slope,
            intercept: class.logistic.intercept,
            positives: class.positives,
            negatives: class.negatives,
            pooled: class.pooled,
        };
        Self {
            format: FORMAT.to_owned(),
            schema_version: SCHEMA_VERSION,
            program: concat!("l48-train ", env!("CARGO_PKG_VERSION")).to_owned(),
            weights_xxh3,
            dataset_xxh3,
            clips,
            pooled,
            classes: taxa.iter().zip(fitted).map(class).collect(),
        }
    }
}
