//! Provides `Labels`, which makes species codes of what a set calls its species, and counts what became of them.

use std::collections::{BTreeMap, HashMap};

use crate::scan::code_of;
use crate::tally::{Reason, Tallies};
use crate::taxonomy::{By, Label, Naming, Resolution, Taxonomy};

/// Names of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) common: Option<String>,
    pub(crate) scientific: Option<String>,
}

/// What a person decided about labels: label, code or scientific name -> species code.
pub type Choices = BTreeMap<String, String>;

/// What a label became, and why.
#[derive(Clone, Debug, Default)]
struct Outcome {
    code: Option<String>,
    counted: Option<(Reason, String)>,
    /// Whether it may be several species, or any.
    is_vague: bool,
}

/// Labels of one set.
pub(crate) struct Labels<'t> {
    taxonomy: Option<&'t Taxonomy>,
    naming: Naming,
    choices: &'t Choices,
    outcomes: HashMap<[Option<String>; 3], Outcome>,
    /// Names of the codes so far.
    pub(crate) names: BTreeMap<String, Named>,
}

impl<'t> Labels<'t> {
    pub(crate) fn new(taxonomy: Option<&'t Taxonomy>, naming: Naming, choices: &'t Choices) -> Self {
        Labels {
            taxonomy,
            naming,
            choices,
            outcomes: HashMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// The species code of a label; `None` for one that is not one known species, which is counted, as is whatever else
    /// is worth telling. What is no bird is not looked for in the taxonomy.
    pub(crate) fn code(&mut self, label: Label<'_>, is_bird: bool, tallies: &mut Tallies) -> Option<String> {
        self.look_up(label, is_bird, tallies).code
    }

    /// The same, and whether the label may stand for any of several species instead.
    pub(crate) fn code_or_vague(
        &mut self,
        label: Label<'_>,
        is_bird: bool,
        tallies: &mut Tallies,
    ) -> (Option<String>, bool) {
        let Outcome { code, is_vague, .. } = self.look_up(label, is_bird, tallies);
        (code, is_vague)
    }

    fn look_up(&mut self, label: Label<'_>, is_bird: bool, tallies: &mut Tallies) -> Outcome {
        let key = [label.code, label.scientific, label.common].map(|text| text.map(str::to_owned));
        let outcome = match self.outcomes.get(&key) {
            Some(outcome) => outcome.clone(),
            None => {
                let outcome = self.decide(label, is_bird);
                self.outcomes.insert(key, outcome.clone());
                outcome
            }
        };
        if let Some((reason, detail)) = &outcome.counted {
            tallies.add_detail(*reason, detail, 1);
        }
        if let Some(code) = &outcome.code {
            self.add_names(code, label);
        }
        outcome
    }

    fn decide(&self, label: Label<'_>, is_bird: bool) -> Outcome {
        let shown = shown(label);
        let own = || {
            label
                .code
                .map(str::to_owned)
                .or_else(|| label.scientific.or(label.common).map(code_of))
        };
        let one = |code: Option<String>| Outcome {
            code,
            ..Outcome::default()
        };
        let counted = |code: Option<String>, reason, detail| Outcome {
            code,
            counted: Some((reason, detail)),
            is_vague: false,
        };
        // Lists of codes are parted by it.
        if label.code.is_some_and(|code| code.contains(';')) {
            return counted(None, Reason::LabelUnknown, shown);
        }
        let mut chosen = [label.code, label.scientific, label.common].into_iter().flatten();
        if let Some(code) = chosen.find_map(|text| self.choices.get(text)) {
            return counted(Some(code.clone()), Reason::LabelChosen, format!("{shown} -> {code}"));
        }
        let Some(taxonomy) = self.taxonomy.filter(|_| is_bird) else {
            return one(own());
        };
        match taxonomy.resolve(label, self.naming) {
            Resolution::Species {
                code,
                by: By::Code | By::Name,
            } => one(Some(code)),
            Resolution::Species { code, by: By::ReportAs } => {
                let detail = format!("{shown} -> {code}");
                counted(Some(code), Reason::LabelOfForm, detail)
            }
            Resolution::Species { code, by: By::Renamed } => {
                let detail = format!("{shown} -> {code}");
                counted(Some(code), Reason::LabelRenamed, detail)
            }
            Resolution::NotOne { category, .. } => Outcome {
                is_vague: true,
                ..counted(None, Reason::LabelNotOneSpecies, format!("{shown}: {category}"))
            },
            Resolution::Ambiguous(candidates) => {
                let may_be = if candidates.is_empty() {
                    "none".into()
                } else {
                    candidates.join(" or ")
                };
                Outcome {
                    is_vague: true,
                    ..counted(None, Reason::LabelAmbiguous, format!("{shown}: {may_be}"))
                }
            }
            Resolution::Unknown if label.code.is_some() => counted(own(), Reason::LabelNotInTaxonomy, shown),
            Resolution::Unknown => Outcome {
                is_vague: true,
                ..counted(None, Reason::LabelUnknown, shown)
            },
        }
    }

    fn add_names(&mut self, code: &str, label: Label<'_>) {
        let named = self.names.entry(code.to_owned()).or_default();
        if let Some((common, scientific)) = self.taxonomy.and_then(|taxonomy| taxonomy.names(code)) {
            named.common = Some(common.to_owned());
            named.scientific = Some(scientific.to_owned());
            return;
        }
        named.common = named.common.take().or_else(|| label.common.map(str::to_owned));
        named.scientific = named.scientific.take().or_else(|| label.scientific.map(str::to_owned));
    }
}

/// A label with its names, as counts show it.
fn shown(label: Label<'_>) -> String {
    let names: Vec<&str> = [label.common, label.scientific].into_iter().flatten().collect();
    match (label.code, names.as_slice()) {
        (Some(code), []) => code.into(),
        (Some(code), names) => format!("{code} ({})", names.join(", ")),
        (None, names) => names.join(", "),
    }
}
