//! Provides `EmptyTables`: annotation files without rows, and what they say of their recordings.

use std::collections::BTreeMap;

use super::model::{Recording, Span};
use super::notes::Notes;
use super::settings::EmptyTable;
use crate::tally::Reason;

/// The annotation files of each recording, with and without rows.
pub(super) struct EmptyTables {
    meaning: EmptyTable,
    /// By recording; `None` is all of them.
    seen: BTreeMap<Option<usize>, Seen>,
}

#[derive(Default)]
struct Seen {
    empty_files: u64,
    has_rows: bool,
}

impl EmptyTables {
    pub(super) fn new(meaning: EmptyTable) -> Self {
        EmptyTables {
            meaning,
            seen: BTreeMap::new(),
        }
    }

    /// Takes note of a file of one recording, or of all.
    pub(super) fn see(&mut self, recording: Option<usize>, has_rows: bool) {
        let seen = self.seen.entry(recording).or_default();
        seen.has_rows |= has_rows;
        seen.empty_files += u64::from(!has_rows);
    }

    /// Counts the files without rows. Where they mean that nothing was heard, a recording none of whose files has rows
    /// gets a span over all of it; a file of all recordings never does, since it names none of them.
    pub(super) fn settle(self, recordings: &mut [Recording], notes: &mut Notes) {
        for (recording, seen) in self.seen {
            let recording = recording.and_then(|number| recordings.get_mut(number));
            let is_silent = seen.empty_files > 0 && !seen.has_rows && self.meaning == EmptyTable::Absent;
            match recording.filter(|_| is_silent) {
                Some(recording) => {
                    recording.spans.push(Span::WHOLE);
                    notes.tallies.add(Reason::NothingHeard, 1);
                }
                None => notes.tallies.add(Reason::EmptyTable, seen.empty_files),
            }
        }
    }
}
