//! Defines what a model learns from and is measured against: a label and a mask for every clip and class.
//!
//! Per clip and class the dataset says present, absent or unknown, and what each recording's priors rule out. A
//! [`Mode`] decides how much of it training may see; filters decide which clips are worth a step. Evaluation always
//! sees everything.

mod catalogue;
mod choice;
mod prior;
mod report;
mod select;

pub use catalogue::{Catalogue, Clip};
pub use choice::{Filters, FullUnknown, Mode, Rows};
pub use report::{Lacking, Report};

use crate::random::{Purpose, keyed, shuffle_forward};

/// Labels and masks of a selection of clips.
#[derive(Clone, Debug, PartialEq)]
pub struct Supervision {
    /// Number of classes C; a class index is a row of `taxa.parquet`.
    pub classes: usize,
    /// The clips, N of them, in the order of the dataset; their places here are the row numbers everything else uses.
    pub clips: Vec<Clip>,
    /// `[N, C]` row-major: 1 where the class is present and the mask says known, else 0.
    pub labels: Vec<u8>,
    /// `[N, C]` row-major: 1 where the label is known, else 0.
    pub mask: Vec<u8>,
    /// Whether entries of mask 0 are left out of the loss instead of being taken as negatives by it.
    pub unknown_left_out: bool,
    /// Counts of kept clips, of those left out, and of missing priors.
    pub report: Report,
}

impl Supervision {
    /// Number of clips.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.clips.len()
    }

    /// Mean number of classes present in a clip, and the clips it is the mean of: the fully annotated ones of the
    /// split, whatever the mode shows of them, or, without any, all clips as the mode shows them.
    #[must_use]
    pub fn mean_positives(&self) -> (f64, String) {
        let Report { fully_annotated, .. } = self.report;
        if fully_annotated > 0 {
            let mean = self.report.present_in_those as f64 / fully_annotated as f64;
            return (mean, format!("{fully_annotated} fully annotated clips"));
        }
        let shown: u64 = self.labels.iter().map(|&label| u64::from(label)).sum();
        let mean = shown as f64 / self.rows().max(1) as f64;
        let of = format!(
            "what the mode shows of {} clips, since none is fully annotated",
            self.rows()
        );
        (mean, of)
    }

    /// Gives each clip the labels and mask of another one, by `seed`: a control that leaves nothing to learn but how
    /// frequent the classes are.
    pub fn permute_labels(&mut self, seed: u64) {
        let mut order: Vec<usize> = (0..self.rows()).collect();
        shuffle_forward(&mut keyed(seed, Purpose::LabelShuffle, &[]), &mut order);
        (self.labels, self.mask) = (self.reordered(&self.labels, &order), self.reordered(&self.mask, &order));
    }

    /// The rows of which every class is known.
    #[must_use]
    pub fn fully_known(&self) -> Self {
        let masks = self.mask.chunks_exact(self.classes.max(1)).enumerate();
        let known = masks.filter(|(_, mask)| mask.iter().all(|&known| known != 0));
        let order: Vec<usize> = known.map(|(row, _)| row).collect();
        Self {
            clips: order.iter().filter_map(|&row| self.clips.get(row).cloned()).collect(),
            labels: self.reordered(&self.labels, &order),
            mask: self.reordered(&self.mask, &order),
            report: self.report.clone(),
            ..*self
        }
    }

    /// Rows of a matrix, in another order.
    fn reordered(&self, matrix: &[u8], order: &[usize]) -> Vec<u8> {
        let rows = order.iter().map(|&row| row * self.classes..(row + 1) * self.classes);
        rows.filter_map(|row| matrix.get(row)).flatten().copied().collect()
    }

    /// Recording of each clip.
    #[must_use]
    pub fn asset_ids(&self) -> Vec<i64> {
        self.clips.iter().map(|clip| clip.asset_id).collect()
    }

    /// Labels of each clip, a slice of C at a time; none if there are no classes.
    pub fn label_rows(&self) -> impl Iterator<Item = &[u8]> {
        self.labels.chunks_exact(self.classes.max(1))
    }
}
