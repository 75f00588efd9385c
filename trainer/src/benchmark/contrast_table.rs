//! Prints the contrasts of a benchmark as Markdown: what was asked and registered, and beside it the answers.

use std::fmt::Write;

use super::contrast::{Comparison, comparisons, primaries};
use super::plan::BenchmarkPlan;
use super::questions::{Contrast, Measure, Sign};
use super::results::CellResult;
use super::spread::{level_percent, signed};

/// Columns of every table of contrasts.
const COLUMNS: &str = "dataset | difference | interval | above 0 | reading |";

/// The contrasts of `plan`, those with a question or a registered reading first; nothing if it has none.
pub(super) fn markdown(plan: &BenchmarkPlan, results: &[CellResult]) -> String {
    if plan.contrasts.is_empty() {
        return String::new();
    }
    let mut text = introduction(plan);
    let comparisons = comparisons(plan, results);
    let contrasts = comparisons.chunk_by(Comparison::same_contrast);
    let (told, others): (Vec<_>, Vec<_>) = contrasts.partition(|of_one| of_one.first().is_some_and(is_told));
    for of_one in &told {
        let Some(Comparison { contrast, .. }) = of_one.first() else {
            continue;
        };
        let _ = writeln!(text, "\n### {}\n", contrast.title());
        for (what, said) in registered(contrast) {
            let _ = writeln!(text, "*{what}:* {said}\n");
        }
        let _ = writeln!(text, "| {COLUMNS}\n|---|---|---|---|---|");
        for comparison in *of_one {
            let _ = writeln!(text, "| {}", row(comparison));
        }
    }
    if others.is_empty() {
        return text;
    }
    text += if told.is_empty() {
        "\n"
    } else {
        "\n### Other contrasts\n\n"
    };
    let _ = writeln!(text, "| contrast | {COLUMNS}\n|---|---|---|---|---|---|");
    for comparison in others.into_iter().flatten() {
        let _ = writeln!(text, "| {} | {}", comparison.contrast.title(), row(comparison));
    }
    text
}

fn introduction(plan: &BenchmarkPlan) -> String {
    let otherwise = plan.contrasts.iter().any(|contrast| contrast.measure != Measure::Map);
    let level = level_percent(plan.level);
    let levels = match primaries(plan) {
        (0, _) => format!("Each is at {level}, and for its line by itself."),
        (count, primary) => format!(
            "{count} primary reading{}: at {}, so that all of them hold at once at {level} (Bonferroni). All else is \
             description, at {level}, each line by itself.",
            if count == 1 { "" } else { "s" },
            level_percent(primary)
        ),
    };
    format!(
        "\n## Contrasts\n\nPercentage points of test mAP{}, paired by seed: mean ± standard deviation over seeds, the \
         interval of the mean (Student's t), and in how many seeds it is above 0. Intervals are over seeds of training \
         alone, on these very datasets. {levels}\n",
        if otherwise {
            ", unless another measure is named"
        } else {
            ""
        }
    )
}

/// Whether more is written down of its contrast than the name.
fn is_told(comparison: &Comparison<'_>) -> bool {
    let Contrast { question, reading, .. } = comparison.contrast;
    question.is_some() || reading.is_some()
}

/// What was written down of a contrast before the runs.
fn registered(contrast: &Contrast) -> Vec<(&'static str, String)> {
    let sign = |sign: Sign| match (sign, contrast.equivalence) {
        (Sign::Above, _) => "above 0".to_owned(),
        (Sign::Below, _) => "below 0".to_owned(),
        (Sign::Zero, None) => "0".to_owned(),
        (Sign::Zero, Some(points)) => format!("within {points} points of 0"),
    };
    // Wherever the plan breaks its lines.
    let line = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let entries = [
        ("Question", contrast.question.as_ref().map(line)),
        ("The paper claims", contrast.claim.map(sign)),
        ("Expected", contrast.expected.map(sign)),
        ("To be read", contrast.reading.as_ref().map(line)),
    ];
    let said = entries.into_iter().filter_map(|(what, said)| Some((what, said?)));
    said.collect()
}

