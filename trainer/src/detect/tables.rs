//! Provides the tables of a folder of detections, made of its parts in the order of the recordings.

use std::path::Path;

use shardfmt::persist::{create_dirs, write_atomic};
use shardfmt::table::TableWriter;
use shardfmt::{Taxa, Taxon, table};

use super::choice::Found;
use super::folder::DetectionFolder;
use super::merge::{Detection, merged};
use super::part::{Outcome, read_detections, read_record};
use super::recordings::Listed;
use super::selection_table::{Selection, SelectionForm, SelectionsOf};
use super::times::{Times, seconds};
use crate::csv_table::CsvFile;
use crate::error::{Error, Result};

const DETECTIONS: &str = "detections.parquet";
const DETECTIONS_CSV: &str = "detections.csv";
const RECORDINGS: &str = "recordings.csv";
const REJECTS: &str = "rejects.csv";
/// Rows of `detections.parquet` that are written at once.
const ROWS: usize = 4096;

table! {
    /// A row of `detections.parquet`.
    struct DetectionRow: "detections/1" {
        path: String,
        start_s: f64 ["s"],
        end_s: f64 ["s"],
        species_code: String,
        common_name: Option<String>,
        scientific_name: Option<String>,
        logit: f32,
        probability: f32,
    }
}

/// Which tables are written beside those of all recordings, and how.
#[derive(Clone, Debug, Default)]
pub struct TableChoice {
    /// Tables a recording.
    pub forms: Vec<SelectionForm>,
    /// Whether windows one after the other with the same class become one detection.
    pub merge: bool,
}

/// What the tables hold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Recordings that were read whole.
    pub recordings: usize,
    /// Recordings that were refused.
    pub rejected: usize,
    /// Their length in seconds.
    pub duration_s: f64,
    /// Windows scored.
    pub windows: u64,
    /// Rows of `detections.csv`.
    pub detections: u64,
}

/// The path from the root, which other programs open a recording by; an address as it is.
fn whole_path(file: &Path) -> String {
    let whole = std::path::absolute(file)
        .ok()
        .filter(|_| !storage::Location::is_address(file));
    whole.as_deref().unwrap_or(file).to_string_lossy().into_owned()
}

/// What is the same for all recordings.
pub struct TablesOf<'a> {
    /// The classes of the run.
    pub taxa: &'a Taxa,
    /// Where windows lie.
    pub times: Times,
    /// The band of frequencies of the images, in Hz.
    pub band_hz: (f64, f64),
}

/// Writes the tables of `recordings`, each of which has its part in `folder`.
///
/// # Errors
/// [`Error::RunFile`] for a part that is missing or damaged; [`Error::Io`] and [`Error::Dataset`] for what cannot be
/// written.
pub fn write_tables(
    folder: &DetectionFolder,
    recordings: &[Listed],
    of: &TablesOf<'_>,
    choice: &TableChoice,
) -> Result<Summary> {
    let mut tables = Tables::create(folder.dir(), of, choice)?;
    for listed in recordings {
        tables.add(folder, listed)?;
    }
    tables.finish()
}

/// The tables being written.
struct Tables<'a> {
    dir: &'a Path,
    of: &'a TablesOf<'a>,
    choice: &'a TableChoice,
    parquet: TableWriter,
    rows: Vec<DetectionRow>,
    csv: CsvFile,
    recordings: CsvFile,
    rejects: CsvFile,
    summary: Summary,
}

impl<'a> Tables<'a> {
    fn create(dir: &'a Path, of: &'a TablesOf<'a>, choice: &'a TableChoice) -> Result<Self> {
        let columns = [
            "path",
            "start_s",
            "end_s",
            "species_code",
            "common_name",
            "scientific_name",
            "logit",
            "probability",
        ];
        Ok(Self {
            dir,
            of,
            choice,
            parquet: TableWriter::of::<DetectionRow>(&dir.join(DETECTIONS))?,
            rows: Vec::new(),
            csv: CsvFile::create(&dir.join(DETECTIONS_CSV), &columns)?,
            recordings: CsvFile::create(&dir.join(RECORDINGS), &["path", "duration_s", "windows", "detections"])?,
            rejects: CsvFile::create(&dir.join(REJECTS), &["path", "stage", "reason"])?,
            summary: Summary::default(),
        })
    }

