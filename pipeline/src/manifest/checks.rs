//! Provides the checks across tables: marker codes against classes, boxes against priors, and leakage between splits.

use std::collections::BTreeMap;
use std::path::Path;

use shardfmt::{BoxStatus, Split, Taxa};
use storage::Location;

use super::label_rules::{LabelRules, PriorConflict, WeakLabels};
use super::model::{Audio, BoxCode, Recording, nanoseconds};
use super::notes::Notes;
use super::settings::Settings;
use super::suggestion::suggestion;
use crate::tables::Problems;

/// What can be done about a label that a prior contradicts.
const WAYS: &str = "correct one of them, or set prior_conflict = \"positive-wins\" in [labels] if vagrants are real";

/// How many examples of one kind of leakage a warning names.
const EXAMPLES: usize = 3;

/// A marker ("unknown bird", "no bird") must not be a class; an alias must lead to a class or a marker.
pub(super) fn markers(file: &Path, settings: &Settings, taxa: &Taxa, problems: &mut Problems) {
    let rules = &settings.labels;
    for (key, code, line) in &settings.label_lines {
        let is_class = taxa.index(code).is_some();
        let is_marker = rules.unknown_bird_codes.contains(code) || rules.no_bird_codes.contains(code);
        if key.starts_with("labels.aliases.") {
            if !is_class && !is_marker {
                let meant = suggestion(code, taxa, rules);
                let message = meant.unwrap_or_else(|| "it is not in the taxa table".into());
                problems.cell(file, *line, key, code, format!("unknown species code: {message}"));
            }
        } else if is_class {
            problems.cell(
                file,
                *line,
                key,
                code,
                "is a class of the taxa table, so it cannot be a marker",
            );
        }
    }
}

/// A box, or what was heard in a recording, that says present where a prior says absent. Boxes the table ignores and
/// boxes that the header says lie past the recording's end are left alone.
pub(super) fn prior_conflicts(
    settings: &Settings,
    taxa: &Taxa,
    recordings: &[Recording],
    audio: Audio<'_>,
    problems: &mut Problems,
) {
    if settings.labels.prior_conflict == PriorConflict::PositiveWins {
        return;
    }
    for recording in recordings {
        for class in recording.heard.iter().flatten() {
            if let Some(prior) = recording.ruled_out_by(*class) {
                let message = format!("a species was heard that the recording's {prior} prior says is absent; {WAYS}");
                let (table, code) = (&settings.tables.recordings, taxa.code(*class).unwrap_or_default());
                problems.cell(table, recording.line, "heard", code, message);
            }
        }
        let mut end_ns: Option<i64> = None;
        for found in &recording.boxes {
            let BoxCode::Class(class) = found.code else { continue };
            let Some(prior) = recording
                .ruled_out_by(class)
                .filter(|_| found.status != Some(BoxStatus::Ignore))
            else {
                continue;
            };
            let end_ns = *end_ns.get_or_insert_with(|| end_ns_of(recording, audio));
            if found.start_ns >= end_ns {
                continue;
            }
            let message = format!("the recording has a box of a species that its {prior} prior says is absent; {WAYS}");
            problems.cell(
                &found.table.file,
                found.line,
                &found.table.label_column,
                taxa.code(class).unwrap_or_default(),
                message,
            );
        }
    }
}

/// Notes that a rule for weak labels was given and no training recording says what was heard in it.
pub(super) fn weak_without_heard(rules: &LabelRules, recordings: &[Recording], notes: &mut Notes) {
    let mut training = recordings.iter().filter(|recording| recording.split == Split::Train);
    if rules.weak != WeakLabels::None && !training.any(|recording| recording.heard.is_some()) {
        notes.remarks.push(format!(
            "weak = {:?} makes no labels: no training recording has species in the column heard",
            rules.weak.as_str()
        ));
    }
}

/// End of the recording as its header declares it, or as is known of one that is gone; unknown, as late as can be.
fn end_ns_of(recording: &Recording, audio: Audio<'_>) -> i64 {
    let header = frontend::audio::probe(&recording.file).ok();
    let declared_s = header.and_then(|header| Some(header.declared_frames? as f64 / f64::from(header.rate_hz)));
    let known_s = || audio.known_s(recording.asset_id);
    declared_s.or_else(known_s).map_or(i64::MAX, nanoseconds)
}

/// Notes what is in two splits: one checklist, one pair of coordinates, one file.
pub(super) fn leakage(recordings: &[Recording], notes: &mut Notes) {
    let coordinates = |r: &Recording| Some(format!("({}, {})", r.latitude?, r.longitude?));
    let file = |r: &Recording| {
        if Location::is_address(&r.file) {
            return Some(r.path.clone());
        }
        std::fs::canonicalize(&r.file)
            .ok()
            .map(|f| f.to_string_lossy().into_owned())
    };
    let shown_file = |r: &Recording| file(r).map(|key| (key, r.path.clone()));
    let same = |key: Option<String>| key.map(|key| (key.clone(), key));
    warn("checklists", recordings, &|r| same(r.checklist_id.clone()), notes);
    warn("coordinate pairs", recordings, &|r| same(coordinates(r)), notes);
    warn("source files", recordings, &shown_file, notes);
}

/// Groups the recordings by a key and notes the keys that are in more than one split. A key's second half is shown.
fn warn(what: &str, recordings: &[Recording], key: &dyn Fn(&Recording) -> Option<(String, String)>, notes: &mut Notes) {
    let mut splits: BTreeMap<String, (String, Vec<Split>)> = BTreeMap::new();
    for recording in recordings {
        let Some((key, shown)) = key(recording) else { continue };
        let (_, seen) = splits.entry(key).or_insert_with(|| (shown, Vec::new()));
        if !seen.contains(&recording.split) {
            seen.push(recording.split);
        }
    }
    let shared: Vec<_> = splits.values().filter(|(_, seen)| seen.len() > 1).collect();
    if shared.is_empty() {
        return;
    }
    let describe = |(shown, seen): &&(String, Vec<Split>)| {
        let seen: Vec<&str> = seen.iter().map(|split| split.as_str()).collect();
        format!("{shown} ({})", seen.join(", "))
    };
    let examples: Vec<String> = shared.iter().take(EXAMPLES).map(describe).collect();
    let more = if shared.len() > EXAMPLES { ", ..." } else { "" };
    notes.leakage.push(format!(
        "leakage: {} {what} are in more than one split: {}{more}",
        shared.len(),
        examples.join(", ")
    ));
}
