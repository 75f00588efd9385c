//! Provides the reader of Raven selection tables: tab-separated rows with times, frequencies and a free-named label
//! column.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use super::boxes::{BoxReader, RawBox};
use super::model::{BoxTable, Recording};
use super::notes::Notes;
use super::pattern::{AnnotationFile, Pattern};
use crate::tables::{Columns, Problems, Row, Table, nfc_name, read_bytes};
use crate::tally::Reason;

const BEGIN: &str = "Begin Time (s)";
const END: &str = "End Time (s)";
const LOW: &str = "Low Freq (Hz)";
const HIGH: &str = "High Freq (Hz)";
const SELECTION: &str = "Selection";
const VIEW: &str = "View";
const BEGIN_FILE: &str = "Begin File";
const FILE_OFFSET: &str = "File Offset (s)";

/// How the names of the views begin that show frequencies.
const SPECTROGRAM: &str = "Spectrogram";

/// Reads the tables the pattern finds and adds their boxes to the recordings.
///
/// A table found for one recording is that recording's: rows of another `Begin File` are left out and counted. A
/// table that serves all recordings gives each row to the recording its `Begin File` names. `File Offset (s)` gives
/// file-local times where a table runs over several files; the rows a selection has in several views count once, the
/// spectrogram's before the waveform's.
pub(super) fn read(
    pattern: &Pattern<'_>,
    label_column: &str,
    reader: &BoxReader<'_>,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
) {
    if pattern.is_shared() && recordings.iter().all(|recording| recording.annotation.is_none()) {
        for file in pattern.shared_files(problems) {
            read_shared(&file, label_column, reader, recordings, notes, problems);
        }
        return;
    }
    for AnnotationFile { recording, file } in pattern.find(recordings, notes, problems) {
        if let Some(recording) = recordings.get_mut(recording) {
            read_own(&file, label_column, reader, recording, notes, problems);
        }
    }
}

/// Reads a table of all recordings.
fn read_shared(
    file: &Path,
    label_column: &str,
    reader: &BoxReader<'_>,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
) {
    let Some(bytes) = read_bytes(file, problems) else {
        return;
    };
    let table = box_table(file, label_column);
    let owners = Owners::of(recordings);
    for row in parse(file, &bytes, label_column, notes, problems) {
        match owners.find(row.begin_file.as_deref()) {
            Ok(owner) => {
                let resolved = reader.resolve(&table, row.raw, END, problems);
                if let Some(recording) = recordings.get_mut(owner) {
                    recording.boxes.extend(resolved);
                }
            }
            Err(message) => {
                let name = row.begin_file.unwrap_or_default();
                problems.cell(file, row.raw.line, BEGIN_FILE, &name, message);
            }
        }
    }
}

/// Reads a table of one recording.
fn read_own(
    file: &Path,
    label_column: &str,
    reader: &BoxReader<'_>,
    recording: &mut Recording,
    notes: &mut Notes,
    problems: &mut Problems,
) {
    let Some(bytes) = read_bytes(file, problems) else {
        return;
    };
    let table = box_table(file, label_column);
    for row in parse(file, &bytes, label_column, notes, problems) {
        // An archive may have been converted since: the name counts, not its extension.
        let begin_file = row.begin_file.as_deref().map(Path::new);
        let own = nfc_name(recording.file.file_stem());
        if begin_file.is_none_or(|name| stem(name) == own.as_str()) {
            recording.boxes.extend(reader.resolve(&table, row.raw, END, problems));
        } else {
            notes.tallies.add(Reason::OtherFile, 1);
        }
    }
}

fn box_table(file: &Path, label_column: &str) -> Arc<BoxTable> {
    Arc::new(BoxTable {
        file: file.into(),
        label_column: label_column.into(),
    })
}

/// File name without extension.
fn stem(file: &Path) -> &OsStr {
    file.file_stem().unwrap_or_default()
}

/// Which recording a file name means.
struct Owners {
    count: usize,
    by_name: HashMap<OsString, Vec<usize>>,
    by_stem: HashMap<OsString, Vec<usize>>,
}

impl Owners {
    fn of(recordings: &[Recording]) -> Self {
        let mut owners = Owners {
            count: recordings.len(),
            by_name: HashMap::new(),
            by_stem: HashMap::new(),
        };
        for (number, recording) in recordings.iter().enumerate() {
            let name = nfc_name(recording.file.file_name());
            owners.by_name.entry((&name).into()).or_default().push(number);
            owners
                .by_stem
                .entry(stem(Path::new(&name)).into())
                .or_default()
                .push(number);
        }
        owners
    }

