//! Defines the part of the label table that says what is known of a clip; each column left out saves time.

use std::path::Path;

use super::from_recording::FromRecording;
use super::implied::GeoPrior;
use super::label_form::TableForm;
use super::labels::LabelRow;
use super::lists::Lists;
use crate::error::Result;
use crate::table;
use crate::table::{Class, Classes, Extended, Extension, Fault, Nested, TableFile, Text, read_table};
use crate::taxa::Taxa;
use crate::words::{Others, Split};

table! {
    /// What is known of one clip: the columns of [`LabelRow`] that say so, with the same rules.
    #[derive(Clone, Debug, PartialEq)]
    pub struct ClipLabels: "labels/1" {
        /// Recording the clip was cut from.
        asset_id: i64,
        /// Number of the clip in its recording.
        clip_index: u32,
        /// Shard with the clip.
        shard: u32,
        /// Row of the clip in that shard.
        row: u32,
        /// Split of the recording.
        split: Split as Text,
        /// Species the recording was made of, if any.
        target: Option<u32> as Class,
        /// Classes heard in the clip.
        present: Vec<u32> as Classes,
        /// Classes known not to be heard in the clip.
        absent: Vec<u32> as Classes,
        /// Classes of which neither is known.
        unknown: Vec<u32> as Classes,
        /// Whether the clip is below the build's silence threshold.
        silent: bool,
        /// Row number in an imported set.
        source_index: Option<i64>,
        /// What holds for the classes that no list names.
        others: Option<Others> as Extension,
        /// What the clip has of the species heard in its recording.
        from_recording: Vec<FromRecording> as Extended<Nested>,
    }
    check check
}

fn check(row: &ClipLabels, taxa: &Taxa) -> std::result::Result<(), Fault> {
    row.lists().check(row.split, &row.from_recording, taxa)
}

impl ClipLabels {
    /// Brings the row into the implied form that names the fewest classes, unless it has one; `geo` is the prior of its
    /// recording.
    pub fn imply(&mut self, geo: &GeoPrior, classes: u32) {
        if let Some(([present, absent, unknown], others)) = self.lists().shortened(geo, classes) {
            (self.present, self.absent, self.unknown) = (present, absent, unknown);
            self.others = Some(others);
        }
    }

    /// Where the clip is: shard, row, recording, number in it.
    pub(crate) fn place(&self) -> (u32, u32, i64, u32) {
        (self.shard, self.row, self.asset_id, self.clip_index)
    }

    fn lists(&self) -> Lists<'_> {
        Lists {
            present: &self.present,
            absent: &self.absent,
            unknown: &self.unknown,
            others: self.others,
        }
    }
}

impl From<LabelRow> for ClipLabels {
    fn from(row: LabelRow) -> Self {
        Self {
            asset_id: row.asset_id,
            clip_index: row.clip_index,
            shard: row.shard,
            row: row.row,
            split: row.split,
            target: row.target,
            present: row.present,
            absent: row.absent,
            unknown: row.unknown,
            silent: row.silent,
            source_index: row.source_index,
            others: row.others,
            from_recording: row.from_recording,
        }
    }
}

/// Reads this part of the label table of one shard, opened already, of a dataset with labels in `form`.
pub(crate) fn read_clip_labels(file: TableFile, path: &Path, taxa: &Taxa, form: TableForm) -> Result<Vec<ClipLabels>> {
    read_table(file, path, taxa, form.label_columns())
}
