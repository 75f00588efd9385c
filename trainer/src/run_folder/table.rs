//! Provides the writing of the tables of runs and benchmarks: Parquet with the options and metadata of a dataset's
//! tables, piece by piece.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use shardfmt::persist::AtomicFile;

use crate::error::{Error, Result};

/// Rows of a row group, which is what is held in memory; as in a dataset's tables.
const ROW_GROUP_ROWS: usize = 8192;

/// A table being written; the file has its name once it is finished.
pub(crate) struct TableWriter {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<BufWriter<AtomicFile>>,
}

impl TableWriter {
    /// Begins the table at `path`. `name` is its kind and version, kept as `l48.schema`.
    pub(crate) fn create(path: &Path, name: &str, schema: SchemaRef) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_created_by("l48-train".to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_key_value_metadata(Some(vec![KeyValue::new("l48.schema".to_owned(), name.to_owned())]))
            .build();
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let file = BufWriter::new(AtomicFile::create(path)?);
        let writer = ArrowWriter::try_new_with_options(file, SchemaRef::clone(&schema), options);
        let writer = writer.map_err(|error| failed(path, error))?;
        Ok(Self {
            path: path.to_path_buf(),
            schema,
            writer,
        })
    }

    /// Adds rows, a column after another in the order of the schema.
    pub(crate) fn push(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        let batch = RecordBatch::try_new(SchemaRef::clone(&self.schema), columns).map_err(ParquetError::from);
        let written = batch.and_then(|batch| self.writer.write(&batch));
        written.map_err(|error| failed(&self.path, error))
    }

    /// Completes the file, makes it durable and gives it its name.
    pub(crate) fn finish(self) -> Result<()> {
        let file = self.writer.into_inner().map_err(|error| failed(&self.path, error))?;
        let file = file
            .into_inner()
            .map_err(|error| Error::io(&self.path, "write", error.into_error()))?;
        Ok(file.commit()?)
    }
}

/// A library error; an operating system error inside it (a full disk) is brought out.
fn failed(path: &Path, error: ParquetError) -> Error {
    let cause = match error {
        ParquetError::External(inner) => inner
            .downcast::<std::io::Error>()
            .map_or_else(std::io::Error::other, |cause| *cause),
        other => std::io::Error::other(other),
    };
    Error::io(path, "write", cause)
}
