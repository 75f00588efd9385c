//! Fits what a prior is worth on val: the log-odds that its word adds, and their weight beside the network's logits.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::settings::PriorSource;
use super::stated::Stated;
use crate::calibration::fit_weight;
use crate::yardstick::Yardstick;

/// Entries that a weight is fitted to at most; of more, rows are left out evenly.
const FITTED_ENTRIES: usize = 1 << 22;

/// The log-odds that the word of a prior adds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriorOffsets {
    /// Which prior.
    pub from: PriorSource,
    /// Added where it says that a class is absent.
    pub absent: f64,
    /// Added where it names a class.
    pub present: f64,
}

/// What is added to logits where clips are scored: the offsets times the weight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddedPrior {
    /// The offsets.
    #[serde(flatten)]
    pub offsets: PriorOffsets,
    /// What they are multiplied by, 0 or more.
    pub weight: f64,
}

impl fmt::Display for PriorOffsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, absent, present) = (self.from.as_str(), self.absent, self.present);
        write!(
            f,
            "log-odds of the {from} prior on val: {absent:+.3} where it says absent, {present:+.3} where it names a class"
        )
    }
}

impl PriorOffsets {
    /// The log-odds of presence where the prior says so, less those of all entries, in the rows of val. To each count of
    /// positives and negatives 1/2 is added (Jeffreys' prior; Haldane 1956, Anscombe 1956), so that none is infinite. What
    /// the prior never says adds nothing.
    pub(crate) fn fit(from: PriorSource, val: &Yardstick, stated: &Stated) -> Self {
        // Negatives and positives, where the prior says absent, nothing and present.
        let mut counts = [[0_u64; 2]; 3];
        let mut said = vec![0_usize; stated.classes()];
        for (asset_id, present) in val.asset_ids.iter().zip(val.present.rows()) {
            stated.write(*asset_id, [0, 1, 2], &mut said);
            let mut count = |said: usize, label: usize, change: fn(u64) -> u64| {
                let of = counts.get_mut(said).and_then(|of| of.get_mut(label));
                of.into_iter().for_each(|count| *count = change(*count));
            };
            said.iter().for_each(|said| count(*said, 0, |count| count + 1));
            for said in present.iter().filter_map(|class| said.get(*class as usize)) {
                count(*said, 0, |count| count - 1);
                count(*said, 1, |count| count + 1);
            }
        }
        let log_odds = |[negatives, positives]: [u64; 2]| ((positives as f64 + 0.5) / (negatives as f64 + 0.5)).ln();
        let [absent, silent, present] = counts;
        let all = [0, 1].map(|label| [absent, silent, present].iter().filter_map(|of| of.get(label)).sum());
        let offset = |of: [u64; 2]| {
            if of == [0, 0] {
                0.0
            } else {
                log_odds(of) - log_odds(all)
            }
        };
        Self {
            from,
            absent: offset(absent),
            present: offset(present),
        }
    }

    /// What is added to the logits of a recording's classes, with weight 1.
    pub fn write(&self, stated: &Stated, asset_id: i64, into: &mut [f32]) {
        self.times(1.0).write(stated, asset_id, into);
    }

    /// These offsets with a weight.
    #[must_use]
    pub fn times(self, weight: f64) -> AddedPrior {
        AddedPrior { offsets: self, weight }
    }

    /// These offsets with the weight w of the highest likelihood, where the labels of the rows of val are as probable as
    /// sigmoid(z + w b + c): a logistic fit with the logits z beside it, of which the intercept c is dropped, since it
    /// changes no ranking. A weight below 0 is 0, and so is one of scores or labels to which nothing can be fitted.
    ///
    /// `logits` are those of every [`sampled_every`](Self::sampled_every)th row of val, row-major.
    pub(crate) fn weighed(self, logits: &[f32], val: &Yardstick, stated: &Stated) -> AddedPrior {
        let (classes, every) = (stated.classes().max(1), Self::sampled_every(val));
        let mut entries = Vec::with_capacity(logits.len());
        let [mut added, mut labels] = [(); 2].map(|()| vec![0.0_f32; classes]);
        let rows = val.asset_ids.iter().zip(val.present.rows()).step_by(every);
        for ((asset_id, present), logits) in rows.zip(logits.chunks_exact(classes)) {
            self.write(stated, *asset_id, &mut added);
            labels.fill(0.0);
            for &class in present {
                labels
                    .get_mut(class as usize)
                    .into_iter()
                    .for_each(|label| *label = 1.0);
            }
            let of_row = added.iter().zip(logits).zip(&labels);
            entries.extend(of_row.map(|((b, z), label)| [*b, *z, *label]));
        }
        let entries = entries
            .iter()
            .map(|[b, z, label]| (f64::from(*b), f64::from(*z), *label != 0.0));
        self.times(fit_weight(entries).unwrap_or(0.0).max(0.0))
    }

