//! Defines `Notes`, what was left out of the tables or looks odd, counted.

/// Counts of what was left out of the tables, and warnings; nothing here stops a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Boxes without a label, dropped.
    pub blank_labels: u64,
    /// Raven rows that repeat a selection in another view, dropped.
    pub repeated_views: u64,
    /// Recordings for which no annotation file was found.
    pub recordings_without_annotations: u64,
    /// Rows of the geographic prior whose asset is not in the recordings table, ignored.
    pub priors_of_other_assets: u64,
    /// Rows of a recording's own Raven table that name another `Begin File`, left out.
    pub rows_of_other_files: u64,
    /// Rows of the geographic prior that list no species: everything modelled is absent there.
    pub priors_without_species: u64,
    /// Recordings whose checklist has no row in the checklist table: as if they had none.
    pub checklists_without_row: u64,
    /// Recordings whose files are gone, where that is allowed.
    pub recordings_gone: u64,
    /// What is in two splits: a model could learn the test set by heart.
    pub leakage: Vec<String>,
}

impl Notes {
    /// One sentence for each thing worth a warning.
    pub fn warnings(&self) -> Vec<String> {
        let counted = [
            (self.blank_labels, "boxes without a label were dropped"),
            (
                self.repeated_views,
                "Raven rows repeat a selection in another view and were counted once",
            ),
            (
                self.recordings_without_annotations,
                "recordings have no annotation file and get no boxes",
            ),
            (
                self.rows_of_other_files,
                "rows of Raven tables name a Begin File other than their recording and were left out",
            ),
            (
                self.priors_without_species,
                "rows of the geographic prior list no possible species, so every modelled class is absent there",
            ),
            (
                self.priors_of_other_assets,
                "rows of the geographic prior name assets that are not in the recordings table",
            ),
            (
                self.checklists_without_row,
                "recordings name a checklist that is not in the checklist table and are treated as having none",
            ),
            (
                self.recordings_gone,
                "recordings are no longer where the table says; what the dataset recorded of them was used unchecked",
            ),
        ];
        let counted = counted
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{n} {what}"));
        counted.chain(self.leakage.iter().cloned()).collect()
    }
}
