//! Answers the questions of a benchmark by differences of test mAP, paired by seed.

use std::fmt::Write;

use super::plan::BenchmarkPlan;
use super::questions::{Contrast, Sign};
use super::results::CellResult;
use super::spread::{Spread, signed};

/// Cells whose mean counts, with the sign it counts with.
struct Term<'a> {
    sign: f64,
    dataset: Option<&'a str>,
    methods: &'a [String],
    column: &'a str,
}

/// Says why a question cannot be asked in `plan`, if so.
pub(super) fn check(contrast: &Contrast, plan: &BenchmarkPlan) -> Result<(), String> {
    let refuse = |reason: String| format!("contrast {:?} {reason}", contrast.name);
    let terms = terms(contrast).map_err(refuse)?;
    let named = terms.iter().filter(|term| term.dataset.is_some()).count();
    if named != 0 && named != terms.len() {
        return Err(refuse("names a dataset for only some of its cells".into()));
    }
    if datasets(plan, &terms).is_empty() {
        return Err(refuse("needs cells that are not run".into()));
    }
    Ok(())
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

/// The datasets that a question is asked on, `None` for the ones it names itself; only those where all its cells are
/// run.
fn datasets<'p>(plan: &'p BenchmarkPlan, terms: &[Term<'_>]) -> Vec<Option<&'p str>> {
    let runs = |term: &Term<'_>, dataset: &str| {
        term.methods.iter().all(|method| {
            let names = [dataset, method.as_str(), term.column];
            plan.cells().any(|cell| cell.names() == names)
        })
    };
    let own = terms
        .iter()
        .all(|term| term.dataset.is_some_and(|dataset| runs(term, dataset)));
    if own {
        return vec![None];
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

/// The difference in each seed that all its cells have been run with, and the number of seeds that have none because a
/// run diverged.
fn differences(terms: &[Term<'_>], dataset: Option<&str>, seeds: &[u64], results: &[CellResult]) -> (Vec<f64>, usize) {
    let run = |term: &Term<'_>, method: &str, seed: u64| {
        let dataset = term.dataset.or(dataset)?;
        let wanted = ([dataset, method, term.column], seed);
        results.iter().find(|result| (result.names(), result.seed) == wanted)
    };
    let map = |term: &Term<'_>, method: &str, seed| run(term, method, seed).and_then(CellResult::test_map);
    let mean = |term: &Term<'_>, seed| -> Option<f64> {
        let maps = term.methods.iter().map(|method| map(term, method, seed));
        Some(maps.sum::<Option<f64>>()? / term.methods.len() as f64)
    };
    let difference = |&seed: &u64| terms.iter().map(|term| Some(term.sign * mean(term, seed)?)).sum();
    let diverged = |&&seed: &&u64| {
        let mut cells = terms
            .iter()
            .flat_map(|term| term.methods.iter().map(move |method| (term, method)));
        cells.any(|(term, method)| run(term, method, seed).is_some_and(|run| run.test_map().is_none()))
    };
    (
        seeds.iter().filter_map(difference).collect(),
        seeds.iter().filter(diverged).count(),
    )
}

/// The contrasts of `plan` as Markdown; nothing if it has none.
pub(super) fn markdown(plan: &BenchmarkPlan, results: &[CellResult]) -> String {
    let mut text = String::new();
    if plan.contrasts.is_empty() {
        return text;
    }
    text += "\n## Contrasts\n\nPercentage points of test mAP, paired by seed: mean ± standard deviation over seeds, \
             and in how many of them it is above 0. The interval (95 %, Student's t) is over seeds of training alone, \
             on these very datasets, and for each line by itself.\n\n\
             | contrast | dataset | difference | above 0 | reading |\n|---|---|---|---|---|\n";
    for contrast in &plan.contrasts {
        // The plan was checked.
        let Ok(terms) = terms(contrast) else { continue };
        for dataset in datasets(plan, &terms) {
            let (differences, diverged) = differences(&terms, dataset, &plan.seeds, results);
            let above = differences.iter().filter(|&&difference| difference > 0.0).count();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {above}/{} | {} |",
                contrast.name,
                dataset.unwrap_or("as named"),
                Spread::of(&differences).map_or_else(|| "–".into(), |spread| spread.percent(true)),
                differences.len(),
                reading(&differences, diverged, contrast.claim)
            );
        }
    }
    text
}

/// The differences in plain words, whatever their sign, and the number of seeds that have none because a run diverged.
fn reading(differences: &[f64], diverged: usize, claim: Option<Sign>) -> String {
    match (Spread::of(differences), diverged) {
        (None, 0) => "not run yet".into(),
        (None, 1) => "nothing to compare: 1 seed diverged".into(),
        (None, _) => format!("nothing to compare: {diverged} seeds diverged"),
        (Some(spread), 0) => verdict(differences, &spread, claim),
        (Some(spread), 1) => verdict(differences, &spread, claim) + "; without 1 seed that diverged",
        (Some(spread), _) => {
            verdict(differences, &spread, claim) + &format!("; without {diverged} seeds that diverged")
        }
    }
}

fn verdict(differences: &[f64], spread: &Spread, claim: Option<Sign>) -> String {
    if differences.iter().all(|&difference| difference == 0.0) {
        return "exactly the same in every seed".into();
    }
    let Some([low, high]) = spread.interval() else {
        return "a single seed, not distinguishable from chance".into();
    };
    let seen = if low > 0.0 {
        Some(Sign::Above)
    } else if high < 0.0 {
        Some(Sign::Below)
    } else {
        None
    };
    let (low, high, size) = (signed(low), signed(high), format!("{:.1}", 100.0 * spread.mean.abs()));
    let what = match seen {
        Some(Sign::Above) => format!("higher by {size}"),
        Some(Sign::Below) => format!("lower by {size}"),
        None => "no difference seen".into(),
    };
    let judgement = match claim {
        None => "",
        Some(claim) if seen == Some(claim) => "; as the paper claims",
        Some(_) if seen.is_some() => "; the opposite of what the paper claims",
        Some(_) => "; the paper's claim is not seen here",
    };
    format!("{what} ({low} to {high}){judgement}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const PLAN: &str = r#"
        name = "T"
        seeds = [1, 2, 3]
        [[dataset]]
        name = "far"
        path = "far"
        [[dataset]]
        name = "near"
        path = "near"
        [[method]]
        name = "AN"
        [[method]]
        name = "R"
        [[method]]
        name = "Ct"
        [[column]]
        name = "Target"
        [[contrast]]
        name = "LL against AN, near and far"
        of = { methods = ["R", "Ct"] }
        against = { methods = ["AN"] }
        at = { dataset = "near", column = "Target" }
        than_at = { dataset = "far", column = "Target" }
        claim = "below"
        [[contrast]]
        name = "R against AN"
        of = { methods = ["R"] }
        against = { methods = ["AN"] }
        at = { column = "Target" }
    "#;

    fn result(dataset: &str, method: &str, seed: u64, test_map: f64) -> CellResult {
        CellResult {
            dataset: dataset.into(),
            method: method.into(),
            seed,
            ..super::super::results::tests::result("Target", seed, test_map)
        }
    }

    /// Test mAP by seed of every cell.
    fn results(maps: &[(&str, &str, [f64; 3])]) -> Vec<CellResult> {
        let rows = maps.iter().flat_map(|(dataset, method, maps)| {
            let rows = (1..).zip(maps).map(|(seed, &map)| result(dataset, method, seed, map));
            let mut rows: Vec<CellResult> = rows.collect();
            // Pairing by place instead of seed would show.
            rows.rotate_left(usize::from(*method == "AN"));
            rows
        });
        rows.collect()
    }

    #[test]
    fn a_difference_of_differences_by_hand() {
        let plan: BenchmarkPlan = toml::from_str(PLAN).unwrap();
        let results = results(&[
            ("near", "AN", [0.50, 0.52, 0.54]),
            ("near", "R", [0.40, 0.44, 0.44]),
            ("near", "Ct", [0.44, 0.42, 0.46]),
            ("far", "AN", [0.70, 0.72, 0.71]),
            ("far", "R", [0.72, 0.72, 0.73]),
            ("far", "Ct", [0.70, 0.74, 0.71]),
        ]);
        // LL - AN: near -.08, -.09, -.09; far +.01, +.01, +.01. So -.09, -.10, -.10: mean -.0967, deviation .0058; with
        // t = 4.303, half the interval is .0143. R - AN: near -.10, -.08, -.10 (mean -.0933, deviation .0115, half
        // .0287); far +.02, 0, +.02 (.0133, .0115, .0287).
        let text = markdown(&plan, &results);
        for line in [
            "| LL against AN, near and far | as named | -9.7 ± 0.6 | 0/3 | lower by 9.7 (-11.1 to -8.2); as the paper claims |",
            "| R against AN | far | +1.3 ± 1.2 | 2/3 | no difference seen (-1.5 to +4.2) |",
            "| R against AN | near | -9.3 ± 1.2 | 0/3 | lower by 9.3 (-12.2 to -6.5) |",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn either_sign_is_reported() {
        let up = [0.02, 0.021, 0.022];
        let of_all = |differences: &[f64], claim| reading(differences, 0, claim);
        assert!(of_all(&up, Some(Sign::Above)).contains("higher by 2.1"));
        assert!(of_all(&up, Some(Sign::Above)).ends_with("; as the paper claims"));
        assert!(of_all(&up, Some(Sign::Below)).ends_with("; the opposite of what the paper claims"));
        assert!(of_all(&[0.02, -0.02, 0.01], Some(Sign::Below)).ends_with("; the paper's claim is not seen here"));
        assert_eq!(of_all(&[0.0; 3], Some(Sign::Above)), "exactly the same in every seed");
        assert!(of_all(&[0.1], None).contains("a single seed"));
        assert_eq!(of_all(&[], None), "not run yet");
    }

    #[test]
    fn seeds_that_diverged_are_reported() {
        let plan: BenchmarkPlan = toml::from_str(PLAN).unwrap();
        let mut all = results(&[("far", "AN", [0.5, 0.5, 0.5]), ("far", "R", [0.6, 0.7, 0.8])]);
        let line = |all: &[CellResult]| {
            let text = markdown(&plan, all);
            let line = text.lines().find(|line| line.starts_with("| R against AN | far |"));
            line.unwrap().to_owned()
        };
        assert!(!line(&all).contains("diverged"), "{}", line(&all));
        // Seed 2 of R.
        all[4].measured = None;
        assert!(line(&all).contains("| 2/2 | "), "{}", line(&all));
        assert!(
            line(&all).ends_with("; without 1 seed that diverged |"),
            "{}",
            line(&all)
        );
        for result in &mut all[3..] {
            result.measured = None;
        }
        assert!(
            line(&all).ends_with("| – | 0/0 | nothing to compare: 3 seeds diverged |"),
            "{}",
            line(&all)
        );
    }

    #[test]
    fn a_seed_that_lacks_a_cell_does_not_count() {
        let plan: BenchmarkPlan = toml::from_str(PLAN).unwrap();
        let all = results(&[("far", "AN", [0.5, 0.5, 0.5]), ("far", "R", [0.6, 0.7, 0.8])]);
        let text = markdown(&plan, &all[..5]);
        assert!(text.contains("| R against AN | far | +15.0 ± 7.1 | 2/2 |"), "{text}");
        assert!(
            text.contains("| R against AN | near | – | 0/0 | not run yet |"),
            "{text}"
        );
    }
}
