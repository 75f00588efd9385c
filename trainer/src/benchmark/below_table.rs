//! Makes what goes below a table of results: differences seed by seed, what the regulariser's tables know, rows and
//! steps, values chosen by the search.

use std::fmt::Write;

use super::questions::Measure;
use super::spread::Spread;
use super::table::Table;

impl Table<'_> {
    /// Each column minus those it is compared with, seed by seed: runs of a seed share data order and initial weights,
    /// so their noise cancels.
    pub(super) fn differences(&self, text: &mut String) {
        let pairs: Vec<(&str, &str)> = self
            .columns
            .iter()
            .flat_map(|column| {
                let others = column.against.iter().filter(|other| self.dataset.has(other));
                others.map(|other| (column.name.as_str(), other.as_str()))
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
            "\n### Differences, paired by seed\n\nPercentage points: mean ± standard deviation, and in how many of \
             the seeds it is above 0.\n\n\
             | method | {} |\n|---|{}",
            heads.join(" | "),
            "---|".repeat(heads.len())
        );
        for method in &self.plan.methods {
            let cells = pairs.iter().map(|(column, other)| {
                let gains: Vec<f64> = self
                    .of_cell(&method.name, column)
                    .filter_map(|result| {
                        let before = self
                            .of_cell(&method.name, other)
                            .find(|before| before.seed == result.seed)?;
                        Some(result.test_map()? - before.test_map()?)
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

    /// What the regulariser's tables know of labels that training was not shown, where that was measured.
    pub(super) fn knowledge(&self, text: &mut String) {
        if self.results.iter().all(|result| result.table.is_none()) {
            return;
        }
        let _ = writeln!(
            text,
            "\n### What the regulariser's table knows\n\nOf hidden labels, in percent: its AUC, which guessing has at \
             50, / its precision, and in brackets that of guessing.\n"
        );
        self.head(text);
        for method in &self.plan.methods {
            self.row(text, &method.name, |column| {
                let of_cell = || self.of_cell(&method.name, &column.name);
                let [auc, precision] = [Measure::TableAuc, Measure::TablePrecision].map(|measure| {
                    let values = of_cell().filter_map(|run| run.value(measure));
                    Spread::of(&values.collect::<Vec<_>>()).map(|spread| spread.percent(false))
                });
                let guessing = 100.0 * of_cell().find_map(|run| run.table)?.prevalence;
                let auc = auc.unwrap_or_else(|| "–".into());
                Some(format!("{auc} / {} ({guessing:.1})", precision?))
            });
        }
    }

    /// Rows and steps of every cell: a mode also changes how much is trained on.
    pub(super) fn efforts(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "\n### Rows and steps\n\nTraining rows in an epoch / steps of the whole run.\n"
        );
        self.head(text);
        for method in &self.plan.methods {
            self.row(text, &method.name, |column| {
                let result = self.of_cell(&method.name, &column.name).next()?;
                Some(format!("{} / {}", result.rows, result.steps))
            });
        }
    }

    /// The values chosen by the search.
    pub(super) fn chosen(&self, text: &mut String) {
        let Some(search) = &self.plan.search else { return };
        let rows = self.plan.methods.iter().flat_map(|method| {
            self.columns.iter().filter_map(|column| {
                let mut results = self.of_cell(&method.name, &column.name);
                let result = results.find(|result| !result.chosen.is_empty())?;
                Some(format!("| {} | {} | {} |", method.name, column.name, result.chosen))
            })
        });
        let rows: Vec<String> = rows.collect();
        if !rows.is_empty() {
            let _ = writeln!(
                text,
                "\n### Chosen on val\n\nOf {} trials each.\n\n| method | column | chosen |\n|---|---|---|\n{}",
                search.trials,
                rows.join("\n")
            );
        }
    }
}
