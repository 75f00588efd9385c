//! Defines `Tallies`, how much of what was given is not in the dataset as it was given, by reason.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use shardfmt::DatasetInfo;

/// Details that a sentence names; the others are only counted.
const NAMED_DETAILS: usize = 20;

/// Names the reasons: for each its key in `dataset.json`, and its words after a count of one and of several.
macro_rules! reasons {
    ($($(#[$doc:meta])+ $reason:ident = $key:literal, $one:literal, $many:literal;)+) => {
        /// Why something was left out, changed, or accepted although it is odd.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($(#[$doc])+ $reason),+
        }

        impl Reason {
            const ALL: &[Reason] = &[$(Self::$reason),+];

            /// Its name in `dataset.json`.
            pub fn key(self) -> &'static str {
                match self {
                    $(Self::$reason => $key),+
                }
            }

            /// What follows a count of it.
            fn words(self, count: u64) -> &'static str {
                match (self, count) {
                    $((Self::$reason, 1) => $one, (Self::$reason, _) => $many),+
                }
            }
        }
    };
}

reasons! {
    /// A box without a label, dropped.
    BlankLabel = "boxes_without_label",
        "box without a label was dropped", "boxes without a label were dropped";
    /// A box whose label is neither a class nor an alias nor a marker; the detail is the label.
    OtherCode = "boxes_of_other_codes",
        "box has a label outside the taxa table and [labels], so it labels nothing",
        "boxes have labels outside the taxa table and [labels], so they label nothing";
    /// A row of a Raven table that repeats a selection in another view, dropped.
    RepeatedView = "raven_rows_of_other_views",
        "Raven row repeats a selection in another view and was counted once",
        "Raven rows repeat a selection in another view and were counted once";
    /// A row of a recording's own Raven table that names another `Begin File`, left out.
    OtherFile = "rows_of_other_files",
        "row of a Raven table names a Begin File other than its recording and was left out",
        "rows of Raven tables name a Begin File other than their recording and were left out";
    /// A recording for which no annotation file was found.
    NoAnnotations = "recordings_without_annotations",
        "recording has no annotation file and gets no boxes", "recordings have no annotation file and get no boxes";
    /// A file that matches the pattern of annotation files but for the recording it names.
    UnusedAnnotations = "annotation_files_of_no_recording",
        "annotation file matches the pattern, but no recording is called like it",
        "annotation files match the pattern, but no recording is called like them";
    /// An annotation file without rows, of which nobody said what that means.
    EmptyTable = "annotation_files_without_rows",
        "annotation file has no rows and says nothing of its recording; set empty_table = \"absent\" in \
         [tables.boxes] if that means nothing was heard",
        "annotation files have no rows and say nothing of their recordings; set empty_table = \"absent\" in \
         [tables.boxes] if that means nothing was heard";
    /// A recording whose annotation files have no rows, which was said to mean that nothing was heard.
    NothingHeard = "recordings_with_nothing_heard",
        "recording has an annotation file without rows, so nothing was heard in it, as empty_table = \"absent\" says",
        "recordings have annotation files without rows, so nothing was heard in them, as empty_table = \"absent\" says";
    /// A box that lies before its recording's start, dropped.
    BoxBeforeStart = "boxes_before_start",
        "box lies before its recording's start and was dropped",
        "boxes lie before their recording's start and were dropped";
    /// A box that starts before its recording's start, cut there.
    BoxCutAtStart = "boxes_cut_at_start",
        "box starts before its recording's start and was cut there",
        "boxes start before their recording's start and were cut there";
    /// A box that starts after its recording's end, dropped.
    BoxPastEnd = "boxes_past_end",
        "box starts after its recording's end and was dropped",
        "boxes start after their recording's end and were dropped";
    /// A box that ends after its recording's end, cut there.
    BoxCutAtEnd = "boxes_cut_at_end",
        "box ends after its recording's end and was cut there",
        "boxes end after their recording's end and were cut there";
    /// A box wholly above what the image or the recording can show, ignored.
    BoxAboveRange = "boxes_above_range",
        "box lies above what the image or the recording can show and is ignored",
        "boxes lie above what the image or the recording can show and are ignored";
    /// A box that no clip shows but at its edge, where sounds are ignored.
    BoxAtEdges = "boxes_at_edges_only",
        "box shows only at the edges of clips and is ignored in each of them",
        "boxes show only at the edges of clips and are ignored in each of them";
    /// A box that reaches beyond the image's frequencies, cut there.
    BoxCutInFrequency = "boxes_cut_in_frequency",
        "box reaches beyond the image's frequencies and was cut there",
        "boxes reach beyond the image's frequencies and were cut there";
    /// A box in a part of its recording that is in no clip.
    BoxOutsideClips = "boxes_outside_clips",
        "box lies in a part of its recording that no clip holds",
        "boxes lie in parts of their recordings that no clip holds";
    /// A box of a recording that was rejected.
    BoxOfReject = "boxes_of_rejects",
        "box of a rejected recording was left out", "boxes of rejected recordings were left out";
    /// An annotated span that lies before its recording's start, dropped.
    SpanBeforeStart = "spans_before_start",
        "annotated span lies before its recording's start and was dropped",
        "annotated spans lie before their recording's start and were dropped";
    /// An annotated span that starts before its recording's start, cut there.
    SpanCutAtStart = "spans_cut_at_start",
        "annotated span starts before its recording's start and was cut there",
        "annotated spans start before their recording's start and were cut there";
    /// An annotated span that ends after its recording's end, cut there.
    SpanCutAtEnd = "spans_cut_at_end",
        "annotated span ends after its recording's end and was cut there",
        "annotated spans end after their recording's end and were cut there";
    /// An annotated span that makes no clip complete, since it covers none.
    SpanWithoutClip = "spans_without_clip",
        "annotated span covers no whole clip, so it completes none",
        "annotated spans cover no whole clip, so they complete none";
    /// An annotated span that looked for the target of a recording that has none.
    SpanWithoutTarget = "spans_without_target",
        "annotated span looks for the target of a recording that has none, so it says nothing",
        "annotated spans look for the targets of recordings that have none, so they say nothing";
    /// An annotated span of a recording that was rejected.
    SpanOfReject = "spans_of_rejects",
        "annotated span of a rejected recording was left out", "annotated spans of rejected recordings were left out";
    /// A (clip, class) pair where a box won over a prior.
    PriorConflict = "prior_conflicts",
        "label contradicts a prior; the box won", "labels contradict a prior; the box won";
    /// A species that was heard in a recording although a prior rules it out.
    HeardConflict = "heard_prior_conflicts",
        "species heard in a recording contradicts a prior; what was heard won",
        "species heard in recordings contradict a prior; what was heard won";
    /// A species that was heard in a recording of which every clip is labelled as without it.
    HeardNowhere = "heard_but_absent_from_clips",
        "species was heard in a recording, and is absent from each of its clips by their annotations",
        "species were heard in recordings, and are absent from each of their clips by their annotations";
    /// A code among those heard that is neither a class nor an alias nor a marker; the detail is the code.
    HeardOtherCode = "heard_of_other_codes",
        "species in the column heard is outside the taxa table and [labels], so it labels nothing",
        "species in the column heard are outside the taxa table and [labels], so they label nothing";
    /// A marker among those heard; the detail is the marker.
    HeardMarker = "heard_markers",
        "marker in the column heard says nothing of a class", "markers in the column heard say nothing of a class";
    /// A species heard in a recording that was rejected.
    HeardOfReject = "heard_of_rejects",
        "species heard in a rejected recording was left out", "species heard in rejected recordings were left out";
    /// A (clip, class) pair that a rule takes for present; the detail is the rule.
    WeakLabel = "weak_labels",
        "label is weak: a rule takes a species heard in the recording for present in the clip",
        "labels are weak: a rule takes species heard in the recording for present in the clip";
    /// A score of a recording that is not in the recordings table.
    ScoreOfOtherAsset = "scores_of_other_assets",
        "score is of a recording that is not in the recordings table",
        "scores are of recordings that are not in the recordings table";
    /// A score of a label that is no class.
    ScoreOfOtherCode = "scores_of_other_codes",
        "score is of a species outside the taxa table", "scores are of species outside the taxa table";
    /// A score of a species that was not heard in its recording.
    ScoreNotHeard = "scores_of_species_not_heard",
        "score is of a species that the column heard of its recording does not list, so it labels nothing",
        "scores are of species that the column heard of their recordings does not list, so they label nothing";
    /// A score of a clip that its recording does not have.
    ScoreWithoutClip = "scores_without_clip",
        "score names no clip of its recording: a start_s must be that of a clip",
        "scores name no clip of their recordings: a start_s must be that of a clip";
    /// A row of the geographic prior that lists no species.
    PriorWithoutSpecies = "priors_without_species",
        "row of the geographic prior lists no possible species, so every modelled class is absent there",
        "rows of the geographic prior list no possible species, so every modelled class is absent there";
    /// A row of the geographic prior whose asset is not in the recordings table, ignored.
    PriorOfOtherAsset = "priors_of_other_assets",
        "row of the geographic prior names an asset that is not in the recordings table",
        "rows of the geographic prior name assets that are not in the recordings table";
    /// A row of a prior of a recording that was rejected.
    PriorOfReject = "priors_of_rejects",
        "row of a prior of a rejected recording was left out", "rows of priors of rejected recordings were left out";
    /// A recording whose checklist has no row in the checklist table.
    NoChecklistRow = "checklists_without_row",
        "recording names a checklist that is not in the checklist table and is treated as having none",
        "recordings name a checklist that is not in the checklist table and are treated as having none";
    /// A row of the checklist table that no recording names.
    UnusedChecklist = "checklists_of_no_recording",
        "row of the checklist table belongs to no recording", "rows of the checklist table belong to no recording";
    /// A recording whose file is gone, where that is allowed.
    RecordingGone = "recordings_gone",
        "recording is no longer where the table says; what the dataset recorded of it was used unchecked",
        "recordings are no longer where the table says; what the dataset recorded of them was used unchecked";
    /// Something odd about a file beside its sound, which is whole; the detail is its kind.
    OddFile = "odd_files",
        "oddity of a file was accepted, since its sound is whole",
        "oddities of files were accepted, since their sound is whole";
    /// A word for no value, such as NA, in a cell that may be empty; the detail is the table and its column.
    NoValueWord = "words_for_no_value",
        "cell says NA, null, None or the like and was taken for an empty one",
        "cells say NA, null, None or the like and were taken for empty ones";
    /// A row with a value in a column whose heading is empty; the detail is the table.
    NamelessColumn = "rows_with_nameless_values",
        "row has a value in a column without a name, which is not read",
        "rows have values in columns without a name, which are not read";
    /// A class whose code is a word for no value.
    NoValueCode = "classes_named_as_no_value",
        "class has a code that elsewhere stands for no value; correct the taxa table if it is none",
        "classes have codes that elsewhere stand for no value; correct the taxa table if they are none";
    /// A row of a published table whose recording is not in its folder, left out; the detail is the file.
    ListedFileMissing = "rows_without_file",
        "row names a recording that is not in the folder and was left out",
        "rows name recordings that are not in the folder and were left out";
    /// A row of a published table that names no file, as of a protected species, left out; the detail is the row's id.
    ListedFileWithheld = "rows_of_withheld_files",
        "row names no file, as of a protected species, and was left out",
        "rows name no file, as of protected species, and were left out";
    /// A row of a published table whose recording may be one of several files, left out; the detail is the files.
    ListedFileAmbiguous = "rows_with_several_files",
        "row may mean several files and was left out", "rows may mean several files each and were left out";
    /// A row of a published table that lists a recording again, left out; the detail is the file.
    ListedAgain = "rows_repeated",
        "row lists a recording again and was left out", "rows list recordings again and were left out";
    /// A row of a published table that cannot be understood, left out; the detail is why.
    ListedUnread = "rows_not_understood",
        "row cannot be understood and was left out", "rows cannot be understood and were left out";
    /// A recording of a published table that was made for no species, or for one that is not known.
    ListedWithoutTarget = "recordings_without_target",
        "recording has no target species, or one that is not known",
        "recordings have no target species, or ones that are not known";
    /// A recording of a published table whose local time has no UTC offset.
    ListedWithoutZone = "recordings_without_utc_offset",
        "recording has a local time without a UTC offset: it is in the column local_time, and recorded_at is empty",
        "recordings have local times without UTC offsets: they are in the column local_time, and recorded_at is empty";
    /// A recording of a published table that has no place.
    ListedWithoutPlace = "recordings_without_place",
        "recording has no place", "recordings have no place";
    /// A place in a published table that is none.
    ListedNoPlace = "places_not_understood",
        "latitude and longitude are no place, or 0, 0, and were left out",
        "latitudes and longitudes are no places, or 0, 0, and were left out";
    /// A date in a published table of which only a part is known.
    ListedPartialDate = "dates_in_part",
        "date is known only in part and was left out", "dates are known only in part and were left out";
    /// A species heard in a recording of a published table that is no class; the detail is its code.
    LabelOffList = "labels_of_no_class",
        "label is of a species that is no class and was left out",
        "labels are of species that are no classes and were left out";
    /// A label whose code or name is another in the taxonomy; the detail is the label and the code it became.
    LabelRenamed = "labels_renamed",
        "label has a retired code or name and became a code of the taxonomy by its concept or its names",
        "labels have retired codes or names and became codes of the taxonomy by their concepts or their names";
    /// A label of a form of a species; the detail is the label and the code it became.
    LabelOfForm = "labels_of_forms",
        "label is of a form of a species and became the species, as the taxonomy's REPORT_AS says",
        "labels are of forms of species and became the species, as the taxonomy's REPORT_AS says";
    /// A label that a person decided about; the detail is the label and the code it became.
    LabelChosen = "labels_chosen",
        "label became the code that --map gives", "labels became the codes that --map gives";
    /// A label that may be several species of the taxonomy, or none, left out; the detail is the label and these.
    LabelAmbiguous = "labels_ambiguous",
        "label is ambiguous in the taxonomy, as after a split, so it is unknown; decide it with --map",
        "labels are ambiguous in the taxonomy, as after a split, so they are unknown; decide them with --map";
    /// A label that is not one species, left out; the detail is the label.
    LabelNotOneSpecies = "labels_not_one_species",
        "label is not one species and was left out", "labels are not one species and were left out";
    /// A code that the taxonomy does not have, kept as it is; the detail is the label.
    LabelNotInTaxonomy = "codes_not_in_taxonomy",
        "label has a code and names that the taxonomy does not have; its code is kept as it is",
        "labels have codes and names that the taxonomy does not have; their codes are kept as they are";
    /// A name that the taxonomy does not have, left out; the detail is the name.
    LabelUnknown = "names_not_in_taxonomy",
        "name is not in the taxonomy, so its label is unknown; decide it with --map",
        "names are not in the taxonomy, so their labels are unknown; decide them with --map";
    /// A labelled window that is listed again, taken once.
    WindowAgain = "windows_repeated",
        "labelled window is listed again and was taken once", "labelled windows are listed again and were taken once";
    /// A labelled window that is listed twice with other labels; both lists were taken together.
    WindowsDiffer = "windows_with_two_lists",
        "labelled window is listed with two lists of species, which were taken together",
        "labelled windows are listed with two lists of species, which were taken together";
    /// A labelled window that no clip would be, left out.
    WindowOffGrid = "windows_off_the_grid",
        "labelled window is of another length or does not follow the others, and was left out",
        "labelled windows are of another length or do not follow the others, and were left out";
    /// A labelled window without labels, of which nothing is known.
    WindowWithoutLabel = "windows_without_label",
        "labelled window has neither species nor nocall and says nothing",
        "labelled windows have neither species nor nocall and say nothing";
    /// A recording of which no window is labelled, left out.
    UnlabelledRecording = "recordings_without_labels",
        "recording has no labelled window and was left out", "recordings have no labelled window and were left out";
    /// A label of a published set whose recording the set does not list.
    AnnotationOfNoRow = "annotations_of_no_recording",
        "annotation is of a recording that the set does not list",
        "annotations are of recordings that the set does not list";
    /// A checklist that recordings name and the files do not have; the detail is its id.
    ChecklistNotFound = "checklists_not_found",
        "checklist that recordings name is not in the files and has no row",
        "checklists that recordings name are not in the files and have no row";
    /// A recording that names no checklist and is near no complete one of its day.
    ChecklistNotNear = "checklists_not_near",
        "recording is near no complete checklist of its day and gets none",
        "recordings are near no complete checklist of their day and get none";
    /// A recording that names no checklist, and of which none can be looked for.
    ChecklistNotSought = "checklists_not_sought",
        "recording names no checklist and has no place or no date to find one by",
        "recordings name no checklist and have no place or no date to find one by";
    /// A checklist that recordings name although they name another of the same shared lists.
    ChecklistSharedTwice = "checklists_shared",
        "checklist is shared with another one that recordings name, and both have the species of all",
        "checklists are shared with others that recordings name, and all have the species of all";
    /// A shared checklist of which some observers report every species and others do not.
    ChecklistPartlyComplete = "checklists_partly_complete",
        "shared checklist is complete for some of its observers only and was taken as incomplete",
        "shared checklists are complete for some of their observers only and were taken as incomplete";
    /// An entry of a checklist that is a group, a pair or a hybrid; the detail is its name.
    ChecklistGroup = "checklist_groups",
        "entry of a checklist is a group, a pair or a hybrid, whose species are neither observed nor absent there",
        "entries of checklists are groups, pairs or hybrids, whose species are neither observed nor absent there";
    /// An entry of a checklist that may be any species; the detail is its name.
    ChecklistAny = "checklist_entries_of_any_species",
        "entry of a checklist is of no known group and may be any species",
        "entries of checklists are of no known group and may be any species";
    /// An entry of a checklist whose name the taxonomy does not have; the detail is its name.
    ChecklistUnknown = "checklist_names_not_in_taxonomy",
        "entry of a checklist is not, or not clearly, in the taxonomy and may be any species; give the taxonomy of its year",
        "entries of checklists are not, or not clearly, in the taxonomy and may be any species; give the taxonomy of their \
         year";
    /// A complete checklist with an entry that may be any species.
    ChecklistOpened = "checklists_taken_as_incomplete",
        "complete checklist has an entry that may be any species and was taken as incomplete",
        "complete checklists have entries that may be any species and were taken as incomplete";
    /// A class that no observation in a whole file is of, as of species that eBird withholds; the detail is its code.
    ClassNeverObserved = "classes_never_observed",
        "class is in no observation of the whole file, so no checklist says that it is absent",
        "classes are in no observation of the whole file, so no checklist says that they are absent";
    /// A class that a model does not know; the detail is its code.
    ClassNotModelled = "classes_not_modelled",
        "class is not on the list of modelled species and stays unknown",
        "classes are not on the list of modelled species and stay unknown";
    /// A score of a class that is not on the list of those that a model knows; the detail is its code.
    ScoreNotModelled = "scores_not_modelled",
        "score is of a class that is not on the list of modelled species and was left out",
        "scores are of classes that are not on the list of modelled species and were left out";
    /// A recording without a place, for which there are no scores.
    AssetWithoutPlace = "priors_without_place",
        "recording has no place and gets no geographic prior", "recordings have no place and get no geographic prior";
    /// A recording that is too far from all points of a model.
    AssetFarFromScores = "priors_too_far",
        "recording is too far from every point with scores and gets no geographic prior",
        "recordings are too far from every point with scores and get no geographic prior";
    /// A recording in a week for which its point has no scores.
    AssetWithoutWeek = "priors_without_week",
        "recording is from a week without scores at its point and gets no geographic prior",
        "recordings are from weeks without scores at their points and get no geographic prior";
    /// A recording whose date is not known, so that the scores of the whole year count.
    AssetWithoutDate = "priors_of_whole_year",
        "recording has no date, and got the highest scores of the year",
        "recordings have no date, and got the highest scores of the year";
    /// A file beside the tables that is none of the set's, not looked at; the detail is the file.
    OtherTable = "files_of_other_kinds",
        "file is none of the set's tables and was not read", "files are none of the set's tables and were not read";
}

