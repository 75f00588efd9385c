//! Defines `Members`, the species that a group, a pair or a hybrid may be, by its scientific name.

use super::{Edition, Entry};

/// The species that a taxon may be which is not one species.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Members {
    /// Their codes, ascending.
    Species(Vec<String>),
    /// Its name does not say: any species may be meant.
    Any,
}

impl Members {
    /// Those of a pair such as `Empidonax alnorum/traillii`, a hybrid such as `Anas platyrhynchos x rubripes`, or a
    /// group such as `Empidonax sp.`, `Anser/Branta sp.` and `Trochilidae sp.`.
    pub(super) fn of(edition: &Edition, entry: &Entry) -> Members {
        // What stands in brackets is a name of the group, not of a species.
        let name = entry.scientific.split(" (").next().unwrap_or_default().trim();
        let members = match name.split_once(" sp.") {
            Some((groups, _)) => of_groups(edition, groups),
            None => of_names(edition, name),
        };
        match members {
            Some(mut codes) if !codes.is_empty() => {
                codes.sort();
                codes.dedup();
                Members::Species(codes)
            }
            _ => Members::Any,
        }
    }

    /// The same with other codes; any species where one has none.
    pub(super) fn map_codes(self, of: impl Fn(&str) -> Option<String>) -> Members {
        let Members::Species(codes) = self else {
            return Members::Any;
        };
        codes
            .iter()
            .map(|code| of(code))
            .collect::<Option<_>>()
            .map_or(Members::Any, Members::Species)
    }
}

/// The species of all genera, families or orders that are named; `None` where one of the names is neither.
fn of_groups(edition: &Edition, groups: &str) -> Option<Vec<String>> {
    let mut codes = Vec::new();
    for group in groups.split('/').map(str::trim) {
        let is_of = |entry: &&Entry| {
            entry.scientific.split_whitespace().next() == Some(group)
                || entry.family.as_deref() == Some(group)
                || entry.order.as_deref() == Some(group)
        };
        let before = codes.len();
        codes.extend(edition.species().filter(is_of).map(|entry| entry.code.clone()));
        if codes.len() == before {
            return None;
        }
    }
    Some(codes)
}

/// The species of a pair or a hybrid, whose genus may be left out where it is that of the one before.
fn of_names(edition: &Edition, names: &str) -> Option<Vec<String>> {
    let mut codes = Vec::new();
    let mut genus = "";
    for name in names.split('/').flat_map(|names| names.split(" x ")).map(str::trim) {
        let mut words = name.split_whitespace();
        let first = words.next()?;
        let epithet = if first.starts_with(char::is_uppercase) {
            genus = first;
            words.next()?
        } else {
            first
        };
        let species = edition.of_scientific(&format!("{genus} {epithet}"))?;
        if species.category != "species" {
            return None;
        }
        codes.push(species.code.clone());
    }
    (codes.len() > 1).then_some(codes)
}
