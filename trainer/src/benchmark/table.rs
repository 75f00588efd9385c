//! Makes the tables of a benchmark from its results: means over seeds, differences seed by seed, averages over methods.

use std::fmt::Write;

use super::paper::published;
use super::plan::{Cell, Plan};

/// What one run of a cell came to.
#[derive(Clone, Debug, PartialEq)]
pub struct CellResult {
    /// Row of the table.
    pub method: String,
    /// Column of the table.
    pub column: String,
    /// Seed of the run.
    pub seed: u64,
    /// Training rows in an epoch.
    pub rows: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// Epoch chosen on val.
    pub best_epoch: u32,
    /// Its val mAP, 0 to 1.
    pub val_map: f64,
    /// Its test mAP, 0 to 1.
    pub test_map: f64,
    /// Test mAP over classes that occur.
    pub test_map_occurring: f64,
    /// Test mAP of a constant score.
    pub chance: f64,
    /// Values chosen by the search, as `key = value`, joined by `; `.
    pub chosen: String,
}

/// Mean, sample standard deviation and number of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    mean: f64,
    /// Not a number for a single value.
    deviation: f64,
    count: usize,
}

impl Spread {
    fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        if count == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (squares / (count as f64 - 1.0)).sqrt();
        Some(Self { mean, deviation, count })
    }

    /// In percentage points: `52.2 ± 0.4`, or the mean alone.
    fn percent(&self, sign: bool) -> String {
        let mean = 100.0 * self.mean;
        let mean = if sign {
            format!("{mean:+.1}")
        } else {
            format!("{mean:.1}")
        };
        if self.deviation.is_finite() {
            format!("{mean} ± {:.1}", 100.0 * self.deviation)
        } else {
            mean
        }
    }
}

/// The tables as Markdown.
#[must_use]
pub fn markdown(plan: &Plan, results: &[CellResult]) -> String {
    let mut text = format!("# {}\n\n", plan.name);
    let seeds = plan.seeds.len();
    let _ = writeln!(
        text,
        "Test mAP in percent at the epoch with the best val mAP: mean ± standard deviation over {seeds} seed{}, the published figure \
         in brackets. Chance is {}.\n",
        if seeds == 1 { "" } else { "s" },
        chance(results)
    );
    head(&mut text, plan);
    for method in &plan.methods {
        row(&mut text, plan, &method.name, |column| {
            let ours = Spread::of(&maps(results, &method.name, column))?;
            let repeats = plan
                .columns
                .iter()
                .find(|other| other.name == column)?
                .published
                .as_deref();
            let paper = repeats.and_then(|repeats| published(&method.name, repeats));
            let paper = paper.map_or_else(String::new, |map| format!(" ({map:.1})"));
            Some(format!("{}{paper}", ours.percent(false)))
        });
    }
    for (name, methods) in &plan.average {
        row(&mut text, plan, &format!("average: {name}"), |column| {
            let means = methods.iter().map(|method| Spread::of(&maps(results, method, column)));
            let means: Vec<f64> = means.flatten().map(|spread| spread.mean).collect();
            // An average over other methods than those named would not be comparable between columns.
            let complete = !means.is_empty() && means.len() == methods.len();
            complete.then(|| format!("{:.1}", 100.0 * means.iter().sum::<f64>() / means.len() as f64))
        });
    }
    for (name, methods) in &plan.average {
        let _ = writeln!(text, "\nAverage \"{name}\": {}.", methods.join(", "));
    }
    differences(&mut text, plan, results);
    efforts(&mut text, plan, results);
    text
}

fn head(text: &mut String, plan: &Plan) {
    let names: Vec<&str> = plan.columns.iter().map(|column| column.name.as_str()).collect();
    let _ = writeln!(
        text,
        "| method | {} |\n|---|{}",
        names.join(" | "),
        "---|".repeat(names.len())
    );
}

fn row(text: &mut String, plan: &Plan, name: &str, cell: impl Fn(&str) -> Option<String>) {
    let cells = plan
        .columns
        .iter()
        .map(|column| cell(&column.name).unwrap_or_else(|| "–".into()));
    let cells: Vec<String> = cells.collect();
    let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
}

/// Test mAP of a cell by seed, in the order of the results.
fn maps(results: &[CellResult], method: &str, column: &str) -> Vec<f64> {
    of_cell(results, method, column).map(|result| result.test_map).collect()
}

fn of_cell<'r>(results: &'r [CellResult], method: &str, column: &str) -> impl Iterator<Item = &'r CellResult> {
    let (method, column) = (method.to_owned(), column.to_owned());
    results
        .iter()
        .filter(move |result| result.method == method && result.column == column)
}

fn chance(results: &[CellResult]) -> String {
    let found = results.first();
    found.map_or_else(
        || "not known yet".into(),
        |result| format!("{:.1}", 100.0 * result.chance),
    )
}

