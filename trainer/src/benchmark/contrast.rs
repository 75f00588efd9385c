//! Answers the questions of a benchmark by differences paired by seed.

use super::plan::{BenchmarkPlan, Cell, CellNames};
use super::questions::{Contrast, Measure};
use super::results::CellResult;
use super::spread::Spread;

/// The differences that answer a contrast on a dataset.
pub(super) struct Comparison<'a> {
    pub(super) contrast: &'a Contrast,
    /// `None` if the contrast is of several.
    pub(super) dataset: Option<&'a str>,
    /// Level of the interval that it is read by.
    pub(super) level: f64,
    /// By seed, of those that all its cells have been run with and have a value.
    pub(super) differences: Vec<f64>,
    /// Seeds without a difference because a run diverged.
    pub(super) diverged: usize,
    /// Seeds without a difference because a run has no such measure.
    pub(super) unmeasured: usize,
}

impl<'a> Comparison<'a> {
    fn new(contrast: &'a Contrast, dataset: Option<&'a str>, level: f64) -> Self {
        Self {
            contrast,
            dataset,
            level,
            differences: Vec::new(),
            diverged: 0,
            unmeasured: 0,
        }
    }

    /// Takes the difference in each seed.
    fn with(mut self, terms: &[Term<'a>], seeds: &[u64], results: &[CellResult]) -> Self {
        for &seed in seeds {
            let run = |names: CellNames<'_>| {
                let mut runs = results.iter();
                runs.find(|result| result.seed == seed && result.names() == names)
            };
            let mean = |term: &Term<'a>| -> Option<f64> {
                let values = term
                    .cells(self.dataset)
                    .map(|names| run(names)?.value(self.contrast.measure));
                Some(values.sum::<Option<f64>>()? / term.methods.len() as f64)
            };
            let difference = terms.iter().map(|term| Some(term.sign * mean(term)?)).sum();
            if let Some(difference) = difference {
                self.differences.push(difference);
                continue;
            }
            let runs = terms.iter().flat_map(|term| term.cells(self.dataset)).map(run);
            let runs: Vec<Option<&CellResult>> = runs.collect();
            if runs.iter().flatten().any(|run| run.measured.is_none()) {
                self.diverged += 1;
            } else if runs.iter().all(Option::is_some) {
                self.unmeasured += 1;
            }
        }
        self
    }

    /// Whether both answer the same contrast.
    pub(super) fn same_contrast(&self, other: &Self) -> bool {
        std::ptr::eq(self.contrast, other.contrast)
    }

    /// Name of its dataset.
    pub(super) fn place(&self) -> &str {
        self.dataset.unwrap_or("as named")
    }

    /// Mean and deviation over seeds; `None` without any.
    pub(super) fn spread(&self) -> Option<Spread> {
        Spread::of(&self.differences)
    }

    /// Seeds in which the difference is above 0.
    pub(super) fn above(&self) -> usize {
        self.differences.iter().filter(|&&difference| difference > 0.0).count()
    }
}

/// Number of primary readings in `plan`, and the level of each: by Bonferroni's inequality, all hold at once at that of
/// the plan.
pub(super) fn primaries(plan: &BenchmarkPlan) -> (usize, f64) {
    let primary = plan.contrasts.iter().filter(|contrast| contrast.primary);
    let places = primary.filter_map(|contrast| Some(datasets(plan, &terms(contrast).ok()?).len()));
    let count = places.sum::<usize>();
    (count, 1.0 - (1.0 - plan.level) / count.max(1) as f64)
}

/// What `results` answer to the contrasts of a plan that was checked: on each dataset, contrast by contrast.
pub(super) fn comparisons<'p>(plan: &'p BenchmarkPlan, results: &[CellResult]) -> Vec<Comparison<'p>> {
    let (_, primary_level) = primaries(plan);
    let compared = plan.contrasts.iter().flat_map(|contrast| {
        let Ok(terms) = terms(contrast) else { return Vec::new() };
        let level = if contrast.primary { primary_level } else { plan.level };
        let compare = |dataset| Comparison::new(contrast, dataset, level).with(&terms, &plan.seeds, results);
        datasets(plan, &terms).into_iter().map(compare).collect()
    });
    compared.collect()
}

/// Cells whose mean counts, with the sign it counts with.
struct Term<'a> {
    sign: f64,
    dataset: Option<&'a str>,
    methods: &'a [String],
    column: &'a str,
}