/// Counts by reason, and within a reason by detail: a code, a column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tallies(BTreeMap<String, u64>);

impl Tallies {
    /// Those that a dataset was committed with; a program that knows other reasons may have written them.
    pub fn of(info: &DatasetInfo) -> Self {
        Tallies(info.tallies.clone())
    }

    /// Adds to a count.
    pub fn add(&mut self, reason: Reason, count: u64) {
        if count > 0 {
            self.add_key(reason.key().into(), count);
        }
    }

    /// Adds to the count of a detail.
    pub fn add_detail(&mut self, reason: Reason, detail: &str, count: u64) {
        if count > 0 {
            self.add_key(format!("{}:{detail}", reason.key()), count);
        }
    }

    /// Adds all counts of `others`.
    pub fn add_all(&mut self, others: &Tallies) {
        for (key, count) in &others.0 {
            self.add_key(key.clone(), *count);
        }
    }

    fn add_key(&mut self, key: String, count: u64) {
        *self.0.entry(key).or_default() += count;
    }

    /// How many there are of a reason, over all details.
    pub fn count(&self, reason: Reason) -> u64 {
        self.of_reason(reason.key()).map(|(_, count)| count).sum()
    }

    /// How many there are of one detail of a reason.
    pub fn count_detail(&self, reason: Reason, detail: &str) -> u64 {
        let key = format!("{}:{detail}", reason.key());
        self.0.get(&key).copied().unwrap_or_default()
    }

