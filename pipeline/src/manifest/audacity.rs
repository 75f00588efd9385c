//! Provides the reader of Audacity label tracks: `start TAB end TAB label`, and the `\ TAB low TAB high` line that
//! may follow.

use std::path::Path;
use std::sync::Arc;

use super::boxes::{BoxReader, RawBox};
use super::empty_tables::EmptyTables;
use super::model::BoxTable;
use super::model::Recording;
use super::notes::Notes;
use super::pattern::{AnnotationFile, Pattern};
use super::settings::EmptyTable;
use crate::tables::{Problems, decode, finite_number, nfc, numbered_lines, read_bytes};
use crate::tally::Reason;

/// Reads the tracks the pattern finds and adds their boxes to the recordings.
pub(super) fn read(
    pattern: &Pattern<'_>,
    empty_table: EmptyTable,
    reader: &BoxReader<'_>,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
) {
    let mut empty = EmptyTables::new(empty_table);
    for AnnotationFile { recording, file } in pattern.find(recordings, notes, problems) {
        let Some(bytes) = read_bytes(&file, problems) else {
            continue;
        };
        let labels = parse(&file, &bytes, problems);
        empty.see(Some(recording), !labels.is_empty());
        let table = Arc::new(BoxTable {
            file,
            label_column: "label".into(),
        });
        let boxes = labels.into_iter().filter_map(|raw| {
            if raw.label.is_empty() {
                notes.tallies.add(Reason::BlankLabel, 1);
                return None;
            }
            reader.resolve(&table, raw, "end", notes, problems)
        });
        if let Some(recording) = recordings.get_mut(recording) {
            recording.boxes.extend(boxes);
        }
    }
    empty.settle(recordings, notes);
}

/// Parses the bytes of one track, blank labels included.
fn parse(file: &Path, bytes: &[u8], problems: &mut Problems) -> Vec<RawBox> {
    let Some(text) = decode(file, bytes, problems) else {
        return Vec::new();
    };
    let mut labels: Vec<RawBox> = Vec::new();
    for (line, content) in numbered_lines(&text) {
        if content.trim().is_empty() {
            continue;
        }
        let mut fields = content.split('\t').map(str::trim);
        let first = fields.next().unwrap_or_default();
        let is_frequencies = first == "\\";
        let numbers = if is_frequencies {
            (fields.next(), fields.next())
        } else {
            (Some(first), fields.next())
        };
        let number = |text: Option<&str>| finite_number(text.unwrap_or_default());
        let (a, b) = match (number(numbers.0), number(numbers.1)) {
            (Ok(a), Ok(b)) => (a, b),
            (Err(message), _) | (_, Err(message)) => {
                let expected = if is_frequencies {
                    "\\ TAB low Hz TAB high Hz"
                } else {
                    "start TAB end TAB label"
                };
                problems.line(file, line, format!("expected `{expected}`, got {content:?}: {message}"));
                continue;
            }
        };
        if !is_frequencies {
            let label = nfc(fields.next().unwrap_or_default()).into_owned();
            labels.push(RawBox {
                line,
                start_s: a,
                end_s: b,
                low_hz: None,
                high_hz: None,
                label,
                status: None,
            });
        } else if let Some(last) = labels.last_mut() {
            // Audacity writes negative numbers for an edge that was not set.
            last.low_hz = (a >= 0.0).then_some(a);
            last.high_hz = (b >= 0.0).then_some(b);
        } else {
            problems.line(file, line, "frequencies before the first label");
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Vec<RawBox>, Problems) {
        let mut problems = Problems::default();
        let labels = parse(Path::new("t.txt"), text.as_bytes(), &mut problems);
        (labels, problems)
    }

    #[test]
    fn labels_with_and_without_frequencies() {
        let (labels, problems) = parsed("0.5\t1.5\tA\n\\\t100.0\t900.0\n2\t2\tB\r\n3\t4\t\n5\t6\tC\n\\\t-1.0\t800\n");
        assert!(problems.is_empty(), "{problems}");
        let seen: Vec<_> = labels
            .iter()
            .map(|l| (l.label.as_str(), l.start_s, l.low_hz, l.high_hz))
            .collect();
        assert_eq!(
            seen,
            [
                ("A", 0.5, Some(100.0), Some(900.0)),
                ("B", 2.0, None, None),
                ("", 3.0, None, None),
                ("C", 5.0, None, Some(800.0))
            ]
        );
    }

    #[test]
    fn broken_lines_are_named() {
        let (_, problems) = parsed("\\\t1\t2\nx\t1\tA\n1\n");
        let text = problems.to_string();
        assert!(
            text.contains("t.txt:1: frequencies before")
                && text.contains("t.txt:2: expected")
                && text.contains("t.txt:3"),
            "{text}"
        );
    }
    #[test]
    fn decimal_commas_are_named_and_not_read() {
        let (labels, problems) = parsed("0,5\t2,25\tA\n1\t2\tB\n\\\t1000,0\t4000,0\n");
        let text = problems.to_string();
        assert_eq!(labels.len(), 1);
        for place in ["t.txt:1: expected", "t.txt:3: expected"] {
            assert!(
                text.contains(place) && text.matches("decimal comma").count() == 2,
                "{text}"
            );
        }
    }
}
