//! Provides the checks across tables: marker codes against classes, boxes against priors, and leakage between splits.

use std::path::Path;

use shardfmt::{BoxStatus, Split, Taxa};
use storage::Location;

use super::label_rules::{LabelRules, PriorConflict, WeakLabels};
use super::model::{Audio, BoxCode, Recording, nanoseconds};
use super::notes::Notes;
use super::settings::Settings;
use super::suggestion::suggestion;
use crate::leakage::AcrossSplits;
use crate::tables::Problems;

/// What can be done about a label that a prior contradicts.
const WAYS: &str = "correct one of them, or set prior_conflict = \"positive-wins\" in [labels] if vagrants are real";

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
    let mut checklists = AcrossSplits::of_checklists();
    let (mut places, mut files) = (AcrossSplits::of_places(), AcrossSplits::of_files());
    for recording in recordings {
        let split = recording.split;
        if let Some(id) = &recording.checklist_id {
            checklists.add(id, id, split);
        }
        if let Some(place) = recording.latitude.zip(recording.longitude) {
            places.add_place(place, split);
        }
        if let Some(file) = file_of(recording) {
            files.add(&file, &recording.path, split);
        }
    }
    let sentences = [checklists, places, files].map(|kind| kind.sentence());
    notes.leakage.extend(sentences.into_iter().flatten());
}

/// The file of a recording by its one true name; `None` where it is not there.
fn file_of(recording: &Recording) -> Option<String> {
    if Location::is_address(&recording.file) {
        return Some(recording.path.clone());
    }
    let file = std::fs::canonicalize(&recording.file).ok()?;
    Some(file.to_string_lossy().into_owned())
}