/// Everything after the contrast.
fn row(comparison: &Comparison<'_>) -> String {
    let spread = comparison.spread();
    let interval = spread.and_then(|spread| spread.interval(comparison.level));
    let interval = interval.map(|[low, high]| {
        let level = level_percent(comparison.level);
        format!("[{}, {}] at {level}", signed(low), signed(high))
    });
    let none = || "–".to_owned();
    format!(
        "{} | {} | {} | {} of {} | {} |",
        comparison.place(),
        spread.map_or_else(none, |spread| spread.percent(true)),
        interval.unwrap_or_else(none),
        comparison.above(),
        comparison.differences.len(),
        comparison.reading()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::asset_reg::TableQuality;

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
            "| LL against AN, near and far | as named | -9.7 ± 0.6 | [-11.1, -8.2] at 95 % | 0 of 3 | \
             lower by 9.7; as the paper claims |",
            "| R against AN | far | +1.3 ± 1.2 | [-1.5, +4.2] at 95 % | 2 of 3 | no difference seen |",
            "| R against AN | near | -9.3 ± 1.2 | [-12.2, -6.5] at 95 % | 0 of 3 | lower by 9.3 |",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
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
        assert!(line(&all).contains("| 2 of 2 | "), "{}", line(&all));
        assert!(
            line(&all).ends_with("; without 1 seed that diverged |"),
            "{}",
            line(&all)
        );
        for result in &mut all[3..] {
            result.measured = None;
        }
        assert!(
            line(&all).ends_with("| – | – | 0 of 0 | nothing to compare: 3 seeds that diverged |"),
            "{}",
            line(&all)
        );
    }

    #[test]
    fn a_seed_that_lacks_a_cell_does_not_count() {
        let plan: BenchmarkPlan = toml::from_str(PLAN).unwrap();
        let all = results(&[("far", "AN", [0.5, 0.5, 0.5]), ("far", "R", [0.6, 0.7, 0.8])]);
        let text = markdown(&plan, &all[..5]);
        assert!(
            text.contains("| R against AN | far | +15.0 ± 7.1 | [-48.5, +78.5] at 95 % | 2 of 2 |"),
            "{text}"
        );
        assert!(
            text.contains("| R against AN | near | – | – | 0 of 0 | not run yet |"),
            "{text}"
        );
    }

    #[test]
    fn primary_readings_share_the_level() {
        let mut plan: BenchmarkPlan = toml::from_str(PLAN).unwrap();
        plan.contrasts[1].primary = true;
        plan.contrasts[1].equivalence = Some(2.5);
        let near = [("near", "AN", [0.5; 3]), ("near", "R", [0.51, 0.51, 0.52])];
        let far = [("far", "AN", [0.5; 3]), ("far", "R", [0.55, 0.56, 0.57])];
        let all = results(&[near, far].concat());
        // Two datasets, so each at 97.5 %: t = 6.205 with two degrees. Near 1.33 ± 2.07, far 6 ± 3.58.
        let text = markdown(&plan, &all);
        for part in [
            "2 primary readings: at 97.5 %, so that all of them hold at once at 95 %",
            "| R against AN (primary) | far | +6.0 ± 1.0 | [+2.4, +9.6] at 97.5 % | 3 of 3 | \
             not settled whether within 2.5, higher by 6.0 |",
            "| R against AN (primary) | near | +1.3 ± 0.6 | [-0.7, +3.4] at 97.5 % | 3 of 3 | \
             not settled whether within 2.5 |",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        // On a dataset that it names, it is one reading; and description is at the plan's own level.
        plan.contrasts[1].at.dataset = Some("far".into());
        assert_eq!(primaries(&plan), (1, 0.95));
        plan.contrasts[1].primary = false;
        plan.level = 0.9;
        let text = markdown(&plan, &all);
        // t = 2.920.
        let line =
            "| R against AN | far | +6.0 ± 1.0 | [+4.3, +7.7] at 90 % | 3 of 3 | farther than 2.5, higher by 6.0 |";
        assert!(text.contains(line) && text.contains("Each is at 90 %"), "{text}");
    }

    #[test]
    fn what_was_written_down_stands_beside_the_answer() {
        let mut plan: BenchmarkPlan = toml::from_str(PLAN).unwrap();
        let contrast = &mut plan.contrasts[1];
        contrast.question = Some("Does R\n    gain?\n".into());
        contrast.reading = Some("Above 0: it does.".into());
        contrast.expected = Some(Sign::Zero);
        contrast.equivalence = Some(1.5);
        let text = markdown(
            &plan,
            &results(&[("far", "AN", [0.5; 3]), ("far", "R", [0.5, 0.501, 0.502])]),
        );
        let block = "### R against AN\n\n*Question:* Does R gain?\n\n*Expected:* within 1.5 points of 0\n\n\
                     *To be read:* Above 0: it does.\n\n\
                     | dataset | difference | interval | above 0 | reading |\n|---|---|---|---|---|\n\
                     | far | +0.1 ± 0.1 | [-0.1, +0.3] at 95 % | 2 of 3 | equal within 1.5; as expected |\n";
        let (place, others) = (
            text.find(block),
            text.find("### Other contrasts\n\n| contrast | dataset |"),
        );
        assert!(place.is_some() && place < others, "{text}");
        assert!(
            text.ends_with("| LL against AN, near and far | as named | – | – | 0 of 0 | not run yet |\n"),
            "{text}"
        );
    }

    #[test]
    fn measures_of_the_table_are_compared_by_their_own_values() {
        let mut plan: BenchmarkPlan = toml::from_str(PLAN).unwrap();
        plan.contrasts.remove(0);
        plan.contrasts[0].measure = Measure::TableAuc;
        let mut all = results(&[("far", "AN", [0.5; 3]), ("far", "R", [0.4; 3])]);
        for (place, result) in all.iter_mut().enumerate() {
            result.table = Some(TableQuality {
                auc: (place != 3).then_some(if place < 3 { 0.5 } else { 0.5 + 0.1 * place as f64 }),
                precision: if place < 3 { 0.2 } else { 0.3 },
                prevalence: 0.1,
                entries: 9,
            });
        }
        let line = |plan: &BenchmarkPlan, rest: &str| {
            let text = markdown(plan, &all);
            assert!(text.contains(rest) && text.contains("unless another"), "{rest}\n{text}");
        };
        // Of places 4 and 5, .4 and .5; place 3 has no class with both.
        let reading = "no difference seen; without 1 seed that measured no such thing |";
        line(
            &plan,
            &format!("| R against AN (table AUC) | far | +45.0 ± 7.1 | [-18.5, +108.5] at 95 % | 2 of 2 | {reading}"),
        );
        plan.contrasts[0].measure = Measure::TablePrecision;
        line(
            &plan,
            "| R against AN (table precision) | far | +10.0 ± 0.0 | [+10.0, +10.0] at 95 % | 3 of 3 | higher by 10.0 |",
        );
    }
}
