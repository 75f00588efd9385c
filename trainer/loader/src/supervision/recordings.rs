//! Provides labels of whole recordings: what their clips and what was heard in them say together.

use std::collections::HashMap;

use super::Supervision;
use super::choice::Unheard;

/// Recordings with a label and a mask for each class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordingLabels {
    /// The recordings, R of them, in the order of their first clips.
    pub asset_ids: Vec<i64>,
    /// The recording of each clip of the selection, a place in `asset_ids`.
    pub of_clip: Vec<u32>,
    /// 1 where the class is present, else 0: `[R, C]` row-major.
    pub labels: Vec<u8>,
    /// 1 where the label is known, else 0: `[R, C]` row-major.
    pub mask: Vec<u8>,
}

impl Supervision {
    /// The recordings of these clips. A class is present in one if it is present in a clip or was heard; absent if it is
    /// absent from every clip, or, where `unheard` says so and somebody said what was heard, if it is present in none;
    /// and otherwise unknown.
    #[must_use]
    pub fn recordings(&self, unheard: Unheard) -> RecordingLabels {
        let classes = self.classes();
        let mut all = RecordingLabels::default();
        let mut places: HashMap<i64, u32> = HashMap::new();
        let [mut labels, mut mask] = [(); 2].map(|()| vec![0; classes]);
        for (clip, row) in self.clips.iter().zip(0..) {
            let new = u32::try_from(all.asset_ids.len()).unwrap_or(u32::MAX);
            let place = *places.entry(clip.asset_id).or_insert(new);
            if place == new {
                all.asset_ids.push(clip.asset_id);
                all.labels.resize(all.labels.len() + classes, 0);
                all.mask.resize(all.mask.len() + classes, 1);
            }
            all.of_clip.push(place);
            self.labels.write(row, &mut labels, &mut mask);
            let [of_labels, of_mask] = all.row_mut(place, classes);
            of_labels.iter_mut().zip(&labels).for_each(|(all, clip)| *all |= clip);
            of_mask.iter_mut().zip(&mask).for_each(|(all, clip)| *all &= clip);
            let heard = self.labels.heard(row);
            for &class in heard.unwrap_or_default() {
                of_labels
                    .get_mut(class as usize)
                    .into_iter()
                    .for_each(|label| *label = 1);
            }
            if heard.is_some() && unheard == Unheard::Absent {
                of_mask.fill(1);
            }
        }
        // What is present is known, whatever other clips say of it.
        let known = all.mask.iter_mut().zip(&all.labels);
        known.for_each(|(mask, label)| *mask |= label);
        all
    }
}

impl RecordingLabels {
    fn row_mut(&mut self, place: u32, classes: usize) -> [&mut [u8]; 2] {
        let start = place as usize * classes;
        [&mut self.labels, &mut self.mask].map(|values| values.get_mut(start..start + classes).unwrap_or_default())
    }
}
