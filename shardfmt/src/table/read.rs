//! Provides the reading of a table: strict about the columns, an error instead of a panic for any bytes.

use std::fs::File;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ListArray, RecordBatch, StructArray};
use arrow_schema::{DataType, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::{FileMetaData, ParquetStatisticsPolicy};

use super::class_codes::{ClassCodes, as_dictionaries};
use super::limits::{PAGE_LIMITS, check_pages, count_decoded};
use super::schema::{ColumnSchema, is_readable_as};
use super::write::{BATCH_ROWS, SCHEMA_KEY};
use super::{Columns, Fault, Table};
use crate::checksum::Xxh3;
use crate::error::{Error, Result};
use crate::need::Operation;
use crate::taxa::Taxa;

/// The file of a table, in memory: the library would ask for every page of every column by calls of its own, which take
/// longer than to read the small tables that most are.
#[derive(Clone, Debug)]
pub struct TableFile(Bytes);

impl TableFile {
    /// Reads `file`; `path` is for errors. One that is larger than what it may unfold to is refused.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Table`].
    pub(crate) fn read(mut file: File, path: &Path) -> Result<Self> {
        let io = |operation| move |cause| Error::io(path, operation, cause);
        let length = file.metadata().map_err(io(Operation::LookAt))?.len();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        count_decoded(length, &mut 0).map_err(|reason| unreadable(path, reason))?;
        let mut bytes = Vec::with_capacity(length);
        file.read_to_end(&mut bytes).map_err(io(Operation::Read))?;
        Ok(Self(bytes.into()))
    }

    /// Its checksum.
    pub(crate) fn xxh3(&self) -> Xxh3 {
        Xxh3::of(&self.0)
    }
}

/// Reads the file at `path` for [`read_table`].
///
/// # Errors
/// [`Error::Io`]; [`Error::Table`] for one that is too large to be a table.
pub fn open_table(path: &Path) -> Result<TableFile> {
    let file = File::open(path).map_err(|cause| Error::io(path, Operation::Open, cause))?;
    TableFile::read(file, path)
}

/// Reads `columns` of the whole table in `file`; `path` is for errors.
///
/// # Errors
/// [`Error::Table`], [`Error::TableSchema`], [`Error::Column`] for a file that is not such a table; [`Error::Cell`] for
/// a value outside the schema; [`Error::Io`].
pub fn read_table<R: Table>(file: TableFile, path: &Path, taxa: &Taxa, columns: Columns) -> Result<Vec<R>> {
    // The Parquet library may panic on damaged bytes; nothing it was given is used afterwards.
    let outcome = catch_unwind(AssertUnwindSafe(|| read_pieces(file, path, taxa, columns)));
    outcome.unwrap_or_else(|_| Err(unreadable(path, "the Parquet library failed on damaged bytes")))
}

fn unreadable(path: &Path, reason: impl ToString) -> Error {
    Error::Table {
        path: path.to_path_buf(),
        reason: reason.to_string(),
    }
}

fn read_pieces<R: Table>(TableFile(file): TableFile, path: &Path, taxa: &Taxa, columns: Columns) -> Result<Vec<R>> {
    let fail = |reason: String| unreadable(path, reason);
    // Types come from the Parquet schema itself, so that a file rewritten by any tool reads the same. Statistics help those
    // who look for rows; all of them are read here.
    let options = ArrowReaderOptions::new()
        .with_skip_arrow_metadata(true)
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    let found = ArrowReaderMetadata::load(&file, options.clone()).map_err(|e| unreadable(path, e))?;
    let metadata = found.metadata().file_metadata();
    check_name(path, metadata, R::NAME)?;
    let schema = R::columns();
    let read = || schema.iter().filter(|column| column.is_among(columns));
    read().try_for_each(|column| check_column(path, found.schema(), column))?;
    let expected_rows = u64::try_from(metadata.num_rows()).map_err(|_| fail("negative row count".into()))?;
    // Columns of others are left undecoded.
    let columns = ProjectionMask::columns(metadata.schema_descr(), read().map(|column| column.name));
    check_pages(Cursor::new(&file), found.metadata(), &columns, PAGE_LIMITS).map_err(fail)?;
    let options = options.with_schema(Arc::new(as_dictionaries(found.schema(), &schema)));
    let reader = ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options).and_then(|found| {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, found);
        builder.with_projection(columns).with_batch_size(BATCH_ROWS).build()
    });
    let mut all = Vec::new();
    let mut decoded_bytes = 0;
    let mut codes: Vec<ClassCodes> = schema.iter().map(|_| ClassCodes::default()).collect();
    for batch in reader.map_err(|e| unreadable(path, e))? {
        let batch = batch.map_err(|e| unreadable(path, e))?;
        read().try_for_each(|column| check_nulls(&batch, column, path, all.len() as u64))?;
        // Columns that the file is not read for are not in the batch: they were not projected.
        let mut arrays: Vec<_> = schema
            .iter()
            .map(|column| batch.column_by_name(column.name).cloned())
            .collect();
        for ((array, column), codes) in arrays.iter_mut().zip(&schema).zip(&mut codes) {
            let Some(array) = array else { continue };
            count_decoded(codes.new_bytes(array), &mut decoded_bytes).map_err(fail)?;
            if column.is_of_classes {
                *array = codes.look_up(array, taxa);
            }
        }
        append(&arrays, batch.num_rows(), path, taxa, &mut all)?;
    }
    if all.len() as u64 != expected_rows {
        return Err(fail(format!("{} rows, the footer says {expected_rows}", all.len())));
    }
    Ok(all)
}

