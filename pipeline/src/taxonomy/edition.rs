//! Defines `Edition`, the taxonomy of one year, and reads its two layouts: the file that eBird offers for download, and
//! that of its API.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::tables::{Columns, Problems, Row, Table, UniqueKey};

/// Columns of the download, and behind them those that the API calls otherwise.
const COLUMNS: Columns<'_> = Columns {
    required: &["SPECIES_CODE", "CATEGORY"],
    optional: &[
        "TAXON_CONCEPT_ID",
        "PRIMARY_COM_NAME",
        "SCI_NAME",
        "ORDER",
        "ORDER1",
        "FAMILY",
        "REPORT_AS",
        "SCIENTIFIC_NAME",
        "COMMON_NAME",
        "FAMILY_SCI_NAME",
    ],
};

/// Years that a file's name may give.
const YEARS: std::ops::RangeInclusive<u32> = 2000..=2099;

/// One taxon.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub(super) code: String,
    /// "species", "issf", "spuh", "slash", "hybrid", ...
    pub(super) category: String,
    pub(super) concept: Option<String>,
    pub(super) common: String,
    pub(super) scientific: String,
    /// The species that this taxon counts for.
    pub(super) report_as: Option<String>,
    pub(super) family: Option<String>,
    pub(super) order: Option<String>,
}

/// The taxonomy of one year.
#[derive(Debug)]
pub(super) struct Edition {
    pub(super) file: PathBuf,
    /// As the file's name says.
    pub(super) year: Option<u32>,
    entries: Vec<Entry>,
    codes: HashMap<String, usize>,
    concepts: HashMap<String, usize>,
    /// Of several taxa with one name, the first species, else the first.
    scientific: HashMap<String, usize>,
    common: HashMap<String, usize>,
}

impl Edition {
    /// Reads a file; `None`, with a problem, where it is no taxonomy.
    pub(super) fn read(file: &Path, problems: &mut Problems) -> Option<Edition> {
        let before = problems.len();
        let table = Table::read(file, COLUMNS, problems)?;
        let mut edition = Edition {
            file: file.into(),
            year: year_in(file),
            entries: Vec::new(),
            codes: HashMap::new(),
            concepts: HashMap::new(),
            scientific: HashMap::new(),
            common: HashMap::new(),
        };
        let mut codes = UniqueKey::of("SPECIES_CODE");
        for row in table.rows() {
            let Some(code) = row.word("SPECIES_CODE") else {
                row.problem(problems, "SPECIES_CODE", "must not be empty");
                continue;
            };
            if codes.is_new(code, &row, problems) {
                edition.add(entry(code, &row));
            }
        }
        if edition.entries.iter().all(|entry| entry.scientific.is_empty()) && problems.len() == before {
            let message = "is no eBird taxonomy: it has neither SCI_NAME, as the file for download, nor \
                           SCIENTIFIC_NAME, as the API";
            problems.file(file, message);
        }
        (problems.len() == before).then_some(edition)
    }

    fn add(&mut self, entry: Entry) {
        let at = self.entries.len();
        let is_species = entry.category == "species";
        self.codes.insert(entry.code.clone(), at);
        if let Some(concept) = &entry.concept {
            self.concepts.insert(concept.clone(), at);
        }
        for (names, name) in [
            (&mut self.scientific, &entry.scientific),
            (&mut self.common, &entry.common),
        ] {
            let earlier = names.get(&key(name)).and_then(|&at| self.entries.get(at));
            let gives_way = earlier.is_none_or(|earlier| is_species && earlier.category != "species");
            if gives_way && !name.is_empty() {
                names.insert(key(name), at);
            }
        }
        self.entries.push(entry);
    }

    /// What messages call it.
    pub(super) fn name(&self) -> String {
        let file = self.file.file_name().unwrap_or(self.file.as_os_str()).to_string_lossy();
        match self.year {
            Some(year) => format!("eBird taxonomy {year}"),
            None => format!("eBird taxonomy in {file}"),
        }
    }

    pub(super) fn of_code(&self, code: &str) -> Option<&Entry> {
        self.codes.get(code).and_then(|&at| self.entries.get(at))
    }

    pub(super) fn of_concept(&self, concept: &str) -> Option<&Entry> {
        self.concepts.get(concept).and_then(|&at| self.entries.get(at))
    }

    pub(super) fn of_scientific(&self, name: &str) -> Option<&Entry> {
        self.scientific.get(&key(name)).and_then(|&at| self.entries.get(at))
    }

    pub(super) fn of_common(&self, name: &str) -> Option<&Entry> {
        self.common.get(&key(name)).and_then(|&at| self.entries.get(at))
    }

    /// All taxa of the category species.
    pub(super) fn species(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.category == "species")
    }
}

fn entry(code: &str, row: &Row<'_>) -> Entry {
    let either = |one, other| row.cell(one).or_else(|| row.cell(other)).map(str::to_owned);
    Entry {
        code: code.into(),
        category: row.cell("CATEGORY").unwrap_or_default().to_ascii_lowercase(),
        concept: row.cell("TAXON_CONCEPT_ID").map(str::to_owned),
        common: either("PRIMARY_COM_NAME", "COMMON_NAME").unwrap_or_default(),
        scientific: either("SCI_NAME", "SCIENTIFIC_NAME").unwrap_or_default(),
        report_as: row.word("REPORT_AS").map(str::to_owned),
        // The download has the English name behind it: `Anatidae (Ducks, Geese, and Waterfowl)`.
        family: either("FAMILY_SCI_NAME", "FAMILY")
            .and_then(|family| family.split_whitespace().next().map(str::to_owned)),
        order: either("ORDER", "ORDER1"),
    }
}

/// A name as it is compared: case and the form of its apostrophe do not matter.
fn key(name: &str) -> String {
    name.to_lowercase().replace('\u{2019}', "'")
}

/// The year in a file's name, that of a version such as `v2024` first.
fn year_in(file: &Path) -> Option<u32> {
    let name = file.file_name()?.to_string_lossy().into_owned();
    let bytes = name.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let years = (0..bytes.len()).filter_map(|at| {
        let alone = !is_digit(at + 4) && (at == 0 || !is_digit(at - 1));
        let year: u32 = name.get(at..at + 4).filter(|_| alone)?.parse().ok()?;
        let is_version = at > 0 && bytes.get(at - 1).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'v'));
        YEARS.contains(&year).then_some((!is_version, year))
    });
    years.min_by_key(|(is_other, _)| *is_other).map(|(_, year)| year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_is_that_of_the_version_in_the_name() {
        for (name, year) in [
            ("ebird_taxonomy_v2024.csv", Some(2024)),
            ("eBird_Taxonomy_v2021.csv", Some(2021)),
            ("2025-01-02_eBird-Clements-v2023b.csv", Some(2023)),
            ("taxonomy-2019.csv.gz", Some(2019)),
            ("taxonomy.csv", None),
            ("12024.csv", None),
            ("", None),
        ] {
            assert_eq!(year_in(Path::new(name)), year, "{name}");
        }
    }
}
