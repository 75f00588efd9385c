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
use super::text::decode;
use crate::tally::Reason;

/// Columns whose cells may be codes although they may be empty: whether a word like `NA` is one, their reader knows.
const OPTIONAL_CODES: [&str; 2] = ["target_species", "modelled_species"];

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
    file: PathBuf,
    /// What counts call it.
    name: String,
    /// First position of each known column in a row.
    positions: HashMap<String, usize>,
    rows: Vec<(u64, StringRecord)>,
    /// The rows that are written in another form, as they are written, by line.
    as_written: HashMap<u64, StringRecord>,
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

    fn index(&self, column: &str) -> Option<usize> {
        self.positions.get(column).copied()
    }
}

impl<'a> Row<'a> {
    /// Whether the row has a cell in this column, be it empty.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.table.index(column).is_some_and(|index| index < self.cells.len())
    }

    /// The cell of a column without surrounding blanks; `None` when it is empty or a word for no value, or when there
    /// is no such column.
    pub(crate) fn cell(&self, column: &str) -> Option<&'a str> {
        self.word(column).filter(|word| !is_no_value(word))
    }

    /// The same with words like `NA`, which may be codes.
    pub(crate) fn word(&self, column: &str) -> Option<&'a str> {
        trimmed(self.cells, self.table.index(column)?)
    }

    /// The cell of a column in the form of Unicode in which it is written, for names of files.
    pub(crate) fn as_written(&self, column: &str) -> Option<&'a str> {
        self.cell(column)?;
        let cells = self.table.as_written.get(&self.line).unwrap_or(self.cells);
        trimmed(cells, self.table.index(column)?)
    }

    /// The cell of a column that holds ids which are text: a whole number is the same with and without `.0`, which a
    /// table gets where it had to be one of floating-point numbers.
    pub(crate) fn id(&self, column: &str) -> Option<&'a str> {
        self.cell(column).map(without_zero_decimals)
    }

    /// Records a problem of this row's cell.
    pub(crate) fn problem(&self, problems: &mut Problems, column: &str, message: impl Into<String>) {
        problems.cell(
            &self.table.file,
            self.line,
            column,
            self.word(column).unwrap_or_default(),
            message,
        );
    }

    /// Counts the word for no value in this row's cell, where [`cell`](Self::cell) is not asked for it.
    pub(crate) fn count_no_value(&self, problems: &mut Problems, column: &str) {
        let detail = format!("{}: {column}", self.table.name);
        problems.noticed.tallies.add_detail(Reason::NoValueWord, &detail, 1);
    }

    /// A cell that must not be empty.
    pub(crate) fn require(&self, column: &str, problems: &mut Problems) -> Option<&'a str> {
        let cell = self.cell(column);
        if cell.is_none() {
            let message = match self.word(column) {
                Some(word) => format!("{word} stands for no value here; {column} is required"),
                None => "must not be empty".into(),
            };
            self.problem(problems, column, message);
        }
        cell
    }

    /// A finite number, or `None` for an empty cell.
    pub(crate) fn number(&self, column: &str, problems: &mut Problems) -> Option<f64> {
        let cell = self.cell(column)?;
        match cell.parse::<f64>() {
            Ok(value) if value.is_finite() => Some(value),
            _ => {
                let message = if has_decimal_comma(cell) {
                    "has a decimal comma; write a point, as in 1.5"
                } else {
                    "expected a finite number"
                };
                self.problem(problems, column, message);
                None
            }
        }
    }

    /// A whole number from 0, or `None` for an empty cell.
    pub(crate) fn whole_number(&self, column: &str, problems: &mut Problems) -> Option<u32> {
        let cell = self.cell(column)?;
        let number = parse_whole(cell).and_then(|number| u32::try_from(number).ok());
        if number.is_none() {
            self.problem(problems, column, "expected a non-negative integer");
        }
        number
    }

    /// An asset id that must be there: a whole number of 64 bits.
    pub(crate) fn require_asset_id(&self, problems: &mut Problems) -> Option<i64> {
        let id = parse_whole(self.require("asset_id", problems)?);
        if id.is_none() {
            self.problem(problems, "asset_id", "expected an integer");
        }
        id
    }

    /// The items of a `;`-separated list, words like `NA` too; an empty cell is an empty list.
    pub(crate) fn list(&self, column: &str) -> impl Iterator<Item = &'a str> {
        self.word(column)
            .unwrap_or_default()
            .split(';')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    }
}

fn trimmed(cells: &StringRecord, index: usize) -> Option<&str> {
    let cell = cells.get(index)?.trim();
    (!cell.is_empty()).then_some(cell)
}

/// A whole number as programs write it that had to make it a floating-point one: `1001.0`, `1e+05`.
fn parse_whole(text: &str) -> Option<i64> {
    /// Up to here every whole number is a floating-point number of 64 bits.
    const EXACT: f64 = (1_u64 << 53) as f64;
    without_zero_decimals(text).parse().ok().or_else(|| {
        let has_exponent = text.contains(['e', 'E']);
        let number: f64 = text.parse().ok().filter(|_| has_exponent)?;
        (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
    })
}

/// A whole number without the zeros behind its decimal point; any other text as it is.
fn without_zero_decimals(text: &str) -> &str {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, zeros))
            if is_digits(whole.strip_prefix('-').unwrap_or(whole))
                && !zeros.is_empty()
                && zeros.bytes().all(|byte| byte == b'0') =>
        {
            whole
        }
        _ => text,
    }
}

