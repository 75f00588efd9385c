//! Defines what is said of a set that was made.

use serde::{Deserialize, Serialize};

use crate::files::FileSizes;
use crate::planned::{PlannedRecording, SetPlan};
use crate::quota::{self, SpeciesShare};
use crate::species::Species;

/// A set in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetSummary {
    /// Number of recordings.
    pub recordings: usize,
    /// Number of recordings in train, val and test.
    pub by_split: [usize; 3],
    /// Number of 3 s clips, padded ones included.
    pub clips: usize,
    /// Number of annotated boxes.
    pub boxes: usize,
    /// Total length of the audio in milliseconds.
    pub audio_ms: u64,
    /// Total size of the audio files, or of the pictures.
    pub audio_bytes: u64,
    /// Share of the clips in which each species is present, in class order.
    pub shares: Vec<SpeciesShare>,
    /// Whether the set already existed; nothing was written then.
    #[serde(skip)]
    pub unchanged: bool,
}

impl SetSummary {
    /// Of what was just written.
    pub(crate) fn new(plan: &SetPlan, species: &[Species], boxes: usize, files: &FileSizes) -> Self {
        Self {
            recordings: plan.recordings.len(),
            by_split: plan.split_sizes(),
            clips: plan.recordings.iter().map(PlannedRecording::clips).sum(),
            boxes,
            audio_ms: plan.recordings.iter().map(PlannedRecording::duration_ms).sum(),
            audio_bytes: files.values().sum(),
            shares: quota::shares(plan, species),
            unchanged: false,
        }
    }
}
