//! Defines `Manifest`: the TOML file and its tables, read and checked as a whole before any audio is touched.

mod audacity;
mod boxes;
mod checks;
mod clip_scores;
mod empty_tables;
mod image_settings;
mod label_rules;
mod lengths;
mod model;
mod notes;
mod pattern;
mod priors;
mod raven;
mod raven_files;
mod raven_rows;
mod recordings;
mod section;
mod settings;
mod suggestion;

use std::path::{Path, PathBuf};

use frontend::Frontend;
use shardfmt::Taxa;

use crate::tables::{Problems, read_taxa};
use boxes::BoxReader;
pub use label_rules::{CodeLine, Completeness, IgnoredOnly, LabelRules, OtherCodes, PriorConflict, WeakLabels};
use lengths::Lengths;
pub use model::{
    AssetBox, Audio, BoxCode, BoxTable, Checklist, ClipScore, GeoPrior, NamedClip, RecordedAt, Recording, Span,
    SpanScope, nanoseconds, seconds,
};
pub use notes::Notes;
use pattern::Pattern;
pub use settings::{BoxesFrom, EmptyTable, RavenTimes, SHARD_CLIPS, Settings, TablePaths};

/// A dataset to be built: settings, classes and recordings, all consistent with each other.
#[derive(Debug)]
pub struct Manifest {
    /// The TOML file.
    pub file: PathBuf,
    /// What it says.
    pub settings: Settings,
    /// What makes its clips and images.
    pub frontend: Frontend,
    /// The classes.
    pub taxa: Taxa,
    /// The recordings with their boxes, spans and priors, in table order.
    pub recordings: Vec<Recording>,
    /// What was dropped or looks odd, counted.
    pub notes: Notes,
}

impl Manifest {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// All mistakes of all files at once; nothing has been written and no audio decoded (headers are looked at where a
    /// box may lie beyond a recording's end).
    pub fn load(file: &Path) -> Result<Manifest, Problems> {
        Self::load_with(file, Audio::Required)
    }

    /// [`load`](Self::load), with a say in whether the recordings have to be there.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with(file: &Path, audio: Audio<'_>) -> Result<Manifest, Problems> {
        let mut problems = Problems::default();
        let mut notes = Notes::default();
        let Some((settings, frontend)) = settings::read(file, &mut problems) else {
            return Err(problems);
        };
        let rules = &settings.labels;
        let aliases = |label: &str| rules.aliases.get(label).map_or(label, String::as_str).to_string();
        let taxa = read_taxa(&settings.tables.taxa, &mut problems);
        let table = &settings.tables.recordings;
        let table = (table.as_path(), settings.tables.recordings_at.as_deref());
        let reader = taxa.as_ref().map(|taxa| BoxReader { taxa, rules });
        let mut recordings = recordings::read(table, reader.as_ref(), audio, &mut notes, &mut problems);
        if let (Some(taxa), Some(reader)) = (&taxa, reader) {
            checks::markers(file, &settings, taxa, &mut problems);
            read_boxes(
                &settings.tables,
                &reader,
                audio,
                &mut recordings,
                &mut notes,
                &mut problems,
            );
            if let Some(file) = &settings.tables.annotated_spans {
                boxes::read_spans(file, &mut recordings, &mut notes, &mut problems);
            }
            let classes = priors::Classes {
                taxa,
                aliases: &aliases,
            };
            if let Some(file) = &settings.tables.geo_prior {
                priors::read_geo(file, &classes, &mut recordings, &mut notes, &mut problems);
            }
            if let Some(file) = &settings.tables.checklist_prior {
                priors::read_checklists(file, &classes, &mut recordings, &mut notes, &mut problems);
            }
            if let Some(file) = settings
                .tables
                .clip_scores
                .as_deref()
                .filter(|_| rules.weak.threshold().is_some())
            {
                clip_scores::read(file, &reader, &mut recordings, &mut notes, &mut problems);
            }
            checks::prior_conflicts(&settings, taxa, &recordings, audio, &mut problems);
            checks::weak_without_heard(rules, &recordings, &mut notes);
        }
        if recordings.is_empty() && problems.is_empty() {
            problems.file(&settings.tables.recordings, "has no recordings");
        }
        checks::leakage(&recordings, &mut notes);
        notes.add(*std::mem::take(&mut problems.noticed));
        match (taxa, frontend, problems.is_empty()) {
            (Some(taxa), Some(frontend), true) => Ok(Manifest {
                file: file.into(),
                settings,
                frontend,
                taxa,
                recordings,
                notes,
            }),
            _ => Err(problems),
        }
    }
}

/// Reads the boxes from wherever the manifest says and adds them to their recordings.
fn read_boxes(
    tables: &TablePaths,
    reader: &BoxReader<'_>,
    audio: Audio<'_>,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
) {
    let pattern = |files| Pattern {
        folder: &tables.folder,
        files,
        recordings_table: &tables.recordings,
    };
    match &tables.boxes {
        None => {}
        Some(BoxesFrom::Table(file)) => boxes::read_table(file, reader, recordings, notes, problems),
        Some(BoxesFrom::Raven {
            files,
            label_columns,
            times,
            empty_table,
        }) => {
            let tables = raven::SelectionTables {
                label_columns,
                times: *times,
                empty_table: *empty_table,
                reader,
            };
            let lengths = Lengths::new(audio);
            tables.read(&pattern(files), lengths, recordings, notes, problems);
        }
        Some(BoxesFrom::Audacity { files, empty_table }) => {
            audacity::read(&pattern(files), *empty_table, reader, recordings, notes, problems);
        }
    }
}
