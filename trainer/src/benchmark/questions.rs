//! Defines the questions of a benchmark: differences between its cells, or differences of differences, and what was
//! written down of them before the runs.

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
    /// What is compared.
    #[serde(default)]
    pub measure: Measure,
    /// Whether it is one of the readings that the plan is for. They share the plan's level; all others are description.
    #[serde(default)]
    pub primary: bool,
    /// A difference of up to this many percentage points, to either side, counts as none.
    pub equivalence: Option<f64>,
    /// The sign that the paper's claim gives it.
    pub claim: Option<Sign>,
    /// The sign that was expected by those who wrote the plan, whatever the paper claims.
    pub expected: Option<Sign>,
    /// The question in full, printed above the answer.
    pub question: Option<String>,
    /// What each answer is to be taken for, printed above the answer.
    pub reading: Option<String>,
}

/// What a contrast compares: columns of `results.parquet`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Test mAP.
    #[default]
    Map,
    /// How well the regulariser's table tells hidden positives from hidden negatives
    /// ([`TableQuality::auc`](crate::asset_reg::TableQuality::auc)).
    TableAuc,
    /// Share of positives among the hidden entries that the regulariser's table believes most
    /// ([`TableQuality::precision`](crate::asset_reg::TableQuality::precision)).
    TablePrecision,
}

impl Measure {
    /// Its name in texts.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Map => "test mAP",
            Self::TableAuc => "table AUC",
            Self::TablePrecision => "table precision",
        }
    }
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

/// A sign of a difference, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// Above 0.
    Above,
    /// Below 0.
    Below,
    /// Neither; with an equivalence, within it.
    Zero,
}

impl Contrast {
    /// Its name, with what sets it apart: that it is primary, and what it is of if not of test mAP.
    pub(super) fn title(&self) -> String {
        let primary = self.primary.then_some("primary");
        let measure = (self.measure != Measure::Map).then(|| self.measure.name());
        let marks: Vec<&str> = primary.into_iter().chain(measure).collect();
        if marks.is_empty() {
            self.name.clone()
        } else {
            format!("{} ({})", self.name, marks.join(", "))
        }
    }

    /// Everything that names cells.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        [&self.of, &self.against, &self.at].into_iter().chain(&self.than_at)
    }
}
