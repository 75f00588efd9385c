//! Defines the label table: a row for each clip, in the order of the shard.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    UInt32Array,
};
use arrow_schema::DataType;

use super::boxes::{BOXES, box_type, boxes_at, boxes_column};
use super::column::{check_finite, class_at, classes_at, code_column, codes_column, word_at};
use super::schema::{TableSchema, list_of, optional, required};
use super::table_read::{Batch, open, read_table};
use super::table_write::{batch, write_table};
use super::taxa::Taxa;
use crate::entry::FileEntry;
use crate::error::{Error, Result};

pub use super::boxes::ClipBox;
pub use crate::words::{BoxStatus, LabelSource, Split};

/// Labels of one clip. Classes are class indices here and species codes in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelRow {
    /// Recording the clip was cut from.
    pub asset_id: i64,
    /// Number of the clip in its recording.
    pub clip_index: u32,
    /// Shard with the clip.
    pub shard: u32,
    /// Row of the clip in that shard.
    pub row: u32,
    /// Start of the clip in seconds in the recording.
    pub start_s: f64,
    /// End of the clip in seconds in the recording, padding included.
    pub end_s: f64,
    /// Seconds of the clip that hold sound of the recording; the rest is padding.
    pub valid_s: f64,
    /// Split of the recording.
    pub split: Split,
    /// Species the recording was made of, if any.
    pub target: Option<u32>,
    /// Classes heard in the clip.
    pub present: Vec<u32>,
    /// Classes known not to be heard in the clip.
    pub absent: Vec<u32>,
    /// Classes of which neither is known. No class is in two of the three lists, or twice in one.
    pub unknown: Vec<u32>,
    /// Whether the labels of the clip are complete.
    pub fully_annotated: bool,
    /// The rule that made them complete.
    pub label_source: LabelSource,
    /// Whether the clip is below the build's silence threshold.
    pub silent: bool,
    /// Level of the clip in dB relative to full scale; `None` for digital silence, which has no level.
    pub rms_dbfs: Option<f32>,
    /// Boxes that overlap the clip, cut to it.
    pub boxes: Vec<ClipBox>,
    /// Row number in an imported set.
    pub source_index: Option<i64>,
    /// Identifier in an imported set.
    pub source_id: Option<i64>,
}

fn schema() -> TableSchema {
    let columns = vec![
        required("asset_id", DataType::Int64),
        required("clip_index", DataType::UInt32),
        required("shard", DataType::UInt32),
        required("row", DataType::UInt32),
        required("start_s", DataType::Float64).unit("s"),
        required("end_s", DataType::Float64).unit("s"),
        required("valid_s", DataType::Float64).unit("s"),
        required("split", DataType::Utf8),
        optional("target", DataType::Utf8),
        required("present", list_of(DataType::Utf8)),
        required("absent", list_of(DataType::Utf8)),
        required("unknown", list_of(DataType::Utf8)),
        required("fully_annotated", DataType::Boolean),
        required("label_source", DataType::Utf8),
        required("silent", DataType::Boolean),
        optional("rms_dbfs", DataType::Float32).unit("dB re full scale"),
        required(BOXES, list_of(box_type())).unit("_s: s in the recording; _hz: Hz; x, y: 0 to 1 of the image"),
        optional("source_index", DataType::Int64),
        optional("source_id", DataType::Int64),
    ];
    TableSchema {
        name: "labels/1",
        columns,
    }
}

/// The rules of a row, for the writer and the reader.
struct Rules<'a> {
    path: &'a Path,
    taxa: &'a Taxa,
    /// For each class, the row it was last listed in and the list; saves a set for each row.
    listed: Vec<(Option<u64>, &'static str)>,
}

impl<'a> Rules<'a> {
    fn new(path: &'a Path, taxa: &'a Taxa) -> Self {
        Self {
            path,
            taxa,
            listed: vec![(None, ""); taxa.len()],
        }
    }

    fn check(&mut self, item: &LabelRow, row: u64) -> Result<()> {
        let numbers = [
            ("start_s", item.start_s),
            ("end_s", item.end_s),
            ("valid_s", item.valid_s),
        ];
        for (name, value) in numbers {
            check_finite(value, self.path, name, row)?;
        }
        if item.start_s > item.end_s {
            let reason = format!("the clip starts at {} s and ends at {} s", item.start_s, item.end_s);
            return Err(Error::cell(self.path, "end_s", row, reason));
        }
        check_finite(item.rms_dbfs.unwrap_or_default().into(), self.path, "rms_dbfs", row)?;
        let lists = [
            ("present", &item.present),
            ("absent", &item.absent),
            ("unknown", &item.unknown),
        ];
        for (name, list) in lists {
            for &class in list {
                // A class beyond the list has no code either, which is told where codes are looked up.
                let Some(before) = self.listed.get_mut(class as usize) else {
                    continue;
                };
                if before.0 == Some(row) {
                    let code = self.taxa.code(class).unwrap_or_default();
                    let reason = format!("{code:?} is listed as {} already", before.1);
                    return Err(Error::cell(self.path, name, row, reason));
                }
                *before = (Some(row), name);
            }
        }
        Ok(())
    }
}

/// Writes the labels of one shard, in row order.
///
/// # Errors
/// [`Error::Cell`] for a class index not in `taxa`, a class listed twice, or a time that is no finite number;
/// [`Error::Io`].
pub fn write_labels(path: &Path, taxa: &Taxa, rows: &[LabelRow]) -> Result<FileEntry> {
    write_table(path, &schema(), rows, |first_row, rows| {
        columns(path, first_row, taxa, rows)
    })
}

