//! Provides the reader of Raven selection tables: tab-separated rows with times, frequencies and a free-named label column.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use csv::StringRecord;

use super::Notes;
use super::boxes::{BoxReader, RawBox};
use super::pattern::{for_each_file, is_per_recording};
use super::problem::Problems;
use super::recordings::Recording;

const BEGIN: &str = "Begin Time (s)";
const END: &str = "End Time (s)";

/// Reads the tables the pattern finds and hangs their boxes on the recordings.
///
/// Rows of another `Begin File` are left to that recording; `File Offset (s)` gives file-local times where a table runs over
/// several files; the rows a selection has in several views count once, the spectrogram's before the waveform's.
pub(super) fn read(
    pattern: &str,
    label_column: &str,
    reader: &BoxReader<'_>,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
) {
    let shared_by_all = !is_per_recording(pattern) && recordings.len() > 1;
    // A table that serves many recordings is parsed, and its oddities counted, once.
    let mut parsed: HashMap<PathBuf, Option<RavenTable>> = HashMap::new();
    for_each_file(
        pattern,
        recordings,
        notes,
        problems,
        |recording, file, notes, problems| {
            let table = parsed.entry(file.into()).or_insert_with(|| match std::fs::read(file) {
                Ok(bytes) => parse(file, &bytes, label_column, notes, problems),
                Err(error) => {
                    problems.file(file, format!("cannot be read: {error}"));
                    None
                }
            });
            let Some(table) = table else { return };
            let own_name = recording.file.file_name().unwrap_or_default().to_string_lossy();
            if shared_by_all && recording.annotation.is_none() && !table.names_files {
                let message = "serves every recording but has no `Begin File` column; put {stem}, {name} or {asset_id} into `files`";
                return problems.file(file, message);
            }
            for row in table
                .rows
                .iter()
                .filter(|row| row.begin_file.as_ref().is_none_or(|name| **name == own_name))
            {
                recording
                    .boxes
                    .extend(reader.resolve(file, row.raw.clone(), (label_column, END), problems));
            }
        },
    );
}

/// A parsed table.
pub(super) struct RavenTable {
    names_files: bool,
    rows: Vec<RavenRow>,
}

struct RavenRow {
    begin_file: Option<String>,
    raw: RawBox,
}

/// Parses the bytes of one table. Blank labels and repeated views are dropped and counted.
pub(super) fn parse(
    file: &Path,
    bytes: &[u8],
    label_column: &str,
    notes: &mut Notes,
    problems: &mut Problems,
) -> Option<RavenTable> {
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let mut csv = csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .quoting(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let columns: Vec<String> = match csv.headers() {
        Ok(header) => header.iter().map(|name| name.trim().to_string()).collect(),
        Err(error) => {
            problems.file(file, format!("the header row cannot be read: {error}"));
            return None;
        }
    };
    let column = |name: &str| columns.iter().position(|c| c == name);
    let before = problems.len();
    for name in [BEGIN, END, label_column] {
        if column(name).is_none() {
            problems.line(
                file,
                1,
                format!("the column `{name}` is missing; the table has: {}", columns.join(", ")),
            );
        }
    }
    if problems.len() > before {
        return None;
    }
    let mut kept: HashMap<(String, String, String), usize> = HashMap::new();
    let mut spectrogram: Vec<bool> = Vec::new();
    let mut rows: Vec<RavenRow> = Vec::new();
    for record in csv.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                problems.line(
                    file,
                    error.position().map_or(0, csv::Position::line),
                    format!("cannot be read: {error}"),
                );
                break;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |name: &str| cell_of(&record, column(name));
        let Some(label) = cell(label_column) else {
            notes.blank_labels += 1;
            continue;
        };
        let mut number = |name: &str| {
            let text = cell(name)?;
            let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
            if value.is_none() {
                problems.cell(file, line, name, text, "expected a finite number");
            }
            value
        };
        let (begin, end) = (number(BEGIN), number(END));
        let (low_hz, high_hz) = (number("Low Freq (Hz)"), number("High Freq (Hz)"));
        let offset = number("File Offset (s)");
        let (Some(begin), Some(end)) = (begin, end) else {
            if cell(BEGIN).is_none() || cell(END).is_none() {
                problems.line(file, line, format!("`{BEGIN}` and `{END}` must not be empty"));
            }
            continue;
        };
        let start_s = offset.unwrap_or(begin);
        let end_s = offset.map_or(end, |offset| offset + (end - begin));
        let begin_file = cell("Begin File").map(str::to_string);
        let raw = RawBox {
            line,
            start_s,
            end_s,
            low_hz,
            high_hz,
            label: label.into(),
            status: None,
        };
        let row = RavenRow { begin_file, raw };
        let is_spectrogram = cell("View").is_none_or(|view| view.starts_with("Spectrogram"));
        let text = |name: &str| cell(name).unwrap_or_default().to_string();
        let key = (text("Selection"), text(BEGIN), text(END));
        match kept.get(&key).copied() {
            // A table without selection numbers has no views to tell apart.
            Some(at) if !key.0.is_empty() => {
                notes.repeated_views += 1;
                let was_spectrogram = spectrogram.get(at).copied().unwrap_or(true);
                if let (true, false, Some(slot)) = (is_spectrogram, was_spectrogram, rows.get_mut(at)) {
                    *slot = row;
                }
            }
            _ => {
                kept.insert(key, rows.len());
                spectrogram.push(is_spectrogram);
                rows.push(row);
            }
        }
    }
    Some(RavenTable {
        names_files: column("Begin File").is_some(),
        rows,
    })
}

