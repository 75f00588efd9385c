//! Provides CSV files: `CsvTable` reads one row after another by the names of columns, `CsvFile` writes one atomically.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Writer};
use shardfmt::Operation;
use shardfmt::persist::AtomicFile;

use crate::error::{Error, Result};

/// A CSV file being read. Lines are those of the file, the header's being 1.
pub(crate) struct CsvTable {
    path: PathBuf,
    reader: Reader<File>,
    header: Vec<String>,
    row: StringRecord,
}

impl CsvTable {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Table`] for a header that is no UTF-8 text.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|cause| Error::io(path, Operation::Open, cause))?;
        let mut reader = ReaderBuilder::new().from_reader(file);
        let header = reader.headers().map_err(|error| unreadable(path, error))?;
        let header = header.iter().map(|name| name.trim().to_owned()).collect();
        Ok(Self {
            path: path.to_path_buf(),
            reader,
            header,
            row: StringRecord::new(),
        })
    }

    /// The position of the first column that has one of these names.
    ///
    /// # Errors
    /// [`Error::Table`] listing the columns that there are.
    pub(crate) fn column(&self, names: &[&str]) -> Result<usize> {
        let found = self.header.iter().position(|column| names.contains(&column.as_str()));
        found.ok_or_else(|| Error::Table {
            path: self.path.clone(),
            line: None,
            reason: format!(
                "no column {}; the table has: {}",
                names.join(" or "),
                self.header.join(", ")
            ),
        })
    }

    /// The next row and its line.
    ///
    /// # Errors
    /// [`Error::Table`] naming the line of a row with another number of cells, or that is no UTF-8 text.
    pub(crate) fn next_row(&mut self) -> Result<Option<(u64, &StringRecord)>> {
        let more = self.reader.read_record(&mut self.row);
        let more = more.map_err(|error| unreadable(&self.path, error))?;
        let line = self.row.position().map_or(0, csv::Position::line);
        Ok(more.then_some((line, &self.row)))
    }

    /// The error that a cell of a row is.
    pub(crate) fn cell_error(path: &Path, line: u64, column: &str, value: &str, reason: &str) -> Error {
        Error::Table {
            path: path.to_path_buf(),
            line: Some(line),
            reason: format!("{column} = {value:?}: {reason}"),
        }
    }
}

fn unreadable(path: &Path, error: csv::Error) -> Error {
    let line = error.position().map(csv::Position::line);
    let reason = match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} cells, but the header has {expected_len}")
        }
        ErrorKind::Utf8 { .. } => "is not UTF-8; save the file as UTF-8".to_owned(),
        _ => error.to_string(),
    };
    let path = path.to_path_buf();
    Error::Table { path, line, reason }
}

/// A CSV file being written; it has its name once it is finished.
pub(crate) struct CsvFile {
    path: PathBuf,
    writer: Writer<BufWriter<AtomicFile>>,
}

impl CsvFile {
    /// Begins the file at `path` with its header.
    ///
    /// # Errors
    /// [`Error::Dataset`], [`Error::Io`] if it cannot be written.
    pub(crate) fn create(path: &Path, header: &[&str]) -> Result<Self> {
        let writer = Writer::from_writer(BufWriter::new(AtomicFile::create(path)?));
        let mut file = Self {
            path: path.to_path_buf(),
            writer,
        };
        file.push(header)?;
        Ok(file)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn push<C: AsRef<[u8]>>(&mut self, cells: impl IntoIterator<Item = C>) -> Result<()> {
        self.writer
            .write_record(cells)
            .map_err(|error| unwritten(&self.path, error.into()))
    }

    /// Completes the file and makes it durable under its name.
    ///
    /// # Errors
    /// [`Error::Dataset`], [`Error::Io`].
    pub(crate) fn finish(self) -> Result<()> {
        let buffered = self
            .writer
            .into_inner()
            .map_err(|error| unwritten(&self.path, error.into_error()))?;
        let file = buffered
            .into_inner()
            .map_err(|error| unwritten(&self.path, error.into_error()))?;
        Ok(file.commit()?)
    }
}

fn unwritten(path: &Path, cause: std::io::Error) -> Error {
    Error::io(path, Operation::Write, cause)
}
