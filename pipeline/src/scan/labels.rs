//! Makes classes of the labels that are met: a code for each, and names where the labels have them.

use std::collections::{BTreeMap, BTreeSet};

use crate::tables::is_no_value;

/// Labels of birds that nobody could name, in small letters.
const UNKNOWN: [&str; 6] = ["????", "unknown", "unknown bird", "unkbrd", "sp", "sp."];

/// Labels that are no species, in small letters; BirdNET writes `nocall` where it found nothing.
const NO_SPECIES: [&str; 8] = [
    "nocall",
    "noise",
    "background",
    "silence",
    "other",
    "none",
    "nobird",
    "no bird",
];

/// Names of a label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) common: Option<String>,
    pub(super) scientific: Option<String>,
}

/// Labels with their names and how often they were met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Labels(BTreeMap<String, (Names, u64)>);

impl Labels {
    /// Adds a label that was met.
    pub(super) fn add(&mut self, label: &str, names: Names) {
        self.add_times(label, names, 1);
    }

    fn add_times(&mut self, label: &str, names: Names, count: u64) {
        let (known, counted) = self.0.entry(label.to_owned()).or_default();
        *counted += count;
        known.common = known.common.take().or(names.common);
        known.scientific = known.scientific.take().or(names.scientific);
    }

    /// Adds those of another list.
    pub(super) fn add_all(&mut self, other: &Labels) {
        for (label, names, count) in other.iter() {
            self.add_times(label, names.clone(), count);
        }
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Names, u64)> {
        self.0
            .iter()
            .map(|(label, (names, count))| (label.as_str(), names, *count))
    }
}

/// What becomes of labels.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Classes {
    /// The classes by code, in the order of the taxa table.
    pub(super) taxa: BTreeMap<String, Names>,
    /// Labels that are not their class's code.
    pub(super) aliases: BTreeMap<String, String>,
    /// Labels of birds that nobody could name.
    pub(super) unknown: BTreeSet<String>,
    /// Labels that are no species.
    pub(super) others: BTreeSet<String>,
}

impl Classes {
    /// Classes of all labels.
    pub(super) fn of(labels: &Labels) -> Self {
        let mut classes = Classes::default();
        for (label, names, _) in labels.iter() {
            let small = label.to_lowercase();
            if UNKNOWN.contains(&small.as_str()) {
                classes.unknown.insert(label.to_owned());
            } else if NO_SPECIES.contains(&small.as_str()) {
                classes.others.insert(label.to_owned());
            } else if !is_no_value(label) {
                classes.add(label, names);
            }
        }
        classes
    }

    fn add(&mut self, label: &str, names: &Names) {
        let (code, mut named) = match in_label(label) {
            Some((scientific, common)) => {
                let code = code_of(scientific);
                let (scientific, common) = (Some(scientific.to_owned()), Some(common.to_owned()));
                (code, Names { common, scientific })
            }
            None if is_code(label) => (label.to_owned(), Names::default()),
            None => {
                let common = Some(label.to_owned());
                let scientific = None;
                (code_of(label), Names { common, scientific })
            }
        };
        if code != label {
            self.aliases.insert(label.to_owned(), code.clone());
        }
        named.common = names.common.clone().or(named.common);
        named.scientific = names.scientific.clone().or(named.scientific);
        let known = self.taxa.entry(code).or_default();
        known.common = known.common.take().or(named.common);
        known.scientific = known.scientific.take().or(named.scientific);
    }

    /// The class of a label.
    pub(super) fn code<'c>(&'c self, label: &'c str) -> Option<&'c str> {
        let code = self.aliases.get(label).map_or(label, String::as_str);
        self.taxa.contains_key(code).then_some(code)
    }
}

/// Whether a label can be a code as it is: no blanks, and nothing that parts the items of a list or the cells of a table.
fn is_code(label: &str) -> bool {
    !label.contains(|c: char| c.is_whitespace() || c.is_control() || ";,\"".contains(c))
}

/// Letters and digits in small, with a hyphen for everything else.
pub(crate) fn code_of(label: &str) -> String {
    let mut code = String::new();
    for c in label.chars().flat_map(char::to_lowercase) {
        match c.is_alphanumeric() {
            true => code.push(c),
            false if !code.is_empty() && !code.ends_with('-') => code.push('-'),
            false => {}
        }
    }
    let code = code.trim_end_matches('-');
    if code.is_empty() { "unnamed".into() } else { code.into() }
}

/// Scientific and common name of a label of BirdNET: `Turdus merula_Common Blackbird`, or with a comma and a blank.
fn in_label(label: &str) -> Option<(&str, &str)> {
    let (scientific, common) = label.split_once('_').or_else(|| label.split_once(", "))?;
    let mut words = scientific.split(' ');
    let (genus, species) = (words.next()?, words.next()?);
    let is_name =
        genus.starts_with(|c: char| c.is_uppercase()) && species.chars().all(|c| c.is_lowercase() || c == '-');
    (is_name && !species.is_empty() && !common.trim().is_empty()).then_some((scientific, common.trim()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn labels_become_classes_with_aliases() {
        let mut labels = Labels::default();
        for label in [
            "woothr",
            "Great Tit",
            "great tit",
            "Turdus merula_Common Blackbird",
            "Turdus merula, Blackbird",
            "NA",
            "SP",
            "nocall",
            "A;B",
            "! !",
            "1139490",
            "Amsel_Gesang",
        ] {
            labels.add(label, Names::default());
        }
        let common = Some("Wood Thrush".to_owned());
        labels.add(
            "woothr",
            Names {
                common: common.clone(),
                scientific: None,
            },
        );
        let classes = Classes::of(&labels);
        let codes: Vec<&str> = classes.taxa.keys().map(String::as_str).collect();
        assert_eq!(
            codes,
            [
                "1139490",
                "Amsel_Gesang",
                "a-b",
                "great-tit",
                "turdus-merula",
                "unnamed",
                "woothr"
            ]
        );
        assert_eq!(classes.taxa["woothr"].common, common);
        let blackbird = &classes.taxa["turdus-merula"];
        assert_eq!(blackbird.scientific.as_deref(), Some("Turdus merula"));
        assert_eq!(classes.code("Great Tit"), Some("great-tit"));
        assert_eq!(
            (classes.code("woothr"), classes.code("SP"), classes.code("NA")),
            (Some("woothr"), None, None)
        );
        assert!(classes.unknown.contains("SP") && classes.others.contains("nocall"));
        assert_eq!(labels.iter().find(|(label, ..)| *label == "woothr").unwrap().2, 2);
    }
}
