//! Shows what a run's folder tells: how it ended, its classes from worst to best, and its worst mistakes as pictures.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use shardfmt::{Dataset, Split};

use super::gallery;
use super::html::{Cell, Html, escape};
use super::mistakes;
use super::run::{ClassAp, PREDICTIONS, RunTables};
use super::{CLASSES_LISTED, left_out};
use crate::error::Result;

/// Classes whose mistakes are shown: those with the lowest average precision, and those with the highest.
const WORST: usize = 4;
const BEST: usize = 2;

/// Adds the section of `run`, which was trained on `dataset`.
///
/// # Errors
/// Predictions that are not the dataset's; a damaged dataset.
pub(super) fn show(page: &mut Html, dataset: &Dataset, run: &RunTables) -> Result<()> {
    page.section("run", "Run");
    let mut facts = run.outcome.clone();
    facts.push(("trained by", run.made_by()));
    page.facts(&facts);
    for (what, svg) in &run.drawings {
        page.heading(what);
        page.raw(&format!(
            "<div class=\"drawing\"><img alt=\"{}\" src=\"data:image/svg+xml;base64,{}\"></div>\n",
            escape(what),
            STANDARD.encode(svg)
        ));
    }
    if let Some(config) = &run.config {
        page.details("All settings", config);
    }
    if let Some(split) = run.measured() {
        classes(page, dataset, run, split);
        pictures(page, dataset, run, split)?;
    }
    Ok(())
}

/// The rows of a split whose class occurs in it, by average precision, the lowest first.
fn measured(run: &RunTables, split: Split) -> Vec<&ClassAp> {
    let occurring = run
        .per_class
        .iter()
        .filter(|row| row.split == split && row.positives > 0);
    let mut rows: Vec<&ClassAp> = occurring.collect();
    rows.sort_by(|a, b| a.ap.total_cmp(&b.ap));
    rows
}

fn name(dataset: &Dataset, code: &str) -> String {
    dataset
        .taxa()
        .index(code)
        .map_or_else(String::new, |class| gallery::name(dataset.taxa(), class))
}

fn classes(page: &mut Html, dataset: &Dataset, run: &RunTables, split: Split) {
    page.heading(&format!("Classes on {split}, the worst first"));
    let measured = measured(run, split);
    let rows = measured.iter().take(CLASSES_LISTED).map(|row| {
        vec![
            Cell::Text(row.species_code.clone()),
            Cell::Text(name(dataset, &row.species_code)),
            Cell::percent(row.ap),
            Cell::percent(f64::from(row.positives) / f64::from(row.clips.max(1))),
            Cell::count(u64::from(row.positives)),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let headings = ["code", "name", "average precision", "chance", "clips with it"];
    page.table("Classes that occur in the clips evaluated.", &headings, &rows);
    left_out(page, measured.len(), rows.len(), "classes");
}

fn pictures(page: &mut Html, dataset: &Dataset, run: &RunTables, split: Split) -> Result<()> {
    page.heading("Mistakes");
    let Some(predictions) = run.predictions() else {
        page.paragraph(&format!(
            "For pictures of mistakes, write the scores of all clips with `l48-train predict RUN DATASET --out \
             RUN/{PREDICTIONS}`, and the report again."
        ));
        return Ok(());
    };
    let rows = measured(run, split);
    let worst = rows.iter().take(WORST);
    let best = rows.iter().rev().take(BEST.min(rows.len().saturating_sub(WORST)));
    let chosen: Vec<&ClassAp> = worst.chain(best).copied().collect();
    let classes: Vec<u32> = chosen
        .iter()
        .filter_map(|row| dataset.taxa().index(&row.species_code))
        .collect();
    for (class, of_class) in chosen
        .iter()
        .zip(mistakes::find(dataset, &predictions, &classes, split)?)
    {
        page.raw(&format!(
            "<h4>{}: average precision {:.1} %</h4>\n",
            escape(&name(dataset, &class.species_code)),
            100.0 * class.ap
        ));
        let shots = of_class
            .false_positives
            .into_iter()
            .chain(of_class.missed)
            .map(|(_, shot)| shot);
        gallery::show(page, dataset, &shots.collect::<Vec<_>>())?;
    }
    Ok(())
}
