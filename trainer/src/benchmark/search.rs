//! Chooses which points of a grid a method is tried at: the same number for every method.

use std::collections::BTreeMap;

use loader::Mode;
use loader::random::{Purpose, keyed, shuffle_forward};

use super::plan::{BenchmarkPlan, Cell};
use crate::error::{Error, Result};

/// Settings with the values of one trial.
pub type Point = Vec<(String, toml::Value)>;

/// The trials of a cell: `trials` different points of the product of its grids, in no order that a method could gain
/// from. Settings that change nothing in the cell are not part of it, or several trials would be one and the same run.
///
/// # Errors
/// [`Error::Setting`] if its grid has fewer points, since every method gets the same number.
pub fn trials(plan: &BenchmarkPlan, cell: Cell<'_>) -> Result<Vec<Point>> {
    let Some(search) = &plan.search else {
        return Ok(Vec::new());
    };
    let config = plan.config(cell, &[])?;
    let mut grid: BTreeMap<&str, &[toml::Value]> = BTreeMap::new();
    for (key, values) in search.grid.iter().chain(&cell.method.grid) {
        let acts = match key.as_str() {
            // The weights of known negatives; mode target shows none.
            "loss.a" | "loss.b" | "loss.negatives_target" => config.mode != Mode::Target,
            other => config.asset_reg.is_some() || !other.starts_with("asset_reg."),
        };
        if acts {
            grid.insert(key, values);
        }
    }
    let points: usize = grid.values().map(|values| values.len()).product();
    if points < search.trials {
        let setting = format!("grid of {} in column {}", cell.method.name, cell.column.name);
        let reason = format!(
            "has {points} points, fewer than the {} trials every method gets",
            search.trials
        );
        return Err(Error::setting(setting, reason));
    }
    let mut random = keyed(search.seed, Purpose::GridPoints, &[]);
    let mut numbers: Vec<usize> = (0..points).collect();
    shuffle_forward(&mut random, &mut numbers);
    Ok(numbers
        .into_iter()
        .take(search.trials)
        .map(|number| point(&grid, number))
        .collect())
}

/// Point `number` of the product, the last key changing fastest.
fn point(grid: &BTreeMap<&str, &[toml::Value]>, number: usize) -> Point {
    let mut rest = number;
    let mut point: Point = Vec::with_capacity(grid.len());
    for (key, values) in grid.iter().rev() {
        // No list is empty, or the product had no points.
        point.extend(
            values
                .get(rest % values.len())
                .map(|value| ((*key).to_owned(), value.clone())),
        );
        rest /= values.len();
    }
    point.reverse();
    point
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use super::*;

    fn plan(trials: usize) -> BenchmarkPlan {
        let text = format!(
            r#"
            name = "t"
            seeds = [1]
            [[dataset]]
            name = "D"
            path = "d"
            [[method]]
            name = "A"
            grid = {{ "loss.a" = [0.5, 1.0], "asset_reg.alpha" = [0.1, 0.3] }}
            [[column]]
            name = "Target"
            [[column]]
            name = "+R_P"
            settings = {{ asset_reg = {{ alpha = 0.3 }} }}
            [[column]]
            name = "+Geo"
            settings = {{ mode = "geo" }}
            [search]
            trials = {trials}
            seed = 1
            grid = {{ "optimiser.lr" = [0.1, 0.01, 0.001] }}
            "#
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn trials_differ_and_stay_within_the_cell_s_grid() {
        let plan = plan(3);
        let keys: [&[&str]; 3] = [
            &["optimiser.lr"],
            &["asset_reg.alpha", "optimiser.lr"],
            &["loss.a", "optimiser.lr"],
        ];
        for (cell, keys) in plan.cells().zip(keys) {
            let trials = trials(&plan, cell).unwrap();
            let different: BTreeSet<String> = trials.iter().map(|point| format!("{point:?}")).collect();
            assert_eq!(different.len(), 3);
            for point in trials {
                let tried: Vec<&str> = point.iter().map(|(key, _)| key.as_str()).collect();
                assert_eq!(tried, keys);
            }
        }
    }

    #[test]
    fn a_grid_too_small_is_refused() {
        let plan = plan(4);
        let cell = plan.cells().next().unwrap();
        assert!(trials(&plan, cell).unwrap_err().to_string().contains("3 points"));
    }
}
