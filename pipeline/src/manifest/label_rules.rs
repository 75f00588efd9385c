//! Defines `LabelRules`, the `[labels]` section of a manifest: how boxes, spans and priors become labels.

use std::collections::BTreeMap;

use serde::Serialize;

use super::section::Section;
use crate::tables::Problems;

/// What makes a clip complete (every class looked for): see `labels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Completeness {
    /// A counting box of any class: whoever drew it labelled the whole clip (the L48 protocol).
    Box,
    /// Only annotated spans (and no-bird boxes).
    Span,
}

/// What a class becomes in a clip where all of its boxes are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IgnoredOnly {
    /// As if the boxes were not there: absent in a complete clip.
    Absent,
    /// Unknown.
    Unknown,
}

/// What happens to a box whose code is neither a class nor a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherCodes {
    /// The manifest is refused.
    Error,
    /// The box is stored with the clip and labels nothing.
    KeepBox,
}

/// What happens where a box says present and a prior says absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriorConflict {
    /// The manifest is refused.
    Error,
    /// The box wins (vagrants are real); counted in the summary.
    PositiveWins,
}

/// Which clips of a training recording a species that was heard in it is taken for present in, although nobody said
/// where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(into = "&'static str")]
pub enum WeakLabels {
    /// In none.
    #[default]
    None,
    /// The target in the first.
    First,
    /// The target in up to five with more energy than their neighbours.
    Peaks,
    /// Every species in every clip.
    All,
    /// Every species in those where a model's score is this or more.
    Scores(f64),
}

impl WeakLabels {
    /// The rules' version: what they choose does not change without it.
    pub const VERSION: u32 = 1;

    /// Its word in the manifest and in `label_source`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::First => "first",
            Self::Peaks => "peaks",
            Self::All => "all",
            Self::Scores(_) => "scores",
        }
    }

    /// Least score, where there are scores.
    pub fn threshold(self) -> Option<f64> {
        match self {
            Self::Scores(threshold) => Some(threshold),
            _ => None,
        }
    }

    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl From<WeakLabels> for &'static str {
    fn from(weak: WeakLabels) -> Self {
        weak.as_str()
    }
}

/// `[labels]`: the rules by which boxes, spans and priors become present, absent and unknown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelRules {
    /// What makes a clip complete.
    pub completeness: Completeness,
    /// Codes of boxes around a bird nobody could name.
    pub unknown_bird_codes: Vec<String>,
    /// Codes of boxes that say "no bird here".
    pub no_bird_codes: Vec<String>,
    /// Label in the tables -> species code.
    pub aliases: BTreeMap<String, String>,
    /// What ignored boxes alone make of a class.
    pub ignored_only: IgnoredOnly,
    /// What happens to codes that are neither classes nor markers.
    pub other_codes: OtherCodes,
    /// What happens where a box contradicts a prior.
    pub prior_conflict: PriorConflict,
    /// Which weak labels are made of what was heard in a recording; left out of a dataset's configuration where none.
    #[serde(skip_serializing_if = "WeakLabels::is_none")]
    pub weak: WeakLabels,
    /// Least score of a weak label, with `weak = "scores"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weak_threshold: Option<f64>,
}

/// Key, code and line of a marker or an alias, for messages.
pub type CodeLine = (String, String, u64);

/// Reads the section; every key is optional. `has_scores` says whether `[tables]` names `clip_scores`.
pub(super) fn read(
    section: Option<Section<'_, '_>>,
    has_scores: bool,
    problems: &mut Problems,
) -> (LabelRules, Vec<CodeLine>) {
    let mut rules = LabelRules {
        completeness: Completeness::Box,
        unknown_bird_codes: Vec::new(),
        no_bird_codes: Vec::new(),
        aliases: BTreeMap::new(),
        ignored_only: IgnoredOnly::Absent,
        other_codes: OtherCodes::Error,
        prior_conflict: PriorConflict::Error,
        weak: WeakLabels::None,
        weak_threshold: None,
    };
    let mut lines = Vec::new();
    let Some(mut section) = section else {
        return (rules, lines);
    };
    let completeness = [("box", Completeness::Box), ("span", Completeness::Span)];
    rules.completeness = section
        .take_choice("completeness", &completeness, problems)
        .unwrap_or(rules.completeness);
    for (key, codes) in [
        ("unknown_bird_codes", &mut rules.unknown_bird_codes),
        ("no_bird_codes", &mut rules.no_bird_codes),
    ] {
        for code in section.take_strings(key, problems).unwrap_or_default() {
            lines.push((format!("labels.{key}"), code.value.clone(), code.line));
            codes.push(code.value);
        }
    }
    for (key, code, line) in lines.iter().filter(|(key, ..)| key == "labels.no_bird_codes") {
        if rules.unknown_bird_codes.contains(code) {
            let message = "is also in unknown_bird_codes; keep it in one of them";
            section.problem(problems, key.trim_start_matches("labels."), *line, code, message);
        }
    }
    for (label, code) in section.take_string_map("aliases", problems).unwrap_or_default() {
        lines.push((format!("labels.aliases.{label}"), code.value.clone(), code.line));
        rules.aliases.insert(label, code.value);
    }
    let ignored_only = [("absent", IgnoredOnly::Absent), ("unknown", IgnoredOnly::Unknown)];
    rules.ignored_only = section
        .take_choice("ignored_only", &ignored_only, problems)
        .unwrap_or(rules.ignored_only);
    let other_codes = [("error", OtherCodes::Error), ("keep-box", OtherCodes::KeepBox)];
    rules.other_codes = section
        .take_choice("other_codes", &other_codes, problems)
        .unwrap_or(rules.other_codes);
    let prior_conflict = [
        ("error", PriorConflict::Error),
        ("positive-wins", PriorConflict::PositiveWins),
    ];
    rules.prior_conflict = section
        .take_choice("prior_conflict", &prior_conflict, problems)
        .unwrap_or(rules.prior_conflict);
    read_weak(&mut rules, &mut section, has_scores, problems);
    section.finish(problems);
    (rules, lines)
}

/// Reads which weak labels are made; scores need a table and a threshold, which nothing else has a use for.
fn read_weak(rules: &mut LabelRules, section: &mut Section<'_, '_>, has_scores: bool, problems: &mut Problems) {
    let choices = ["none", "first", "peaks", "all", "scores"].map(|word| (word, word));
    let weak = section.take_choice("weak", &choices, problems).unwrap_or("none");
    let threshold = section.take_f64("weak_threshold", problems);
    match (&threshold, weak) {
        (Some(threshold), word) if word != "scores" => {
            let message = "has no effect: it is for weak = \"scores\"; drop it";
            section.problem(
                problems,
                "weak_threshold",
                threshold.line,
                &threshold.value.to_string(),
                message,
            );
        }
        (None, "scores") => {
            let message = "weak = \"scores\" needs `weak_threshold`, the least score that counts";
            section.report_missing(problems, message);
        }
        _ => {}
    }
    if weak == "scores" && !has_scores {
        section.report_missing(problems, "weak = \"scores\" needs `clip_scores` in [tables]");
    }
    rules.weak_threshold = threshold.map(|threshold| threshold.value);
    rules.weak = match weak {
        "first" => WeakLabels::First,
        "peaks" => WeakLabels::Peaks,
        "all" => WeakLabels::All,
        "scores" => WeakLabels::Scores(rules.weak_threshold.unwrap_or(f64::INFINITY)),
        _ => WeakLabels::None,
    };
}
