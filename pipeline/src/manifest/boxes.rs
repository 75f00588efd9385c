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
    fn code(&self, label: &str) -> Option<BoxCode> {
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

    /// Whether a label is a word like `NA`, which neither the taxa nor the aliases or markers name.
    fn is_no_value(&self, label: &str) -> bool {
        is_no_value(label) && matches!(self.code(label), None | Some(BoxCode::Other(_)))
    }

    /// Checks one box; `end_column` is the column of its end, for messages. A word for no value in place of a label is
    /// dropped and counted, as a blank label is.
    pub(super) fn resolve(
        &self,
        table: &Arc<BoxTable>,
        raw: RawBox,
        end_column: &str,
        problems: &mut Problems,
    ) -> Option<AssetBox> {
        if self.is_no_value(&raw.label) {
            let tallies = &mut problems.noticed.tallies;
            tallies.add_detail(Reason::BlankLabel, &raw.label, 1);
            return None;
        }
        let before = problems.len();
        let BoxTable { file, label_column } = &**table;
        let times = format!("{} to {}", raw.start_s, raw.end_s);
        if raw.end_s < raw.start_s {
            problems.cell(file, raw.line, end_column, &times, "the box ends before it starts");
        }
        if raw.start_s < 0.0 || raw.end_s > LONGEST_S {
            problems.cell(file, raw.line, end_column, &times, "the box is outside any recording");
        }
        let (low_hz, high_hz) = (raw.low_hz.unwrap_or(0.0), raw.high_hz.unwrap_or(f64::INFINITY));
        if high_hz < low_hz || low_hz < 0.0 {
            let message = "expected 0 <= low_hz <= high_hz";
            problems.cell(
                file,
                raw.line,
                "low_hz, high_hz",
                &format!("{low_hz}, {high_hz}"),
                message,
            );
        }
        let code = self.code(&raw.label);
        if code.is_none() {
            let message = "unknown species code: add it to the taxa table, to [labels] aliases, unknown_bird_codes or \
                           no_bird_codes, or set other_codes = \"keep-box\"";
            problems.cell(file, raw.line, label_column, &raw.label, message);
        }
        let resolved = AssetBox {
            start_ns: nanoseconds(raw.start_s),
            end_ns: nanoseconds(raw.end_s),
            low_hz: raw.low_hz,
            high_hz: raw.high_hz,
            code: code?,
            status: raw.status,
            table: Arc::clone(table),
            line: raw.line,
        };
        (problems.len() == before).then_some(resolved)
    }
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
        let resolved = reader.resolve(&from, raw, "end_s", problems);
        if let (Some(recording), Some(resolved)) = (recording, resolved) {
            recording.boxes.push(resolved);
        }
    }
}

/// Reads `annotated_spans`: asset_id, start_s, end_s, scope.
pub(super) fn read_spans(file: &Path, recordings: &mut [Recording], problems: &mut Problems) {
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
        if start_s < 0.0 || end_s > LONGEST_S {
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
        if let Some(recording) = recording {
            recording.spans.push(Span {
                start_ns: nanoseconds(start_s),
                end_ns: nanoseconds(end_s),
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
