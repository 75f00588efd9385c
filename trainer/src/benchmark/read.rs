//! Checks that the names in a benchmark's file hold together.

use std::collections::BTreeSet;

use super::plan::{Names, Plan, folder_name};

impl Plan {
    /// Says what does not hold together, if anything.
    pub(super) fn check(&self) -> Result<(), String> {
        let datasets = names(&self.datasets, |dataset| &dataset.name);
        let methods = names(&self.methods, |method| &method.name);
        let columns = names(&self.columns, |column| &column.name);
        if [datasets.len(), methods.len(), columns.len(), self.seeds.len()].contains(&0) {
            return Err("needs at least one seed, one [[dataset]], one [[method]] and one [[column]]".into());
        }
        let mut seeds = BTreeSet::new();
        if let Some(twice) = self.seeds.iter().find(|&seed| !seeds.insert(seed)) {
            return Err(format!("seed {twice} stands twice, which would count one run as two"));
        }
        for (what, names) in [("dataset", &datasets), ("method", &methods), ("column", &columns)] {
            let mut folders = BTreeSet::new();
            if let Some(twice) = names.iter().find(|name| !folders.insert(folder_name(name))) {
                return Err(format!("{what} {twice:?} shares its folder's name with another one"));
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
        for contrast in &self.contrasts {
            for part in contrast.parts() {
                known("dataset", &datasets, &part.dataset)?;
                known("method", &methods, part.methods.iter().flatten())?;
                known("column", &columns, &part.column)?;
            }
            contrast.check(self)?;
        }
        self.check_controls()
    }

    /// A control takes the values of a column that has a search of its own, wherever it is run.
    fn check_controls(&self) -> Result<(), String> {
        let controls: BTreeSet<&str> = self
            .columns
            .iter()
            .filter(|column| column.tuned_as.is_some())
            .map(|column| column.name.as_str())
            .collect();
        let mut sources = self.columns.iter().filter_map(|column| column.tuned_as.as_deref());
        if let Some(source) = sources.find(|source| controls.contains(source)) {
            return Err(format!(
                "column {source:?} is tuned as another one, so none can be tuned as it"
            ));
        }
        if self.search.is_none() {
            return Ok(());
        }
        let run: BTreeSet<Names<'_>> = self.cells().map(|cell| cell.names()).collect();
        match self.cells().find(|cell| !run.contains(&cell.tuned_as())) {
            Some(cell) => {
                let [dataset, method, source] = cell.tuned_as();
                Err(format!(
                    "column {:?} takes over the values of column {source:?}, in which {method} is not run on {dataset}; run it there too, or leave the control out",
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

/// Refuses a name that nothing has.
fn known<'n>(what: &str, there: &[&str], named: impl IntoIterator<Item = &'n String>) -> Result<(), String> {
    let mut named = named.into_iter();
    match named.find(|name| !there.contains(&name.as_str())) {
        Some(unknown) => Err(format!("there is no {what} {unknown:?}, only {there:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

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
        toml::from_str::<Plan>(FILE).unwrap().check().unwrap();
    }

    #[test]
    fn names_that_do_not_hold_together_are_refused() {
        for (from, to, said) in [
            (
                r#"against = ["Target"]"#,
                r#"against = ["Nowhere"]"#,
                "column \"Nowhere\"",
            ),
            (r#"["Target", "+R_P","#, r#"["Nowhere", "+R_P","#, "column \"Nowhere\""),
            (r#"name = "EM""#, r#"name = "bce an""#, "bce an"),
            ("seeds = [1, 2]", "seeds = []", "at least one seed"),
            ("seeds = [1, 2]", "seeds = [1, 2, 1]", "seed 1 stands twice"),
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
            let plan: Plan = toml::from_str(&FILE.replacen(from, to, 1)).unwrap();
            let reason = plan.check().unwrap_err();
            assert!(reason.contains(said), "{reason}");
        }
    }
}
