//! Provides the writing of a table: the one place that sets the Parquet options, so that equal rows give equal bytes.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::schema::{ColumnSchema, units_json};
use super::{Columns, Table};
use crate::checksum::HashedWriter;
use crate::entry::FileEntry;
use crate::error::{Error, Result};
use crate::need::Operation;
use crate::persist::AtomicFile;
use crate::taxa::Taxa;

/// Rows of a row group: small enough to read a part of a table, large enough to compress.
const ROW_GROUP_ROWS: usize = 8192;
/// Rows that are arrays of text at once: a row may list every class, a row group of a thousand classes eight million.
/// Part of what decides the bytes of a table; whole batches make a row group.
pub(super) const BATCH_ROWS: usize = 256;

/// Metadata key of the table's kind and version.
pub(super) const SCHEMA_KEY: &str = "l48.schema";
/// Metadata key of the JSON object from column to unit.
const UNITS_KEY: &str = "l48.units";
/// A fixed writer name: the library's own would change the bytes with each of its versions.
const CREATED_BY: &str = "shardfmt";

/// A table being written; the file has its name once it is finished.
pub struct TableWriter {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<BufWriter<HashedWriter<AtomicFile>>>,
    rows: u64,
}

impl TableWriter {
    /// Begins the table at `path`; `name` is its kind and version, kept as `l48.schema`.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be made, [`Error::Table`] for columns that Parquet does not have.
    pub fn create(path: &Path, name: &str, columns: Vec<Field>) -> Result<Self> {
        Self::with_units(path, name, columns, "{}".to_owned())
    }

    /// Begins a table of rows of `R`, with all its columns, at `path`.
    ///
    /// # Errors
    /// As [`TableWriter::create`].
    pub fn of<R: Table>(path: &Path) -> Result<Self> {
        let columns = R::columns();
        let fields = columns.iter().map(ColumnSchema::field).collect();
        Self::with_units(path, R::NAME, fields, units_json(&columns))
    }

    /// Adds rows to a table begun with [`TableWriter::of`].
    ///
    /// # Errors
    /// [`Error::Cell`] for a value that is not allowed; as [`TableWriter::push`].
    pub fn push_rows<R: Table>(&mut self, rows: &[R], taxa: &Taxa) -> Result<()> {
        for piece in rows.chunks(BATCH_ROWS) {
            for (item, row) in piece.iter().zip(self.rows..) {
                item.check(taxa).map_err(|fault| Error::fault(&self.path, row, fault))?;
            }
            self.push(R::arrays(&piece.iter().collect::<Vec<_>>(), taxa))?;
        }
        Ok(())
    }

    fn with_units(path: &Path, name: &str, columns: Vec<Field>, units: String) -> Result<Self> {
        let metadata = vec![
            KeyValue::new(SCHEMA_KEY.to_owned(), name.to_owned()),
            KeyValue::new(UNITS_KEY.to_owned(), units),
        ];
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_dictionary_enabled(true)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_key_value_metadata(Some(metadata))
            .build();
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let schema = SchemaRef::new(Schema::new(columns));
        // Hashed while it is written: Parquet is written from its start to its end.
        let file = BufWriter::new(HashedWriter::new(AtomicFile::create(path)?));
        let writer = ArrowWriter::try_new_with_options(file, SchemaRef::clone(&schema), options);
        Ok(Self {
            writer: writer.map_err(|error| from_parquet(path, error))?,
            path: path.to_path_buf(),
            schema,
            rows: 0,
        })
    }

    /// Adds rows, given as a column after another in the order of the schema.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Table`] for columns other than those declared.
    pub fn push(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        let batch = RecordBatch::try_new(SchemaRef::clone(&self.schema), columns).map_err(ParquetError::from);
        let written = batch.and_then(|batch| {
            self.rows += batch.num_rows() as u64;
            self.writer.write(&batch)
        });
        written.map_err(|error| from_parquet(&self.path, error))
    }

    /// Completes the file, makes it durable and gives it its name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(self) -> Result<FileEntry> {
        let Self { path, writer, rows, .. } = self;
        let file = writer.into_inner().map_err(|error| from_parquet(&path, error))?;
        let file = file.into_inner();
        let file = file.map_err(|e| Error::io(&path, Operation::Write, e.into_error()))?;
        let (file, hash) = file.finish();
        file.commit()?;
        Ok(FileEntry::of_written(&path, rows, hash))
    }
}

/// Writes `columns` of `rows` to `path` atomically.
///
/// # Errors
/// [`Error::Cell`] for a value that is not allowed, a class index that `taxa` does not have among them; [`Error::Io`].
pub fn write_table<R: Table>(path: &Path, taxa: &Taxa, rows: &[R], columns: Columns) -> Result<FileEntry> {
    let all = R::columns();
    let written: Vec<ColumnSchema> = all.iter().filter(|column| column.is_among(columns)).cloned().collect();
    let fields = written.iter().map(ColumnSchema::field).collect();
    let mut table = TableWriter::with_units(path, R::NAME, fields, units_json(&written))?;
    for piece in rows.chunks(BATCH_ROWS) {
        for (item, row) in piece.iter().zip(table.rows..) {
            item.check(taxa).map_err(|fault| Error::fault(path, row, fault))?;
        }
        let arrays = R::arrays(&piece.iter().collect::<Vec<_>>(), taxa);
        let written = arrays
            .into_iter()
            .zip(&all)
            .filter(|(_, column)| column.is_among(columns));
        table.push(written.map(|(array, _)| array).collect())?;
    }
    table.finish()
}

/// A library error; an operating system error inside it (a full disk) is brought out.
fn from_parquet(path: &Path, error: ParquetError) -> Error {
    let reason = match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(cause) => return Error::io(path, Operation::Write, *cause),
            Err(other) => other.to_string(),
        },
        other => other.to_string(),
    };
    Error::Table {
        path: path.to_path_buf(),
        reason,
    }
}