/// The rows as the columns [`write_labels`] gives a table, for queries; `path` is that table, for errors.
///
/// # Errors
/// As [`write_labels`], but for writing.
pub fn label_columns(path: &Path, taxa: &Taxa, rows: &[LabelRow]) -> Result<RecordBatch> {
    batch(path, &schema(), columns(path, 0, taxa, rows)?)
}

fn columns(path: &Path, first_row: u64, taxa: &Taxa, rows: &[LabelRow]) -> Result<Vec<ArrayRef>> {
    let mut rules = Rules::new(path, taxa);
    rows.iter()
        .zip(first_row..)
        .try_for_each(|(item, row)| rules.check(item, row))?;
    let place = (path, first_row);
    let u32s = |value: fn(&LabelRow) -> u32| Arc::new(UInt32Array::from_iter_values(rows.iter().map(value)));
    let f64s = |value: fn(&LabelRow) -> f64| Arc::new(Float64Array::from_iter_values(rows.iter().map(value)));
    let bools =
        |value: fn(&LabelRow) -> bool| Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(value(row)))));
    let ids = |value: fn(&LabelRow) -> Option<i64>| Arc::new(Int64Array::from_iter(rows.iter().map(value)));
    Ok(vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.asset_id))),
        u32s(|row| row.clip_index),
        u32s(|row| row.shard),
        u32s(|row| row.row),
        f64s(|row| row.start_s),
        f64s(|row| row.end_s),
        f64s(|row| row.valid_s),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.split.as_str()))),
        code_column(place, "target", taxa, rows, |row| row.target)?,
        codes_column(place, "present", taxa, rows, |row| Some(&row.present))?,
        codes_column(place, "absent", taxa, rows, |row| Some(&row.absent))?,
        codes_column(place, "unknown", taxa, rows, |row| Some(&row.unknown))?,
        bools(|row| row.fully_annotated),
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|row| row.label_source.as_str()),
        )),
        bools(|row| row.silent),
        Arc::new(Float32Array::from_iter(rows.iter().map(|row| row.rms_dbfs))),
        boxes_column(place, rows)?,
        ids(|row| row.source_index),
        ids(|row| row.source_id),
    ])
}

/// Reads the labels of one shard.
///
/// # Errors
/// As [`read_taxa`](super::read_taxa) for the file and its columns; [`Error::Cell`] for a value outside the schema.
pub fn read_labels(path: &Path, taxa: &Taxa) -> Result<Vec<LabelRow>> {
    read_labels_from(open(path)?, path, taxa)
}

/// [`read_labels`] from a file opened already.
pub(crate) fn read_labels_from(file: File, path: &Path, taxa: &Taxa) -> Result<Vec<LabelRow>> {
    read_table(file, path, &schema(), |batch, labels| read_batch(batch, taxa, labels))
}

fn read_batch(batch: &Batch<'_>, taxa: &Taxa, labels: &mut Vec<LabelRow>) -> Result<()> {
    let i64s = |name| batch.column::<Int64Array>(name);
    let u32s = |name| batch.column::<UInt32Array>(name);
    let f64s = |name| batch.column::<Float64Array>(name);
    let texts = |name| batch.column::<StringArray>(name);
    let bools = |name| batch.column::<BooleanArray>(name);
    let lists = |name| batch.column::<ListArray>(name);
    let (ids, clips, shards, rows) = (i64s("asset_id")?, u32s("clip_index")?, u32s("shard")?, u32s("row")?);
    let (starts, ends, valids) = (f64s("start_s")?, f64s("end_s")?, f64s("valid_s")?);
    let (splits, targets, sources) = (texts("split")?, texts("target")?, texts("label_source")?);
    let (present, absent, unknown) = (lists("present")?, lists("absent")?, lists("unknown")?);
    let (full, silent) = (bools("fully_annotated")?, bools("silent")?);
    let (levels, boxes) = (batch.column::<Float32Array>("rms_dbfs")?, lists(BOXES)?);
    let (source_indices, source_ids) = (i64s("source_index")?, i64s("source_id")?);
    let classes = |lists, name, row| Ok(classes_at(batch, lists, name, row, taxa)?.unwrap_or_default());
    let mut rules = Rules::new(batch.place(0).0, taxa);
    for row in 0..batch.rows() {
        let item = LabelRow {
            asset_id: ids.value(row),
            clip_index: clips.value(row),
            shard: shards.value(row),
            row: rows.value(row),
            start_s: starts.value(row),
            end_s: ends.value(row),
            valid_s: valids.value(row),
            split: word_at(batch, splits, "split", row)?,
            target: class_at(batch, targets, "target", row, taxa)?,
            present: classes(present, "present", row)?,
            absent: classes(absent, "absent", row)?,
            unknown: classes(unknown, "unknown", row)?,
            fully_annotated: full.value(row),
            label_source: word_at(batch, sources, "label_source", row)?,
            silent: silent.value(row),
            rms_dbfs: levels.is_valid(row).then(|| levels.value(row)),
            boxes: boxes_at(batch, boxes, row)?,
            source_index: source_indices.is_valid(row).then(|| source_indices.value(row)),
            source_id: source_ids.is_valid(row).then(|| source_ids.value(row)),
        };
        rules.check(&item, batch.place(row).1)?;
        labels.push(item);
    }
    Ok(())
}