impl<'a> Term<'a> {
    /// Names of its cells, on `dataset` unless it names one itself.
    fn cells(&self, dataset: Option<&'a str>) -> impl Iterator<Item = CellNames<'a>> {
        let (dataset, column) = (self.dataset.or(dataset), self.column);
        let methods = self.methods.iter();
        methods.filter_map(move |method| Some([dataset?, method.as_str(), column]))
    }
}

/// Says why a question cannot be asked in `plan`, if so.
pub(super) fn check<'p>(contrast: &'p Contrast, plan: &'p BenchmarkPlan) -> Result<(), String> {
    let refuse = |reason: String| format!("contrast {:?} {reason}", contrast.name);
    let terms = terms(contrast).map_err(refuse)?;
    let named = terms.iter().filter(|term| term.dataset.is_some()).count();
    if named != 0 && named != terms.len() {
        return Err(refuse("names a dataset for only some of its cells".into()));
    }
    let datasets = datasets(plan, &terms);
    if datasets.is_empty() {
        return Err(refuse("needs cells that are not run".into()));
    }
    if let Some(points) = contrast.equivalence
        && !(points > 0.0 && points.is_finite())
    {
        return Err(refuse(format!(
            "has an equivalence of {points} points; it must be above 0"
        )));
    }
    let has_no_table = |cell: &Cell<'_>| {
        let config = plan.config(*cell, &[]);
        config.is_ok_and(|config| config.asset_reg.is_none())
    };
    let mut cells = datasets.iter().flat_map(|dataset| {
        let cells = terms.iter().flat_map(|term| term.cells(*dataset));
        cells.filter_map(|names| plan.cells().find(|cell| cell.names() == names))
    });
    match cells.find(has_no_table) {
        Some(cell) if contrast.measure != Measure::Map => Err(refuse(format!(
            "compares the {}, but {} in column {} has no asset_reg, so no table",
            contrast.measure.name(),
            cell.method.name,
            cell.column.name
        ))),
        _ => Ok(()),
    }
}

/// The two or four means that a question is made of.
fn terms(contrast: &Contrast) -> Result<Vec<Term<'_>>, String> {
    let mut terms = Vec::new();
    for (outer, at) in [(1.0, Some(&contrast.at)), (-1.0, contrast.than_at.as_ref())] {
        let Some(at) = at else { continue };
        for (inner, part) in [(1.0, &contrast.of), (-1.0, &contrast.against)] {
            let dataset = named_once("dataset", part.dataset.as_ref(), at.dataset.as_ref())?;
            terms.push(Term {
                sign: outer * inner,
                dataset: dataset.map(String::as_str),
                methods: named_once("method", part.methods.as_ref(), at.methods.as_ref())?
                    .filter(|methods| !methods.is_empty())
                    .ok_or("names no method for some of its cells")?,
                column: named_once("column", part.column.as_ref(), at.column.as_ref())?
                    .ok_or("names no column for some of its cells")?,
            });
        }
    }
    Ok(terms)
}

/// The datasets that a question is asked on, `None` where it names several itself; only those where all its cells are
/// run.
fn datasets<'p>(plan: &'p BenchmarkPlan, terms: &[Term<'p>]) -> Vec<Option<&'p str>> {
    let runs = |term: &Term<'_>, dataset: &str| {
        let mut methods = term.methods.iter();
        methods.all(|method| plan.cells().any(|cell| cell.names() == [dataset, method, term.column]))
    };
    let own = terms
        .iter()
        .all(|term| term.dataset.is_some_and(|dataset| runs(term, dataset)));
    if own {
        let first = terms.first().and_then(|term| term.dataset);
        return vec![first.filter(|_| terms.iter().all(|term| term.dataset == first))];
    }
    let names = plan.datasets.iter().map(|dataset| dataset.name.as_str());
    let asked = names.filter(|name| terms.iter().all(|term| term.dataset.is_none() && runs(term, name)));
    asked.map(Some).collect()
}

/// What `part` names, or else `at`.
fn named_once<'a, T>(what: &str, part: Option<&'a T>, at: Option<&'a T>) -> Result<Option<&'a T>, String> {
    if part.is_some() && at.is_some() {
        return Err(format!("names a {what} twice for some of its cells"));
    }
    Ok(part.or(at))
}
