//! Provides a set's CSV tables.

use std::io;
use std::path::Path;

use crate::error::Error;
use crate::files::write_file;
use crate::planned::{AnnotationScope, Bird, PlannedRecording, SetPlan};
use crate::song::Song;
use crate::species::Species;
use crate::visit::VisitChecklist;

/// Code of birds that no annotator named; a marker, not a class.
pub(super) const UNKNOWN_BIRD: &str = "unkbrd";

const BOX_HEADER: &str = "asset_id,start_s,end_s,low_hz,high_hz,species_code,status";

/// Songs fainter than this are marked passive: audible, but not what the recordist was after.
const ACTIVE_SNR_DB: f64 = 6.0;

/// Whether a song at this level above the background is marked active.
pub(super) fn is_active(snr_db: f64) -> bool {
    snr_db >= ACTIVE_SNR_DB
}

/// Path of a recording's audio relative to the set's folder.
pub(super) fn audio_path(recording: &PlannedRecording) -> String {
    format!("audio/{}.{}", recording.asset_id, recording.encoding.extension())
}

/// Writes every table of the set into `dir`; returns the number of boxes.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written.
pub(super) fn write_tables(dir: &Path, plan: &SetPlan, species: &[Species]) -> Result<usize, Error> {
    let tables = Tables { plan, species };
    let boxes = tables.boxes();
    let count = boxes.len();
    for (name, header, rows) in [
        (
            "recordings.csv",
            "asset_id,path,target_species,latitude,longitude,recorded_at,checklist_id,split,license,source_url",
            tables.recordings(),
        ),
        ("boxes.csv", BOX_HEADER, boxes),
        (
            "geo_prior.csv",
            "asset_id,possible_species,modelled_species",
            tables.geo_prior(),
        ),
        (
            "checklist_prior.csv",
            tables.checklist_header(),
            tables.checklist_prior(),
        ),
        (
            "annotated_spans.csv",
            "asset_id,start_s,end_s,scope",
            tables.annotated_spans(),
        ),
    ] {
        write_table(&dir.join(name), header, &rows)?;
    }
    write_taxa(dir, species)?;
    Ok(count)
}

/// Writes `truth.csv` into `dir`, a table of boxes of every song, annotated or not.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written.
pub(super) fn write_truth(dir: &Path, plan: &SetPlan, species: &[Species]) -> Result<(), Error> {
    let tables = Tables { plan, species };
    let songs = plan
        .recordings
        .iter()
        .flat_map(|recording| tables.rows_of(recording, recording.songs()));
    write_table(&dir.join("truth.csv"), BOX_HEADER, &songs.collect::<Vec<_>>())
}

/// Writes `taxa.csv`, the classes in order, into `dir`.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written.
pub(super) fn write_taxa(dir: &Path, species: &[Species]) -> Result<(), Error> {
    let row = |species: &Species| {
        vec![
            species.code.clone(),
            species.common_name.clone(),
            species.scientific_name.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = species.iter().map(row).collect();
    write_table(&dir.join("taxa.csv"), "species_code,common_name,scientific_name", &rows)
}

fn write_table(path: &Path, header: &str, rows: &[Vec<String>]) -> Result<(), Error> {
    let bytes = csv_bytes(header, rows).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    write_file(path, &bytes)
}

fn csv_bytes(header: &str, rows: &[Vec<String>]) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header.split(','))?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}

struct Tables<'a> {
    plan: &'a SetPlan,
    species: &'a [Species],
}

