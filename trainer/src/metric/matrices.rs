//! Takes scores, labels and masks as matrices: the rows that count, as a table.

use super::positives::Positives;
use super::score_table::{ScoreTable, ScoreWriter};
use crate::error::{Error, Result};

/// The rows of which every class is known.
pub(super) struct Matrices {
    /// Their scores.
    pub(super) table: ScoreTable,
    /// Which have which class.
    pub(super) positives: Positives,
    /// Their places in the matrices, ascending.
    pub(super) kept: Vec<usize>,
    /// Number of rows left out.
    pub(super) left_out: u64,
}

impl Matrices {
    /// Checks `[N, C]` row-major `scores`, `labels` and `mask`.
    pub(super) fn new(scores: &[f32], labels: &[u8], mask: &[u8], classes: usize) -> Result<Self> {
        let sizes = [scores.len(), labels.len(), mask.len()];
        let whole = classes > 0 && scores.len().is_multiple_of(classes);
        if !whole || sizes.iter().any(|&size| size != scores.len()) {
            return Err(Error::ScoreShape { sizes, classes });
        }
        if let Some(at) = scores.iter().position(|score| score.is_nan()) {
            return Err(Error::ScoreNotANumber {
                row: at / classes,
                class: at % classes,
            });
        }
        let mut writer = ScoreWriter::in_memory(classes);
        let (mut kept, mut present) = (Vec::new(), Vec::new());
        let rows = scores.chunks_exact(classes).zip(labels.chunks_exact(classes));
        for (row, ((scores, labels), mask)) in rows.zip(mask.chunks_exact(classes)).enumerate() {
            if mask.iter().all(|&known| known != 0) {
                writer.push(scores)?;
                kept.push(row);
                let classes = (0_u32..).zip(labels).filter(|(_, label)| **label != 0);
                present.push(classes.map(|(class, _)| class).collect::<Vec<u32>>());
            }
        }
        let left_out = (scores.len() / classes - kept.len()) as u64;
        if kept.is_empty() {
            return Err(Error::NothingToMeasure { split: None, left_out });
        }
        Ok(Self {
            positives: Positives::of_rows(classes, present.iter().map(Vec::as_slice)),
            table: writer.finish()?,
            kept,
            left_out,
        })
    }
}
