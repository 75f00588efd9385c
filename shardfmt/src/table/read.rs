//! Provides the reading of a table: strict about the columns, an error instead of a panic for any bytes.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow_array::{Array, ListArray, RecordBatch, StructArray};
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::FileMetaData;

use super::limits::{PAGE_LIMITS, check_pages, count_decoded};
use super::schema::{ColumnSchema, is_readable_as};
use super::write::{BATCH_ROWS, SCHEMA_KEY};
use super::{Columns, Fault, Table};
use crate::error::{Error, Result};
use crate::need::Operation;
use crate::taxa::Taxa;

/// Opens the table at `path` for [`read_table`].
///
/// # Errors
/// [`Error::Io`].
pub fn open_table(path: &Path) -> Result<File> {
    File::open(path).map_err(|cause| Error::io(path, Operation::Open, cause))
}

/// Reads `columns` of the whole table in `file`; `path` is for errors.
///
/// # Errors
/// [`Error::Table`], [`Error::TableSchema`], [`Error::Column`] for a file that is not such a table; [`Error::Cell`] for
/// a value outside the schema; [`Error::Io`].
pub fn read_table<R: Table>(file: File, path: &Path, taxa: &Taxa, columns: Columns) -> Result<Vec<R>> {
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

fn read_pieces<R: Table>(file: File, path: &Path, taxa: &Taxa, columns: Columns) -> Result<Vec<R>> {
    let fail = |reason: String| unreadable(path, reason);
    // Types come from the Parquet schema itself, so that a file rewritten by any tool reads the same.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let pages = file
        .try_clone()
        .map_err(|cause| Error::io(path, Operation::Open, cause))?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).map_err(|e| unreadable(path, e))?;
    let metadata = builder.metadata().file_metadata();
    check_name(path, metadata, R::NAME)?;
    let schema = R::columns();
    let read = || schema.iter().filter(|column| column.is_among(columns));
    read().try_for_each(|column| check_column(path, builder.schema(), column))?;
    let expected_rows = u64::try_from(metadata.num_rows()).map_err(|_| fail("negative row count".into()))?;
    // Columns of others are left undecoded.
    let columns = ProjectionMask::columns(metadata.schema_descr(), read().map(|column| column.name));
    check_pages(&pages, builder.metadata(), &columns, PAGE_LIMITS).map_err(fail)?;
    let reader = builder
        .with_projection(columns)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|e| unreadable(path, e))?;
    let mut all = Vec::new();
    let mut decoded_bytes = 0;
    for batch in reader {
        let batch = batch.map_err(|e| unreadable(path, e))?;
        count_decoded(batch.get_array_memory_size(), &mut decoded_bytes).map_err(fail)?;
        append(&batch, path, taxa, read(), &schema, &mut all)?;
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

/// Appends the rows of a piece of the table.
fn append<'c, R: Table>(
    batch: &RecordBatch,
    path: &Path,
    taxa: &Taxa,
    mut read: impl Iterator<Item = &'c ColumnSchema>,
    schema: &[ColumnSchema],
    rows: &mut Vec<R>,
) -> Result<()> {
    let first_row = rows.len() as u64;
    read.try_for_each(|column| check_nulls(batch, column, path, first_row))?;
    // Columns that the file is not read for are not in the batch: they were not projected.
    let array = |column: &ColumnSchema| batch.column_by_name(column.name).map(|array| array.as_ref());
    let arrays: Vec<Option<&dyn Array>> = schema.iter().map(array).collect();
    for row in 0..batch.num_rows() {
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