    /// Of how many rows of val the logits of one are fitted to: those of all, unless there are millions.
    pub(crate) fn sampled_every(val: &Yardstick) -> usize {
        let entries = val.rows().saturating_mul(val.classes);
        entries.div_ceil(FITTED_ENTRIES).max(1)
    }
}

impl AddedPrior {
    /// What is added to the logits of a recording's classes.
    pub fn write(&self, stated: &Stated, asset_id: i64, into: &mut [f32]) {
        let PriorOffsets { absent, present, .. } = self.offsets;
        let [absent, present] = [absent, present].map(|b| (self.weight * b) as f32);
        stated.write(asset_id, [absent, 0.0, present], into);
    }
}

#[cfg(test)]
mod tests {
    use shardfmt::PriorRow;

    use super::*;
    use crate::yardstick::Present;

    /// Two clips of recording 1, of which class 0 alone is possible, and one of recording 2, which has no prior.
    fn val(labels: [u8; 9]) -> (Yardstick, Stated) {
        let rows = [PriorRow {
            asset_id: 1,
            geo_possible: Some(vec![0]),
            ..PriorRow::default()
        }];
        let mut present = Present::default();
        for row in labels.chunks(3) {
            present.push((0..3).filter(|class| row[*class as usize] != 0));
        }
        let val = Yardstick {
            classes: 3,
            clips: Vec::new(),
            row_of_clip: Vec::new(),
            present,
            asset_ids: vec![1, 1, 2],
            left_out: 0,
        };
        (val, Stated::of_rows(3, &rows, PriorSource::Geo))
    }

    const LABELS: [u8; 9] = [1, 0, 0, /**/ 1, 1, 0, /**/ 0, 1, 0];

    #[test]
    fn offsets_are_the_log_odds_that_the_prior_adds() {
        let (val, stated) = val(LABELS);
        let fit = PriorOffsets::fit(PriorSource::Geo, &val, &stated);
        // Positives and negatives: 2 and 0 where class 0 is possible, 1 and 3 where others are not, 4 and 5 in all.
        let all = (4.5_f64 / 5.5).ln();
        assert!((fit.present - ((2.5_f64 / 0.5).ln() - all)).abs() < 1e-12, "{fit:?}");
        assert!((fit.absent - ((1.5_f64 / 3.5).ln() - all)).abs() < 1e-12, "{fit:?}");
        let mut added = [9.0; 3];
        fit.times(0.5).write(&stated, 1, &mut added);
        let [absent, present] = [fit.absent, fit.present].map(|b| (0.5 * b) as f32);
        assert_eq!(added, [present, absent, absent]);
        fit.write(&stated, 2, &mut added);
        assert_eq!(added, [0.0; 3], "a recording without the prior");
        let nobody = Stated::of_rows(3, &[], PriorSource::Geo);
        let none = PriorOffsets::fit(PriorSource::Geo, &val, &nobody);
        assert_eq!([none.absent, none.present], [0.0; 2], "what is never said adds nothing");
    }

    #[test]
    fn the_weight_is_what_the_logits_leave_to_the_prior() {
        let (val, stated) = val(LABELS);
        let fit = PriorOffsets::fit(PriorSource::Geo, &val, &stated);
        let weight = |logits: [f32; 9]| fit.weighed(&logits, &val, &stated).weight;
        // By an independent fit in NumPy.
        let alone = weight([0.0; 9]);
        assert!((alone - 0.968_721).abs() < 1e-4, "{alone}");
        // Logits that say what the labels say leave less to it, and it is never turned round.
        let telling = weight(LABELS.map(|label| f32::from(label) - 0.5));
        assert!(telling < alone, "{telling}");
        assert_eq!(weight([8.0, -3.0, -3.0, 8.0, -3.0, -3.0, 0.0, 0.0, 0.0]), 0.0);
        assert_eq!(weight([f32::NAN; 9]), 0.0);
    }
}
