//! Reads a benchmark's file, and checks that its names hold together and its cells' settings make sense.

use std::collections::BTreeSet;
use std::path::Path;

use super::contrast;
use super::plan::{BenchmarkPlan, CellNames, folder_name};
use crate::error::{Error, Result};
use shardfmt::Operation;

impl BenchmarkPlan {
    /// Reads a benchmark's file and checks that its names hold together and every cell's settings make sense.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Setting`] naming the fault.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::io(path, Operation::Read, cause))?;
        let invalid = |reason: String| Error::setting(path.display().to_string(), reason);
        let mut plan: Self = toml::from_str(&text).map_err(|cause| invalid(cause.to_string()))?;
        plan.check().map_err(invalid)?;
        for dataset in &mut plan.datasets {
            dataset.path = path.parent().unwrap_or(Path::new("")).join(&dataset.path);
        }
        for cell in plan.cells() {
            let config = plan.config(cell, &[])?;
            config.validate()?;
            if !config.measure_test {
                return Err(invalid(
                    "measure_test: must stay true, since the tables are of test mAP".into(),
                ));
            }
        }
        Ok(plan)
    }

    /// Returns the first inconsistency as an error.
    fn check(&self) -> std::result::Result<(), String> {
        let datasets = names(&self.datasets, |dataset| &dataset.name);
        let methods = names(&self.methods, |method| &method.name);
        let columns = names(&self.columns, |column| &column.name);
        if [datasets.len(), methods.len(), columns.len(), self.seeds.len()].contains(&0) {
            return Err("needs at least one seed, one [[dataset]], one [[method]] and one [[column]]".into());
        }
        let mut seeds = BTreeSet::new();
        if let Some(twice) = self.seeds.iter().find(|&seed| !seeds.insert(seed)) {
            return Err(format!("duplicate seed {twice}: one run would count as two"));
        }
        for (what, names) in [("dataset", &datasets), ("method", &methods), ("column", &columns)] {
            let mut folders = BTreeSet::new();
            if let Some(twice) = names.iter().find(|name| !folders.insert(folder_name(name))) {
                return Err(format!("{what} {twice:?} has the same folder name as another"));
            }
        }
        let lists = self.methods.iter().map(|method| &method.columns);
        let lists = lists.chain(self.datasets.iter().map(|dataset| &dataset.columns));
        for list in lists.flatten() {
            known("column", &columns, list)?;
        }
        for column in &self.columns {
            known("column", &columns, column.against.iter().chain(&column.tuned_as))?;
        }
        for list in self.average.values() {
            known("method", &methods, list)?;
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(format!("level {} must be above 0 and below 1", self.level));
        }
        for contrast in &self.contrasts {
            for part in contrast.parts() {
                known("dataset", &datasets, &part.dataset)?;
                known("method", &methods, part.methods.iter().flatten())?;
                known("column", &columns, &part.column)?;
            }
            contrast::check(contrast, self)?;
        }
        self.check_controls()
    }

    /// A control takes the values of a column that has a search of its own, wherever it is run.
    fn check_controls(&self) -> std::result::Result<(), String> {
        let controls: BTreeSet<&str> = self
            .columns
            .iter()
            .filter(|column| column.tuned_as.is_some())
            .map(|column| column.name.as_str())
            .collect();
        let mut sources = self.columns.iter().filter_map(|column| column.tuned_as.as_deref());
        if let Some(source) = sources.find(|source| controls.contains(source)) {
            return Err(format!(
                "column {source:?} is itself tuned as another, so no column can be tuned as it"
            ));
        }
        if self.search.is_none() {
            return Ok(());
        }
        let run: BTreeSet<CellNames<'_>> = self.cells().map(|cell| cell.names()).collect();
        match self.cells().find(|cell| !run.contains(&cell.tuned_as())) {
            Some(cell) => {
                let [dataset, method, source] = cell.tuned_as();
                Err(format!(
                    "column {:?} takes its values from column {source:?}, in which {method} is not run on {dataset}; \
                     run it there too, or leave the \
                     control out",
                    cell.column.name
                ))
            }
            None => Ok(()),
        }
    }
}

fn names<T>(entries: &[T], name: fn(&T) -> &String) -> Vec<&str> {
    entries.iter().map(|entry| name(entry).as_str()).collect()
}

