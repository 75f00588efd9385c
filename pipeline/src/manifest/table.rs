//! Provides `Table`, the text cells of a CSV or Parquet table with the line of every row.

use std::collections::HashMap;
use std::io::{self, Cursor, Read, Seek};
use std::ops::RangeInclusive;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use bytes::Bytes;
use csv::StringRecord;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;
use shardfmt::table::limits::{PAGE_LIMITS, check_pages, count_decoded};

use frontend::source_file::open_file;

use super::lines::Lines;
use super::problem::Problems;

/// The first four bytes of a Parquet file.
const PARQUET_MAGIC: &[u8] = b"PAR1";

/// A table in memory: every cell is text, an empty cell is "unknown".
pub(crate) struct Table {
    file: PathBuf,
    columns: Vec<String>,
    /// First position of each column.
    positions: HashMap<String, usize>,
    rows: Vec<(u64, StringRecord)>,
}

/// One row of a table.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    table: &'a Table,
    /// Line in the file (CSV) or row number (Parquet), from 1.
    pub(crate) line: u64,
    cells: &'a StringRecord,
}

impl Table {
    /// Reads a table: Parquet when the name ends so, else CSV (UTF-8, comma, header row, a byte order mark allowed).
    /// Problems (unreadable, missing required columns, rows of another width) are recorded; `None` when nothing can be read.
    pub(super) fn read(file: &Path, required: &[&str], problems: &mut Problems) -> Option<Table> {
        let is_parquet = file.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet"));
        let before = problems.len();
        let table = if is_parquet {
            let pages = open_file(file)
                .map_err(|error| problems.file(file, format!("cannot be read: {error}")))
                .ok()?;
            let again = pages
                .try_clone()
                .map_err(|error| problems.file(file, format!("cannot be read: {error}")));
            read_parquet(file, pages, again.ok()?, problems)
        } else {
            read_csv(file, &read_bytes(file, problems)?, problems)
        }?;
        table.with_columns(required, before, problems)
    }

    /// Reads a table from its bytes, Parquet or CSV by what they are; `file` is named in problems.
    pub(crate) fn parse(file: &Path, bytes: Vec<u8>, required: &[&str], problems: &mut Problems) -> Option<Table> {
        let before = problems.len();
        let table = if bytes.starts_with(PARQUET_MAGIC) {
            let bytes = Bytes::from(bytes);
            read_parquet(file, Cursor::new(bytes.clone()), bytes, problems)
        } else {
            read_csv(file, &bytes, problems)
        }?;
        table.with_columns(required, before, problems)
    }

    /// Reads CSV that has no header row: each line has all of `columns`, or the first `required` ones.
    pub(crate) fn without_header(
        file: &Path,
        bytes: &[u8],
        columns: &[&str],
        required: usize,
        problems: &mut Problems,
    ) -> Option<Table> {
        let text = without_byte_order_mark(bytes);
        let mut reader = csv_reader(text, false);
        let names = (required..=columns.len()).map(|n| columns.get(..n).unwrap_or_default().join(","));
        let expected = names.collect::<Vec<_>>().join(" or ");
        let cells = required..=columns.len();
        let width = |cells| format!("expected {expected}, got {cells} cells");
        let rows = csv_rows(file, text, &mut reader, (cells, &width), problems);
        let columns = columns.iter().map(|&name| name.to_owned()).collect();
        Some(Table::new(file, columns, rows))
    }

    /// The table, if its columns are those that are required, each of them there once.
    fn with_columns(self, required: &[&str], before: usize, problems: &mut Problems) -> Option<Table> {
        let (table, file) = (&self, self.file.as_path());
        for name in required {
            if table.index(name).is_none() {
                let have = table.columns.join(", ");
                problems.line(
                    file,
                    1,
                    format!("the column `{name}` is missing; the table has: {have}"),
                );
            }
        }
        for (i, name) in table.columns.iter().enumerate() {
            if table.index(name) != Some(i) {
                problems.line(file, 1, format!("the column `{name}` stands there twice"));
            }
        }
        let sound = problems.len() == before || required.iter().all(|name| table.index(name).is_some());
        sound.then_some(self)
    }

