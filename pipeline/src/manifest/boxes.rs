//! Provides `BoxReader`, which looks up and checks the boxes of any table, and the readers of `boxes.csv` and
//! annotated spans.

use std::path::Path;
use std::sync::Arc;

use shardfmt::{BoxStatus, Taxa};

use super::label_rules::{LabelRules, OtherCodes};
use super::model::{AssetBox, BoxCode, BoxTable, Recording, Span, SpanScope, nanoseconds};
use super::notes::Notes;
use super::recordings::{positions, recording_of};
use crate::tables::{Columns, Problems, Row, Table, is_no_value};
use crate::tally::Reason;

/// Times beyond this (about 31 years) are mistakes, and would not fit the integer nanoseconds.
const LONGEST_S: f64 = 1e9;

const BOXES: Columns<'_> = Columns {
    required: &["asset_id", "start_s", "end_s", "species_code"],
    optional: &["low_hz", "high_hz", "status"],
};

const SPANS: Columns<'_> = Columns {
    required: &["asset_id", "start_s", "end_s", "scope"],
    optional: &[],
};

/// A box as some table wrote it, before its label is looked up.
#[derive(Clone, Debug)]
pub(super) struct RawBox {
    pub(super) line: u64,
    pub(super) start_s: f64,
    pub(super) end_s: f64,
    pub(super) low_hz: Option<f64>,
    pub(super) high_hz: Option<f64>,
    pub(super) label: String,
    pub(super) status: Option<BoxStatus>,
}

/// Looks labels up and checks boxes; shared by every kind of table.
pub(super) struct BoxReader<'a> {
    pub(super) taxa: &'a Taxa,
    pub(super) rules: &'a LabelRules,
}

impl BoxReader<'_> {
    /// What a label means; `None` for one that is a mistake.
    pub(super) fn code(&self, label: &str) -> Option<BoxCode> {
        let code = self.rules.aliases.get(label).map_or(label, String::as_str);
        let stands_in = |list: &[String]| list.iter().any(|c| c == code || c == label);
        if let Some(class) = self.taxa.index(code) {
            Some(BoxCode::Class(class))
        } else if stands_in(&self.rules.unknown_bird_codes) {
            Some(BoxCode::UnknownBird(code.into()))
        } else if stands_in(&self.rules.no_bird_codes) {
            Some(BoxCode::NoBird(code.into()))
        } else {
            (self.rules.other_codes == OtherCodes::KeepBox).then(|| BoxCode::Other(code.into()))
        }
    }

    /// The class that a label or its alias names.
    pub(super) fn class(&self, label: &str) -> Option<u32> {
        self.taxa
            .index(self.rules.aliases.get(label).map_or(label, String::as_str))
    }

    /// Counts a label that is kept although it is no class, and looks for what may have been meant.
    pub(super) fn count_other(&self, reason: Reason, code: &str, notes: &mut Notes) {
        notes.tallies.add_detail(reason, code, 1);
        notes.suggestion(code, self.taxa, self.rules);
    }

    /// Whether a label is a word like `NA`, which neither the taxa nor the aliases or markers name.
    pub(super) fn is_no_value(&self, label: &str) -> bool {
        is_no_value(label) && matches!(self.code(label), None | Some(BoxCode::Other(_)))
    }

    /// Checks one box; `end_column` is the column of its end, for messages. `None` for one with a mistake, for one that
    /// lies before the recording, and for one with a word for no value in place of a label; the last two are counted.
    pub(super) fn resolve(
        &self,
        table: &Arc<BoxTable>,
        raw: RawBox,
        end_column: &str,
        notes: &mut Notes,
        problems: &mut Problems,
    ) -> Option<AssetBox> {
        if self.is_no_value(&raw.label) {
            notes.tallies.add_detail(Reason::BlankLabel, &raw.label, 1);
            return None;
        }
        let before = problems.len();
        let BoxTable { file, label_column } = &**table;
        let times = format!("{} to {}", raw.start_s, raw.end_s);
        if raw.end_s < raw.start_s {
            problems.cell(file, raw.line, end_column, &times, "the box ends before it starts");
        }
        if is_outside_any(raw.start_s, raw.end_s) {
            problems.cell(file, raw.line, end_column, &times, "the box is outside any recording");
        }
        let (low_hz, high_hz) = (raw.low_hz.unwrap_or(0.0), raw.high_hz.unwrap_or(f64::INFINITY));
        if high_hz < low_hz || low_hz < 0.0 {
            let (message, value) = ("expected 0 <= low_hz <= high_hz", format!("{low_hz}, {high_hz}"));
            problems.cell(file, raw.line, "low_hz, high_hz", &value, message);
        }
        let code = self.code(&raw.label);
        if code.is_none() {
            let message = self.unknown_code(&raw.label, notes);
            problems.cell(file, raw.line, label_column, &raw.label, message);
        }
        let (code, reasons) = (code?, (Reason::BoxBeforeStart, Reason::BoxCutAtStart));
        if problems.len() != before {
            return None;
        }
        let (start_ns, end_ns) = from_start((raw.start_s, raw.end_s), reasons, notes)?;
        if let BoxCode::Other(code) = &code {
            self.count_other(Reason::OtherCode, code, notes);
        }
        Some(AssetBox {
            start_ns,
            end_ns,
            low_hz: raw.low_hz,
            high_hz: raw.high_hz,
            code,
            status: raw.status,
            table: Arc::clone(table),
            line: raw.line,
        })
    }

    /// What is wrong with a label that means nothing, and what can be done.
    pub(super) fn unknown_code(&self, label: &str, notes: &mut Notes) -> String {
        let ways = "add it to the taxa table, to [labels] aliases, unknown_bird_codes or no_bird_codes, or set \
                    other_codes = \"keep-box\"";
        match notes.suggestion(label, self.taxa, self.rules) {
            Some(question) if question.ends_with('?') => format!("unknown species code: {question} Otherwise {ways}"),
            Some(answer) => format!("unknown species code: {answer}"),
            None => format!("unknown species code: {ways}"),
        }
    }
}

