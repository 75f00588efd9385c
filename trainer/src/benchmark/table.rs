//! Makes the tables of a benchmark from its results: means over seeds, published figures, averages over methods; and
//! what goes below them.

use std::fmt::Write;

use super::contrast_table;
use super::paper::{PAPERS_AVERAGE, published};
use super::plan::{BenchmarkPlan, Column, DatasetEntry};
use super::results::CellResult;
use super::spread::Spread;

/// The tables as Markdown: those of each dataset, then the contrasts.
#[must_use]
pub fn markdown(plan: &BenchmarkPlan, results: &[CellResult]) -> String {
    let seeds = plan.seeds.len();
    let repeats = plan.columns.iter().any(|column| column.published.is_some());
    let mut text = format!(
        "# {}\n\nTest mAP in percent at the epoch with the best val mAP: mean ± standard deviation over {seeds} \
         seed{}{}.\n",
        plan.name,
        if seeds == 1 { "" } else { "s" },
        if repeats {
            ", the published figure in brackets"
        } else {
            ""
        }
    );
    for dataset in &plan.datasets {
        let on_it: Vec<CellResult> = results
            .iter()
            .filter(|result| result.dataset == dataset.name)
            .cloned()
            .collect();
        let columns = plan.columns.iter().filter(|column| dataset.has(&column.name));
        let table = Table {
            plan,
            dataset,
            columns: columns.collect(),
            results: &on_it,
        };
        table.write(&mut text);
    }
    text + &contrast_table::markdown(plan, results)
}

/// The tables of one dataset.
pub(super) struct Table<'a> {
    pub(super) plan: &'a BenchmarkPlan,
    pub(super) dataset: &'a DatasetEntry,
    /// Those run on it.
    pub(super) columns: Vec<&'a Column>,
    /// Those on it.
    pub(super) results: &'a [CellResult],
}

