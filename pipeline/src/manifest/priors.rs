//! Provides the readers of the geographic and the checklist prior.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use shardfmt::Taxa;

use super::model::{Checklist, GeoPrior, Recording};
use super::notes::Notes;
use super::recordings::positions;
use crate::tables::{Columns, Problems, Row, Table, UniqueKey, is_no_value};
use crate::tally::Reason;

const GEO: Columns<'_> = Columns {
    required: &["asset_id", "possible_species"],
    optional: &["modelled_species"],
};

const CHECKLISTS: Columns<'_> = Columns {
    required: &["checklist_id", "observed_species", "all_species_reported"],
    optional: &["unsure_species", "asset_id"],
};

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
                // Taken for an empty list, it would say that every class is absent.
                None if is_no_value(label) => row.problem(
                    problems,
                    column,
                    format!(
                        "{label} stands for no value here; list the species, leave the cell empty if there are none at \
                         all, or leave the row out if they are not known"
                    ),
                ),
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

    /// Whether a cell is a word for no value and not a code.
    fn is_no_value(&self, cell: &str) -> bool {
        is_no_value(cell) && self.taxa.index(&(self.aliases)(cell)).is_none()
    }
}

/// Reads `geo_prior`: asset_id, possible_species, modelled_species. No or an empty modelled column: every class is
/// modelled.
pub(super) fn read_geo(
    file: &Path,
    classes: &Classes<'_>,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
) {
    let Some(table) = Table::read(file, GEO, problems) else {
        return;
    };
    // One list for the many rows that model everything.
    let everything: Arc<[u32]> = (0..classes.taxa.len() as u32).collect();
    let positions = positions(recordings);
    let mut asset_ids = UniqueKey::of("asset_id");
    for row in table.rows() {
        let Some(asset_id) = row.require_asset_id(problems) else {
            continue;
        };
        if !asset_ids.is_new(asset_id, &row, problems) {
            continue;
        }
        let possible = classes.list(&row, "possible_species", problems);
        notes
            .tallies
            .add(Reason::PriorWithoutSpecies, u64::from(possible.is_empty()));
        let modelled = match row.word("modelled_species") {
            Some(word) if classes.is_no_value(word) => {
                row.count_no_value(problems, "modelled_species");
                Arc::clone(&everything)
            }
            Some(_) => classes.list(&row, "modelled_species", problems).into(),
            None => Arc::clone(&everything),
        };
        match positions.get(&asset_id).and_then(|&at| recordings.get_mut(at)) {
            Some(recording) => recording.geo = Some(GeoPrior { possible, modelled }),
            None => notes.tallies.add(Reason::PriorOfOtherAsset, 1),
        }
    }
}

/// Reads `checklist_prior`: checklist_id, observed_species, all_species_reported (1 or 0), unsure_species. With asset_id a
/// row is of that recording, whose list it then is, and a list may have several rows.
pub(super) fn read_checklists(
    file: &Path,
    classes: &Classes<'_>,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
) {
    let Some(table) = Table::read(file, CHECKLISTS, problems) else {
        return;
    };
    let positions = positions(recordings);
    let mut ids = UniqueKey::of("checklist_id");
    let mut asset_ids = UniqueKey::of("asset_id");
    let mut lists: HashMap<&str, Arc<Checklist>> = HashMap::new();
    for row in table.rows() {
        row.require("checklist_id", problems);
        let Some(id) = row.id("checklist_id") else {
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
            unsure: classes.list(&row, "unsure_species", problems),
            complete,
        };
        if !table.has_column("asset_id") {
            if ids.is_new(id, &row, problems) {
                lists.insert(id, Arc::new(list));
            }
            continue;
        }
        let Some(asset_id) = row.require_asset_id(problems) else {
            continue;
        };
        if !asset_ids.is_new(asset_id, &row, problems) {
            continue;
        }
        let recording = positions.get(&asset_id).and_then(|&at| recordings.get_mut(at));
        let Some(recording) = recording else {
            notes.tallies.add(Reason::PriorOfOtherAsset, 1);
            continue;
        };
        let named = recording.checklist_id.get_or_insert_with(|| id.to_owned());
        if named != id {
            let message = format!("the recordings table names the checklist {named} for this asset");
            row.problem(problems, "checklist_id", message);
        }
        lists.entry(id).or_insert_with(|| Arc::new(list));
    }
    for recording in recordings.iter_mut() {
        let Some(id) = recording.checklist_id.as_deref() else {
            continue;
        };
        recording.checklist = lists.get(id).map(Arc::clone);
        notes
            .tallies
            .add(Reason::NoChecklistRow, u64::from(recording.checklist.is_none()));
    }
    let named: HashSet<&str> = recordings
        .iter()
        .filter_map(|recording| recording.checklist_id.as_deref())
        .collect();
    let unused = lists.keys().filter(|id| !named.contains(*id)).count();
    notes.tallies.add(Reason::UnusedChecklist, unused as u64);
}
