//! Defines the boxes of a clip and their list column.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float32Array, Float64Array, ListArray, StringArray, StructArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Fields};

use super::column::{check_finite, parse_word};
use super::labels::LabelRow;
use super::schema::LIST_ITEM;
use super::table_read::Batch;
use crate::error::{Error, Result};
use crate::words::BoxStatus;

/// Name of the column.
pub(super) const BOXES: &str = "boxes";

/// A stretch of time, and perhaps of frequency, in which an annotator heard a species; cut to the clip.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipBox {
    /// Species as annotated; it need not be one of the dataset's classes.
    pub species_code: String,
    /// What the annotator said of it.
    pub status: BoxStatus,
    /// Start in seconds in the recording, not before the clip's.
    pub start_s: f64,
    /// End in seconds in the recording, not after the clip's.
    pub end_s: f64,
    /// Lower edge in Hz within the range of the image; `None` for all frequencies.
    pub low_hz: Option<f64>,
    /// Upper edge in Hz within the range of the image.
    pub high_hz: Option<f64>,
    /// Left edge in the stored image: 0 is the start of the first frame, 1 the end of the last.
    pub x_min: f32,
    /// Right edge in the stored image.
    pub x_max: f32,
    /// Edge nearer to row 0 in the stored image: 0 is the outer edge of row 0, 1 that of the last row.
    pub y_min: Option<f32>,
    /// Edge farther from row 0 in the stored image.
    pub y_max: Option<f32>,
}

/// Members of one box, in file order.
fn members() -> Fields {
    Fields::from(vec![
        Field::new("species_code", DataType::Utf8, false),
        Field::new("status", DataType::Utf8, false),
        Field::new("start_s", DataType::Float64, false),
        Field::new("end_s", DataType::Float64, false),
        Field::new("low_hz", DataType::Float64, true),
        Field::new("high_hz", DataType::Float64, true),
        Field::new("x_min", DataType::Float32, false),
        Field::new("x_max", DataType::Float32, false),
        Field::new("y_min", DataType::Float32, true),
        Field::new("y_max", DataType::Float32, true),
    ])
}

/// Type of one box.
pub(super) fn box_type() -> DataType {
    DataType::Struct(members())
}

fn check(item: &ClipBox, path: &Path, row: u64) -> Result<()> {
    let numbers = [Some(item.start_s), Some(item.end_s), item.low_hz, item.high_hz];
    let relative = [Some(item.x_min), Some(item.x_max), item.y_min, item.y_max].map(|edge| edge.map(f64::from));
    for number in numbers.into_iter().chain(relative).flatten() {
        check_finite(number, path, BOXES, row)?;
    }
    if item.start_s > item.end_s {
        return Err(Error::cell(
            path,
            BOXES,
            row,
            format!("a box starts at {} s and ends at {} s", item.start_s, item.end_s),
        ));
    }
    Ok(())
}

/// The column of all rows' boxes.
pub(super) fn boxes_column((path, first_row): (&Path, u64), rows: &[LabelRow]) -> Result<ArrayRef> {
    for (item, row) in rows.iter().zip(first_row..) {
        item.boxes.iter().try_for_each(|item| check(item, path, row))?;
    }
    let boxes = || rows.iter().flat_map(|row| &row.boxes);
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(boxes().map(|item| &item.species_code))),
        Arc::new(StringArray::from_iter_values(boxes().map(|item| item.status.as_str()))),
        Arc::new(Float64Array::from_iter_values(boxes().map(|item| item.start_s))),
        Arc::new(Float64Array::from_iter_values(boxes().map(|item| item.end_s))),
        Arc::new(Float64Array::from_iter(boxes().map(|item| item.low_hz))),
        Arc::new(Float64Array::from_iter(boxes().map(|item| item.high_hz))),
        Arc::new(Float32Array::from_iter_values(boxes().map(|item| item.x_min))),
        Arc::new(Float32Array::from_iter_values(boxes().map(|item| item.x_max))),
        Arc::new(Float32Array::from_iter(boxes().map(|item| item.y_min))),
        Arc::new(Float32Array::from_iter(boxes().map(|item| item.y_max))),
    ];
    let fail = |e: arrow_schema::ArrowError| Error::Table {
        path: path.to_path_buf(),
        reason: e.to_string(),
    };
    let values = StructArray::try_new(members(), arrays, None).map_err(fail)?;
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.boxes.len()));
    let item = Arc::new(Field::new(LIST_ITEM, box_type(), false));
    Ok(Arc::new(
        ListArray::try_new(item, offsets, Arc::new(values), None).map_err(fail)?,
    ))
}

/// The boxes at `row` of the column.
pub(super) fn boxes_at(batch: &Batch<'_>, lists: &ListArray, row: usize) -> Result<Vec<ClipBox>> {
    let list = lists.value(row);
    let (path, table_row) = batch.place(row);
    let boxes = list.as_any().downcast_ref::<StructArray>();
    let boxes = boxes.ok_or_else(|| Error::cell(path, BOXES, table_row, "is not a list of structs"))?;
    let codes: &StringArray = batch.member(boxes, "species_code")?;
    let states: &StringArray = batch.member(boxes, "status")?;
    let f64s = |name| batch.member::<Float64Array>(boxes, name);
    let f32s = |name| batch.member::<Float32Array>(boxes, name);
    let (starts, ends, lows, highs) = (f64s("start_s")?, f64s("end_s")?, f64s("low_hz")?, f64s("high_hz")?);
    let (lefts, rights, bottoms, tops) = (f32s("x_min")?, f32s("x_max")?, f32s("y_min")?, f32s("y_max")?);
    let read = |i: usize| {
        let item = ClipBox {
            species_code: codes.value(i).to_owned(),
            status: parse_word(states.value(i), path, BOXES, table_row)?,
            start_s: starts.value(i),
            end_s: ends.value(i),
            low_hz: lows.is_valid(i).then(|| lows.value(i)),
            high_hz: highs.is_valid(i).then(|| highs.value(i)),
            x_min: lefts.value(i),
            x_max: rights.value(i),
            y_min: bottoms.is_valid(i).then(|| bottoms.value(i)),
            y_max: tops.is_valid(i).then(|| tops.value(i)),
        };
        check(&item, path, table_row)?;
        Ok(item)
    };
    (0..boxes.len()).map(read).collect()
}
