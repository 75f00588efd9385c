//! Defines the label table: a row for each clip, in the order of the shard.

use std::path::Path;

use super::boxes::ClipBox;
use super::from_recording::FromRecording;
use super::label_form::{LabelForm, TableForm};
use crate::entry::FileEntry;
use crate::error::{Error, Result};
use crate::table;
use crate::table::{
    Class, Classes, Extended, Extension, Fault, Nested, TableFile, Text, open_table, read_table, write_table,
};
use crate::taxa::Taxa;
use crate::words::{LabelSource, Others, Split};

table! {
    /// Labels of one clip. Classes are class indices here and species codes in the file.
    #[derive(Clone, Debug, PartialEq)]
    pub struct LabelRow: "labels/1" {
        /// Recording the clip was cut from.
        asset_id: i64,
        /// Number of the clip in its recording.
        clip_index: u32,
        /// Shard with the clip.
        shard: u32,
        /// Row of the clip in that shard.
        row: u32,
        /// Start of the clip in seconds in the recording.
        start_s: f64 ["s"],
        /// End of the clip in seconds in the recording, padding included.
        end_s: f64 ["s"],
        /// Seconds of the clip that hold sound of the recording; the rest is padding.
        valid_s: f64 ["s"],
        /// Split of the recording.
        split: Split as Text,
        /// Species the recording was made of, if any.
        target: Option<u32> as Class,
        /// Classes heard in the clip.
        present: Vec<u32> as Classes,
        /// Classes known not to be heard in the clip.
        absent: Vec<u32> as Classes,
        /// Classes of which neither is known. No class is in two of the three lists, or twice in one. In rows with
        /// `others` each list ascends.
        unknown: Vec<u32> as Classes,
        /// Whether the labels of the clip are complete.
        fully_annotated: bool,
        /// The rule that made them complete.
        label_source: LabelSource as Text,
        /// Whether the clip is below the build's silence threshold.
        silent: bool,
        /// Level of the clip in dB relative to full scale; `None` for digital silence, which has no level.
        rms_dbfs: Option<f32> ["dB re full scale"],
        /// Boxes that overlap the clip, cut to it.
        boxes: Vec<ClipBox> as Nested ["_s: s in the recording; _hz: Hz; x, y: 0 to 1 of the image"],
        /// Row number in an imported set.
        source_index: Option<i64>,
        /// Identifier in an imported set.
        source_id: Option<i64>,
        /// What holds for the classes that no list names, in datasets with implied labels; `None` in others, where they
        /// are unknown.
        others: Option<Others> as Extension,
        /// What the clip has of the species heard in its recording, in class order; empty in datasets that do not say.
        from_recording: Vec<FromRecording> as Extended<Nested>,
    }
    check check
}

fn check(row: &LabelRow, taxa: &Taxa) -> std::result::Result<(), Fault> {
    if row.start_s > row.end_s {
        let reason = format!("the clip starts at {} s and ends at {} s", row.start_s, row.end_s);
        return Err(Fault::new("end_s", reason));
    }
    row.lists().check(row.split, &row.from_recording, taxa)
}

impl LabelRow {
    /// Where the clip is: shard, row, recording, number in it.
    pub(crate) fn place(&self) -> (u32, u32, i64, u32) {
        (self.shard, self.row, self.asset_id, self.clip_index)
    }
}

/// Writes the labels of one shard, in row order, in the form of its dataset.
///
/// # Errors
/// [`Error::Cell`] for a class index not in `taxa`, a class listed twice, a row in another form, or a time
/// that is not a finite number; [`Error::Io`].
pub fn write_labels(path: &Path, taxa: &Taxa, form: impl Into<TableForm>, rows: &[LabelRow]) -> Result<FileEntry> {
    let form = form.into();
    if let Some((_, row)) = rows
        .iter()
        .zip(0..)
        .find(|(row, _)| !form.heard && !row.from_recording.is_empty())
    {
        let reason = "is given, but the dataset does not say what was heard in its recordings";
        return Err(Error::fault(path, row, Fault::new("from_recording", reason)));
    }
    let (is_other, reason) = match form.labels {
        LabelForm::Listed => (
            Option::is_some as fn(&Option<Others>) -> bool,
            "is given, but the dataset lists all labels",
        ),
        LabelForm::Implied => (
            Option::is_none as fn(&Option<Others>) -> bool,
            "is missing, but the dataset has implied labels",
        ),
    };
    match rows.iter().zip(0..).find(|(row, _)| is_other(&row.others)) {
        Some((_, row)) => Err(Error::fault(path, row, Fault::new("others", reason))),
        None => write_table(path, taxa, rows, form.label_columns()),
    }
}

/// Reads the labels of one shard, of a dataset with labels in `form`.
///
/// # Errors
/// As [`read_taxa`](super::read_taxa) for the file and its columns; [`Error::Cell`] for a value outside
/// the schema.
pub fn read_labels(path: &Path, taxa: &Taxa, form: impl Into<TableForm>) -> Result<Vec<LabelRow>> {
    read_labels_from(open_table(path)?, path, taxa, form.into())
}

/// [`read_labels`] from a file opened already.
pub(crate) fn read_labels_from(file: TableFile, path: &Path, taxa: &Taxa, form: TableForm) -> Result<Vec<LabelRow>> {
    read_table(file, path, taxa, form.label_columns())
}
