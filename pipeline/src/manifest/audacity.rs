//! Provides the reader of Audacity label tracks: `start TAB end TAB label`, and the `\ TAB low TAB high` line that
//! may follow.

use std::path::Path;
use std::sync::Arc;

use super::boxes::{BoxReader, RawBox};
use super::model::BoxTable;
use super::model::Recording;
use super::notes::Notes;
use super::pattern::{AnnotationFile, Pattern};
use crate::tables::{Problems, decode, has_decimal_comma, nfc, numbered_lines, read_bytes};
use crate::tally::Reason;

/// Reads the tracks the pattern finds and adds their boxes to the recordings.
pub(super) fn read(
    pattern: &Pattern<'_>,
    reader: &BoxReader<'_>,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
) {
    for AnnotationFile { recording, file } in pattern.find(recordings, notes, problems) {
        let Some(bytes) = read_bytes(&file, problems) else {
            continue;
        };
        let labels = parse(&file, &bytes, notes, problems);
        let table = Arc::new(BoxTable {
            file,
            label_column: "label".into(),
        });
        let boxes = labels
            .into_iter()
            .filter_map(|raw| reader.resolve(&table, raw, "end", problems));
        if let Some(recording) = recordings.get_mut(recording) {
            recording.boxes.extend(boxes);
        }
    }
}

/// Parses the bytes of one track; blank labels are dropped and counted.
pub(super) fn parse(file: &Path, bytes: &[u8], notes: &mut Notes, problems: &mut Problems) -> Vec<RawBox> {
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
        let parse = |text: Option<&str>| {
            text.and_then(|t| t.parse::<f64>().ok())
                .filter(|value| value.is_finite())
        };
        let (Some(a), Some(b)) = (parse(numbers.0), parse(numbers.1)) else {
            let expected = if is_frequencies {
                "\\ TAB low Hz TAB high Hz"
            } else {
                "start TAB end TAB label"
            };
            let hint = if [numbers.0, numbers.1].into_iter().flatten().any(has_decimal_comma) {
                "; a number has a decimal comma, where a point is expected"
            } else {
                ""
            };
            problems.line(file, line, format!("expected `{expected}`, got {content:?}{hint}"));
            continue;
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
    let all = labels.len();
    labels.retain(|label| !label.label.is_empty());
    notes.tallies.add(Reason::BlankLabel, (all - labels.len()) as u64);
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Vec<RawBox>, Notes, Problems) {
        let (mut notes, mut problems) = (Notes::default(), Problems::default());
        let labels = parse(Path::new("t.txt"), text.as_bytes(), &mut notes, &mut problems);
        (labels, notes, problems)
    }

    #[test]
    fn labels_with_and_without_frequencies() {
        let (labels, notes, problems) =
            parsed("0.5\t1.5\tA\n\\\t100.0\t900.0\n2\t2\tB\r\n3\t4\t\n5\t6\tC\n\\\t-1.0\t800\n");
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
                ("C", 5.0, None, Some(800.0))
            ]
        );
        assert_eq!(notes.tallies.count(Reason::BlankLabel), 1);
    }

    #[test]
    fn broken_lines_are_named() {
        let (_, _, problems) = parsed("\\\t1\t2\nx\t1\tA\n1\n");
        let text = problems.to_string();
        assert!(
            text.contains("t.txt:1: frequencies before")
                && text.contains("t.txt:2: expected")
                && text.contains("t.txt:3"),
            "{text}"
        );
    }
}
