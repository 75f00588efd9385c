//! Defines `Checklists`, the lists that recordings name, and what is on them.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::entries::Entries;
use crate::tables::Problems;

/// Columns of a list, in either file: its id, that of the lists it is shared with, and whether it is complete.
pub(super) const COLUMNS: [(&str, &str); 3] = [
    ("!SAMPLING EVENT IDENTIFIER", "!Submission ID"),
    ("GROUP IDENTIFIER", ""),
    ("!ALL SPECIES REPORTED", "!All Obs Reported"),
];
const ID: usize = 0;
const GROUP: usize = 1;
const COMPLETE: usize = 2;

/// A list, or several that observers share: one birding trip.
#[derive(Clone, Debug)]
pub(super) struct Trip {
    /// Whether all of its lists report every species.
    pub(super) is_complete: bool,
    /// Whether some of its lists do, and others do not.
    pub(super) is_partly_complete: bool,
    /// Whether an entry may be any species.
    pub(super) may_have_any: bool,
    /// Classes that are on one of its lists.
    pub(super) observed: BTreeSet<u32>,
    /// Classes that an entry may be.
    pub(super) unsure: BTreeSet<u32>,
    is_group: bool,
}

/// The trips whose lists are wanted.
#[derive(Debug, Default)]
pub(super) struct Checklists {
    pub(super) trips: Vec<Trip>,
    /// The trip of a list's id, and of a group's.
    of: HashMap<String, usize>,
}

impl Checklists {
    /// The trip of a row: by its group, or its list.
    pub(super) fn of_row(&self, row: &Entries) -> Option<usize> {
        let of = |column| {
            Some(row.get(column))
                .filter(|id| !id.is_empty())
                .and_then(|id| self.of.get(id))
        };
        of(GROUP).or_else(|| of(ID)).copied()
    }

    /// The trip of an id that a recording names.
    pub(super) fn get(&self, id: &str) -> Option<&Trip> {
        self.of.get(id).and_then(|&at| self.trips.get(at))
    }

    /// The number of that trip.
    pub(super) fn position(&self, id: &str) -> Option<usize> {
        self.of.get(id).copied()
    }

    /// Whether an id is that of a list that is shared, or of a group.
    pub(super) fn is_shared(&self, id: &str) -> bool {
        self.get(id).is_some_and(|trip| trip.is_group)
    }

    /// Finds the wanted lists in a file, and whether they are complete. Returns the number of its rows.
    pub(super) fn find(&mut self, rows: &mut Entries, wanted: &HashSet<&str>, problems: &mut Problems) -> u64 {
        let mut count = 0;
        while rows.next(problems) {
            count += 1;
            let (id, group) = (rows.get(ID), rows.get(GROUP));
            if wanted.contains(id) || wanted.contains(group) {
                self.add(id, group, rows, problems);
            }
        }
        count
    }

    /// Finds the other lists of groups, which may stand before those that are wanted.
    pub(super) fn complete_groups(&mut self, rows: &mut Entries, problems: &mut Problems) {
        while rows.next(problems) {
            if self.of.contains_key(rows.get(GROUP)) {
                self.add(rows.get(ID), rows.get(GROUP), rows, problems);
            }
        }
    }

    /// Whether a wanted list is shared.
    pub(super) fn has_groups(&self) -> bool {
        self.trips.iter().any(|trip| trip.is_group)
    }

    fn add(&mut self, id: &str, group: &str, row: &Entries, problems: &mut Problems) {
        let is_complete = match row.get(COMPLETE) {
            "1" | "true" | "TRUE" => true,
            "0" | "false" | "FALSE" | "" => false,
            _ => {
                row.problem("expected 1 or 0 for whether all species are reported", problems);
                false
            }
        };
        let key = if group.is_empty() { id } else { group };
        let at = *self.of.entry(key.to_owned()).or_insert_with(|| {
            self.trips.push(Trip {
                is_complete,
                is_partly_complete: false,
                may_have_any: false,
                observed: BTreeSet::new(),
                unsure: BTreeSet::new(),
                is_group: !group.is_empty(),
            });
            self.trips.len() - 1
        });
        if let Some(trip) = self.trips.get_mut(at) {
            // What only one of the observers lists completely may have been missed by the others in silence.
            trip.is_partly_complete |= trip.is_complete != is_complete;
            trip.is_complete &= is_complete;
        }
        self.of.insert(id.to_owned(), at);
    }
}
