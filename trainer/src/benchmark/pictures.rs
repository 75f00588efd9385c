//! Draws the results of a benchmark: its contrasts as a forest plot, and every seed of its cells.

use super::contrast::{Comparison, comparisons, primaries};
use super::plan::BenchmarkPlan;
use super::questions::Measure;
use super::results::CellResult;
use super::spread::{Spread, level_percent, signed};
use crate::chart::{Group, Key, Mark, Row, RowChart, rows_svg};

/// The contrasts as an SVG file, a chart for each measure: the mean difference on each dataset with the interval that
/// it is read by. `None` if the plan has none.
#[must_use]
pub fn contrasts_svg(plan: &BenchmarkPlan, results: &[CellResult]) -> Option<String> {
    let comparisons = comparisons(plan, results);
    let measures = [Measure::Map, Measure::TableAuc, Measure::TablePrecision];
    let charts = measures.into_iter().filter_map(|measure| {
        let contrasts = comparisons.chunk_by(Comparison::same_contrast);
        let of_measure = contrasts.filter_map(|of_one| {
            let contrast = of_one.first()?.contrast;
            (contrast.measure == measure).then(|| Group {
                name: contrast.name.clone(),
                strong: contrast.primary,
                band: contrast.equivalence.map(|points| [-points, points]),
                rows: of_one.iter().map(row).collect(),
            })
        });
        let groups: Vec<Group> = of_measure.collect();
        (!groups.is_empty()).then(|| RowChart {
            heading: format!("Differences of {}, paired by seed", measure.name()),
            across: "percentage points".to_owned(),
            zero: true,
            legend: legend(plan, &groups),
            groups,
        })
    });
    let charts: Vec<RowChart> = charts.collect();
    (!charts.is_empty()).then(|| rows_svg(&charts))
}

fn row(comparison: &Comparison<'_>) -> Row {
    let spread = comparison.spread();
    let interval = spread.and_then(|spread| spread.interval(comparison.level));
    let ends = interval.map(|[low, high]| format!(" [{}, {}]", signed(low), signed(high)));
    Row {
        name: comparison.place().to_owned(),
        mark: if comparison.contrast.primary {
            Mark::Filled
        } else {
            Mark::Empty
        },
        points: percent(&comparison.differences),
        interval: interval.map(|ends| ends.map(|end| 100.0 * end)),
        figure: spread.map_or_else(|| "–".to_owned(), |spread| signed(spread.mean)) + &ends.unwrap_or_default(),
    }
}

fn legend(plan: &BenchmarkPlan, groups: &[Group]) -> Vec<(Key, String)> {
    let any = |strong| groups.iter().any(|group| group.strong == strong);
    let (_, level) = primaries(plan);
    let primary = any(true).then(|| {
        (
            Key::Row(Mark::Filled),
            format!("primary, interval at {}", level_percent(level)),
        )
    });
    let other = any(false).then(|| {
        (
            Key::Row(Mark::Empty),
            format!("description, at {}", level_percent(plan.level)),
        )
    });
    let band = groups.iter().any(|group| group.band.is_some());
    let band = band.then(|| (Key::Band, "counts as no difference".to_owned()));
    primary.into_iter().chain(other).chain(band).collect()
}

/// The test mAP of every seed and cell that has been run, as an SVG file with a chart for each dataset.
#[must_use]
pub fn cells_svg(plan: &BenchmarkPlan, results: &[CellResult]) -> String {
    let charts = plan.datasets.iter().map(|dataset| {
        let on_it = || results.iter().filter(|result| result.dataset == dataset.name);
        let groups = plan.methods.iter().map(|method| {
            let cells = plan.cells().filter(|cell| {
                let [of_dataset, of_method, _] = cell.names();
                (of_dataset, of_method) == (&dataset.name, &method.name)
            });
            let rows = cells.filter_map(|cell| {
                let runs: Vec<&CellResult> = on_it().filter(|result| result.names() == cell.names()).collect();
                (!runs.is_empty()).then(|| cell_row(&cell.column.name, &runs))
            });
            Group {
                name: method.name.clone(),
                strong: true,
                band: None,
                rows: rows.collect(),
            }
        });
        let chance = on_it().find_map(|result| result.measured);
        let chance = chance.map(|measured| format!(" (chance {:.1})", 100.0 * measured.chance));
        RowChart {
            heading: dataset.name.clone() + &chance.unwrap_or_default(),
            across: "test mAP, %".to_owned(),
            zero: false,
            legend: vec![(Key::Row(Mark::Points), "every seed, and their mean".to_owned())],
            groups: groups.filter(|group| !group.rows.is_empty()).collect(),
        }
    });
    let charts: Vec<RowChart> = charts.filter(|chart| !chart.groups.is_empty()).collect();
    rows_svg(&charts)
}

