//! Reads what a report tells of a training run: its record, settings, measurements and pictures, as its folder has them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use shardfmt::sealed::unseal;
use shardfmt::{Operation, Split, Xxh3};

use crate::error::{Error, Result, io};
use crate::tables::{Columns, Problems, Table};

const RECORD: &str = "run.json";
/// Where the report looks for the scores of every clip.
pub const PREDICTIONS: &str = "predictions.parquet";
/// Drawings that a run may have, with what they show.
const DRAWINGS: [(&str, &str); 2] = [
    ("curves.svg", "Loss and mAP by epoch"),
    (
        "reliability.svg",
        "Reliability: how often a class is there at a probability",
    ),
];

/// The columns of `per_class.parquet`.
const PER_CLASS: Columns<'_> = Columns {
    required: &["split", "species_code", "ap", "positives", "clips"],
    optional: &[],
};

/// The members of `run.json` that are told.
#[derive(Debug, Deserialize)]
struct Record {
    program: String,
    #[serde(default)]
    device: Option<String>,
    dataset: DatasetOfRun,
}

/// The dataset trained on.
#[derive(Debug, Deserialize)]
struct DatasetOfRun {
    path: PathBuf,
    dataset_xxh3: Xxh3,
}

/// Names and their values.
type Facts = Vec<(&'static str, String)>;

/// The average precision of a class on a split.
#[derive(Debug)]
pub(super) struct ClassAp {
    pub(super) split: Split,
    pub(super) species_code: String,
    /// 0 to 1; not a number for a class without positives.
    pub(super) ap: f64,
    /// Clips with the class.
    pub(super) positives: u32,
    /// Clips evaluated.
    pub(super) clips: u32,
}

/// What a run's folder holds for a report.
#[derive(Debug)]
pub struct RunTables {
    dir: PathBuf,
    record: Record,
    pub(super) config: Option<String>,
    /// What the log says of its end.
    pub(super) outcome: Facts,
    /// SVG drawings with what they show.
    pub(super) drawings: Vec<(&'static str, Vec<u8>)>,
    pub(super) per_class: Vec<ClassAp>,
}

impl RunTables {
    /// Whether `dir` is the folder of a run.
    pub fn is_run(dir: &Path) -> bool {
        dir.join(RECORD).is_file()
    }

    /// Reads the folder of a run, finished or not.
    ///
    /// # Errors
    /// [`Error::Run`] if its record is damaged; [`Error::Manifest`] if its table of classes is; [`Error::Io`].
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(RECORD);
        let bytes = fs::read(&path).map_err(io(Operation::Read, &path))?;
        let damaged = |reason: String| Error::Run {
            path: path.clone(),
            reason,
        };
        let record = serde_json::from_str(unseal(&bytes, &path)?).map_err(|error| damaged(error.to_string()))?;
        let drawings = DRAWINGS
            .iter()
            .filter_map(|(file, what)| Some((*what, fs::read(dir.join(file)).ok()?)));
        Ok(Self {
            record,
            config: fs::read_to_string(dir.join("config.toml")).ok(),
            outcome: outcome(&dir.join("metrics.jsonl"))?,
            drawings: drawings.collect(),
            per_class: per_class(&dir.join("per_class.parquet"))?,
            dir: dir.to_path_buf(),
        })
    }

    /// The folder of the dataset trained on, as it was when the run began.
    pub fn dataset(&self) -> &Path {
        &self.record.dataset.path
    }

    /// Refuses another dataset than the one trained on; `dataset_json` is the checksum of its `dataset.json`.
    ///
    /// # Errors
    /// [`Error::Run`].
    pub fn check_dataset(&self, dir: &Path, dataset_json: Xxh3) -> Result<()> {
        if self.record.dataset.dataset_xxh3 == dataset_json {
            return Ok(());
        }
        let reason = format!(
            "the run was trained on another dataset than the one in {}; name its folder with --dataset",
            dir.display()
        );
        Err(Error::Run {
            path: self.dir.join(RECORD),
            reason,
        })
    }

    /// The scores of every clip, where somebody has written them.
    pub(super) fn predictions(&self) -> Option<PathBuf> {
        Some(self.dir.join(PREDICTIONS)).filter(|path| path.is_file())
    }

    /// The name of its folder.
    pub(super) fn name(&self) -> String {
        let name = self.dir.file_name().unwrap_or(self.dir.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// Who trained it, and where.
    pub(super) fn made_by(&self) -> String {
        match &self.record.device {
            Some(device) => format!("{} on {device}", self.record.program),
            None => self.record.program.clone(),
        }
    }

    /// The split that classes are compared on: test where it was measured, else val.
    pub(super) fn measured(&self) -> Option<Split> {
        let has = |split| self.per_class.iter().any(|row| row.split == split);
        [Split::Test, Split::Val].into_iter().find(|split| has(*split))
    }
}

/// What the last lines of a log of events say: the end of the run, and its measurements on test.
fn outcome(path: &Path) -> Result<Facts> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Facts::new()),
        Err(cause) => return Err(io(Operation::Read, path)(cause)),
    };
    let percent = |value: &serde_json::Value| value.as_f64().map(|share| format!("{:.1} %", 100.0 * share));
    let (mut facts, mut test) = (Facts::new(), Facts::new());
    // A line that a kill cut off is not JSON.
    for event in text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
    {
        let get = |name: &str| event.get(name).unwrap_or(&serde_json::Value::Null);
        match get("event").as_str() {
            Some("evaluated") if get("split").as_str() == Some("test") => {
                test = [
                    ("test mAP", percent(get("map"))),
                    ("chance on test", percent(get("chance"))),
                ]
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect();
                let ends = get("interval")
                    .as_array()
                    .map(|ends| ends.iter().filter_map(percent).collect::<Vec<_>>());
                let interval = ends.filter(|ends| !ends.is_empty()).map(|ends| ends.join(" to "));
                test.extend(interval.map(|ends| ("95 % interval over recordings", ends)));
            }
            Some("finished") => {
                facts = vec![("best epoch", get("best_epoch").to_string())];
                facts.extend(percent(get("val_map")).map(|map| ("val mAP of that epoch", map)));
            }
            Some("diverged") => facts = vec![("diverged", get("reason").as_str().unwrap_or_default().to_owned())],
            _ => {}
        }
    }
    if facts.is_empty() {
        facts.push(("state", "not finished".to_owned()));
    }
    facts.append(&mut test);
    Ok(facts)
}

/// Reads `per_class.parquet`; a run that is not finished has none.
fn per_class(path: &Path) -> Result<Vec<ClassAp>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let mut problems = Problems::default();
    let table = Table::read(path, PER_CLASS, &mut problems);
    let mut rows = Vec::new();
    for row in table.iter().flat_map(Table::rows) {
        let split = row.require("split", &mut problems).and_then(|word| word.parse().ok());
        let code = row.require("species_code", &mut problems);
        let (positives, clips) = (
            row.whole_number("positives", &mut problems),
            row.whole_number("clips", &mut problems),
        );
        if let (Some(split), Some(code), Some(positives), Some(clips)) = (split, code, positives, clips) {
            rows.push(ClassAp {
                split,
                species_code: code.to_owned(),
                ap: row.cell("ap").and_then(|ap| ap.parse().ok()).unwrap_or(f64::NAN),
                positives,
                clips,
            });
        }
    }
    if problems.is_empty() {
        Ok(rows)
    } else {
        Err(problems.into())
    }
}
