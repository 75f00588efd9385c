//! Defines what a model learns from and is measured against: a label and a mask for every clip and class.
//!
//! Per clip and class the dataset says present, absent or unknown, and what each recording's priors rule out. A
//! [`Mode`] decides how much of it training may see; filters decide which clips are worth a step. Evaluation always
//! sees everything.
//!
//! What is known is kept as it is stored: the classes that a clip's lists name, what is implied for the rest, and the
//! priors once a recording. A row has a byte for each class only where it is written into a batch.

mod catalogue;
mod choice;
mod knowledge;
mod labels;
mod piece;
mod prior;
mod recordings;
mod report;
mod select;

pub use catalogue::{Catalogue, Clip};
pub use choice::{Filters, FullUnknown, Level, Mode, Rows, SinglePositive, Unheard};
pub use labels::Labels;
pub use recordings::RecordingLabels;
pub use report::{Lacking, Report};

use crate::random::{Purpose, keyed, shuffle_forward};

/// Labels and masks of a selection of clips.
#[derive(Clone, Debug)]
pub struct Supervision {
    /// The clips, N of them, in the order of the dataset; their places here are the row numbers everything else uses.
    pub clips: Vec<Clip>,
    /// What is known of them, row by row.
    pub labels: Labels,
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

    /// Number of classes C; a class index is a row of `taxa.parquet`.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.labels.classes()
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
        let mean = self.labels.positive_count() as f64 / self.rows().max(1) as f64;
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
        self.labels = self.labels.reordered(&order);
    }

    /// The rows of which every class is known.
    #[must_use]
    pub fn fully_known(&self) -> Self {
        let order: Vec<usize> = (0..self.rows()).filter(|&row| self.labels.is_whole(row)).collect();
        Self {
            clips: order.iter().filter_map(|&row| self.clips.get(row).cloned()).collect(),
            labels: self.labels.reordered(&order),
            report: self.report.clone(),
            ..*self
        }
    }

    /// Recording of each clip.
    #[must_use]
    pub fn asset_ids(&self) -> Vec<i64> {
        self.clips.iter().map(|clip| clip.asset_id).collect()
    }
}
