//! Provides the table of training rows: the labels and mask of each clip in a mode, for other programs to read.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeListArray, Int64Array, UInt8Array, UInt32Array};
use arrow_schema::{DataType, Field, FieldRef};
use loader::Supervision;
use shardfmt::Operation;
use shardfmt::table::TableWriter;

use crate::error::{Error, Result};

/// Labels that are written out at once, a byte each.
const MATRIX_BYTES: usize = 64 << 20;

/// Writes a row for each clip of `supervision`, in its order: `source_index` (its row in an imported set), `asset_id`,
/// `clip_index`, and `labels` and `mask`, a byte for each class in class order: 1 where the class is present and known,
/// and where it is known.
///
/// # Errors
/// [`Error::Io`], [`Error::Dataset`] if the file cannot be written.
pub fn write_rows(path: &Path, supervision: &Supervision) -> Result<()> {
    let classes = supervision.classes();
    let entry: FieldRef = Arc::new(Field::new("element", DataType::UInt8, false));
    let width = i32::try_from(classes).unwrap_or(i32::MAX);
    let matrix = DataType::FixedSizeList(Arc::clone(&entry), width);
    let columns = vec![
        Field::new("source_index", DataType::Int64, true),
        Field::new("asset_id", DataType::Int64, false),
        Field::new("clip_index", DataType::UInt32, false),
        Field::new("labels", matrix.clone(), false),
        Field::new("mask", matrix, false),
    ];
    let rows_of = |values: Vec<u8>| -> Result<ArrayRef> {
        let values = Arc::new(UInt8Array::from(values));
        let rows = FixedSizeListArray::try_new(Arc::clone(&entry), width, values, None);
        let rows = rows.map_err(|cause| Error::io(path, Operation::Write, std::io::Error::other(cause)))?;
        Ok(Arc::new(rows))
    };
    let mut table = TableWriter::create(path, "rows/1", columns)?;
    let rows_at_once = (MATRIX_BYTES / classes.max(1)).max(1);
    for (clips, number) in supervision.clips.chunks(rows_at_once).zip(0..) {
        let [mut labels, mut mask] = [(); 2].map(|()| vec![0; clips.len() * classes]);
        let entries = labels
            .chunks_exact_mut(classes.max(1))
            .zip(mask.chunks_exact_mut(classes.max(1)));
        for ((labels, mask), row) in entries.zip(number * rows_at_once..) {
            supervision.labels.write(row, labels, mask);
        }
        table.push(vec![
            Arc::new(Int64Array::from_iter(clips.iter().map(|clip| clip.source_index))),
            Arc::new(Int64Array::from_iter_values(clips.iter().map(|clip| clip.asset_id))),
            Arc::new(UInt32Array::from_iter_values(clips.iter().map(|clip| clip.clip_index))),
            rows_of(labels)?,
            rows_of(mask)?,
        ])?;
    }
    table.finish()?;
    Ok(())
}