    fn find(&self, begin_file: Option<&str>) -> Result<usize, &'static str> {
        let Some(name) = begin_file else {
            // With a single recording there is nothing to tell apart.
            return if self.count == 1 {
                Ok(0)
            } else {
                Err("a table of several recordings needs a Begin File in every row")
            };
        };
        let name = Path::new(name);
        let named = self.by_name.get(name.file_name().unwrap_or_default());
        match named.or_else(|| self.by_stem.get(stem(name))).map(Vec::as_slice) {
            Some([owner]) => Ok(*owner),
            Some(_) => Err("several recordings have this file name; use one table per recording"),
            None => Err("no recording has this file name"),
        }
    }
}

/// One row of a table.
pub(super) struct RavenRow {
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
) -> Vec<RavenRow> {
    let columns = Columns {
        required: &[BEGIN, END, label_column],
        optional: &[BEGIN_FILE, FILE_OFFSET, LOW, HIGH, SELECTION, VIEW],
    };
    let Some(table) = Table::parse_selections(file, bytes, columns, problems) else {
        return Vec::new();
    };
    let mut views = Views::default();
    for row in table.rows() {
        let Some(label) = row.word(label_column) else {
            notes.tallies.add(Reason::BlankLabel, 1);
            continue;
        };
        if let Some(raw) = raw_box(&row, label, problems) {
            let is_repeated = !views.add(&row, raw, label_column);
            notes.tallies.add(Reason::RepeatedView, u64::from(is_repeated));
        }
    }
    views.rows
}

/// The box of one row.
fn raw_box(row: &Row<'_>, label: &str, problems: &mut Problems) -> Option<RawBox> {
    let mut number = |column| row.number(column, problems);
    let (begin_s, end_s) = (number(BEGIN), number(END));
    let (low_hz, high_hz) = (number(LOW), number(HIGH));
    let offset_s = number(FILE_OFFSET);
    for column in [BEGIN, END] {
        row.require(column, problems);
    }
    let (begin_s, end_s) = (begin_s?, end_s?);
    Some(RawBox {
        line: row.line,
        start_s: offset_s.unwrap_or(begin_s),
        end_s: offset_s.map_or(end_s, |offset_s| offset_s + (end_s - begin_s)),
        low_hz,
        high_hz,
        label: label.into(),
        status: None,
    })
}

/// Rows of which each selection is there once, whatever views repeat it.
#[derive(Default)]
struct Views {
    rows: Vec<RavenRow>,
    /// What the views of a selection have in common: the row kept of them, and its view.
    kept: HashMap<[String; 5], (usize, String)>,
}

impl Views {
    /// Adds a row, unless it repeats a selection in another view; the spectrogram's row then replaces the waveform's.
    fn add(&mut self, row: &Row<'_>, raw: RawBox, label_column: &str) -> bool {
        let text = |column| row.cell(column).unwrap_or_default().to_owned();
        let begin_file = row.cell(BEGIN_FILE).map(str::to_owned);
        let view = row.cell(VIEW).unwrap_or(SPECTROGRAM).to_owned();
        let key = [SELECTION, BEGIN, END, label_column, BEGIN_FILE].map(text);
        let row = RavenRow { begin_file, raw };
        match self.kept.get_mut(&key) {
            Some((position, kept_view)) if *kept_view != view && !key[0].is_empty() => {
                let is_better = view.starts_with(SPECTROGRAM) && !kept_view.starts_with(SPECTROGRAM);
                if let Some(kept) = self.rows.get_mut(*position).filter(|_| is_better) {
                    (*kept, *kept_view) = (row, view);
                }
                false
            }
            _ => {
                self.kept.insert(key, (self.rows.len(), view));
                self.rows.push(row);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const HEADER: &str = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)";

    fn parsed(text: &str, label: &str) -> (Vec<RavenRow>, Notes, Problems) {
        let (mut notes, mut problems) = (Notes::default(), Problems::default());
        let rows = parse(Path::new("t.txt"), text.as_bytes(), label, &mut notes, &mut problems);
        (rows, notes, problems)
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
        assert_eq!(notes.tallies.count(Reason::BlankLabel), 1);
    }

    #[test]
    fn a_selection_seen_in_two_views_counts_once_with_the_spectrograms_frequencies() {
        let text =
            format!("{HEADER}\tSpecies\n7\tWaveform 1\t1\t1\t2\t0\t16000\tA\n7\tSpectrogram 1\t1\t1\t2\t500\t900\tA\n");
        let (rows, notes, _) = parsed(&text, "Species");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].raw.low_hz, Some(500.0));
        assert_eq!(notes.tallies.count(Reason::RepeatedView), 1);
    }

    #[test]
    fn one_selection_with_two_labels_in_one_view_is_two_boxes() {
        let text =
            format!("{HEADER}\tSpecies\n7\tSpectrogram 1\t1\t1\t2\t0\t1\tA\n7\tSpectrogram 1\t1\t1\t2\t0\t1\tB\n");
        let (rows, notes, _) = parsed(&text, "Species");
        assert_eq!((rows.len(), notes.tallies.count(Reason::RepeatedView)), (2, 0));
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