    /// Only the counts of these reasons.
    pub fn only(&self, reasons: &[Reason]) -> Tallies {
        let is_kept = |key: &str| reasons.iter().any(|reason| reason.key() == reason_of(key));
        let kept = self.0.iter().filter(|(key, _)| is_kept(key));
        Tallies(kept.map(|(key, count)| (key.clone(), *count)).collect())
    }

    /// What `dataset.json` keeps.
    pub fn into_counts(self) -> BTreeMap<String, u64> {
        self.0
    }

    /// Details and counts of one reason.
    fn of_reason<'a>(&'a self, reason: &str) -> impl Iterator<Item = (&'a str, u64)> {
        let own = self.0.iter().filter(move |(key, _)| reason_of(key) == reason);
        own.map(|(key, count)| (key.split_once(':').map_or("", |(_, detail)| detail), *count))
    }

    /// One sentence for each reason, the most frequent details named.
    pub fn sentences(&self) -> Vec<String> {
        self.reasons().into_iter().map(|key| self.sentence(key)).collect()
    }

    /// The sentences of all reasons without details, each with all of its details and their counts, the most frequent
    /// first.
    pub fn in_full(&self) -> Vec<(String, Vec<(&str, u64)>)> {
        let in_full = |key| (self.plain_sentence(key), self.details(key));
        self.reasons().into_iter().map(in_full).collect()
    }

    /// The keys of all reasons, in the order in which they are told.
    fn reasons(&self) -> Vec<&str> {
        let mut reasons: Vec<&str> = self.0.keys().map(|key| reason_of(key)).collect();
        reasons.dedup();
        let known = |key: &&str| Reason::ALL.iter().position(|reason| reason.key() == *key);
        reasons.sort_by_key(|key| known(key).unwrap_or(usize::MAX));
        reasons
    }

    fn plain_sentence(&self, key: &str) -> String {
        let count = self.of_reason(key).map(|(_, count)| count).sum();
        let known = Reason::ALL.iter().find(|reason| reason.key() == key);
        format!("{count} {}", known.map_or(key, |reason| reason.words(count)))
    }

    fn details<'a>(&'a self, key: &str) -> Vec<(&'a str, u64)> {
        let mut details: Vec<_> = self.of_reason(key).filter(|(detail, _)| !detail.is_empty()).collect();
        details.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        details
    }

    fn sentence(&self, key: &str) -> String {
        let mut text = self.plain_sentence(key);
        let details = self.details(key);
        for (number, (detail, count)) in details.iter().take(NAMED_DETAILS).enumerate() {
            let before = if number == 0 { ": " } else { ", " };
            // Writing to a string does not fail.
            let _ = write!(text, "{before}{detail} ({count})");
        }
        if let Some(others) = details.len().checked_sub(NAMED_DETAILS).filter(|others| *others > 0) {
            let _ = write!(text, " and {others} more");
        }
        text
    }
}

