//! Provides the rows of tables that are text: CSV with a header, lines without one, and Raven selection tables.

use std::ops::RangeInclusive;
use std::path::Path;

use csv::{Position, ReaderBuilder};

use super::content::Content;
use super::file::without_byte_order_mark;
use super::lines::Lines;
use super::problem::Problems;

/// How a table is written.
#[derive(Clone, Copy)]
pub(super) enum Dialect<'a> {
    /// Comma-separated with a header row; every row has as many cells.
    Csv,
    /// Comma-separated without a header: each line has all of `columns`, or the first `required` ones.
    Lines { columns: &'a [&'a str], required: usize },
    /// Tab-separated with a header row; quotes mean nothing, rows may be short, and bytes that are not UTF-8 are
    /// replaced.
    SelectionTable,
}

impl Dialect<'_> {
    /// How many cells a row may have under a header of `columns`.
    fn widths(self, columns: usize) -> RangeInclusive<usize> {
        match self {
            Dialect::Csv => columns..=columns,
            Dialect::Lines { required, .. } => required..=columns,
            Dialect::SelectionTable => 0..=usize::MAX,
        }
    }

    /// The problem of a row of another width.
    fn width_problem(self, columns: &[String], got: usize) -> String {
        match self {
            Dialect::Lines { columns, required } => {
                let prefixes = (required..=columns.len()).map(|n| columns.get(..n).unwrap_or_default().join(","));
                let expected = prefixes.collect::<Vec<_>>().join(" or ");
                format!("expected {expected}, got {got} cells")
            }
            Dialect::Csv | Dialect::SelectionTable => {
                format!("expected {} cells as in the header, got {got}", columns.len())
            }
        }
    }
}

/// Reads a table of text; rows of another width are recorded and left out. `None` when there is no header.
pub(super) fn read(file: &Path, bytes: &[u8], dialect: Dialect<'_>, problems: &mut Problems) -> Option<Content> {
    let text = without_byte_order_mark(bytes);
    let lossy;
    let (text, delimiter) = match dialect {
        Dialect::Csv | Dialect::Lines { .. } => (text, b','),
        Dialect::SelectionTable => {
            lossy = String::from_utf8_lossy(text);
            (lossy.as_bytes(), b'\t')
        }
    };
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(delimiter == b',')
        .has_headers(!matches!(dialect, Dialect::Lines { .. }))
        .flexible(true)
        .from_reader(text);
    let columns: Vec<String> = match (dialect, reader.headers()) {
        (Dialect::Lines { columns, .. }, _) => columns.iter().map(|&name| name.to_owned()).collect(),
        (_, Ok(header)) => header.iter().map(|name| name.trim().to_owned()).collect(),
        (_, Err(error)) => {
            problems.file(file, format!("the header row cannot be read: {error}"));
            return None;
        }
    };
    let widths = dialect.widths(columns.len());
    let mut lines = Lines::new(text);
    let mut rows = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = lines.at(record.position().map_or(0, Position::byte));
                if widths.contains(&record.len()) {
                    rows.push((line, record));
                } else {
                    problems.line(file, line, dialect.width_problem(&columns, record.len()));
                }
            }
            Err(error) => {
                let line = lines.at(error.position().map_or(0, Position::byte));
                problems.line(file, line, format!("cannot be read: {error}"));
            }
        }
    }
    Some(Content {
        cells: columns.clone(),
        columns,
        rows,
    })
}