    /// Adds what was found in a recording.
    fn add(&mut self, folder: &DetectionFolder, listed: &Listed) -> Result<()> {
        let file = folder.part(listed);
        let record = read_record(&file)?.ok_or_else(|| Error::RunFile {
            path: file.clone(),
            reason: "is missing or damaged; continue with --resume".to_owned(),
        })?;
        let (duration_s, native_rate_hz, windows) = match &record.outcome {
            Outcome::Rejected { stage, reason } => {
                self.summary.rejected += 1;
                return self.rejects.push([&listed.path, stage, reason]);
            }
            Outcome::Whole {
                duration_s,
                native_rate_hz,
                windows,
            } => (*duration_s, *native_rate_hz, *windows),
        };
        let mut detections = Vec::new();
        read_detections(&file, &record, |window, found| {
            detections.push(Detection::of_window(window, found));
            Ok(())
        })?;
        if self.choice.merge {
            detections = merged(detections, &self.of.times);
        }
        let count = detections.len().to_string();
        self.recordings
            .push([&listed.path, &seconds(duration_s), &windows.to_string(), &count])?;
        self.summary.recordings += 1;
        self.summary.duration_s += duration_s;
        self.summary.windows += u64::from(windows);
        self.summary.detections += detections.len() as u64;
        let mut selections = Vec::with_capacity(detections.len());
        for detection in &detections {
            let selection = self.selection(detection, duration_s)?;
            self.row(&listed.path, &selection, &detection.found)?;
            selections.push(selection);
        }
        let (low_hz, high_hz) = self.of.band_hz;
        let band_hz = (low_hz, high_hz.min(f64::from(native_rate_hz) / 2.0));
        let path = whole_path(&listed.file);
        let of = SelectionsOf { path: &path, band_hz };
        for form in &self.choice.forms {
            let table = self.dir.join(form.folder()).join(form.file_name(&listed.name));
            table.parent().map_or(Ok(()), create_dirs)?;
            write_atomic(&table, form.text(&of, &selections).as_bytes())?;
        }
        Ok(())
    }

    fn selection(&self, detection: &Detection, duration_s: f64) -> Result<Selection<'a>> {
        let found = detection.found;
        let taxon: Option<&'a Taxon> = self.of.taxa.iter().nth(found.class as usize);
        let taxon = taxon.ok_or_else(|| Error::RunFile {
            path: self.dir.to_path_buf(),
            reason: format!("has a detection of class {}, which the run does not have", found.class),
        })?;
        Ok(Selection {
            start_s: self.of.times.of(detection.first_window, duration_s)[0],
            end_s: self.of.times.of(detection.last_window, duration_s)[1],
            taxon: Some(taxon),
            probability: Some(found.probability),
        })
    }

    fn row(&mut self, path: &str, selection: &Selection<'_>, found: &Found) -> Result<()> {
        let Selection { start_s, end_s, .. } = selection;
        let Some(taxon) = selection.taxon else { return Ok(()) };
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        self.csv.push([
            path,
            &seconds(*start_s),
            &seconds(*end_s),
            &taxon.species_code,
            &name(&taxon.common_name),
            &name(&taxon.scientific_name),
            &found.logit.to_string(),
            &found.probability.to_string(),
        ])?;
        self.rows.push(DetectionRow {
            path: path.to_owned(),
            start_s: *start_s,
            end_s: *end_s,
            species_code: taxon.species_code.clone(),
            common_name: taxon.common_name.clone(),
            scientific_name: taxon.scientific_name.clone(),
            logit: found.logit,
            probability: found.probability,
        });
        if self.rows.len() >= ROWS {
            self.write_rows()
        } else {
            Ok(())
        }
    }

    fn write_rows(&mut self) -> Result<()> {
        self.parquet.push_rows(&self.rows, self.of.taxa)?;
        self.rows.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Summary> {
        self.write_rows()?;
        self.rejects.finish()?;
        self.recordings.finish()?;
        self.csv.finish()?;
        self.parquet.finish()?;
        Ok(self.summary)
    }
}
