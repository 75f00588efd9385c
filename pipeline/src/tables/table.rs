//! Provides `Table`, the text cells of a CSV or Parquet table with the line of every row.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use csv::StringRecord;
use frontend::source_file::open_file;

use super::content::Content;
use super::delimited::{self, Dialect};
use super::file::{read_bytes, unpack};
use super::no_value::is_no_value;
use super::normal_form::nfc;
use super::parquet;
use super::problem::Problems;
use super::row::Row;
use super::text::decode;
use crate::tally::Reason;

/// Columns whose cells may be codes although they may be empty: whether a word like `NA` is one, their reader knows.
const OPTIONAL_CODES: [&str; 3] = ["target_species", "modelled_species", "unsure_species"];

/// The columns that a reader of a table knows. Others are not looked at, whatever they hold.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    /// Those that must be there.
    pub(crate) required: &'a [&'a str],
    /// Those that may be there.
    pub(crate) optional: &'a [&'a str],
}

/// A table in memory: every cell is text in Normalization Form C, an empty cell is "unknown".
pub(crate) struct Table {
    pub(super) file: PathBuf,
    /// What counts call it.
    pub(super) name: String,
    /// First position of each known column in a row.
    positions: HashMap<String, usize>,
    rows: Vec<(u64, StringRecord)>,
    /// The rows that are written in another form, as they are written, by line.
    pub(super) as_written: HashMap<u64, StringRecord>,
}

impl Columns<'_> {
    fn all(&self) -> impl Iterator<Item = &str> {
        self.required.iter().chain(self.optional).copied()
    }

    /// Whether a table's column is one of them.
    fn has(&self, name: &str) -> bool {
        let name = nfc(name);
        self.all().any(|column| column == name)
    }
}

impl Table {
    /// Reads a table: Parquet if the file begins as one, else CSV (UTF-8 or UTF-16, with a header row), and either of
    /// them in gzip. Problems (unreadable, missing columns, rows of another width) are recorded; `None` when nothing
    /// can be read.
    pub(crate) fn read(file: &Path, columns: Columns<'_>, problems: &mut Problems) -> Option<Table> {
        match parquet_file(file) {
            Ok(Some((pages, again))) => {
                let content = parquet::read(file, pages, again, &|name| columns.has(name), problems);
                Table::new(file, content?, columns, problems)
            }
            Ok(None) => Table::parse(file, read_bytes(file, problems)?, columns, problems),
            Err(error) => {
                problems.file(file, format!("cannot be read: {error}"));
                None
            }
        }
    }

    /// Reads a table from its bytes, Parquet or CSV by what they are; `file` is named in problems.
    pub(crate) fn parse(file: &Path, bytes: Vec<u8>, columns: Columns<'_>, problems: &mut Problems) -> Option<Table> {
        let bytes = unpack(file, bytes, problems)?;
        let content = if bytes.starts_with(parquet::MAGIC) {
            let bytes = Bytes::from(bytes);
            let pages = Cursor::new(bytes.clone());
            parquet::read(file, pages, bytes, &|name| columns.has(name), problems)
        } else {
            let known: Vec<&str> = columns.all().collect();
            let dialect = Dialect::Csv { known: &known };
            delimited::read(file, &decode(file, &bytes, problems)?, dialect, problems)
        };
        Table::new(file, content?, columns, problems)
    }

    /// Reads delimited lines without a header: the required columns come first, then the optional ones, which may be
    /// left out from the end.
    pub(crate) fn parse_lines(file: &Path, text: &str, columns: Columns<'_>, problems: &mut Problems) -> Option<Table> {
        let names: Vec<&str> = columns.all().collect();
        let dialect = Dialect::Lines {
            columns: &names,
            required: columns.required.len(),
        };
        let content = delimited::read(file, text, dialect, problems)?;
        Table::new(file, content, columns, problems)
    }

    /// Reads a Raven selection table: tab-separated, whose rows may be short.
    pub(crate) fn parse_selections(
        file: &Path,
        bytes: &[u8],
        columns: Columns<'_>,
        problems: &mut Problems,
    ) -> Option<Table> {
        let text = decode(file, bytes, problems)?;
        let content = delimited::read(file, &text, Dialect::SelectionTable, problems)?;
        Table::new(file, content, columns, problems)
    }

    /// The table, if the required columns are there and each known column is there once.
    fn new(file: &Path, content: Content, known: Columns<'_>, problems: &mut Problems) -> Option<Table> {
        let mut positions: HashMap<String, usize> = HashMap::new();
        for (name, position) in content.cells.into_iter().zip(0..) {
            if !known.all().any(|column| column == name) {
                continue;
            }
            match positions.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(position);
                }
                Entry::Occupied(entry) => problems.line(file, 1, format!("duplicate column `{}`", entry.key())),
            }
        }
        let mut is_complete = true;
        for name in known.required.iter().filter(|name| !positions.contains_key(**name)) {
            is_complete = false;
            let have = content.columns.join(", ");
            problems.line(file, 1, format!("missing column `{name}`; the table has: {have}"));
        }
        let mut table = Table {
            file: file.into(),
            name: content.name,
            positions,
            rows: content.rows,
            as_written: HashMap::new(),
        };
        table.normalize();
        table.count_no_values(known, problems);
        is_complete.then_some(table)
    }

    /// Brings all cells into Normalization Form C.
    fn normalize(&mut self) {
        for (line, record) in &mut self.rows {
            if record.as_slice().is_ascii() {
                continue;
            }
            let normal: StringRecord = record.iter().map(nfc).collect();
            if normal != *record {
                self.as_written.insert(*line, std::mem::replace(record, normal));
            }
        }
    }

    /// Counts the words in cells that may be empty which stand for no value, and are taken for empty cells.
    fn count_no_values(&self, known: Columns<'_>, problems: &mut Problems) {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for &column in known.optional.iter().filter(|column| !OPTIONAL_CODES.contains(*column)) {
            let cells = self.rows().filter_map(|row| row.word(column));
            let count = cells.filter(|word| is_no_value(word)).count() as u64;
            *counts.entry(column).or_default() += count;
        }
        for (column, count) in counts {
            let detail = format!("{}: {column}", self.name);
            problems.noticed.tallies.add_detail(Reason::NoValueWord, &detail, count);
        }
    }

    /// The rows in file order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, cells)| Row {
            table: self,
            line: *line,
            cells,
        })
    }

    /// Whether it has this column, one of those that were asked for.
    pub(crate) fn has_column(&self, column: &str) -> bool {
        self.index(column).is_some()
    }

    /// Position of a column's cells in a row.
    pub(super) fn index(&self, column: &str) -> Option<usize> {
        self.positions.get(column).copied()
    }
}

/// A Parquet file, opened twice; `None` for a file of another kind.
fn parquet_file(file: &Path) -> std::io::Result<Option<(File, File)>> {
    let mut open = open_file(file)?;
    let mut magic = Vec::new();
    open.by_ref()
        .take(parquet::MAGIC.len() as u64)
        .read_to_end(&mut magic)?;
    open.rewind()?;
    if magic != parquet::MAGIC {
        return Ok(None);
    }
    Ok(Some((open, open_file(file)?)))
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