/// The reason of a key with or without a detail.
fn reason_of(key: &str) -> &str {
    key.split_once(':').map_or(key, |(reason, _)| reason)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn sentences_count_by_reason_and_name_the_most_frequent_details_first() {
        let mut tallies = Tallies::default();
        tallies.add(Reason::BoxPastEnd, 1);
        tallies.add(Reason::BlankLabel, 2);
        tallies.add(Reason::SpanOfReject, 0);
        tallies.add_detail(Reason::OddFile, "zero fill", 1);
        tallies.add_detail(Reason::OddFile, "missing padding", 3);
        tallies.add_all(&tallies.clone().only(&[Reason::BoxPastEnd]));
        assert_eq!(
            tallies.sentences(),
            [
                "2 boxes without a label were dropped",
                "2 boxes start after their recording's end and were dropped",
                "4 oddities of files were accepted, since their sound is whole: missing padding (3), zero fill (1)",
            ]
        );
        assert_eq!(tallies.count(Reason::OddFile), 4);
    }

    #[test]
    fn details_are_bounded_in_a_sentence_and_may_hold_a_colon() {
        let mut tallies = Tallies::default();
        (0..23).for_each(|code| tallies.add_detail(Reason::OddFile, &format!("a:{code}"), 1));
        let text = tallies.sentences().join("");
        assert!(text.contains(": a:0 (1), ") && text.ends_with(" and 3 more"), "{text}");
    }

    #[test]
    fn counts_of_a_newer_program_are_shown_by_their_keys() {
        let tallies: Tallies = serde_json::from_str(r#"{"boxes_on_mars": 2}"#).unwrap();
        assert_eq!(tallies.sentences(), ["2 boxes_on_mars"]);
    }
}
