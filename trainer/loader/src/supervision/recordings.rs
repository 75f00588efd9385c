//! Provides labels of whole recordings: what their clips and what was heard in them say together.

use std::collections::HashMap;

use super::Supervision;
use super::choice::Unheard;
use super::knowledge::set_all;
use super::labels::Labels;

/// Recordings with a label and a mask for each class, which are written out one recording at a time.
#[derive(Clone, Debug)]
pub struct RecordingLabels {
    /// The recordings, R of them, in the order of their first clips.
    pub asset_ids: Vec<i64>,
    /// The recording of each clip of the selection, a place in `asset_ids`.
    pub of_clip: Vec<u32>,
    labels: Labels,
    unheard: Unheard,
    /// The clips of each recording, recording after recording, and where those of each begin.
    clips: Vec<u32>,
    starts: Vec<usize>,
}

impl Supervision {
    /// The recordings of these clips. A class is present in one if it is present in a clip or was heard; absent if it is
    /// absent from every clip, or, where `unheard` says so and somebody said what was heard, if it is present in none;
    /// and otherwise unknown.
    #[must_use]
    pub fn recordings(&self, unheard: Unheard) -> RecordingLabels {
        let (mut asset_ids, mut of_clip) = (Vec::new(), Vec::with_capacity(self.rows()));
        let mut places: HashMap<i64, u32> = HashMap::new();
        for clip in &self.clips {
            let new = u32::try_from(asset_ids.len()).unwrap_or(u32::MAX);
            let place = *places.entry(clip.asset_id).or_insert(new);
            if place == new {
                asset_ids.push(clip.asset_id);
            }
            of_clip.push(place);
        }
        let mut clips: Vec<u32> = (0..).zip(&of_clip).map(|(row, _)| row).collect();
        let recording = |clip: u32| of_clip.get(clip as usize).copied();
        // Stable: the clips of a recording stay in their order.
        clips.sort_by_key(|clip| recording(*clip));
        let starts =
            (0..asset_ids.len()).map(|place| clips.partition_point(|clip| recording(*clip) < Some(place as u32)));
        let starts: Vec<usize> = starts.chain([clips.len()]).collect();
        RecordingLabels {
            labels: self.labels.clone(),
            asset_ids,
            of_clip,
            unheard,
            clips,
            starts,
        }
    }
}

impl RecordingLabels {
    /// Writes labels and mask of the recording at `place`, a byte for each class: 1 where the class is present, and where
    /// that is known. Of one that does not exist nothing is known.
    pub fn write(&self, place: usize, labels: &mut [u8], mask: &mut [u8]) {
        let range = self.starts.get(place).zip(self.starts.get(place + 1));
        let clips = range
            .and_then(|(start, end)| self.clips.get(*start..*end))
            .unwrap_or_default();
        labels.fill(0);
        mask.fill(u8::from(!clips.is_empty()));
        let [mut of_clip, mut known] = [(); 2].map(|()| vec![0; labels.len()]);
        for clip in clips {
            self.labels.write(*clip as usize, &mut of_clip, &mut known);
            labels.iter_mut().zip(&of_clip).for_each(|(all, clip)| *all |= clip);
            mask.iter_mut().zip(&known).for_each(|(all, clip)| *all &= clip);
        }
        // What was heard is that of the recording, whichever clip says it.
        let heard = clips.first().and_then(|clip| self.labels.heard(*clip as usize));
        set_all(labels, heard.unwrap_or_default(), 1);
        if heard.is_some() && self.unheard == Unheard::Absent {
            mask.fill(1);
        }
        // What is present is known, whatever other clips say of it.
        mask.iter_mut().zip(&*labels).for_each(|(mask, label)| *mask |= label);
    }
}
