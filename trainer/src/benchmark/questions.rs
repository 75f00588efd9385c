//! Defines the questions of a benchmark: differences between its cells, or differences of differences, and what the
//! paper claims of them.

use serde::Deserialize;

/// How much better `of` is than `against`, at `at`; and, with `than_at`, how much more so than there.
///
/// Each cell needs a dataset, methods and a column, named by one of `of` and `against` together with one of `at` and
/// `than_at`. Without a dataset the question is asked on every one that has the cells.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contrast {
    /// The question, in a few words.
    pub name: String,
    /// The side that is better if the difference is above 0.
    pub of: Part,
    /// The side it is compared with.
    pub against: Part,
    /// Where.
    #[serde(default)]
    pub at: Part,
    /// Where the same difference is subtracted.
    pub than_at: Option<Part>,
    /// The sign that the paper's claim gives it.
    pub claim: Option<Sign>,
}

/// Part of what names a cell.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The dataset.
    pub dataset: Option<String>,
    /// The methods, averaged over.
    pub methods: Option<Vec<String>>,
    /// The column.
    pub column: Option<String>,
}

/// A sign of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// Above 0.
    Above,
    /// Below 0.
    Below,
}

impl Contrast {
    /// Everything that names cells.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        [&self.of, &self.against, &self.at].into_iter().chain(&self.than_at)
    }
}