/// Whether a text is a number as much of Europe writes it.
pub(crate) fn has_decimal_comma(text: &str) -> bool {
    let mut parts = text.split(',');
    let (Some(whole), Some(decimals), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    format!("{whole}.{decimals}").parse::<f64>().is_ok()
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

    /// A table in one of the forms that people save it in: cells of `a` and `b`, and what was noticed.
    fn cells(bytes: &[u8]) -> (Vec<[String; 2]>, Problems) {
        let mut problems = Problems::default();
        let columns = Columns {
            required: &["a"],
            optional: &["b"],
        };
        let table = Table::parse(Path::new("t.csv"), bytes.to_vec(), columns, &mut problems);
        let cell = |row: &Row<'_>, column| row.cell(column).unwrap_or("-").to_owned();
        let rows = table.iter().flat_map(Table::rows);
        (
            rows.map(|row| ["a", "b"].map(|column| cell(&row, column))).collect(),
            problems,
        )
    }

    #[test]
    fn delimiters_are_found_in_the_header_and_told() {
        for (text, told) in [
            ("a,b\n1,x\n", ""),
            ("a;b\n1;x\n", "t.csv: columns are separated by ;"),
            ("\"a\";\"b\"\n1;x\n", "t.csv: columns are separated by ;"),
            ("a\tb\n1\tx\n", "t.csv: columns are separated by tabs"),
            ("sep=;\r\na;b\r\n1;x\r\n", "t.csv: columns are separated by ;"),
            ("c;d,a,b\n1,1,x\n", ""),
        ] {
            let (rows, problems) = cells(text.as_bytes());
            assert_eq!(rows, [["1", "x"]], "{text:?}: {problems}");
            assert_eq!(problems.noticed.remarks.concat(), told, "{text:?}");
        }
        let (rows, problems) = cells(b"a;b\n1;x;y\n2;\"x;y\"\n");
        assert_eq!(rows, [["2", "x;y"]]);
        let text = problems.to_string();
        assert!(
            text.contains("t.csv:2: expected 2 cells as in the header, got 3"),
            "{text}"
        );
        assert!(text.contains("a cell with a ; in it needs quotes"), "{text}");
    }

    #[test]
    fn columns_without_a_name_and_rows_without_a_value_hold_nothing() {
        let (rows, problems) = cells(b"a,b,,\n1,x,,\n,,,\n2,y\n3,z,,,,\n , \n\n4,\n");
        assert_eq!(rows, [["1", "x"], ["2", "y"], ["3", "z"], ["4", "-"]], "{problems}");
        assert_eq!(problems, Problems::default());
        let (rows, problems) = cells(b",a,b\n0,1,x\n1,2,y\n,3,z\n");
        assert_eq!(rows.len(), 3);
        let told = "2 rows have values in columns without a name, which are not read: t.csv (2)";
        assert_eq!(problems.noticed.tallies.sentences(), [told]);
        let (rows, problems) = cells(b"a,b\n1\n1,x,y\n");
        assert!(rows.is_empty() && problems.len() == 2, "{problems}");
    }

    #[test]
    fn words_for_no_value_are_empty_cells_and_counted_by_column() {
        let (rows, problems) = cells(b"a,b\n1,NA\n2,null\n3,nan\n4,na\n5,None\n6,#N/A\n7,\n");
        let empty: Vec<bool> = rows.iter().map(|[_, b]| b == "-").collect();
        assert_eq!(empty, [true, true, true, false, true, true, true]);
        let sentence = "5 cells say NA, null, None or the like and were taken for empty ones: t.csv: b (5)";
        assert_eq!(problems.noticed.tallies.sentences(), [sentence]);
        let mut problems = Problems::default();
        let table = Table::parse(
            Path::new("t.csv"),
            b"asset_id\nNA\n".to_vec(),
            required(&["asset_id"]),
            &mut problems,
        );
        assert_eq!(
            table.unwrap().rows().next().unwrap().require_asset_id(&mut problems),
            None
        );
        let text = problems.to_string();
        assert!(
            text.contains("asset_id = \"NA\": NA stands for no value here; asset_id is required"),
            "{text}"
        );
    }

    #[test]
    fn whole_numbers_in_the_forms_that_programs_give_them() {
        for (text, number) in [
            ("123", Some(123)),
            ("-5.0", Some(-5)),
            ("123.000", Some(123)),
            ("1e+05", Some(100_000)),
            ("1.5E3", Some(1500)),
            ("9223372036854775807", Some(i64::MAX)),
            ("1e300", None),
            ("1.5", None),
            ("1.", None),
            ("1,0", None),
            ("", None),
            (".0", None),
            ("inf", None),
        ] {
            assert_eq!(parse_whole(text), number, "{text:?}");
        }
        assert_eq!(without_zero_decimals("123.0"), "123");
        assert_eq!(without_zero_decimals("S123.0"), "S123.0");
        assert!(has_decimal_comma("1,5") && has_decimal_comma("-0,25"));
        assert!(!has_decimal_comma("1.5") && !has_decimal_comma("1,2,3") && !has_decimal_comma("a,b"));
    }

    #[test]
    fn cells_and_headings_are_compared_in_one_form_of_unicode() {
        let columns = Columns {
            required: &["\u{e9}t\u{e9}"],
            optional: &[],
        };
        let mut problems = Problems::default();
        let text = "e\u{301}te\u{301}\nFore\u{302}t\n";
        let table = Table::parse(Path::new("t"), text.into(), columns, &mut problems).unwrap();
        let row = table.rows().next().unwrap();
        let column = "\u{e9}t\u{e9}";
        assert_eq!(row.cell(column), Some("For\u{ea}t"));
        assert_eq!(row.as_written(column), Some("Fore\u{302}t"));
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
