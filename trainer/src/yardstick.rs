//! Defines what a model is measured on: rows with labels, each a clip, or a recording with all of its clips.

use loader::{Clip, Level, Supervision};

use crate::config::EvalConfig;
use crate::metric::Positives;

/// Rows whose classes are all known, and the clips whose scores they get.
#[derive(Clone, Debug)]
pub(crate) struct Yardstick {
    /// Number of classes.
    pub(crate) classes: usize,
    /// The clips to be scored, row after row.
    pub(crate) clips: Vec<Clip>,
    /// The row of each of them, ascending.
    pub(crate) row_of_clip: Vec<u32>,
    /// The classes present in each row.
    pub(crate) present: Present,
    /// The recording of each row.
    pub(crate) asset_ids: Vec<i64>,
    /// Rows left out, of which a class is unknown.
    pub(crate) left_out: u64,
}

/// The classes present in each row, as lists: few of many classes are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Present {
    /// Where the classes of each row end.
    ends: Vec<usize>,
    classes: Vec<u32>,
}

impl Present {
    /// Adds a row with these classes, which ascend.
    pub(crate) fn push(&mut self, classes: impl IntoIterator<Item = u32>) {
        self.classes.extend(classes);
        self.ends.push(self.classes.len());
    }

    /// The classes of each row.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[u32]> + Clone {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges = starts.zip(&self.ends);
        ranges.map(|(start, end)| self.classes.get(start..*end).unwrap_or_default())
    }
}

impl Yardstick {
    /// The rows of a split.
    pub(crate) fn of(supervision: &Supervision, eval: &EvalConfig) -> Self {
        match eval.level {
            Level::Clip => Self::of_clips(supervision),
            Level::Recording => Self::of_recordings(supervision, eval),
        }
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.asset_ids.len()
    }

    /// The rows with each class.
    pub(crate) fn positives(&self) -> Positives {
        Positives::of_rows(self.classes, self.present.rows())
    }

    fn of_clips(supervision: &Supervision) -> Self {
        let known = supervision.fully_known();
        let mut present = Present::default();
        (0..known.rows()).for_each(|row| present.push(known.labels.positives(row)));
        Self {
            classes: supervision.classes(),
            row_of_clip: (0..).zip(&known.clips).map(|(row, _)| row).collect(),
            present,
            asset_ids: known.asset_ids(),
            left_out: (supervision.rows() - known.rows()) as u64,
            clips: known.clips,
        }
    }

    fn of_recordings(supervision: &Supervision, eval: &EvalConfig) -> Self {
        let (all, classes) = (supervision.recordings(eval.unheard), supervision.classes());
        let mut kept = Self {
            classes,
            clips: Vec::new(),
            row_of_clip: Vec::new(),
            present: Present::default(),
            asset_ids: Vec::new(),
            left_out: 0,
        };
        let mut row_of: Vec<Option<u32>> = Vec::with_capacity(all.asset_ids.len());
        let [mut labels, mut mask] = [(); 2].map(|()| vec![0; classes]);
        for (place, asset_id) in all.asset_ids.iter().enumerate() {
            all.write(place, &mut labels, &mut mask);
            let is_known = mask.iter().all(|&known| known != 0);
            row_of.push(is_known.then(|| u32::try_from(kept.rows()).unwrap_or(u32::MAX)));
            if is_known {
                kept.asset_ids.push(*asset_id);
                let present = (0_u32..).zip(&labels).filter(|(_, label)| **label != 0);
                kept.present.push(present.map(|(class, _)| class));
            } else {
                kept.left_out += 1;
            }
        }
        let row = |recording: &u32| row_of.get(*recording as usize).copied().flatten();
        let rows = supervision.clips.iter().zip(all.of_clip.iter().map(row));
        let mut scored: Vec<(u32, &Clip)> = rows.filter_map(|(clip, row)| Some((row?, clip))).collect();
        // Stable, and nothing moves where the clips of a recording follow one another.
        scored.sort_by_key(|(row, _)| *row);
        (kept.row_of_clip, kept.clips) = scored.into_iter().map(|(row, clip)| (row, clip.clone())).unzip();
        kept
    }
}

/// Raises a row's scores to those of one of its clips. What is not a number stays, so that it is seen.
pub(crate) fn raise(row: &mut [f32], clip: &[f32]) {
    for (highest, &score) in row.iter_mut().zip(clip) {
        if score.is_nan() || *highest < score {
            *highest = score;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_highest_score_of_its_clips_and_keeps_what_is_no_number() {
        let mut row = [f32::NEG_INFINITY; 3];
        for clip in [[0.25, 0.5, 0.125], [0.75, f32::NAN, 0.0], [0.5, 0.875, 0.25]] {
            raise(&mut row, &clip);
        }
        assert_eq!((row[0], row[2]), (0.75, 0.25));
        assert!(row[1].is_nan());
    }
}