/// Refuses an unknown name.
fn known<'n>(
    what: &str,
    there: &[&str],
    named: impl IntoIterator<Item = &'n String>,
) -> std::result::Result<(), String> {
    let mut named = named.into_iter();
    match named.find(|name| !there.contains(&name.as_str())) {
        Some(unknown) => Err(format!("unknown {what} {unknown:?}; known: {there:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::asset_reg::Control;
    use crate::config::{Config, OptimiserName};
    use crate::model::{Arch, Precision};
    use crate::prior_logits::{AddedAt, PriorSource};
    use loader::{Mode, Rows, SinglePositive};

    const FILE: &str = r#"
        name = "t"
        seeds = [1, 2]
        [[dataset]]
        name = "X"
        path = "x"
        columns = ["Target", "+R_P", "frozen"]
        [[method]]
        name = "BCE-AN"
        [[method]]
        name = "EM"
        [[column]]
        name = "Target"
        [[column]]
        name = "+R_P"
        against = ["Target"]
        [[column]]
        name = "frozen"
        tuned_as = "+R_P"
        [search]
        trials = 1
        seed = 1
        [[contrast]]
        name = "EM against BCE-AN"
        of = { methods = ["EM"] }
        against = { methods = ["BCE-AN"] }
        at = { column = "Target" }
    "#;

    #[test]
    fn names_that_hold_together() {
        toml::from_str::<BenchmarkPlan>(FILE).unwrap().check().unwrap();
    }

    #[test]
    fn names_that_do_not_hold_together_are_refused() {
        for (from, to, part) in [
            (
                r#"against = ["Target"]"#,
                r#"against = ["Nowhere"]"#,
                "column \"Nowhere\"",
            ),
            (r#"["Target", "+R_P","#, r#"["Nowhere", "+R_P","#, "column \"Nowhere\""),
            (r#"name = "EM""#, r#"name = "bce an""#, "bce an"),
            ("seeds = [1, 2]", "seeds = []", "at least one seed"),
            ("seeds = [1, 2]", "seeds = [1, 2]\nlevel = 1.0", "level 1 must be"),
            ("seeds = [1, 2]", "seeds = [1, 2]\nlevel = nan", "level NaN must be"),
            (
                r#"at = { column = "Target" }"#,
                "at = { column = \"Target\" }\nequivalence = 0.0",
                "an equivalence of 0 points",
            ),
            (
                r#"at = { column = "Target" }"#,
                "at = { column = \"Target\" }\nmeasure = \"table_auc\"",
                "the table AUC, but EM in column Target has no asset_reg",
            ),
            ("seeds = [1, 2]", "seeds = [1, 2, 1]", "duplicate seed 1"),
            (r#""+R_P", "frozen""#, r#""frozen""#, "in which BCE-AN is not run on X"),
            (r#"tuned_as = "+R_P""#, r#"tuned_as = "frozen""#, "tuned as another"),
            (
                r#"of = { methods = ["EM"] }"#,
                r#"of = { methods = ["ME"] }"#,
                "method \"ME\"",
            ),
            (r#"of = { methods = ["EM"] }"#, "of = { }", "no method"),
            (r#"of = { methods = ["EM"] }"#, "of = { methods = [] }", "no method"),
            (
                r#"at = { column = "Target" }"#,
                r#"at = { column = "Target", dataset = "Y" }"#,
                "dataset \"Y\"",
            ),
            (r#"["Target", "+R_P", "frozen"]"#, r#"["+R_P", "frozen"]"#, "not run"),
            (
                r#"of = { methods = ["EM"] }"#,
                r#"of = { methods = ["EM"], column = "Target" }"#,
                "twice",
            ),
        ] {
            assert!(FILE.contains(from), "{from}");
            let plan: BenchmarkPlan = toml::from_str(&FILE.replacen(from, to, 1)).unwrap();
            let reason = plan.check().unwrap_err();
            assert!(reason.contains(part), "{reason}");
        }
    }

    #[test]
    fn shipped_plans_hold_together() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests");
        for (file, cells) in [
            ("benchmark-l48.toml", 4 + 2 * 6 + 6 * 8),
            ("benchmark-coco.toml", 3 + 6 * 3),
            ("benchmark-demo.toml", 2 * (3 * 4 + 6 * 6)),
            ("benchmark-demo-coco.toml", 2 * (3 + 6 * 3)),
            ("table-demo.toml", 2 * (1 + 4 + 2 + 3)),
            ("table-demo-coco.toml", 2 * (2 + 2 + 3)),
        ] {
            let plan = BenchmarkPlan::read(&folder.join(file)).unwrap();
            assert_eq!(plan.cells().count(), cells, "{file}");
            for cell in plan.cells() {
                let (method, column) = (cell.method.name.as_str(), cell.column.name.as_str());
                let config = plan.config(cell, &[]).unwrap();
                assert_eq!(
                    settings_of(&config),
                    settings_by_name(file, method, column),
                    "{file}: {method}, {column}"
                );
            }
            assert!(
                plan.datasets.iter().all(|dataset| dataset.path.starts_with(&folder)),
                "{file}"
            );
        }
    }

    #[test]
    fn the_plan_of_priors_adds_them_to_logits_in_four_of_six_columns() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/benchmark-priors.toml");
        let plan = BenchmarkPlan::read(&path).unwrap();
        let added = plan.cells().map(|cell| {
            let config = plan.config(cell, &[]).unwrap();
            config.validate().unwrap();
            let known = config.loss.negatives_target;
            config.prior_logits.map(|prior| (prior.from, prior.at)).ok_or(known)
        });
        let added: Vec<_> = added.collect();
        let checklist = |at| Ok((PriorSource::Checklist, at));
        let of_method = [
            Err(None),
            Err(Some(0.1)),
            Ok((PriorSource::Geo, AddedAt::Test)),
            checklist(AddedAt::Test),
            checklist(AddedAt::Train),
            checklist(AddedAt::Both),
        ];
        assert_eq!(added, [of_method, of_method].concat());
    }

    /// The training of a cell: its network and optimiser, mode and rows, method, and regulariser.
    type Trained = (
        (Arch, Option<Precision>, OptimiserName, f64, u32, usize),
        (Mode, Rows, String),
        Option<(f64, f64, Control)>,
    );

    fn settings_of(config: &Config) -> Trained {
        let optimiser = &config.optimiser;
        let asset_reg = config.asset_reg.as_ref();
        (
            (
                config.model.arch,
                config.model.precision,
                optimiser.name,
                optimiser.lr,
                config.epochs,
                config.batch,
            ),
            (config.mode, config.rows, config.loss.name.clone()),
            asset_reg.map(|asset_reg| (asset_reg.alpha, asset_reg.eps, asset_reg.control)),
        )
    }

    /// The settings that the names of a cell imply.
    fn settings_by_name(file: &str, method: &str, column: &str) -> Trained {
        let synthetic = file.contains("demo");
        let (arch, precision, lr, epochs, eps) = if synthetic {
            (Arch::Tiny, None, 3e-3, 8, 0.01)
        } else {
            // As published.
            (Arch::Resnet50, Some(Precision::F32), 1e-4, 10, 1e-3)
        };
        let (prior, same_rows) = match column.split_once(", ") {
            Some((prior, "same rows")) => (prior, true),
            _ => (column, synthetic && column.starts_with("+") && !column.contains("R_P")),
        };
        let mode = match (method, prior) {
            ("BCE-Full", _) => Mode::Full,
            (_, "+Geo") => Mode::Geo,
            (_, "+Checklist") => Mode::Checklist,
            _ => Mode::Target,
        };
        let rows = if same_rows { Rows::Common } else { Rows::Own };
        let loss = match method {
            "BCE-Full" | "BCE-AN" => "an".to_owned(),
            other => other.to_ascii_lowercase(),
        };
        let control = match column {
            "+R_P" => Some(Control::None),
            "+R_P frozen" => Some(Control::Frozen),
            "+R_P shuffled" => Some(Control::Shuffled),
            _ => None,
        };
        (
            (arch, precision, OptimiserName::Adam, lr, epochs, 16),
            (mode, rows, loss),
            control.map(|control| (0.1, eps, control)),
        )
    }

    /// Every setting that the study names is one there is, with a value in its range.
    #[test]
    fn plans_of_the_study_hold_together() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests");
        for (file, cells) in [
            ("study-tuning.toml", 28),
            ("study-recipes.toml", 12),
            ("study-ab.toml", 22),
            ("study-c.toml", 12),
            ("study-d.toml", 16),
            ("study-full-ab.toml", 476),
            ("study-full-c.toml", 240),
            ("study-l48.toml", 15),
            ("study-powdermill.toml", 13),
        ] {
            let plan = BenchmarkPlan::read(&folder.join(file)).unwrap();
            assert_eq!(plan.cells().count(), cells, "{file}");
            for cell in plan.cells() {
                let config = plan.config(cell, &[]).unwrap();
                config.validate().unwrap();
                let drawn = config.single_positive == SinglePositive::Uniform;
                assert_eq!(drawn, file == "study-powdermill.toml", "{file}");
            }
        }
    }

    #[test]
    fn shipped_searches_hold_together() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests");
        for file in ["benchmark-l48.toml", "benchmark-coco.toml"] {
            let plan = BenchmarkPlan::read(&folder.join(file)).unwrap();
            for cell in plan.cells() {
                let tried = super::super::search::trials(&plan, cell).unwrap();
                assert_eq!(tried.len(), 6, "{file}");
                for point in tried {
                    plan.config(cell, &point).unwrap().validate().unwrap();
                }
            }
        }
    }
}
