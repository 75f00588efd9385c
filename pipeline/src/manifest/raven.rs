//! Provides the reader of Raven selection tables: tab-separated rows with times, frequencies and a free-named label column.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use csv::StringRecord;

use super::Notes;
use super::boxes::{BoxReader, BoxTable, RawBox};
use super::lines::Lines;
use super::pattern::{Found, Pattern};
use super::problem::Problems;
use super::recordings::Recording;
use super::table::{positions, read_bytes};

const BEGIN: &str = "Begin Time (s)";
const END: &str = "End Time (s)";
const BEGIN_FILE: &str = "Begin File";

/// Reads the tables the pattern finds and hangs their boxes on the recordings.
///
/// A table found for one recording is that recording's: rows of another `Begin File` are left out and counted. A table that
/// serves all recordings gives each row to the recording its `Begin File` names. `File Offset (s)` gives file-local times
/// where a table runs over several files; the rows a selection has in several views count once, the spectrogram's before
/// the waveform's.
pub(super) fn read(
    pattern: &Pattern<'_>,
    label_column: &str,
    reader: &BoxReader<'_>,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
) {
    let from = |file: &Path| {
        Arc::new(BoxTable {
            file: file.into(),
            label_column: label_column.into(),
        })
    };
    if pattern.is_shared() && recordings.iter().all(|recording| recording.annotation.is_none()) {
        for file in pattern.shared_files(problems) {
            let Some(bytes) = read_bytes(&file, problems) else {
                continue;
            };
            let table = from(&file);
            let owners = Owners::of(recordings);
            for row in parse(&file, &bytes, label_column, notes, problems) {
                let line = row.raw.line;
                match owners.find(row.begin_file.as_deref()) {
                    Ok(owner) => {
                        let resolved = reader.resolve(&table, row.raw, END, problems);
                        recordings
                            .get_mut(owner)
                            .into_iter()
                            .for_each(|recording| recording.boxes.extend(resolved.clone()));
                    }
                    Err(message) => {
                        let name = row.begin_file.unwrap_or_default();
                        problems.cell(&file, line, BEGIN_FILE, &name, message);
                    }
                }
            }
        }
        return;
    }
    for Found { recording, file } in pattern.find(recordings, notes, problems) {
        let Some(bytes) = read_bytes(&file, problems) else {
            continue;
        };
        let table = from(&file);
        let Some(recording) = recordings.get_mut(recording) else {
            continue;
        };
        for row in parse(&file, &bytes, label_column, notes, problems) {
            // An archive may have been converted since: the name counts, not its extension.
            let own = row
                .begin_file
                .as_ref()
                .is_none_or(|name| stem(Path::new(name)) == stem(&recording.file));
            if own {
                recording.boxes.extend(reader.resolve(&table, row.raw, END, problems));
            } else {
                notes.rows_of_other_files += 1;
            }
        }
    }
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
            let name = recording.file.file_name().unwrap_or_default();
            owners.by_name.entry(name.into()).or_default().push(number);
            owners
                .by_stem
                .entry(stem(&recording.file).into())
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
                Err("the table serves every recording, so each row needs a Begin File")
            };
        };
        let name = Path::new(name);
        let named = self.by_name.get(name.file_name().unwrap_or_default());
        match named.or_else(|| self.by_stem.get(stem(name))).map(Vec::as_slice) {
            Some([one]) => Ok(*one),
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
            return Vec::new();
        }
    };
    let positions = positions(&columns);
    let column = |name: &str| positions.get(name).copied();
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
        return Vec::new();
    }
    let mut lines = Lines::new(text.as_bytes());
    // What one selection repeats in another view: the row kept for it, and the view that row is of.
    let mut kept: HashMap<[String; 5], (usize, String)> = HashMap::new();
    let mut rows: Vec<RavenRow> = Vec::new();
    for record in csv.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = lines.at(error.position().map_or(0, csv::Position::byte));
                problems.line(file, line, format!("cannot be read: {error}"));
                continue;
            }
        };
        let line = lines.at(record.position().map_or(0, csv::Position::byte));
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
        let begin_file = cell(BEGIN_FILE).map(str::to_string);
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
        let view = cell("View").unwrap_or("Spectrogram").to_string();
        let key =
            ["Selection", BEGIN, END, label_column, BEGIN_FILE].map(|name| cell(name).unwrap_or_default().to_string());
        match kept.get_mut(&key) {
            Some((at, kept_view)) if *kept_view != view && !key[0].is_empty() => {
                notes.repeated_views += 1;
                if view.starts_with("Spectrogram")
                    && !kept_view.starts_with("Spectrogram")
                    && let Some(slot) = rows.get_mut(*at)
                {
                    (*slot, *kept_view) = (row, view);
                }
            }
            _ => {
                kept.insert(key, (rows.len(), view));
                rows.push(row);
            }
        }
    }
    rows
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
    fn one_selection_with_two_labels_in_one_view_is_two_boxes() {
        let text =
            format!("{HEADER}\tSpecies\n7\tSpectrogram 1\t1\t1\t2\t0\t1\tA\n7\tSpectrogram 1\t1\t1\t2\t0\t1\tB\n");
        let (rows, notes, _) = parsed(&text, "Species");
        assert_eq!((rows.len(), notes.repeated_views), (2, 0));
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
