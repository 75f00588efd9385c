//! Defines `Manifest`: the TOML file and its tables, read and checked as a whole before any audio is touched.

mod audacity;
mod boxes;
mod checks;
mod image_settings;
mod label_rules;
mod lines;
mod pattern;
mod priors;
mod problem;
mod raven;
mod recordings;
mod section;
mod settings;
mod table;
mod taxa;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use frontend::Frontend;
use shardfmt::Taxa;

pub use boxes::{AssetBox, BoxCode, BoxTable, Span, SpanScope, nanoseconds, seconds};
pub use label_rules::{CodeLine, Completeness, IgnoredOnly, LabelRules, OtherCodes, PriorConflict};
pub use priors::{Checklist, GeoPrior};
pub use problem::{Problem, Problems};
pub use recordings::{RecordedAt, Recording};
pub use settings::{BoxesFrom, SHARD_CLIPS, Settings, TablePaths};
pub(crate) use table::{Table, without_byte_order_mark};
pub(crate) use taxa::read as read_taxa;

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

/// Counts of what was left out of the tables, and warnings; nothing here stops a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Boxes without a label, dropped.
    pub blank_labels: u64,
    /// Raven rows that repeat a selection in another view, dropped.
    pub repeated_views: u64,
    /// Recordings for which no annotation file was found.
    pub recordings_without_annotations: u64,
    /// Rows of the geographic prior whose asset is not in the recordings table, ignored.
    pub priors_of_other_assets: u64,
    /// Rows of a recording's own Raven table that name another `Begin File`, left out.
    pub rows_of_other_files: u64,
    /// Rows of the geographic prior that list no species: everything modelled is absent there.
    pub priors_without_species: u64,
    /// Recordings whose checklist has no row in the checklist table: as if they had none.
    pub checklists_without_row: u64,
    /// Recordings whose files are gone, where that is allowed.
    pub recordings_gone: u64,
    /// What stands in two splits: a model could learn the test set by heart.
    pub leakage: Vec<String>,
}

impl Notes {
    /// One sentence for each thing worth a warning.
    pub fn warnings(&self) -> Vec<String> {
        let counted = [
            (self.blank_labels, "boxes without a label were dropped"),
            (
                self.repeated_views,
                "Raven rows repeat a selection in another view and were counted once",
            ),
            (
                self.recordings_without_annotations,
                "recordings have no annotation file: they get no boxes",
            ),
            (
                self.rows_of_other_files,
                "rows of Raven tables name another Begin File than their recording and were left out",
            ),
            (
                self.priors_without_species,
                "rows of the geographic prior list no possible species: every modelled class is absent there",
            ),
            (
                self.priors_of_other_assets,
                "rows of the geographic prior name assets that are not in the recordings table",
            ),
            (
                self.checklists_without_row,
                "recordings name a checklist that is not in the checklist table: treated as having none",
            ),
            (
                self.recordings_gone,
                "recordings are no longer where the table says: what the dataset recorded of them counts, unchecked",
            ),
        ];
        let counted = counted
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{n} {what}"));
        counted.chain(self.leakage.iter().cloned()).collect()
    }
}

/// Whether the recordings' files have to be there.
#[derive(Clone, Copy, Debug)]
pub enum Audio<'a> {
    /// A missing one is a mistake: they are to be decoded.
    Required,
    /// A missing one is counted in the notes: they have been decoded before, and lasted this long (in seconds, by asset id).
    MayBeGone(&'a HashMap<i64, f64>),
}

impl Manifest {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// All mistakes of all files at once; nothing has been written and no audio decoded (headers are looked at where a box
    /// may lie beyond a recording's end).
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
        let taxa = taxa::read(&settings.tables.taxa, &mut problems);
        let table = &settings.tables.recordings;
        let mut recordings = recordings::read(table, taxa.as_ref(), &aliases, audio, &mut notes, &mut problems);
        if let Some(taxa) = &taxa {
            checks::markers(file, &settings, taxa, &mut problems);
            let reader = boxes::BoxReader { taxa, rules };
            boxes::read(&settings.tables, &reader, &mut recordings, &mut notes, &mut problems);
            if let Some(file) = &settings.tables.annotated_spans {
                boxes::read_spans(file, &mut recordings, &mut problems);
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
            checks::prior_conflicts(rules, taxa, &recordings, audio, &mut problems);
        }
        if recordings.is_empty() && problems.is_empty() {
            problems.file(&settings.tables.recordings, "holds no recording");
        }
        checks::leakage(&recordings, &mut notes);
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