/// Each column minus those it is compared with, seed by seed: seeds share data order and start, so their noise cancels.
fn differences(text: &mut String, plan: &Plan, results: &[CellResult]) {
    let pairs: Vec<(&str, &str)> = plan
        .columns
        .iter()
        .flat_map(|column| {
            column
                .against
                .iter()
                .map(|other| (column.name.as_str(), other.as_str()))
        })
        .collect();
    if pairs.is_empty() {
        return;
    }
    let heads: Vec<String> = pairs
        .iter()
        .map(|(column, other)| format!("{column} − {other}"))
        .collect();
    let _ = writeln!(
        text,
        "\n## Differences, paired by seed\n\nPercentage points: mean ± standard deviation, and in how many of the seeds it is above 0.\n\n\
         | method | {} |\n|---|{}",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    for method in &plan.methods {
        let cells = pairs.iter().map(|(column, other)| {
            let gains: Vec<f64> = of_cell(results, &method.name, column)
                .filter_map(|result| {
                    let before = of_cell(results, &method.name, other).find(|before| before.seed == result.seed)?;
                    Some(result.test_map - before.test_map)
                })
                .collect();
            let up = gains.iter().filter(|&&gain| gain > 0.0).count();
            Spread::of(&gains).map_or_else(
                || "–".into(),
                |spread| format!("{} ({up}/{})", spread.percent(true), spread.count),
            )
        });
        let cells: Vec<String> = cells.collect();
        if cells.iter().any(|cell| cell != "–") {
            let _ = writeln!(text, "| {} | {} |", method.name, cells.join(" | "));
        }
    }
}

/// Rows and steps of every cell: a mode also changes how much is trained on.
fn efforts(text: &mut String, plan: &Plan, results: &[CellResult]) {
    let _ = writeln!(
        text,
        "\n## Rows and steps\n\nTraining rows in an epoch / steps of the whole run.\n"
    );
    head(text, plan);
    for method in &plan.methods {
        row(text, plan, &method.name, |column| {
            let result = of_cell(results, &method.name, column).next()?;
            Some(format!("{} / {}", result.rows, result.steps))
        });
    }
    let chosen: Vec<String> = plan
        .cells()
        .filter_map(|Cell { method, column }| {
            let result = of_cell(results, &method.name, &column.name).find(|result| !result.chosen.is_empty())?;
            Some(format!("| {} | {} | {} |", method.name, column.name, result.chosen))
        })
        .collect();
    if let (Some(search), false) = (&plan.search, chosen.is_empty()) {
        let _ = writeln!(
            text,
            "\n## Chosen on val\n\nOf {} trials each.\n\n| method | column | chosen |\n|---|---|---|\n{}",
            search.trials,
            chosen.join("\n")
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn result(column: &str, seed: u64, test_map: f64) -> CellResult {
        CellResult {
            method: "EM".into(),
            column: column.into(),
            seed,
            rows: 100,
            steps: 70,
            best_epoch: 1,
            val_map: 0.5,
            test_map,
            test_map_occurring: test_map,
            chance: 0.071,
            chosen: String::new(),
        }
    }

    #[test]
    fn means_deviations_published_figures_and_paired_differences() {
        let plan: Plan = toml::from_str(
            r#"
            name = "T"
            dataset = "d"
            seeds = [1, 2]
            average = { all = ["EM"] }
            [[method]]
            name = "EM"
            [[column]]
            name = "Target"
            published = "L48"
            [[column]]
            name = "+Geo"
            published = "+Geo"
            against = ["Target"]
            "#,
        )
        .unwrap();
        // 0.50 and 0.54: mean 0.52, sample deviation 0.0283. Differences +0.10 and -0.02: mean 0.04, deviation 0.0849.
        // In another order, so that pairing by place instead of seed would show.
        let results = [
            result("Target", 1, 0.50),
            result("Target", 2, 0.54),
            result("+Geo", 2, 0.52),
            result("+Geo", 1, 0.60),
        ];
        let text = markdown(&plan, &results);
        assert!(
            text.contains("| EM | 52.0 ± 2.8 (55.3) | 56.0 ± 5.7 (56.3) |"),
            "{text}"
        );
        assert!(text.contains("| average: all | 52.0 | 56.0 |"), "{text}");
        assert!(text.contains("| EM | +4.0 ± 8.5 (1/2) |"), "{text}");
        assert!(text.contains("| EM | 100 / 70 | 100 / 70 |"), "{text}");
        assert!(text.contains("Chance is 7.1."), "{text}");
    }

    #[test]
    fn a_single_seed_has_no_deviation() {
        assert_eq!(Spread::of(&[0.5]).unwrap().percent(true), "+50.0");
        assert_eq!(Spread::of(&[]), None);
    }
}