    fn new(file: &Path, columns: Vec<String>, rows: Vec<(u64, StringRecord)>) -> Self {
        let positions = positions(&columns);
        Table {
            file: file.into(),
            columns,
            positions,
            rows,
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

    /// The cell of a column without surrounding blanks; `None` when empty or when there is no such column.
    pub(super) fn cell(&self, column: &str) -> Option<&'a str> {
        let cell = self.cells.get(self.table.index(column)?)?.trim();
        (!cell.is_empty()).then_some(cell)
    }

    /// Records a problem of this row's cell.
    pub(super) fn problem(&self, problems: &mut Problems, column: &str, message: impl Into<String>) {
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
    pub(super) fn number(&self, column: &str, problems: &mut Problems) -> Option<f64> {
        let cell = self.cell(column)?;
        match cell.parse::<f64>() {
            Ok(value) if value.is_finite() => Some(value),
            _ => {
                self.problem(problems, column, "expected a finite number");
                None
            }
        }
    }

    /// A whole number from 0, or `None` for an empty cell.
    pub(crate) fn whole_number(&self, column: &str, problems: &mut Problems) -> Option<u32> {
        let cell = self.cell(column)?;
        let number = cell.strip_suffix(".0").unwrap_or(cell).parse();
        if number.is_err() {
            self.problem(problems, column, "expected a whole number from 0");
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
                self.problem(problems, "asset_id", "expected a whole number");
                None
            }
        }
    }

    /// The items of a `;`-separated list; an empty cell is an empty list.
    pub(super) fn list(&self, column: &str) -> impl Iterator<Item = &'a str> {
        self.cell(column)
            .unwrap_or_default()
            .split(';')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    }
}

/// First position of each column of a header.
pub(super) fn positions(columns: &[String]) -> HashMap<String, usize> {
    // Of equal names the first is to stay.
    let last_first = columns.iter().enumerate().rev();
    last_first.map(|(position, name)| (name.clone(), position)).collect()
}

/// The bytes of a table or an annotation file.
pub(super) fn read_bytes(file: &Path, problems: &mut Problems) -> Option<Vec<u8>> {
    let read = open_file(file).and_then(|mut open| {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut open, &mut bytes).map(|_| bytes)
    });
    if let Err(error) = &read {
        problems.file(file, format!("cannot be read: {error}"));
    }
    read.ok()
}

/// A text without the byte order mark that some programs put first.
pub(crate) fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

fn csv_reader(text: &[u8], has_header: bool) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(has_header)
        .from_reader(text)
}

fn read_csv(file: &Path, bytes: &[u8], problems: &mut Problems) -> Option<Table> {
    let text = without_byte_order_mark(bytes);
    let mut reader = csv_reader(text, true);
    let columns: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(|name| name.trim().to_string()).collect(),
        Err(error) => {
            problems.file(file, format!("the header row cannot be read: {error}"));
            return None;
        }
    };
    let count = columns.len();
    let width = |cells| format!("expected {count} cells as in the header, got {cells}");
    let rows = csv_rows(file, text, &mut reader, (count..=count, &width), problems);
    Some(Table::new(file, columns, rows))
}

/// The rows that have as many cells as they may; the others are recorded, with a message made of the number they have.
fn csv_rows(
    file: &Path,
    text: &[u8],
    reader: &mut csv::Reader<&[u8]>,
    (cells, message): (RangeInclusive<usize>, &dyn Fn(usize) -> String),
    problems: &mut Problems,
) -> Vec<(u64, StringRecord)> {
    let mut lines = Lines::new(text);
    let mut rows = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = lines.at(record.position().map_or(0, csv::Position::byte));
                if cells.contains(&record.len()) {
                    rows.push((line, record));
                } else {
                    problems.line(file, line, message(record.len()));
                }
            }
            Err(error) => {
                let line = lines.at(error.position().map_or(0, csv::Position::byte));
                problems.line(file, line, format!("cannot be read: {error}"));
            }
        }
    }
    rows
}

/// Reads Parquet from `content`; `pages` is another reader of the same bytes.
fn read_parquet(
    file: &Path,
    pages: impl Read + Seek,
    content: impl ChunkReader + 'static,
    problems: &mut Problems,
) -> Option<Table> {
    let parsed = std::panic::catch_unwind(AssertUnwindSafe(|| parquet_cells(pages, content)));
    match parsed {
        Ok(Ok((columns, rows))) => Some(Table::new(file, columns, rows)),
        Ok(Err(message)) => {
            problems.file(file, format!("cannot be read as Parquet: {message}"));
            None
        }
        Err(_) => {
            problems.file(file, "cannot be read as Parquet: the file is damaged");
            None
        }
    }
}

