//! Provides the reading of a table: strict about the columns, an error instead of a panic for any bytes.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow_array::{Array, ListArray, RecordBatch, StructArray};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::schema::{ColumnSchema, TableSchema, is_readable_as};
use super::table_limits::{PAGE_LIMITS, check_pages, count_decoded};
use super::table_write::{BATCH_ROWS, SCHEMA_KEY};
use crate::error::{Error, Result};

/// A piece of a table whose columns have been checked.
pub(super) struct Batch<'a> {
    path: &'a Path,
    batch: RecordBatch,
    /// Row of the table that the piece starts with.
    first_row: u64,
}

impl<'a> Batch<'a> {
    /// Rows in the piece.
    pub(super) fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// The column `name` as its declared array type.
    pub(super) fn column<T: Array + 'static>(&self, name: &str) -> Result<&T> {
        let column = self.batch.column_by_name(name);
        column
            .and_then(|column| column.as_any().downcast_ref())
            .ok_or_else(|| self.wrong_type(name))
    }

    /// Member `name` of a struct column as its declared array type.
    pub(super) fn member<'s, T: Array + 'static>(&self, array: &'s StructArray, name: &str) -> Result<&'s T> {
        let column = array.column_by_name(name);
        column
            .and_then(|column| column.as_any().downcast_ref())
            .ok_or_else(|| self.wrong_type(name))
    }

    fn wrong_type(&self, name: &str) -> Error {
        let (expected, got) = ("the documented type".to_owned(), "another".to_owned());
        Error::Column {
            path: self.path.to_path_buf(),
            column: name.to_owned(),
            expected,
            got,
        }
    }

    /// The file read, and the row of the table that row `row` of this piece is: what a cell error needs.
    pub(super) fn place(&self, row: usize) -> (&'a Path, u64) {
        (self.path, self.first_row + row as u64)
    }

    /// Refuses nulls where the schema has none, lists and structs included.
    fn check_nulls(&self, column: &ColumnSchema) -> Result<()> {
        let Some(array) = self.batch.column_by_name(column.name) else {
            return Ok(());
        };
        if !column.nullable && array.null_count() > 0 {
            let row = (0..array.len()).find(|&row| array.is_null(row)).unwrap_or_default();
            let (path, row) = self.place(row);
            return Err(Error::cell(path, column.name, row, "is null"));
        }
        if has_null_inside(array.as_ref(), &column.data_type) {
            return Err(Error::cell(
                self.path,
                column.name,
                self.first_row,
                "a list item in this row or one after it is null",
            ));
        }
        Ok(())
    }
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

/// Opens the table at `path` for [`read_table`].
pub(super) fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|cause| Error::io(path, "open", cause))
}

/// Reads the whole table in `file`; `rows` appends the rows of each piece. `path` is for errors.
pub(super) fn read_table<R>(
    file: File,
    path: &Path,
    schema: &TableSchema,
    rows: impl Fn(&Batch<'_>, &mut Vec<R>) -> Result<()>,
) -> Result<Vec<R>> {
    // The Parquet library may panic on damaged bytes; nothing it was given is used afterwards.
    let outcome = catch_unwind(AssertUnwindSafe(|| read_pieces(file, path, schema, rows)));
    outcome.unwrap_or_else(|_| {
        Err(Error::Table {
            path: path.to_path_buf(),
            reason: "the Parquet library failed on damaged bytes".into(),
        })
    })
}

fn read_pieces<R>(
    file: File,
    path: &Path,
    schema: &TableSchema,
    rows: impl Fn(&Batch<'_>, &mut Vec<R>) -> Result<()>,
) -> Result<Vec<R>> {
    let fail = |reason: String| Error::Table {
        path: path.to_path_buf(),
        reason,
    };
    // Types come from the Parquet schema itself, so that a file rewritten by any tool reads the same.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let pages = file.try_clone().map_err(|cause| Error::io(path, "open again", cause))?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).map_err(|e| fail(e.to_string()))?;
    let metadata = builder.metadata().file_metadata();
    let pairs = metadata.key_value_metadata().into_iter().flatten();
    let named = pairs
        .filter(|pair| pair.key == SCHEMA_KEY)
        .find_map(|pair| pair.value.clone())
        .unwrap_or_default();
    if named != schema.name {
        return Err(Error::TableSchema {
            path: path.to_path_buf(),
            expected: schema.name,
            got: named,
        });
    }
    for column in &schema.columns {
        let found = builder
            .schema()
            .field_with_name(column.name)
            .ok()
            .map(|field| field.data_type());
        if !found.is_some_and(|found| is_readable_as(found, &column.data_type)) {
            let got = found.map_or_else(|| "no such column".to_owned(), ToString::to_string);
            let (path, column, expected) = (path.to_path_buf(), column.name.to_owned(), column.data_type.to_string());
            return Err(Error::Column {
                path,
                column,
                expected,
                got,
            });
        }
    }
    let expected_rows = u64::try_from(metadata.num_rows()).map_err(|_| fail("negative row count".into()))?;
    // Columns of others are left undecoded.
    let known = schema.columns.iter().map(|column| column.name);
    let columns = ProjectionMask::columns(metadata.schema_descr(), known);
    check_pages(&pages, builder.metadata(), &columns, PAGE_LIMITS).map_err(fail)?;
    let reader = builder
        .with_projection(columns)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|e| fail(e.to_string()))?;
    let mut all = Vec::new();
    let (mut first_row, mut decoded_bytes) = (0, 0);
    for batch in reader {
        let batch = Batch {
            path,
            batch: batch.map_err(|e| fail(e.to_string()))?,
            first_row,
        };
        count_decoded(batch.batch.get_array_memory_size(), &mut decoded_bytes).map_err(fail)?;
        schema.columns.iter().try_for_each(|column| batch.check_nulls(column))?;
        rows(&batch, &mut all)?;
        first_row += batch.rows() as u64;
    }
    if first_row != expected_rows {
        return Err(fail(format!("{first_row} rows, the footer says {expected_rows}")));
    }
    Ok(all)
}
