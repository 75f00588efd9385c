//! Defines `Notes`, what was left out of the tables or looks odd.

use crate::tally::Tallies;

/// What was left out of the tables, counted, and warnings; nothing here stops a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// What was left out or changed.
    pub tallies: Tallies,
    /// What is in two splits: a model could learn the test set by heart.
    pub leakage: Vec<String>,
}

impl Notes {
    /// One sentence for each thing worth a warning.
    pub fn warnings(&self) -> Vec<String> {
        self.tallies
            .sentences()
            .into_iter()
            .chain(self.leakage.iter().cloned())
            .collect()
    }
}