/// Whether times in seconds are mistakes whatever the recording.
fn is_outside_any(start_s: f64, end_s: f64) -> bool {
    start_s < -LONGEST_S || end_s > LONGEST_S
}

/// The stretch from `.0` to `.1` (seconds) as it lies in its recording, in nanoseconds: `None` where it lies before the
/// start, cut where it begins there; either is counted, under the first and the second reason.
fn from_start((start_s, end_s): (f64, f64), reasons: (Reason, Reason), notes: &mut Notes) -> Option<(i64, i64)> {
    let (start_ns, end_ns) = (nanoseconds(start_s), nanoseconds(end_s));
    if start_ns >= 0 {
        return Some((start_ns, end_ns));
    }
    let is_before = end_ns <= 0;
    notes.tallies.add(if is_before { reasons.0 } else { reasons.1 }, 1);
    (!is_before).then_some((0, end_ns))
}

/// Reads `boxes.csv`: asset_id, start_s, end_s, low_hz, high_hz, species_code, status.
pub(super) fn read_table(
    file: &Path,
    reader: &BoxReader<'_>,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
) {
    let Some(table) = Table::read(file, BOXES, problems) else {
        return;
    };
    let from = Arc::new(BoxTable {
        file: file.into(),
        label_column: "species_code".into(),
    });
    let positions = positions(recordings);
    for row in table.rows() {
        let recording = recording_of(&row, &positions, recordings, problems);
        let Some((start_s, end_s)) = start_and_end(&row, problems) else {
            continue;
        };
        let status = row.cell("status").and_then(|word| match word.parse::<BoxStatus>() {
            Ok(status) => Some(status),
            Err(_) => {
                row.problem(
                    problems,
                    "status",
                    "expected one of active, passive, ignore, or an empty cell",
                );
                None
            }
        });
        let Some(label) = row.word("species_code") else {
            notes.tallies.add(Reason::BlankLabel, 1);
            continue;
        };
        let (low_hz, high_hz) = (row.number("low_hz", problems), row.number("high_hz", problems));
        let raw = RawBox {
            line: row.line,
            start_s,
            end_s,
            low_hz,
            high_hz,
            label: label.into(),
            status,
        };
        let resolved = reader.resolve(&from, raw, "end_s", notes, problems);
        if let (Some(recording), Some(resolved)) = (recording, resolved) {
            recording.boxes.push(resolved);
        }
    }
}

/// Reads `annotated_spans`: asset_id, start_s, end_s, scope.
pub(super) fn read_spans(file: &Path, recordings: &mut [Recording], notes: &mut Notes, problems: &mut Problems) {
    let Some(table) = Table::read(file, SPANS, problems) else {
        return;
    };
    let positions = positions(recordings);
    for row in table.rows() {
        let recording = recording_of(&row, &positions, recordings, problems);
        let Some((start_s, end_s)) = start_and_end(&row, problems) else {
            continue;
        };
        if end_s < start_s {
            row.problem(problems, "end_s", "the span ends before it starts");
        }
        if is_outside_any(start_s, end_s) {
            row.problem(problems, "end_s", "the span is outside any recording");
        }
        let scope = match row.require("scope", problems) {
            Some("all") => SpanScope::All,
            Some("target") => SpanScope::Target,
            Some(_) => {
                row.problem(problems, "scope", "expected one of all, target");
                continue;
            }
            None => continue,
        };
        let reasons = (Reason::SpanBeforeStart, Reason::SpanCutAtStart);
        let stretch = from_start((start_s, end_s), reasons, notes);
        if let (Some(recording), Some((start_ns, end_ns))) = (recording, stretch) {
            recording.spans.push(Span {
                start_ns,
                end_ns,
                scope,
            });
        }
    }
}

fn start_and_end(row: &Row<'_>, problems: &mut Problems) -> Option<(f64, f64)> {
    let mut required = |column| {
        row.require(column, problems)?;
        row.number(column, problems)
    };
    let (start_s, end_s) = (required("start_s"), required("end_s"));
    Some((start_s?, end_s?))
}
