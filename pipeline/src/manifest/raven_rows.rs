//! Provides the rows of a Raven selection table: each selection once, whatever views repeat it.

use std::collections::HashMap;
use std::path::Path;

use super::boxes::RawBox;
use super::notes::Notes;
use crate::tables::{Columns, Problems, Row, Table};
use crate::tally::Reason;

pub(super) const BEGIN: &str = "Begin Time (s)";
pub(super) const END: &str = "End Time (s)";
pub(super) const BEGIN_FILE: &str = "Begin File";
pub(super) const FILE_OFFSET: &str = "File Offset (s)";
const LOW: &str = "Low Freq (Hz)";
const HIGH: &str = "High Freq (Hz)";
const SELECTION: &str = "Selection";
const VIEW: &str = "View";
const BEGIN_PATH: &str = "Begin Path";

/// How the names of the views begin that show frequencies.
const SPECTROGRAM: &str = "Spectrogram";

/// One row of a table.
pub(super) struct RavenRow {
    pub(super) line: u64,
    /// Name of the file it is of, if the row says so.
    pub(super) file: Option<String>,
    /// Where that file was.
    pub(super) path: Option<String>,
    /// Begin in seconds of the table, which may run over several files.
    pub(super) begin_s: f64,
    /// End in seconds of the table.
    pub(super) end_s: f64,
    /// Begin in seconds of the file.
    pub(super) offset_s: Option<f64>,
    low_hz: Option<f64>,
    high_hz: Option<f64>,
    label: String,
}

impl RavenRow {
    /// Its box in its file, which starts at `origin_s` of the table.
    pub(super) fn raw(self, origin_s: f64) -> RawBox {
        let start_s = self.offset_s.unwrap_or(self.begin_s - origin_s);
        let of_offset = |offset_s| offset_s + (self.end_s - self.begin_s);
        RawBox {
            line: self.line,
            start_s,
            end_s: self.offset_s.map_or(self.end_s - origin_s, of_offset),
            low_hz: self.low_hz,
            high_hz: self.high_hz,
            label: self.label,
            status: None,
        }
    }
}

/// What a table holds.
pub(super) struct Parsed {
    /// The column of its labels.
    pub(super) label_column: String,
    pub(super) rows: Vec<RavenRow>,
    /// Whether it has any row, be it one that is dropped.
    pub(super) has_rows: bool,
}

/// Parses the bytes of one table, whose labels are in the first of `label_columns` that it has; `None`, with problems,
/// where it cannot be read. Blank labels and repeated views are dropped and counted.
pub(super) fn parse(
    file: &Path,
    bytes: &[u8],
    label_columns: &[String],
    notes: &mut Notes,
    problems: &mut Problems,
) -> Option<Parsed> {
    let names: Vec<&str> = label_columns.iter().map(String::as_str).collect();
    let others = [BEGIN_FILE, BEGIN_PATH, FILE_OFFSET, LOW, HIGH, SELECTION, VIEW];
    // A single one is asked for like the times: the message then names the columns that the table has.
    let (required, optional) = match names[..] {
        [name] => (vec![BEGIN, END, name], others.to_vec()),
        _ => (vec![BEGIN, END], [&others[..], &names].concat()),
    };
    let columns = Columns {
        required: &required,
        optional: &optional,
    };
    let table = Table::parse_selections(file, bytes, columns, problems)?;
    let Some(label_column) = names.iter().copied().find(|name| table.has_column(name)) else {
        problems.line(
            file,
            1,
            format!("has none of the columns of label_column: {}", names.join(", ")),
        );
        return None;
    };
    let mut views = Views::default();
    for row in table.rows() {
        let Some(label) = row.word(label_column) else {
            notes.tallies.add(Reason::BlankLabel, 1);
            continue;
        };
        if let Some(parsed) = raven_row(&row, label, problems) {
            let is_repeated = !views.add(&row, parsed);
            notes.tallies.add(Reason::RepeatedView, u64::from(is_repeated));
        }
    }
    Some(Parsed {
        label_column: label_column.to_owned(),
        rows: views.rows,
        has_rows: table.rows().next().is_some(),
    })
}

fn raven_row(row: &Row<'_>, label: &str, problems: &mut Problems) -> Option<RavenRow> {
    let mut number = |column| row.number(column, problems);
    let (begin_s, end_s) = (number(BEGIN), number(END));
    let (low_hz, high_hz) = (number(LOW), number(HIGH));
    let offset_s = number(FILE_OFFSET);
    for column in [BEGIN, END] {
        row.require(column, problems);
    }
    let (begin_s, end_s) = (begin_s?, end_s?);
    let path = row.cell(BEGIN_PATH);
    let file = row.cell(BEGIN_FILE).or(path);
    Some(RavenRow {
        line: row.line,
        file: file.and_then(|path| names_from_last(path).next()).map(str::to_owned),
        path: path.map(str::to_owned),
        begin_s,
        end_s,
        offset_s,
        low_hz,
        high_hz,
        label: label.to_owned(),
    })
}

