//! Provides `Table`, the text cells of a CSV or Parquet table with the line of every row.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use csv::StringRecord;
use frontend::source_file::open_file;

use super::content::Content;
use super::file::read_bytes;
use super::number::finite_number;
use super::problem::Problems;
use super::text::Dialect;
use super::{parquet, text};

/// The columns that a reader of a table knows. Others are not looked at, whatever they hold.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    /// Those that must be there.
    pub(crate) required: &'a [&'a str],
    /// Those that may be there.
    pub(crate) optional: &'a [&'a str],
}

/// A table in memory: every cell is text, an empty cell is "unknown".
pub(crate) struct Table {
    file: PathBuf,
    /// First position of each known column in a row.
    positions: HashMap<String, usize>,
    rows: Vec<(u64, StringRecord)>,
}

/// One row of a table.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    table: &'a Table,
    /// Line in the file (text) or row number (Parquet), from 1.
    pub(crate) line: u64,
    cells: &'a StringRecord,
}

impl Columns<'_> {
    fn all(&self) -> impl Iterator<Item = &str> {
        self.required.iter().chain(self.optional).copied()
    }
}

impl Table {
    /// Reads a table: Parquet if the file begins as one, else CSV (UTF-8, comma, header row, a byte order mark
    /// allowed). Problems (unreadable, missing columns, rows of another width) are recorded; `None` when nothing can
    /// be read.
    pub(crate) fn read(file: &Path, columns: Columns<'_>, problems: &mut Problems) -> Option<Table> {
        let content = match parquet_file(file) {
            Ok(Some((pages, again))) => {
                parquet::read(file, pages, again, &|name| columns.all().any(|c| c == name), problems)
            }
            Ok(None) => text::read(file, &read_bytes(file, problems)?, Dialect::Csv, problems),
            Err(error) => {
                problems.file(file, format!("cannot be read: {error}"));
                None
            }
        };
        Table::new(file, content?, columns, problems)
    }

    /// Reads a table from its bytes, Parquet or CSV by what they are; `file` is named in problems.
    pub(crate) fn parse(file: &Path, bytes: Vec<u8>, columns: Columns<'_>, problems: &mut Problems) -> Option<Table> {
        let content = if bytes.starts_with(parquet::MAGIC) {
            let bytes = Bytes::from(bytes);
            let pages = Cursor::new(bytes.clone());
            parquet::read(file, pages, bytes, &|name| columns.all().any(|c| c == name), problems)
        } else {
            text::read(file, &bytes, Dialect::Csv, problems)
        };
        Table::new(file, content?, columns, problems)
    }

    /// Reads comma-separated lines without a header: the required columns come first, then the optional ones, which
    /// may be left out from the end.
    pub(crate) fn parse_lines(
        file: &Path,
        bytes: &[u8],
        columns: Columns<'_>,
        problems: &mut Problems,
    ) -> Option<Table> {
        let names: Vec<&str> = columns.all().collect();
        let dialect = Dialect::Lines {
            columns: &names,
            required: columns.required.len(),
        };
        let content = text::read(file, bytes, dialect, problems)?;
        Table::new(file, content, columns, problems)
    }

    /// Reads a Raven selection table: tab-separated, whose rows may be short.
    pub(crate) fn parse_selections(
        file: &Path,
        bytes: &[u8],
        columns: Columns<'_>,
        problems: &mut Problems,
    ) -> Option<Table> {
        let content = text::read(file, bytes, Dialect::SelectionTable, problems)?;
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
        is_complete.then(|| Table {
            file: file.into(),
            positions,
            rows: content.rows,
        })
    }

    /// The rows in file order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, cells)| Row {
            table: self,
            line: *line,
            cells,
        })
    }

    fn index(&self, column: &str) -> Option<usize> {
        self.positions.get(column).copied()
    }
}

