//! Defines `Categories`, the classes of the set: one for each category, by ascending id.

use std::collections::HashMap;
use std::path::Path;

use shardfmt::{Taxa, Taxon};

use super::annotations::CategoryEntry;
use crate::tables::Problems;

/// The categories of both annotation files, which must be the same.
#[derive(Debug, Default)]
pub(super) struct Categories {
    /// By ascending id; a class index is a place here.
    pub(super) entries: Vec<CategoryEntry>,
    /// The same as classes, whose codes are the names.
    pub(super) taxa: Taxa,
}

impl Categories {
    /// The class of each category id.
    pub(super) fn class_of(&self) -> HashMap<i64, u32> {
        self.entries.iter().map(|category| category.id).zip(0..).collect()
    }

    /// Takes the categories of the first file, and compares those of the second.
    pub(super) fn take(&mut self, file: &Path, mut entries: Vec<CategoryEntry>, problems: &mut Problems) {
        entries.sort();
        if self.entries.is_empty() {
            self.set(file, entries, problems);
        } else if entries != self.entries {
            let mut pairs = entries.iter().zip(&self.entries);
            let what = pairs.find(|(here, there)| here != there).map_or_else(
                || format!("{} categories here, {} there", entries.len(), self.entries.len()),
                |(here, there)| format!("{} {:?} here, {} {:?} there", here.id, here.name, there.id, there.name),
            );
            let message = format!("the categories differ from those of instances_train2014.json: {what}");
            problems.file(file, message);
        }
    }

    fn set(&mut self, file: &Path, entries: Vec<CategoryEntry>, problems: &mut Problems) {
        for pair in entries.windows(2) {
            if let [category, next] = pair
                && category.id == next.id
            {
                problems.value(file, "categories.id", &category.id.to_string(), "duplicate category");
            }
        }
        let taxon = |category: &CategoryEntry| Taxon {
            species_code: category.name.clone(),
            common_name: Some(category.name.clone()),
            scientific_name: None,
        };
        match Taxa::new(entries.iter().map(taxon).collect()) {
            Ok(taxa) => self.taxa = taxa,
            Err(error) => problems.file(file, format!("categories: {error}")),
        }
        self.entries = entries;
    }
}
