//! Provides the conversions between row fields and columns that several tables share: class lists and fixed words.

use std::path::Path;
use std::str::FromStr;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{Array, ArrayRef, ListArray, StringArray};
use arrow_schema::{DataType, Field};
use std::sync::Arc;

use super::schema::LIST_ITEM;
use super::table_read::Batch;
use super::taxa::Taxa;
use crate::error::{Error, Result};
use crate::words::UnknownWord;

/// Species code of class `index`, or a cell error.
pub(super) fn code_of<'t>(taxa: &'t Taxa, index: u32, path: &Path, column: &'static str, row: u64) -> Result<&'t str> {
    taxa.code(index).ok_or_else(|| {
        Error::cell(
            path,
            column,
            row,
            format!("class index {index}, but there are {} classes", taxa.len()),
        )
    })
}

/// Class index of `code`, or a cell error.
pub(super) fn index_of(taxa: &Taxa, code: &str, path: &Path, column: &'static str, row: u64) -> Result<u32> {
    taxa.index(code).ok_or_else(|| {
        Error::cell(
            path,
            column,
            row,
            format!("species code {code:?} is not in the class list"),
        )
    })
}

/// A column of one optional class a row.
pub(super) fn code_column<'r, R: 'r>(
    (path, first_row): (&Path, u64),
    name: &'static str,
    taxa: &Taxa,
    rows: &'r [R],
    class: impl Fn(&'r R) -> Option<u32>,
) -> Result<ArrayRef> {
    let codes = rows.iter().zip(first_row..).map(|(item, row)| {
        class(item)
            .map(|index| code_of(taxa, index, path, name, row))
            .transpose()
    });
    Ok(Arc::new(codes.collect::<Result<StringArray>>()?))
}

/// A column of class lists; null where `classes` gives none.
pub(super) fn codes_column<'r, R: 'r>(
    (path, first_row): (&Path, u64),
    name: &'static str,
    taxa: &Taxa,
    rows: &'r [R],
    classes: impl Fn(&'r R) -> Option<&'r [u32]>,
) -> Result<ArrayRef> {
    let item = Field::new(LIST_ITEM, DataType::Utf8, false);
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(item);
    for (item, row) in rows.iter().zip(first_row..) {
        let classes = classes(item);
        for &index in classes.unwrap_or_default() {
            lists.values().append_value(code_of(taxa, index, path, name, row)?);
        }
        lists.append(classes.is_some());
    }
    Ok(Arc::new(lists.finish()))
}

/// The class at `row` of a nullable code column.
pub(super) fn class_at(
    batch: &Batch<'_>,
    codes: &StringArray,
    name: &'static str,
    row: usize,
    taxa: &Taxa,
) -> Result<Option<u32>> {
    if codes.is_null(row) {
        return Ok(None);
    }
    let (path, table_row) = batch.place(row);
    index_of(taxa, codes.value(row), path, name, table_row).map(Some)
}

/// The class list at `row` of a list column; `None` for a null list.
pub(super) fn classes_at(
    batch: &Batch<'_>,
    lists: &ListArray,
    name: &'static str,
    row: usize,
    taxa: &Taxa,
) -> Result<Option<Vec<u32>>> {
    if lists.is_null(row) {
        return Ok(None);
    }
    let (path, table_row) = batch.place(row);
    let codes = lists.value(row);
    let codes = codes.as_any().downcast_ref::<StringArray>();
    let codes = codes.ok_or_else(|| Error::cell(path, name, table_row, "is not a list of codes"))?;
    let classes = codes
        .iter()
        .flatten()
        .map(|code| index_of(taxa, code, path, name, table_row));
    classes.collect::<Result<Vec<_>>>().map(Some)
}

/// The value at `row` of a nullable text column.
pub(super) fn text_at(texts: &StringArray, row: usize) -> Option<String> {
    texts.is_valid(row).then(|| texts.value(row).to_owned())
}

/// Parses one of a fixed set of words, or gives a cell error.
pub(super) fn word_at<T: FromStr<Err = UnknownWord>>(
    batch: &Batch<'_>,
    texts: &StringArray,
    name: &'static str,
    row: usize,
) -> Result<T> {
    let (path, table_row) = batch.place(row);
    parse_word(texts.value(row), path, name, table_row)
}

/// [`word_at`] for a word already at hand.
pub(super) fn parse_word<T: FromStr<Err = UnknownWord>>(
    word: &str,
    path: &Path,
    name: &'static str,
    row: u64,
) -> Result<T> {
    word.parse()
        .map_err(|e: UnknownWord| Error::cell(path, name, row, e.to_string()))
}

/// Refuses a value that is no finite number.
pub(super) fn check_finite(value: f64, path: &Path, name: &'static str, row: u64) -> Result<()> {
    if value.is_finite() {
        Ok(())
    } else {
        Err(Error::cell(path, name, row, format!("{value} is not a finite number")))
    }
}
