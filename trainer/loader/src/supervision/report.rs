//! Defines the report on a run's supervision: how many clips each filter removed, and what the priors lack.

use serde::{Deserialize, Serialize};

/// Clips, and recordings they are from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lacking {
    /// Clips.
    pub clips: u64,
    /// Recordings.
    pub assets: u64,
}

/// Numbers of a selection. The filters work one after another, in the order of the fields: a clip is counted once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Clips of the split.
    pub split_clips: u64,
    /// Left out: silent.
    pub silent: u64,
    /// Left out: nothing known of them.
    pub unannotated: u64,
    /// Left out: no known positive.
    pub empty: u64,
    /// Clips of the split of which every class is known, but for silent ones that are left out; and the classes present
    /// in them, a class counted once for each clip. They do not depend on the mode.
    pub fully_annotated: u64,
    /// See `fully_annotated`.
    pub present_in_those: u64,
    /// Clips kept, and their recordings.
    pub kept: Lacking,
    /// Known positives among them: entries with mask 1 and label 1.
    pub known_positives: u64,
    /// Those of them that are weak: a rule takes them for present.
    #[serde(default)]
    pub weak_positives: u64,
    /// Known negatives among them: entries with mask 1 and label 0.
    pub known_negatives: u64,
    /// Kept clips without a geographic prior; counted in the modes that use one.
    pub without_geo: Lacking,
    /// Kept clips without any checklist; counted in mode `checklist`.
    pub without_checklist: Lacking,
    /// Kept clips whose checklist is incomplete and so rules nothing out; counted in mode `checklist`.
    pub incomplete_checklist: Lacking,
    /// Positives of kept clips that a prior in use rules out: the positive wins.
    pub prior_conflicts: u64,
}

impl Report {
    /// Sentences for the user about anything unexpected.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let left_out = [
            (self.silent, "silent clips"),
            (self.unannotated, "clips of which nothing is known in this mode"),
            (self.empty, "clips without a known positive"),
        ];
        for (clips, which) in left_out.into_iter().filter(|(clips, _)| *clips > 0) {
            notes.push(format!("{clips} of {} clips left out: {which}", self.split_clips));
        }
        let lacking = [
            (self.without_geo, "have no geographic prior"),
            (self.without_checklist, "have no checklist"),
            (
                self.incomplete_checklist,
                "have an incomplete checklist, which rules nothing out",
            ),
        ];
        for (lacking, what) in lacking.into_iter().filter(|(lacking, _)| lacking.clips > 0) {
            notes.push(format!(
                "{} clips of {} recordings {what}",
                lacking.clips, lacking.assets
            ));
        }
        if self.weak_positives > 0 {
            notes.push(format!(
                "{} of {} known positives are weak: heard in the recording, and taken for present in the clip by a rule",
                self.weak_positives, self.known_positives
            ));
        }
        if self.prior_conflicts > 0 {
            notes.push(format!(
                "{} positives are ruled out by a prior; they count as positives",
                self.prior_conflicts
            ));
        }
        notes
    }
}
