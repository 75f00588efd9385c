//! Decides which species of the newest edition a label is: a code of some year, or names.

use super::members::Members;
use super::{Edition, Entry, Taxonomy};

/// What a table says of a species.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Label<'a> {
    /// eBird's code, of the table's year.
    pub(crate) code: Option<&'a str>,
    /// The id of its concept.
    pub(crate) concept: Option<&'a str>,
    /// Scientific name.
    pub(crate) scientific: Option<&'a str>,
    /// English name.
    pub(crate) common: Option<&'a str>,
}

/// Whose names a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Those of eBird in some year: one name that is another now hints at a split.
    Ebird,
    /// Those of another list, whose English names are often others.
    Other,
}

/// What a label is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// One species.
    Species {
        /// Its code in the newest edition.
        code: String,
        /// How it was found.
        by: By,
    },
    /// A group, a pair or a hybrid.
    NotOne {
        /// Its category.
        category: String,
        /// The species it may be.
        members: Members,
    },
    /// It may be these, or none of them: the codes.
    Ambiguous(Vec<String>),
    /// The taxonomy has nothing like it.
    Unknown,
}

/// How a species was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Its code is that of the taxonomy.
    Code,
    /// It is a form of the species, by `REPORT_AS`.
    ReportAs,
    /// By the id of its concept, or by names, where no code was given or the code is the same.
    Name,
    /// Its code is not, or no longer, in the taxonomy; its concept or its names are.
    Renamed,
}

impl Taxonomy {
    /// What a label is in the newest edition.
    pub(crate) fn resolve(&self, label: Label<'_>, naming: Naming) -> Resolution {
        let Some(newest) = self.newest() else {
            return Resolution::Unknown;
        };
        for edition in &self.editions {
            let of_concept = label.concept.and_then(|concept| edition.of_concept(concept));
            let of_code = || label.code.and_then(|code| edition.of_code(code));
            let Some(found) = of_concept.or_else(of_code) else {
                continue;
            };
            return in_newest(edition, found, newest, label);
        }
        by_names(label, naming, newest)
    }
}

/// A taxon of some edition, as the newest one has it.
fn in_newest(edition: &Edition, found: &Entry, newest: &Edition, label: Label<'_>) -> Resolution {
    let (species, by) = match species_of(edition, found) {
        Ok(species) if species.code == found.code && label.code.is_none() => (species, By::Name),
        Ok(species) if species.code == found.code => (species, By::Code),
        Ok(species) => (species, By::ReportAs),
        Err(_) if std::ptr::eq(edition, newest) => return not_one(edition, found),
        // A group of an old edition may have other members now: those of its own, as they are called now.
        Err(_) => {
            let Resolution::NotOne { category, members } = not_one(edition, found) else {
                return Resolution::Unknown;
            };
            let members = members.map_codes(|code| {
                let entry = edition.of_code(code)?;
                Some(same_in(entry, newest).ok()?.code.clone())
            });
            return Resolution::NotOne { category, members };
        }
    };
    if std::ptr::eq(edition, newest) {
        let code = species.code.clone();
        return Resolution::Species { code, by };
    }
    match same_in(species, newest) {
        Ok(same) if same.code == species.code => Resolution::Species {
            code: same.code.clone(),
            by,
        },
        Ok(same) => Resolution::Species {
            code: same.code.clone(),
            by: By::Renamed,
        },
        Err(candidates) => Resolution::Ambiguous(candidates),
    }
}

/// The species that a taxon is or counts for, in its own edition.
fn species_of<'e>(edition: &'e Edition, entry: &'e Entry) -> Result<&'e Entry, ()> {
    if entry.category == "species" {
        return Ok(entry);
    }
    let of = entry.report_as.as_deref().and_then(|code| edition.of_code(code));
    of.filter(|species| species.category == "species").ok_or(())
}

fn not_one(edition: &Edition, entry: &Entry) -> Resolution {
    Resolution::NotOne {
        category: entry.category.clone(),
        members: Members::of(edition, entry),
    }
}

/// The same species in another edition: of the same concept, or where an edition does not know that, of the same names.
///
/// # Errors
/// The codes of those that have one of its names.
fn same_in<'e>(species: &Entry, edition: &'e Edition) -> Result<&'e Entry, Vec<String>> {
    if let Some(concept) = &species.concept
        && let Some(same) = edition.of_concept(concept)
        && let Ok(same) = species_of(edition, same)
    {
        return Ok(same);
    }
    let (scientific, common) = (
        edition.of_scientific(&species.scientific),
        edition.of_common(&species.common),
    );
    let knows_concepts = species.concept.is_some() && edition.species().any(|entry| entry.concept.is_some());
    if let (Some(one), Some(other)) = (scientific, common)
        && one.code == other.code
        && !knows_concepts
    {
        return species_of(edition, one).map_err(|()| vec![one.code.clone()]);
    }
    Err(codes([edition.of_code(&species.code), scientific, common]))
}

/// A label whose code no edition has.
fn by_names<'a>(label: Label<'a>, naming: Naming, newest: &'a Edition) -> Resolution {
    let species_of = |entry| species_of(newest, entry).map_err(|()| entry);
    let scientific = label
        .scientific
        .and_then(|name| newest.of_scientific(name))
        .map(species_of);
    let common = label.common.and_then(|name| newest.of_common(name)).map(species_of);
    let by = if label.code.is_some() { By::Renamed } else { By::Name };
    let species = |entry: &Entry| Resolution::Species {
        code: entry.code.clone(),
        by,
    };
    match (scientific, common) {
        (Some(Ok(one)), Some(Ok(other))) if one.code == other.code => species(one),
        (Some(Ok(one)), None) if naming == Naming::Other || label.common.is_none() => species(one),
        // The genus is another now, and the rest of both names the same.
        (None, Some(Ok(other)))
            if label
                .scientific
                .is_some_and(|name| same_epithet(name, &other.scientific)) =>
        {
            species(other)
        }
        (Some(Err(group)), None) | (None, Some(Err(group))) => not_one(newest, group),
        (Some(Err(group)), Some(Err(other))) if group.code == other.code => not_one(newest, group),
        (None, None) => Resolution::Unknown,
        _ => {
            let entry = |found: Option<Result<&'a Entry, &'a Entry>>| found.map(|(Ok(entry) | Err(entry))| entry);
            Resolution::Ambiguous(codes([None, entry(scientific), entry(common)]))
        }
    }
}

fn codes<const N: usize>(entries: [Option<&Entry>; N]) -> Vec<String> {
    let mut codes: Vec<String> = entries.into_iter().flatten().map(|entry| entry.code.clone()).collect();
    codes.sort();
    codes.dedup();
    codes
}

/// Whether the second words of two scientific names differ in their gender at most, as after a change of genus.
fn same_epithet(one: &str, other: &str) -> bool {
    let stem = |name: &str| {
        let epithet = name.split_whitespace().nth(1)?.to_lowercase();
        let endings = ["us", "um", "a", "is", "e"];
        let stem = endings.iter().find_map(|ending| epithet.strip_suffix(ending));
        Some(stem.unwrap_or(&epithet).to_owned())
    };
    stem(one).is_some_and(|stem_of_one| stem(other) == Some(stem_of_one))
}