/// The names in a path, the last one first; it may have been written on Windows.
pub(super) fn names_from_last(path: &str) -> impl Iterator<Item = &str> {
    path.rsplit(['/', '\\'])
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
    fn add(&mut self, row: &Row<'_>, parsed: RavenRow) -> bool {
        let text = |column| row.cell(column).unwrap_or_default().to_owned();
        let view = row.cell(VIEW).unwrap_or(SPECTROGRAM).to_owned();
        let [selection, begin, end] = [SELECTION, BEGIN, END].map(text);
        let (file, label) = (parsed.file.clone().unwrap_or_default(), parsed.label.clone());
        let key = [selection, begin, end, label, file];
        match self.kept.get_mut(&key) {
            Some((position, kept_view)) if *kept_view != view && !key[0].is_empty() => {
                let is_better = view.starts_with(SPECTROGRAM) && !kept_view.starts_with(SPECTROGRAM);
                if let Some(kept) = self.rows.get_mut(*position).filter(|_| is_better) {
                    (*kept, *kept_view) = (parsed, view);
                }
                false
            }
            _ => {
                self.kept.insert(key, (self.rows.len(), view));
                self.rows.push(parsed);
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
        let labels: Vec<String> = label.split('|').map(str::to_owned).collect();
        let parsed = parse(Path::new("t.txt"), text.as_bytes(), &labels, &mut notes, &mut problems);
        (parsed.map_or(Vec::new(), |parsed| parsed.rows), notes, problems)
    }

    #[test]
    fn a_header_with_a_trailing_tab_and_no_rows_is_an_empty_table() {
        let (mut notes, mut problems) = (Notes::default(), Problems::default());
        let mut has_rows = |rows: &str| {
            let text = format!("{HEADER}\tSpecies\t\n{rows}");
            let parsed = parse(
                Path::new("t.txt"),
                text.as_bytes(),
                &["Species".to_owned()],
                &mut notes,
                &mut problems,
            );
            parsed.unwrap().has_rows
        };
        assert!(!has_rows("") && !has_rows("\n"));
        assert!(
            has_rows("1\tSpectrogram 1\t1\t1.5\t2.5\t100\t200\t\n"),
            "a blank label is a row"
        );
        assert!(problems.is_empty());
    }

    #[test]
    fn short_rows_blank_labels_and_a_missing_final_newline() {
        let text = format!(
            "{HEADER}\tSpecies\tdistance\r\n1\tSpectrogram 1\t1\t1.5\t2.5\t100\t200\tWOTH\r\n2\tSpectrogram 1\t1\t3\t4\t1\t2\t"
        );
        let (rows, notes, problems) = parsed(&text, "Species");
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].label, "WOTH");
        assert_eq!(notes.tallies.count(Reason::BlankLabel), 1);
    }

    #[test]
    fn a_selection_seen_in_two_views_counts_once_with_the_spectrograms_frequencies() {
        let text =
            format!("{HEADER}\tSpecies\n7\tWaveform 1\t1\t1\t2\t0\t16000\tA\n7\tSpectrogram 1\t1\t1\t2\t500\t900\tA\n");
        let (rows, notes, _) = parsed(&text, "Species");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].low_hz, Some(500.0));
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
        let row = parsed(&text, "Species").0.remove(0);
        assert_eq!(row.file.as_deref(), Some("b.wav"));
        let raw = row.raw(500.0);
        assert_eq!((raw.start_s, raw.end_s), (10.0, 12.5));
    }

    #[test]
    fn the_file_is_the_last_name_in_a_path_of_any_system() {
        let header = "Begin Time (s)\tEnd Time (s)\tBegin File\tBegin Path\tSpecies\n";
        for (cells, name) in [
            ("\t/data/in/b.wav", Some("b.wav")),
            ("\tD:\\site 1\\b.wav", Some("b.wav")),
            ("a.wav\t/data/in/b.wav", Some("a.wav")),
            ("\\\\nas\\in\\a.wav\t", Some("a.wav")),
            ("\t", None),
        ] {
            let row = parsed(&format!("{header}1\t2\t{cells}\tA\n"), "Species").0.remove(0);
            assert_eq!(row.file.as_deref(), name, "{cells:?}");
        }
    }

    #[test]
    fn selections_of_two_files_may_have_the_same_number_and_times() {
        let header = "Selection\tView\tBegin Time (s)\tEnd Time (s)\tBegin Path\tSpecies\n";
        let text = format!("{header}1\tWaveform 1\t1\t2\tin/a.wav\tA\n1\tSpectrogram 1\t1\t2\tin/b.wav\tA\n");
        let (rows, notes, _) = parsed(&text, "Species");
        assert_eq!((rows.len(), notes.tallies.count(Reason::RepeatedView)), (2, 0));
    }

    #[test]
    fn the_first_of_several_label_columns_counts() {
        let row = |columns: &str, cells: &str| format!("{HEADER}\t{columns}\n1\tv\t1\t1\t2\t\t\t{cells}\n");
        for (columns, cells) in [
            ("Code", "A"),
            ("Common Name\tCode", "Wren\tA"),
            ("Species\tCode", "A\tB"),
        ] {
            let (rows, _, problems) = parsed(&row(columns, cells), "Species|Code");
            assert!(problems.is_empty(), "{problems}");
            assert_eq!(rows[0].label, "A", "{columns}");
        }
        let (_, _, problems) = parsed(&row("Common Name", "Wren"), "Species|Code");
        let message = "t.txt:1: has none of the columns of label_column: Species, Code";
        assert!(problems.to_string().contains(message), "{problems}");
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
