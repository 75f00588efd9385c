//! Defines `Notes`, what was left out of the tables or looks odd.

use std::collections::BTreeMap;

use shardfmt::Taxa;

use super::label_rules::LabelRules;
use super::suggestion::suggestion;
use crate::tables::Noticed;
use crate::tally::{Reason, Tallies};

/// How many labels somebody may have meant otherwise are looked into: each is compared with every class.
const LOOKED_INTO: usize = 100;

/// What was left out of the tables, counted, and warnings; nothing here stops a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// What was left out or changed.
    pub tallies: Tallies,
    /// What is in two splits: a model could learn the test set by heart.
    pub leakage: Vec<String>,
    /// What is odd about whole tables.
    pub remarks: Vec<String>,
    /// Labels outside the taxa table and `[labels]`, and what may have been meant.
    suggestions: BTreeMap<String, Option<String>>,
}

impl Notes {
    /// What somebody may have meant by a label that is no class, alias or marker.
    pub(super) fn suggestion(&mut self, label: &str, taxa: &Taxa, rules: &LabelRules) -> Option<&str> {
        if !self.suggestions.contains_key(label) && self.suggestions.len() < LOOKED_INTO {
            self.suggestions.insert(label.into(), suggestion(label, taxa, rules));
        }
        self.suggestions.get(label)?.as_deref()
    }

    /// One sentence for each thing worth a warning.
    pub fn warnings(&self) -> Vec<String> {
        let meant = self.suggestions.iter().filter_map(|(label, suggestion)| {
            let count = self.tallies.count_detail(Reason::OtherCode, label);
            Some(format!("{label} ({count}): {}", suggestion.as_ref()?))
        });
        let sentences = self.tallies.sentences().into_iter();
        let others = self.leakage.iter().chain(&self.remarks).cloned();
        sentences.chain(meant).chain(others).collect()
    }

    /// Adds what the readers of the tables noticed.
    pub(super) fn add(&mut self, noticed: Noticed) {
        self.tallies.add_all(&noticed.tallies);
        self.remarks.extend(noticed.remarks);
    }
}
