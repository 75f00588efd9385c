//! Defines `GeoPrior` and `Checklist`, what is known of a recording before anyone listens, and provides their readers.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use shardfmt::Taxa;

use super::Notes;
use super::boxes::positions;
use super::problem::Problems;
use super::recordings::Recording;
use super::table::{Row, Table};

/// Which species can occur at a place and time. Class indices, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeoPrior {
    /// Species that can occur.
    pub possible: Vec<u32>,
    /// Species the model knows anything about; the others are neither possible nor impossible.
    pub modelled: Arc<[u32]>,
}

impl GeoPrior {
    /// Whether the prior says this class is absent: modelled, and not possible.
    pub fn is_negative(&self, class: u32) -> bool {
        self.modelled.binary_search(&class).is_ok() && self.possible.binary_search(&class).is_err()
    }
}

/// Which species an observer reported. Class indices, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checklist {
    /// Species on the list.
    pub observed: Vec<u32>,
    /// Whether the observer reported every species; only then is absence from the list a negative.
    pub complete: bool,
}

impl Checklist {
    /// Whether the list says this class is absent: complete, and not observed.
    pub fn is_negative(&self, class: u32) -> bool {
        self.complete && self.observed.binary_search(&class).is_err()
    }
}

/// Class lookup of one table, with the aliases of the manifest.
pub(super) struct Classes<'a> {
    pub(super) taxa: &'a Taxa,
    pub(super) aliases: &'a dyn Fn(&str) -> String,
}

impl Classes<'_> {
    fn list(&self, row: &Row<'_>, column: &str, problems: &mut Problems) -> Vec<u32> {
        let mut classes = Vec::new();
        for label in row.list(column) {
            match self.taxa.index(&(self.aliases)(label)) {
                Some(class) => classes.push(class),
                None => row.problem(
                    problems,
                    column,
                    format!("unknown species code {label:?}: it is not in the taxa table"),
                ),
            }
        }
        classes.sort_unstable();
        classes.dedup();
        classes
    }
}

/// Reads `geo_prior`: asset_id, possible_species, modelled_species. No or an empty modelled column: every class is modelled.
pub(super) fn read_geo(
    file: &Path,
    classes: &Classes<'_>,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
) {
    let Some(table) = Table::read(file, &["asset_id", "possible_species"], problems) else {
        return;
    };
    // One list for the many rows that model everything.
    let everything: Arc<[u32]> = (0..classes.taxa.len() as u32).collect();
    let positions = positions(recordings);
    let mut first_line: HashMap<i64, u64> = HashMap::new();
    for row in table.rows() {
        let Some(asset_id) = row.require_asset_id(problems) else {
            continue;
        };
        let line = *first_line.entry(asset_id).or_insert(row.line);
        if line != row.line {
            row.problem(
                problems,
                "asset_id",
                format!("stands there twice, first in line {line}"),
            );
            continue;
        }
        let possible = classes.list(&row, "possible_species", problems);
        notes.priors_without_species += u64::from(possible.is_empty());
        let modelled = match row.cell("modelled_species") {
            Some(_) => classes.list(&row, "modelled_species", problems).into(),
            None => Arc::clone(&everything),
        };
        match positions.get(&asset_id).and_then(|&at| recordings.get_mut(at)) {
            Some(recording) => recording.geo = Some(GeoPrior { possible, modelled }),
            None => notes.priors_of_other_assets += 1,
        }
    }
}

/// Reads `checklist_prior`: checklist_id, observed_species, all_species_reported (1 or 0).
pub(super) fn read_checklists(
    file: &Path,
    classes: &Classes<'_>,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
) {
    let required = ["checklist_id", "observed_species", "all_species_reported"];
    let Some(table) = Table::read(file, &required, problems) else {
        return;
    };
    let mut lists: HashMap<&str, (u64, Arc<Checklist>)> = HashMap::new();
    for row in table.rows() {
        let Some(id) = row.require("checklist_id", problems) else {
            continue;
        };
        let complete = match row.cell("all_species_reported") {
            Some("1" | "1.0" | "true" | "True" | "TRUE") => true,
            // Empty is unknown, and only a list known to be complete makes negatives.
            Some("0" | "0.0" | "false" | "False" | "FALSE") | None => false,
            Some(_) => {
                row.problem(problems, "all_species_reported", "expected 1 or 0");
                false
            }
        };
        let list = Checklist {
            observed: classes.list(&row, "observed_species", problems),
            complete,
        };
        if let Some((line, _)) = lists.insert(id, (row.line, Arc::new(list))) {
            row.problem(
                problems,
                "checklist_id",
                format!("stands there twice, first in line {line}"),
            );
        }
    }
    for recording in recordings.iter_mut() {
        let Some(id) = recording.checklist_id.as_deref() else {
            continue;
        };
        recording.checklist = lists.get(id).map(|(_, list)| Arc::clone(list));
        notes.checklists_without_row += u64::from(recording.checklist.is_none());
    }
}
