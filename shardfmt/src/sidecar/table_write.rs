//! Provides the writing of a table: the one place that sets the Parquet options, so that equal rows give equal bytes.

use std::io::{self, BufWriter, Seek, SeekFrom};
use std::path::Path;

use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::schema::TableSchema;
use crate::entry::FileEntry;
use crate::error::{Error, Result};
use crate::file_hash::hash_reader;
use crate::persist::AtomicFile;

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

/// Writes `rows` to `path` atomically. `columns` turns a piece of them, whose first row is the given one, into arrays
/// in the order of the schema.
pub(super) fn write_table<R>(
    path: &Path,
    schema: &TableSchema,
    rows: &[R],
    columns: impl Fn(u64, &[R]) -> Result<Vec<ArrayRef>>,
) -> Result<FileEntry> {
    let fail = |e: ParquetError| from_parquet(path, e);
    let file = BufWriter::new(AtomicFile::create(path)?);
    let options = ArrowWriterOptions::new()
        .with_properties(properties(schema))
        .with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(file, schema.arrow(), options).map_err(fail)?;
    let mut first_row = 0;
    for piece in rows.chunks(BATCH_ROWS) {
        writer
            .write(&batch(path, schema, columns(first_row, piece)?)?)
            .map_err(fail)?;
        first_row += piece.len() as u64;
    }
    let file = writer.into_inner().map_err(fail)?;
    let mut file = file
        .into_inner()
        .map_err(|e| Error::io(path, "write", e.into_error()))?;
    file.seek(SeekFrom::Start(0))
        .map_err(|cause| Error::io(path, "seek in", cause))?;
    let hash = hash_reader(&mut file, path, &mut |_| {})?;
    file.commit()?;
    Ok(FileEntry::of_written(path, rows.len() as u64, hash))
}

/// Columns, in the order of the schema, as one batch; `path` is the table they belong to, for errors.
pub(super) fn batch(path: &Path, schema: &TableSchema, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(schema.arrow(), columns).map_err(|e| Error::Table {
        path: path.to_path_buf(),
        reason: e.to_string(),
    })
}

fn properties(schema: &TableSchema) -> WriterProperties {
    let metadata = vec![
        KeyValue::new(SCHEMA_KEY.to_owned(), schema.name.to_owned()),
        KeyValue::new(UNITS_KEY.to_owned(), schema.units_json()),
    ];
    WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(true)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_key_value_metadata(Some(metadata))
        .build()
}

/// A library error; an operating system error inside it (a full disk) is brought out.
fn from_parquet(path: &Path, error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(cause) => Error::io(path, "write", *cause),
            Err(other) => Error::Table {
                path: path.to_path_buf(),
                reason: other.to_string(),
            },
        },
        other => Error::Table {
            path: path.to_path_buf(),
            reason: other.to_string(),
        },
    }
}
