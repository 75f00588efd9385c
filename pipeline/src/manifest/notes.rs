//! Defines `Notes`, what was left out of the tables or looks odd.

use crate::tables::Noticed;
use crate::tally::Tallies;

/// What was left out of the tables, counted, and warnings; nothing here stops a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// What was left out or changed.
    pub tallies: Tallies,
    /// What is in two splits: a model could learn the test set by heart.
    pub leakage: Vec<String>,
    /// What is odd about whole tables.
    pub remarks: Vec<String>,
}

impl Notes {
    /// One sentence for each thing worth a warning.
    pub fn warnings(&self) -> Vec<String> {
        self.tallies
            .sentences()
            .into_iter()
            .chain(self.leakage.iter().cloned())
            .chain(self.remarks.iter().cloned())
            .collect()
    }

    /// Adds what the readers of the tables noticed.
    pub(super) fn add(&mut self, noticed: Noticed) {
        self.tallies.add_all(&noticed.tallies);
        self.remarks.extend(noticed.remarks);
    }
}