/// Memory of a `StringRecord` apart from its text, roughly.
const RECORD_BYTES: usize = 128;

type Cells = (Vec<String>, Vec<(u64, StringRecord)>);

fn parquet_cells(pages: impl Read + Seek, content: impl ChunkReader + 'static) -> Result<Cells, String> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(content).map_err(|e| e.to_string())?;
    check_pages(pages, builder.metadata(), &ProjectionMask::all(), PAGE_LIMITS)?;
    let columns = builder
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let (mut rows, mut decoded_bytes) = (Vec::new(), 0);
    for batch in builder.build().map_err(|e| e.to_string())? {
        let batch = batch.map_err(|e| e.to_string())?;
        let mut texts = vec![StringRecord::new(); batch.num_rows()];
        for array in batch.columns() {
            for (row, text) in texts.iter_mut().enumerate() {
                text.push_field(&cell_text(array.as_ref(), row, &mut decoded_bytes)?);
            }
        }
        for text in texts {
            count_decoded(RECORD_BYTES, &mut decoded_bytes)?;
            rows.push((rows.len() as u64 + 1, text));
        }
    }
    Ok((columns, rows))
}

/// The text a CSV table would hold for this value: lists become `a;b;c`, null becomes the empty cell.
fn cell_text(array: &dyn Array, row: usize, decoded_bytes: &mut usize) -> Result<String, String> {
    if array.is_null(row) {
        return Ok(String::new());
    }
    let items = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        _ => {
            let text = scalar_text(array, row)?;
            count_decoded(text.len(), decoded_bytes)?;
            return Ok(text);
        }
    };
    let texts = (0..items.len()).map(|i| cell_text(items.as_ref(), i, decoded_bytes));
    Ok(texts.collect::<Result<Vec<String>, String>>()?.join(";"))
}

/// The text of a value that is not a list.
fn scalar_text(array: &dyn Array, row: usize) -> Result<String, String> {
    macro_rules! primitive {
        ($($variant:pat => $kind:ty),+ $(,)?) => {
            match array.data_type() {
                DataType::Boolean => array.as_boolean().value(row).to_string(),
                DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
                DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned(),
                DataType::Utf8View => array.as_string_view().value(row).to_owned(),
                $($variant => array.as_primitive::<$kind>().value(row).to_string(),)+
                other => return Err(format!("values of type {other} are not supported; write them as text or numbers")),
            }
        };
    }
    use arrow_array::types::*;
    Ok(primitive! {
        DataType::Int8 => Int8Type, DataType::Int16 => Int16Type, DataType::Int32 => Int32Type, DataType::Int64 => Int64Type,
        DataType::UInt8 => UInt8Type, DataType::UInt16 => UInt16Type, DataType::UInt32 => UInt32Type, DataType::UInt64 => UInt64Type,
        DataType::Float32 => Float32Type, DataType::Float64 => Float64Type,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::{Duration, Instant};

    use super::*;

    fn read(name: &str, text: &str) -> (Option<Table>, Problems) {
        let (folder, mut problems) = (tempfile::tempdir().unwrap(), Problems::default());
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        (Table::read(&file, &["a"], &mut problems), problems)
    }

    #[test]
    fn a_column_that_stands_there_twice_is_named_once_and_its_first_is_read() {
        let (table, problems) = read("t.csv", "a,b,a\n1,2,3\n");
        assert_eq!(table.unwrap().rows().next().unwrap().cell("a"), Some("1"));
        let text = problems.to_string();
        assert!(
            problems.len() == 1 && text.contains("the column `a` stands there twice"),
            "{text}"
        );
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
        assert!(Table::read(Path::new("/dev/zero"), &[], &mut problems).is_none());
        assert!(
            problems.to_string().contains("cannot be read: not a regular file"),
            "{problems}"
        );
    }

    #[test]
    fn a_page_that_claims_two_gigabytes_is_refused() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shardfmt/tests/hostile/huge-page.parquet");
        let mut problems = Problems::default();
        assert!(Table::read(&file, &["asset_id"], &mut problems).is_none());
        let text = problems.to_string();
        let expected = "column asset_id declares a page of 2147483647 bytes, more than 268435456";
        assert!(text.contains("huge-page.parquet") && text.contains(expected), "{text}");
    }
}
