//! Provides `Taxonomy`, the eBird taxonomy of one year or of two, and what a code or a name means in it.
//!
//! Codes and names change every year. A label is looked up in the first edition that has it, and what it is there is
//! looked for in the newest one: by the id of its concept, which changes when a species is split or lumped, or by both
//! of its names. Where that leaves more than one species, nothing is chosen.

mod edition;
mod members;
mod resolve;

use std::path::PathBuf;

use crate::tables::Problems;
use edition::{Edition, Entry};
pub(crate) use members::Members;
pub(crate) use resolve::{By, Label, Naming, Resolution};

/// One or more editions, the oldest first.
#[derive(Debug)]
pub struct Taxonomy {
    editions: Vec<Edition>,
}

impl Taxonomy {
    /// Reads the files, in either layout in which eBird hands them out; the year is in a file's name.
    ///
    /// # Errors
    /// All mistakes in all files. Several files whose years are not known or the same are one.
    pub fn read(files: &[PathBuf]) -> Result<Taxonomy, Problems> {
        let mut problems = Problems::default();
        let mut editions: Vec<Edition> = Vec::new();
        for file in files {
            let Some(edition) = Edition::read(file, &mut problems) else {
                continue;
            };
            if files.len() > 1 && edition.year.is_none() {
                let message = "has no year in its name; with several taxonomies, name each with its year, such as \
                               ebird_taxonomy_v2024.csv";
                problems.file(file, message);
            } else if let Some(other) = editions.iter().find(|other| other.year == edition.year) {
                let message = format!("is of the same year as {}; give one of them", other.file.display());
                problems.file(file, message);
            }
            editions.push(edition);
        }
        editions.sort_by_key(|edition| edition.year);
        if problems.is_empty() {
            Ok(Taxonomy { editions })
        } else {
            Err(problems)
        }
    }

    /// What messages call it: the year of the newest edition.
    pub fn name(&self) -> String {
        let names: Vec<String> = self.editions.iter().map(Edition::name).collect();
        match names.as_slice() {
            [.., old, new] => format!("{new} (by way of {old})"),
            [one] => one.clone(),
            [] => "no taxonomy".into(),
        }
    }

    /// Common and scientific name of a species of the newest edition.
    pub(crate) fn names(&self, code: &str) -> Option<(&str, &str)> {
        let entry = self.newest()?.of_code(code)?;
        Some((&entry.common, &entry.scientific))
    }

    fn newest(&self) -> Option<&Edition> {
        self.editions.last()
    }
}

#[cfg(test)]
mod tests;