impl Table<'_> {
    fn write(&self, text: &mut String) {
        let chance = self.results.iter().find_map(|result| result.measured).map_or_else(
            || "not known yet".into(),
            |measured| format!("{:.1}", 100.0 * measured.chance),
        );
        let _ = writeln!(text, "\n## {}\n\nChance is {chance}.\n", self.dataset.name);
        self.head(text);
        for method in &self.plan.methods {
            self.row(text, &method.name, |column| {
                let ours = self.cell(&method.name, &column.name)?;
                let repeats = column.published.as_deref();
                let paper = repeats.and_then(|repeats| published(&method.name, repeats));
                let paper = paper.map_or_else(String::new, |map| format!(" ({map:.1})"));
                Some(format!("{ours}{paper}"))
            });
        }
        self.row(text, PAPERS_AVERAGE, |column| {
            let average = published(PAPERS_AVERAGE, column.published.as_deref()?)?;
            Some(format!("({average:.1})"))
        });
        for (name, methods) in &self.plan.average {
            self.row(text, &format!("average: {name}"), |column| {
                let means = methods
                    .iter()
                    .map(|method| Spread::of(&self.maps(method, &column.name)));
                let means: Vec<f64> = means.flatten().map(|spread| spread.mean).collect();
                // An average over other methods than those named would not be comparable between columns.
                let complete = !means.is_empty() && means.len() == methods.len();
                complete.then(|| format!("{:.1}", 100.0 * means.iter().sum::<f64>() / means.len() as f64))
            });
        }
        for (name, methods) in &self.plan.average {
            let _ = writeln!(text, "\nAverage \"{name}\": {}.", methods.join(", "));
        }
        let mut repeated = self.columns.iter().filter_map(|column| column.published.as_deref());
        if repeated.any(|column| published(PAPERS_AVERAGE, column).is_some()) {
            let _ = writeln!(
                text,
                "\nThe {PAPERS_AVERAGE} is printed as published; it is not the mean of the methods that the paper \
                 lists, so it holds others too."
            );
        }
        let diverged = self.results.iter().filter(|result| result.measured.is_none()).count();
        if diverged > 0 {
            let _ = writeln!(
                text,
                "\n{diverged} runs diverged: their losses or scores became NaN. Means are over the other seeds, so \
                 they flatter a method with such runs."
            );
        }
        self.differences(text);
        self.knowledge(text);
        self.efforts(text);
        self.chosen(text);
    }

    pub(super) fn head(&self, text: &mut String) {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let _ = writeln!(
            text,
            "| method | {} |\n|---|{}",
            names.join(" | "),
            "---|".repeat(names.len())
        );
    }

    /// A row, if it has any cell.
    pub(super) fn row(&self, text: &mut String, name: &str, cell: impl Fn(&Column) -> Option<String>) {
        let cells: Vec<Option<String>> = self.columns.iter().map(|column| cell(column)).collect();
        if cells.iter().any(Option::is_some) {
            let cells: Vec<String> = cells
                .into_iter()
                .map(|cell| cell.unwrap_or_else(|| "–".into()))
                .collect();
            let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        }
    }

    /// Test mAP of a cell by seed, in the order of the results.
    fn maps(&self, method: &str, column: &str) -> Vec<f64> {
        self.of_cell(method, column).filter_map(CellResult::test_map).collect()
    }

    /// Our figure of a cell, with the number of seeds that diverged; `None` before any run.
    fn cell(&self, method: &str, column: &str) -> Option<String> {
        let maps = self.maps(method, column);
        let diverged = self.of_cell(method, column).count() - maps.len();
        match (Spread::of(&maps), diverged) {
            (None, 0) => None,
            (None, _) => Some("diverged".to_owned()),
            (Some(spread), 0) => Some(spread.percent(false)),
            (Some(spread), _) => Some(format!("{}, {diverged} diverged", spread.percent(false))),
        }
    }

    pub(super) fn of_cell(&self, method: &str, column: &str) -> impl Iterator<Item = &CellResult> {
        let (method, column) = (method.to_owned(), column.to_owned());
        self.results
            .iter()
            .filter(move |result| result.method == method && result.column == column)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::results::tests::result;
    use super::*;
    use crate::asset_reg::TableQuality;

    #[test]
    fn means_deviations_published_figures_and_paired_differences() {
        let mut plan: BenchmarkPlan = toml::from_str(
            r#"
            name = "T"
            seeds = [1, 2]
            average = { all = ["EM"] }
            [[dataset]]
            name = "D"
            path = "d"
            [[dataset]]
            name = "E"
            path = "e"
            columns = ["Target"]
            [[method]]
            name = "EM"
            [[column]]
            name = "Target"
            published = "COCO"
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
            CellResult {
                dataset: "E".into(),
                ..result("Target", 1, 0.3)
            },
        ];
        let text = markdown(&plan, &results);
        assert!(
            text.contains("| EM | 52.0 ± 2.8 (71.1) | 56.0 ± 5.7 (56.3) |"),
            "{text}"
        );
        assert!(text.contains("| average: all | 52.0 | 56.0 |"), "{text}");
        assert!(text.contains("| EM | +4.0 ± 8.5 (1/2) |"), "{text}");
        assert!(text.contains("| EM | 100 / 70 | 100 / 70 |"), "{text}");
        assert!(text.contains("## D\n\nChance is 7.1."), "{text}");
        // The other dataset has a table of its own, without the column that is not run on it.
        let other = &text[text.find("## E").unwrap()..];
        assert!(
            other.contains("| method | Target |\n|---|---|\n| EM | 30.0 (71.1) |"),
            "{other}"
        );
        assert!(!other.contains("+Geo"), "{other}");
        assert!(text.contains("| average of the paper | (68.4) | (52.2) |"), "{text}");
        assert!(text.contains("it holds others too"), "{text}");
        let head = "over 2 seeds, the published figure in brackets.";
        assert!(text.contains(head), "{text}");
        for column in &mut plan.columns {
            column.published = None;
        }
        assert!(!markdown(&plan, &results).contains("published"));

        // A seed that diverged is counted, and pairs with nothing; a cell of such seeds alone has no mean.
        let mut diverged = results.clone();
        for place in [0, 2, 3] {
            diverged[place].measured = None;
        }
        let text = markdown(&plan, &diverged);
        assert!(text.contains("| EM | 54.0, 1 diverged | diverged |"), "{text}");
        assert!(text.contains("3 runs diverged"), "{text}");
        assert!(!text.contains("(1/2)"), "{text}");
    }

    #[test]
    fn what_the_regulariser_s_table_knows_of_hidden_labels() {
        let plan: BenchmarkPlan = toml::from_str(
            r#"
            name = "T"
            seeds = [1, 2]
            [[dataset]]
            name = "D"
            path = "d"
            [[method]]
            name = "EM"
            [[column]]
            name = "Target"
            [[column]]
            name = "+R_P"
            "#,
        )
        .unwrap();
        let table = |auc, precision| TableQuality {
            auc,
            precision,
            prevalence: 0.081,
            entries: 9,
        };
        let mut results = [result("Target", 1, 0.5), result("+R_P", 1, 0.5), result("+R_P", 2, 0.5)];
        assert!(!markdown(&plan, &results).contains("table knows"));
        results[1].table = Some(table(Some(0.6), 0.2));
        results[2].table = Some(table(Some(0.62), 0.24));
        let text = markdown(&plan, &results);
        assert!(text.contains("| EM | – | 61.0 ± 1.4 / 22.0 ± 2.8 (8.1) |"), "{text}");
        results[1].table = Some(table(None, 0.2));
        results[2].measured = None;
        let text = markdown(&plan, &results);
        assert!(text.contains("| EM | – | – / 20.0 (8.1) |"), "{text}");
    }
}