fn cell_row(column: &str, runs: &[&CellResult]) -> Row {
    let maps: Vec<f64> = runs.iter().filter_map(|run| run.test_map()).collect();
    let diverged = runs.len() - maps.len();
    let spread = Spread::of(&maps).map(|spread| spread.percent(false));
    let diverged = (diverged > 0).then(|| format!("{diverged} diverged"));
    let figure: Vec<String> = spread.into_iter().chain(diverged).collect();
    Row {
        name: column.to_owned(),
        mark: Mark::Points,
        points: percent(&maps),
        interval: None,
        figure: figure.join(", "),
    }
}

fn percent(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| 100.0 * value).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::results::tests::result;
    use super::*;
    use crate::asset_reg::TableQuality;

    const PLAN: &str = r#"
        name = "T"
        seeds = [1, 2, 3]
        [[dataset]]
        name = "far & near"
        path = "far"
        [[dataset]]
        name = "empty"
        path = "empty"
        [[method]]
        name = "EM"
        [[method]]
        name = "Other"
        [[column]]
        name = "Plain"
        [[column]]
        name = "+R_P"
        [[contrast]]
        name = "R_P against none"
        of = { column = "+R_P" }
        against = { column = "Plain" }
        at = { methods = ["EM"] }
        primary = true
        equivalence = 1.5
        [[contrast]]
        name = "R_P's table"
        of = { column = "+R_P" }
        against = { column = "Plain" }
        at = { dataset = "far & near", methods = ["EM"] }
        measure = "table_auc"
    "#;

    fn results() -> Vec<CellResult> {
        let cells = [("Plain", [0.50, 0.52, 0.54], 0.5), ("+R_P", [0.53, 0.55, 0.56], 0.7)];
        let runs = cells.into_iter().flat_map(|(column, maps, auc)| {
            (1..).zip(maps).map(move |(seed, map)| CellResult {
                dataset: "far & near".into(),
                table: Some(TableQuality {
                    auc: Some(auc + 0.01 * seed as f64),
                    precision: 0.2,
                    prevalence: 0.1,
                    entries: 9,
                }),
                ..result(column, seed, map)
            })
        });
        runs.collect()
    }

    #[test]
    fn a_forest_plot_of_every_measure() {
        let mut plan: BenchmarkPlan = toml::from_str(PLAN).unwrap();
        let svg = contrasts_svg(&plan, &results()).unwrap();
        // Two primary readings: 97.5 %. +3, +3 and +2: mean 2.67, deviation .577, half 6.205 * .333.
        for part in [
            "Differences of test mAP, paired by seed",
            "Differences of table AUC, paired by seed",
            "primary, interval at 97.5 %",
            "description, at 95 %",
            "counts as no difference",
            "<text class=\"strong\" x=\"18.0\" y=\"98.5\">R_P against none</text>",
            ">far &amp; near</text>",
            ">+2.7 [+0.6, +4.7]</text>",
            ">empty</text>",
            ">–</text>",
            ">+20.0 [+20.0, +20.0]</text>",
        ] {
            assert!(svg.contains(part), "{part}\n{svg}");
        }
        // Points and interval are in the units of the axis.
        let row = comparisons(&plan, &results()).first().map(row).unwrap();
        let drawn = [row.points, row.interval.unwrap().to_vec()].concat();
        let wanted = [3.0, 3.0, 2.0, 0.598, 4.735];
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-3;
        assert!(drawn.len() == 5 && drawn.iter().zip(&wanted).all(near), "{drawn:?}");
        // The primary one with its entry in the legend, the other with its own.
        assert_eq!(svg.matches("fill=\"#0072b2\"").count(), 2, "{svg}");
        assert_eq!(svg.matches("class=\"edged\"").count(), 2, "{svg}");
        plan.contrasts.clear();
        assert!(contrasts_svg(&plan, &results()).is_none());
    }

    #[test]
    fn every_seed_of_every_cell_that_was_run() {
        let plan: BenchmarkPlan = toml::from_str(PLAN).unwrap();
        let mut all = results();
        all[1].measured = None;
        let svg = cells_svg(&plan, &all);
        for part in [
            ">far &amp; near (chance 7.1)</text>",
            ">EM</text>",
            ">Plain</text>",
            ">52.0 ± 2.8, 1 diverged</text>",
            ">54.7 ± 1.5</text>",
        ] {
            assert!(svg.contains(part), "{part}\n{svg}");
        }
        // Five runs, and three in the legend.
        assert_eq!(svg.matches("<circle").count(), 5 + 3, "{svg}");
        assert!(!svg.contains("Other") && !svg.contains("empty"), "{svg}");
        let none = cells_svg(&plan, &[]);
        assert!(!none.contains("NaN") && none.ends_with("</svg>\n"), "{none}");
    }
}
