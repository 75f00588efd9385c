//! Provides the table of training rows: the labels and mask of each clip in a mode, for other programs to read.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeListArray, Int64Array, UInt8Array, UInt32Array};
use arrow_schema::{DataType, Field, FieldRef};
use loader::Supervision;
use shardfmt::Operation;
use shardfmt::table::TableWriter;

use crate::error::{Error, Result};

/// Writes a row for each clip of `supervision`, in its order: `source_index` (its row in an imported set), `asset_id`,
/// `clip_index`, and `labels` and `mask`, a byte for each class in class order: 1 where the class is present and known,
/// and where it is known.
///
/// # Errors
/// [`Error::Io`], [`Error::Dataset`] if the file cannot be written.
pub fn write_rows(path: &Path, supervision: &Supervision) -> Result<()> {
    let classes = i32::try_from(supervision.classes).unwrap_or(i32::MAX);
    let entry: FieldRef = Arc::new(Field::new("element", DataType::UInt8, false));
    let matrix = DataType::FixedSizeList(Arc::clone(&entry), classes);
    let columns = vec![
        Field::new("source_index", DataType::Int64, true),
        Field::new("asset_id", DataType::Int64, false),
        Field::new("clip_index", DataType::UInt32, false),
        Field::new("labels", matrix.clone(), false),
        Field::new("mask", matrix, false),
    ];
    let rows_of = |values: &[u8]| -> Result<ArrayRef> {
        let values = Arc::new(UInt8Array::from(values.to_vec()));
        let rows = FixedSizeListArray::try_new(Arc::clone(&entry), classes, values, None);
        let rows = rows.map_err(|cause| Error::io(path, Operation::Write, std::io::Error::other(cause)))?;
        Ok(Arc::new(rows))
    };
    let clips = &supervision.clips;
    let mut table = TableWriter::create(path, "rows/1", columns)?;
    table.push(vec![
        Arc::new(Int64Array::from_iter(clips.iter().map(|clip| clip.source_index))),
        Arc::new(Int64Array::from_iter_values(clips.iter().map(|clip| clip.asset_id))),
        Arc::new(UInt32Array::from_iter_values(clips.iter().map(|clip| clip.clip_index))),
        rows_of(&supervision.labels)?,
        rows_of(&supervision.mask)?,
    ])?;
    table.finish()?;
    Ok(())
}
