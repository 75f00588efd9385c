//! Defines the forms that the tables of a dataset have, and which one a new dataset has.

use crate::table::Columns;

/// Name of the feature in `features_required`.
pub const IMPLIED_LABELS: &str = "implied_labels";

/// Name of the feature in `features_optional` of a dataset that says what was heard in its recordings.
pub const HEARD: &str = "heard";

/// Most classes that the rows of a new dataset name one by one. Three explicit lists are what people query; above this
/// they are too large: 10 million clips and 10,000 classes would be 10^11 entries.
const LISTED_CLASSES: usize = 1000;

/// How the label tables of a dataset are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelForm {
    /// Three lists name the classes; those that none names are unknown.
    Listed,
    /// Each row says what holds for the classes that its lists do not name; the feature `implied_labels`.
    Implied,
}

impl LabelForm {
    /// The form of a new dataset of `classes` classes.
    #[must_use]
    pub fn of_classes(classes: usize) -> Self {
        match classes > LISTED_CLASSES {
            true => Self::Implied,
            false => Self::Listed,
        }
    }

    /// The `features_required` of a dataset of this form.
    #[must_use]
    pub fn features_required(self) -> Vec<String> {
        match self {
            Self::Listed => Vec::new(),
            Self::Implied => vec![IMPLIED_LABELS.to_owned()],
        }
    }
}

/// Which columns the tables of a dataset have beyond those of every dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableForm {
    /// How its label tables name classes.
    pub labels: LabelForm,
    /// Whether they say what was heard in its recordings: the feature `heard`.
    pub heard: bool,
}

impl From<LabelForm> for TableForm {
    /// Of a dataset that does not say what was heard in its recordings.
    fn from(labels: LabelForm) -> Self {
        Self { labels, heard: false }
    }
}

impl TableForm {
    pub(super) fn label_columns(self) -> Columns {
        match (self.labels, self.heard) {
            (LabelForm::Listed, false) => Columns::Base,
            (LabelForm::Listed, true) => Columns::With(&["from_recording"]),
            (LabelForm::Implied, false) => Columns::With(&["others"]),
            (LabelForm::Implied, true) => Columns::All,
        }
    }

    pub(super) fn asset_columns(self) -> Columns {
        match self.heard {
            false => Columns::Base,
            true => Columns::With(&["heard"]),
        }
    }
}