impl Tables<'_> {
    fn code(&self, bird: Bird) -> String {
        match bird {
            Bird::Class(class) => self.species[class].code.clone(),
            Bird::Unknown => UNKNOWN_BIRD.to_owned(),
        }
    }

    /// Codes in class order, `;` between them.
    fn codes(&self, classes: impl IntoIterator<Item = usize>) -> String {
        let codes: Vec<String> = classes.into_iter().map(|class| self.code(Bird::Class(class))).collect();
        codes.join(";")
    }

    fn recordings(&self) -> Vec<Vec<String>> {
        let row = |recording: &PlannedRecording| {
            let visit = &self.plan.visits[recording.visit];
            let checklist = visit.checklist.as_ref().map(|checklist| checklist.id.clone());
            vec![
                recording.asset_id.to_string(),
                audio_path(recording),
                self.code(Bird::Class(recording.target)),
                visit.place.0.clone(),
                visit.place.1.clone(),
                recording.recorded_at.clone(),
                checklist.unwrap_or_default(),
                recording.split.as_str().to_owned(),
                "CC0-1.0".to_owned(),
                String::new(),
            ]
        };
        self.plan.recordings.iter().map(row).collect()
    }

    fn boxes(&self) -> Vec<Vec<String>> {
        self.plan
            .recordings
            .iter()
            .flat_map(|recording| self.rows_of(recording, recording.annotated_songs()))
            .collect()
    }

    /// Boxes of a recording's songs.
    fn rows_of(&self, recording: &PlannedRecording, songs: Vec<(&Song, Bird, f64)>) -> Vec<Vec<String>> {
        let row = |(song, bird, snr_db): (&Song, Bird, f64)| {
            let (low_hz, high_hz) = song.band_hz();
            let status = if is_active(snr_db) { "active" } else { "passive" };
            vec![
                recording.asset_id.to_string(),
                format!("{:.6}", song.start_s()),
                format!("{:.6}", song.end_s()),
                format!("{low_hz:.1}"),
                format!("{high_hz:.1}"),
                self.code(bird),
                status.to_owned(),
            ]
        };
        songs.into_iter().map(row).collect()
    }

    /// A model that covers every species leaves `modelled_species` empty.
    fn geo_prior(&self) -> Vec<Vec<String>> {
        let row = |recording: &PlannedRecording| {
            let visit = &self.plan.visits[recording.visit];
            let unmodelled = visit.region.unmodelled;
            let modelled =
                (0..self.species.len()).filter(|class| !unmodelled.is_empty() && !unmodelled.contains(class));
            vec![
                recording.asset_id.to_string(),
                self.codes(visit.possible()),
                self.codes(modelled),
            ]
        };
        self.plan
            .recordings
            .iter()
            .filter(|recording| recording.has_geo_row)
            .map(row)
            .collect()
    }

    /// Whether a checklist leaves species open; the column for them is there only then.
    fn has_unsure_species(&self) -> bool {
        let mut checklists = self.plan.visits.iter().filter_map(|visit| visit.checklist.as_ref());
        checklists.any(|checklist| !checklist.unsure.is_empty())
    }

    fn checklist_header(&self) -> &'static str {
        if self.has_unsure_species() {
            "checklist_id,observed_species,all_species_reported,unsure_species"
        } else {
            "checklist_id,observed_species,all_species_reported"
        }
    }

    fn checklist_prior(&self) -> Vec<Vec<String>> {
        let has_unsure_species = self.has_unsure_species();
        let row = |checklist: &VisitChecklist| {
            let mut row = vec![
                checklist.id.clone(),
                self.codes(checklist.observed.iter().copied()),
                u8::from(checklist.complete).to_string(),
            ];
            if has_unsure_species {
                row.push(self.codes(checklist.unsure.iter().copied()));
            }
            row
        };
        let checklists = self.plan.visits.iter().filter_map(|visit| visit.checklist.as_ref());
        checklists.map(row).collect()
    }

    fn annotated_spans(&self) -> Vec<Vec<String>> {
        let row = |recording: &PlannedRecording| {
            let scope = match recording.annotation {
                AnnotationScope::All => "all",
                AnnotationScope::Target => "target",
            };
            vec![
                recording.asset_id.to_string(),
                format!("{:.6}", 0.0),
                format!("{:.6}", recording.scene.duration_s),
                scope.to_owned(),
            ]
        };
        self.plan.recordings.iter().map(row).collect()
    }
}