fn cell_of(record: &StringRecord, column: Option<usize>) -> Option<&str> {
    let cell = record.get(column?)?.trim();
    (!cell.is_empty()).then_some(cell)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const HEADER: &str = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)";

    fn parsed(text: &str, label: &str) -> (Vec<RavenRow>, Notes, Problems) {
        let (mut notes, mut problems) = (Notes::default(), Problems::default());
        let table = parse(Path::new("t.txt"), text.as_bytes(), label, &mut notes, &mut problems);
        (table.map(|t| t.rows).unwrap_or_default(), notes, problems)
    }

    #[test]
    fn a_header_with_a_trailing_tab_and_no_rows_is_an_empty_table() {
        let (rows, _, problems) = parsed(&format!("{HEADER}\tSpecies\t\n"), "Species");
        assert!(rows.is_empty() && problems.is_empty());
    }

    #[test]
    fn short_rows_blank_labels_and_a_missing_final_newline() {
        let text = format!(
            "{HEADER}\tSpecies\tdistance\r\n1\tSpectrogram 1\t1\t1.5\t2.5\t100\t200\tWOTH\r\n2\tSpectrogram 1\t1\t3\t4\t1\t2\t"
        );
        let (rows, notes, problems) = parsed(&text, "Species");
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].raw.label, "WOTH");
        assert_eq!(notes.blank_labels, 1);
    }

    #[test]
    fn a_selection_seen_in_two_views_counts_once_with_the_spectrograms_frequencies() {
        let text =
            format!("{HEADER}\tSpecies\n7\tWaveform 1\t1\t1\t2\t0\t16000\tA\n7\tSpectrogram 1\t1\t1\t2\t500\t900\tA\n");
        let (rows, notes, _) = parsed(&text, "Species");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].raw.low_hz, Some(500.0));
        assert_eq!(notes.repeated_views, 1);
    }

    #[test]
    fn file_offsets_are_local_to_their_file() {
        let text = format!(
            "{HEADER}\tBegin File\tFile Offset (s)\tSpecies\n1\tSpectrogram 1\t1\t610\t612.5\t1\t2\tb.wav\t10\tA\n"
        );
        let (rows, ..) = parsed(&text, "Species");
        assert_eq!((rows[0].raw.start_s, rows[0].raw.end_s), (10.0, 12.5));
        assert_eq!(rows[0].begin_file.as_deref(), Some("b.wav"));
    }

    #[test]
    fn a_missing_label_column_names_the_columns_there_are() {
        let (_, _, problems) = parsed(&format!("{HEADER}\tAnnotation\n"), "Species");
        assert!(problems.to_string().contains("Annotation"), "{problems}");
        let (_, _, problems) = parsed(&format!("{HEADER}\tSpecies\n1\tv\t1\tx\t2\t\t\tA\n"), "Species");
        assert!(
            problems.to_string().contains("t.txt:2: Begin Time (s) = \"x\""),
            "{problems}"
        );
    }
}
