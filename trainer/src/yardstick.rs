//! Defines what a model is measured on: rows with labels, each a clip, or a recording with all of its clips.

use loader::{Clip, Level, Supervision};

use crate::config::EvalConfig;

/// Rows whose classes are all known, and the clips whose scores they get.
#[derive(Clone, Debug)]
pub(crate) struct Yardstick {
    /// The clips to be scored.
    pub(crate) clips: Vec<Clip>,
    /// The row of each of them.
    pub(crate) row_of_clip: Vec<u32>,
    /// Labels of the N rows, `[N, C]` row-major.
    pub(crate) labels: Vec<u8>,
    /// Their masks.
    pub(crate) mask: Vec<u8>,
    /// The recording of each row.
    pub(crate) asset_ids: Vec<i64>,
    /// Rows left out, of which a class is unknown.
    pub(crate) left_out: u64,
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

    /// Labels of a row, of each class.
    pub(crate) fn labels_of(&self, row: usize) -> &[u8] {
        let classes = self.labels.len() / self.rows().max(1);
        self.labels.get(row * classes..(row + 1) * classes).unwrap_or_default()
    }

    fn of_clips(supervision: &Supervision) -> Self {
        let known = supervision.fully_known();
        let [labels, mask] = known.labels.matrices();
        Self {
            row_of_clip: (0..).zip(&known.clips).map(|(row, _)| row).collect(),
            labels,
            mask,
            asset_ids: known.asset_ids(),
            left_out: (supervision.rows() - known.rows()) as u64,
            clips: known.clips,
        }
    }

    fn of_recordings(supervision: &Supervision, eval: &EvalConfig) -> Self {
        let (all, classes) = (supervision.recordings(eval.unheard), supervision.classes().max(1));
        let mut kept = Self {
            clips: Vec::new(),
            row_of_clip: Vec::new(),
            labels: Vec::new(),
            mask: Vec::new(),
            asset_ids: Vec::new(),
            left_out: 0,
        };
        let mut row_of: Vec<Option<u32>> = Vec::with_capacity(all.asset_ids.len());
        let rows = all.labels.chunks_exact(classes).zip(all.mask.chunks_exact(classes));
        for (asset_id, (labels, mask)) in all.asset_ids.iter().zip(rows) {
            let is_known = mask.iter().all(|&known| known != 0);
            row_of.push(is_known.then(|| u32::try_from(kept.rows()).unwrap_or(u32::MAX)));
            if is_known {
                kept.asset_ids.push(*asset_id);
                kept.labels.extend_from_slice(labels);
                kept.mask.extend_from_slice(mask);
            } else {
                kept.left_out += 1;
            }
        }
        for (clip, recording) in supervision.clips.iter().zip(&all.of_clip) {
            if let Some(Some(row)) = row_of.get(*recording as usize) {
                kept.clips.push(clip.clone());
                kept.row_of_clip.push(*row);
            }
        }
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
