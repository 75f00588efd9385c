//! Provides the rows of tables that are delimited text: CSV with a header, lines without one, and Raven selection
//! tables.

use std::ops::RangeInclusive;
use std::path::Path;

use csv::{Position, Reader, ReaderBuilder, StringRecord};

use super::content::Content;
use super::lines::Lines;
use super::normal_form::nfc;
use super::problem::Problems;
use crate::tally::Reason;

/// What may part the columns of a table, the usual one first.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// What counts call all Raven tables: there may be one for each recording.
const RAVEN_TABLES: &str = "Raven tables";

/// The line that Excel puts before the header to say what parts the columns.
const DECLARED: &str = "sep=";

/// How a table is written.
#[derive(Clone, Copy)]
pub(super) enum Dialect<'a> {
    /// With a header row; the delimiter is the one by which most of the `known` columns are found in it, and every row
    /// has as many cells.
    Csv { known: &'a [&'a str] },
    /// Without a header: each line has all of `columns`, or the first `required` ones.
    Lines { columns: &'a [&'a str], required: usize },
    /// Tab-separated with a header row; quotes mean nothing, and rows may be short.
    SelectionTable,
}

impl Dialect<'_> {
    /// The delimiter of a text.
    fn delimiter(self, text: &str) -> u8 {
        let is_delimiter = |byte: &u8| DELIMITERS.contains(byte);
        match self {
            Dialect::Csv { known } => delimiter_of_header(text, known),
            Dialect::Lines { .. } => {
                let line = text.trim_start().bytes().take_while(|byte| !b"\r\n".contains(byte));
                line.into_iter().find(is_delimiter).unwrap_or(b',')
            }
            Dialect::SelectionTable => b'\t',
        }
    }

    /// How many cells a row may have under a header of these columns. Cells under the nameless columns behind the last
    /// one, which spreadsheets write, may be missing.
    fn widths(self, columns: &[String]) -> RangeInclusive<usize> {
        match self {
            Dialect::Csv { .. } => {
                let last_named = columns.iter().rposition(|name| !name.is_empty());
                last_named.map_or(0, |last| last + 1)..=columns.len()
            }
            Dialect::Lines { required, .. } => required..=columns.len(),
            Dialect::SelectionTable => 0..=usize::MAX,
        }
    }

    /// The problem of a row of another width.
    fn width_problem(self, columns: &[String], delimiter: u8, got: usize) -> String {
        match self {
            Dialect::Lines { columns, required } => {
                let prefixes = (required..=columns.len()).map(|n| columns.get(..n).unwrap_or_default().join(","));
                let expected = prefixes.collect::<Vec<_>>().join(" or ");
                format!("expected {expected}, got {got} cells")
            }
            Dialect::Csv { .. } | Dialect::SelectionTable => {
                let expected = format!("expected {} cells as in the header, got {got}", columns.len());
                if delimiter == b';' && got > columns.len() {
                    format!("{expected}; columns are separated by ; here, so a cell with a ; in it needs quotes")
                } else {
                    expected
                }
            }
        }
    }
}