fn check_name(path: &Path, metadata: &FileMetaData, expected: &'static str) -> Result<()> {
    let pairs = metadata.key_value_metadata().into_iter().flatten();
    let named = pairs
        .filter(|pair| pair.key == SCHEMA_KEY)
        .find_map(|pair| pair.value.clone())
        .unwrap_or_default();
    if named == expected {
        return Ok(());
    }
    Err(Error::TableSchema {
        path: path.to_path_buf(),
        expected,
        got: named,
    })
}

fn check_column(path: &Path, schema: &SchemaRef, column: &ColumnSchema) -> Result<()> {
    let found = schema.field_with_name(column.name).ok().map(|field| field.data_type());
    if found.is_some_and(|found| is_readable_as(found, &column.data_type)) {
        return Ok(());
    }
    Err(Error::Column {
        path: path.to_path_buf(),
        column: column.name.to_owned(),
        expected: column.data_type.to_string(),
        got: found.map_or_else(|| "no such column".to_owned(), ToString::to_string),
    })
}

/// Appends the rows of a piece of the table, whose columns are `arrays`.
fn append<R: Table>(
    arrays: &[Option<ArrayRef>],
    count: usize,
    path: &Path,
    taxa: &Taxa,
    rows: &mut Vec<R>,
) -> Result<()> {
    let first_row = rows.len() as u64;
    let arrays: Vec<Option<&dyn Array>> = arrays.iter().map(Option::as_deref).collect();
    for row in 0..count {
        let read = R::read(&arrays, row, taxa).and_then(|item| {
            item.check(taxa)?;
            Ok(item)
        });
        rows.push(read.map_err(|fault| Error::fault(path, first_row + row as u64, fault))?);
    }
    Ok(())
}

/// Refuses nulls where the schema has none, lists and structs included.
fn check_nulls(batch: &RecordBatch, column: &ColumnSchema, path: &Path, first_row: u64) -> Result<()> {
    let Some(array) = batch.column_by_name(column.name) else {
        return Ok(());
    };
    let fail = |row, reason| Error::fault(path, row, Fault::new(column.name, reason));
    if !column.nullable && array.null_count() > 0 {
        let row = (0..array.len()).find(|&row| array.is_null(row)).unwrap_or_default();
        return Err(fail(first_row + row as u64, "is null"));
    }
    if has_null_inside(array.as_ref(), &column.data_type) {
        return Err(fail(first_row, "a list item in this row or one after it is null"));
    }
    Ok(())
}

/// Whether a list item or a required struct member is null.
fn has_null_inside(array: &dyn Array, declared: &DataType) -> bool {
    match declared {
        DataType::List(item) => array.as_any().downcast_ref::<ListArray>().is_some_and(|list| {
            list.values().null_count() > 0 || has_null_inside(list.values().as_ref(), item.data_type())
        }),
        DataType::Struct(fields) => array.as_any().downcast_ref::<StructArray>().is_some_and(|members| {
            fields.iter().filter(|field| !field.is_nullable()).any(|field| {
                members
                    .column_by_name(field.name())
                    .is_some_and(|member| member.null_count() > 0)
            })
        }),
        _ => false,
    }
}