impl<'a> Row<'a> {
    /// Whether the row has a cell in this column, be it empty.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.table.index(column).is_some_and(|index| index < self.cells.len())
    }

    /// The cell of a column without surrounding blanks; `None` when empty or when there is no such column.
    pub(crate) fn cell(&self, column: &str) -> Option<&'a str> {
        let cell = self.cells.get(self.table.index(column)?)?.trim();
        (!cell.is_empty()).then_some(cell)
    }

    /// Records a problem of this row's cell.
    pub(crate) fn problem(&self, problems: &mut Problems, column: &str, message: impl Into<String>) {
        problems.cell(
            &self.table.file,
            self.line,
            column,
            self.cell(column).unwrap_or_default(),
            message,
        );
    }

    /// A cell that must not be empty.
    pub(crate) fn require(&self, column: &str, problems: &mut Problems) -> Option<&'a str> {
        let cell = self.cell(column);
        if cell.is_none() {
            self.problem(problems, column, "must not be empty");
        }
        cell
    }

    /// A finite number, or `None` for an empty cell.
    pub(crate) fn number(&self, column: &str, problems: &mut Problems) -> Option<f64> {
        let cell = self.cell(column)?;
        let number = finite_number(cell).map_err(|message| self.problem(problems, column, message));
        number.ok()
    }

    /// A whole number from 0, or `None` for an empty cell.
    pub(crate) fn whole_number(&self, column: &str, problems: &mut Problems) -> Option<u32> {
        let cell = self.cell(column)?;
        let number = cell.strip_suffix(".0").unwrap_or(cell).parse();
        if number.is_err() {
            self.problem(problems, column, "expected a non-negative integer");
        }
        number.ok()
    }

    /// An asset id that must be there: a whole number of 64 bits.
    pub(crate) fn require_asset_id(&self, problems: &mut Problems) -> Option<i64> {
        let cell = self.require("asset_id", problems)?;
        // Parquet tables written by pandas may hold whole ids as floats ("1001.0").
        let whole = cell.strip_suffix(".0").unwrap_or(cell);
        match whole.parse::<i64>() {
            Ok(id) => Some(id),
            Err(_) => {
                self.problem(problems, "asset_id", "expected an integer");
                None
            }
        }
    }

    /// The items of a `;`-separated list; an empty cell is an empty list.
    pub(crate) fn list(&self, column: &str) -> impl Iterator<Item = &'a str> {
        self.cell(column)
            .unwrap_or_default()
            .split(';')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    }
}

/// Finds rows that repeat the key of an earlier one.
pub(crate) struct UniqueKey<K> {
    column: &'static str,
    first_lines: HashMap<K, u64>,
}

impl<K: Eq + std::hash::Hash> UniqueKey<K> {
    /// For keys that a column holds.
    pub(crate) fn of(column: &'static str) -> Self {
        UniqueKey {
            column,
            first_lines: HashMap::new(),
        }
    }

    /// Whether no row before this one had the key; the row is recorded as a problem where one had.
    pub(crate) fn is_new(&mut self, key: K, row: &Row<'_>, problems: &mut Problems) -> bool {
        let first_line = *self.first_lines.entry(key).or_insert(row.line);
        let is_new = first_line == row.line;
        if !is_new {
            let column = self.column;
            row.problem(
                problems,
                column,
                format!("duplicate {column} (first on line {first_line})"),
            );
        }
        is_new
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
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::{Duration, Instant};

    use super::*;

    fn required<'a>(required: &'a [&'a str]) -> Columns<'a> {
        Columns {
            required,
            optional: &[],
        }
    }

    fn read(name: &str, text: &str) -> (Option<Table>, Problems) {
        let (folder, mut problems) = (tempfile::tempdir().unwrap(), Problems::default());
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        (Table::read(&file, required(&["a"]), &mut problems), problems)
    }

    #[test]
    fn a_duplicate_column_is_an_error() {
        let (table, problems) = read("t.csv", "a,b,a\n1,2,3\n");
        assert_eq!(table.unwrap().rows().next().unwrap().cell("a"), Some("1"));
        let text = problems.to_string();
        assert!(problems.len() == 1 && text.contains("duplicate column `a`"), "{text}");
    }

    #[test]
    fn a_header_of_a_million_columns_takes_no_longer_than_its_bytes() {
        let header: String = (0..1_000_000).map(|column| format!("{column},")).collect();
        let start = Instant::now();
        let (table, problems) = read("t.csv", &format!("{header}a\n"));
        assert!(table.is_some() && problems.is_empty());
        // Comparing every column with every other takes minutes.
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }

    #[test]
    fn a_device_that_never_ends_is_refused() {
        let mut problems = Problems::default();
        assert!(Table::read(Path::new("/dev/zero"), required(&[]), &mut problems).is_none());
        assert!(
            problems.to_string().contains("cannot be read: not a regular file"),
            "{problems}"
        );
    }

    #[test]
    fn a_page_that_claims_two_gigabytes_is_refused() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shardfmt/tests/hostile/huge-page.parquet");
        let mut problems = Problems::default();
        assert!(Table::read(&file, required(&["asset_id"]), &mut problems).is_none());
        let text = problems.to_string();
        let expected = "column asset_id declares a page of 2147483647 bytes, more than 268435456";
        assert!(text.contains("huge-page.parquet") && text.contains(expected), "{text}");
    }
}