/// Reads a table of text; rows of another width are recorded and left out, rows without any value are skipped. `None`
/// when there is no header.
pub(super) fn read(file: &Path, text: &str, dialect: Dialect<'_>, problems: &mut Problems) -> Option<Content> {
    let (declared, skipped) = declared_delimiter(text);
    let body = text.get(skipped..).unwrap_or_default();
    let delimiter = declared.unwrap_or_else(|| dialect.delimiter(body));
    let mut reader = reader(body, delimiter, dialect);
    let columns: Vec<String> = match (dialect, reader.headers()) {
        (Dialect::Lines { columns, .. }, _) => columns.iter().map(|&name| name.to_owned()).collect(),
        (_, Ok(header)) => header.iter().map(|name| nfc(name.trim()).into_owned()).collect(),
        (_, Err(error)) => {
            problems.file(file, format!("the header row cannot be read: {error}"));
            return None;
        }
    };
    if !matches!(dialect, Dialect::SelectionTable) {
        remark_delimiter(file, delimiter, problems);
    }
    let widths = dialect.widths(&columns);
    let mut lines = Lines::new(text.as_bytes());
    let (mut rows, mut rows_with_nameless) = (Vec::new(), 0);
    for record in reader.records() {
        let position = record
            .as_ref()
            .map_or_else(csv::Error::position, StringRecord::position);
        let line = lines.at(skipped as u64 + position.map_or(0, Position::byte));
        match record {
            Ok(record) if is_blank(record.iter()) => {}
            Ok(record) if widths.contains(&record.len()) || is_longer_by_blanks(&record, &columns, dialect) => {
                let mut cells = record.iter().zip(&columns);
                rows_with_nameless += u64::from(cells.any(|(cell, name)| name.is_empty() && !cell.trim().is_empty()));
                rows.push((line, record));
            }
            Ok(record) => problems.line(file, line, dialect.width_problem(&columns, delimiter, record.len())),
            Err(error) => problems.line(file, line, format!("cannot be read: {error}")),
        }
    }
    let name = match dialect {
        Dialect::SelectionTable => RAVEN_TABLES.to_owned(),
        Dialect::Csv { .. } | Dialect::Lines { .. } => shown_name(file),
    };
    let tallies = &mut problems.noticed.tallies;
    tallies.add_detail(Reason::NamelessColumn, &name, rows_with_nameless);
    Some(Content {
        name,
        cells: columns.clone(),
        columns,
        rows,
    })
}

fn reader<'t>(text: &'t str, delimiter: u8, dialect: Dialect<'_>) -> Reader<&'t [u8]> {
    ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(!matches!(dialect, Dialect::SelectionTable))
        .has_headers(!matches!(dialect, Dialect::Lines { .. }))
        .flexible(true)
        .from_reader(text.as_bytes())
}

/// The delimiter that the first line declares, and the bytes of that line.
fn declared_delimiter(text: &str) -> (Option<u8>, usize) {
    let line_bytes = text.find(['\r', '\n']).unwrap_or(text.len());
    let line = text.get(..line_bytes).unwrap_or_default();
    let declared = line.strip_prefix(DECLARED).map(str::as_bytes);
    match declared {
        Some([delimiter]) if DELIMITERS.contains(delimiter) => (Some(*delimiter), line_bytes),
        _ => (None, 0),
    }
}

/// The delimiter by which most of the known columns are found; of those that find as many, the usual one.
fn delimiter_of_header(text: &str, known: &[&str]) -> u8 {
    let found = |delimiter: u8| {
        let mut reader = reader(text, delimiter, Dialect::Csv { known });
        let header = reader.headers().cloned().unwrap_or_default();
        known
            .iter()
            .filter(|name| header.iter().any(|cell| cell.trim() == **name))
            .count()
    };
    let mut best = (0, b',');
    for delimiter in DELIMITERS {
        let count = found(delimiter);
        if count > best.0 {
            best = (count, delimiter);
        }
    }
    best.1
}

fn remark_delimiter(file: &Path, delimiter: u8, problems: &mut Problems) {
    let shown = match delimiter {
        b';' => ";",
        b'\t' => "tabs",
        _ => return,
    };
    let name = shown_name(file);
    let remark = format!("{name}: columns are separated by {shown}");
    problems.noticed.remarks.push(remark);
}

fn is_blank<'r>(mut cells: impl Iterator<Item = &'r str>) -> bool {
    cells.all(|cell| cell.trim().is_empty())
}

/// Whether a row is longer than its header, by blank cells only.
fn is_longer_by_blanks(record: &StringRecord, columns: &[String], dialect: Dialect<'_>) -> bool {
    let is_longer = matches!(dialect, Dialect::Csv { .. }) && record.len() > columns.len();
    is_longer && is_blank(record.iter().skip(columns.len()))
}

/// A file's name as messages about whole files show it.
pub(super) fn shown_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}
