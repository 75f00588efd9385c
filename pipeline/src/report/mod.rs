//! Makes one HTML page of a dataset, or of a run on it: counts, coverage of labels, what is odd, and pictures of clips.
//!
//! The page needs no network and no other file, and stays a few MB whatever the dataset's size: long tables end with
//! the number of rows left out, and pictures are few and small.

mod chart;
mod gallery;
mod html;
mod mistakes;
mod of_run;
mod picture;
mod run;
mod survey;

use std::path::Path;

use shardfmt::persist::write_atomic;
use shardfmt::{Dataset, RejectRow};

pub use run::{PREDICTIONS, RunTables};

use crate::error::Result;
use crate::stats::ClassStats;
use chart::Column;
use html::{Cell, Html};
use survey::{SPLITS, Survey};

/// Rows of a table of classes, those with the most clips first.
const CLASSES_LISTED: usize = 1000;
/// Rows of other tables.
const ROWS_LISTED: usize = 25;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Writes the report of `dataset`, and of the run on it if there is one, to `out`.
///
/// # Errors
/// A damaged dataset or run; [`Error::Dataset`](crate::Error::Dataset) if the page cannot be written.
pub fn write_report(dataset: &Dataset, run: Option<&RunTables>, out: &Path) -> Result<()> {
    let survey = Survey::of(dataset)?;
    let mut page = Html::default();
    let name = &dataset.head().name;
    let title = match run {
        Some(run) => format!("Run {} on {name}", run.name()),
        None => format!("Dataset {name}"),
    };
    page.raw(&format!("<h1>{}</h1>\n", html::escape(&title)));
    let of_run = run.map_or("", |_| "<a href=\"#run\">Run</a>");
    page.raw(&format!(
        "<nav aria-label=\"Sections\">{of_run}<a href=\"#splits\">Splits</a><a href=\"#classes\">Classes</a>\
         <a href=\"#sites\">Sites</a><a href=\"#times\">Times</a><a href=\"#faults\">Leaks, rejects, warnings</a>\
         <a href=\"#clips\">Clips</a></nav>\n"
    ));
    facts(&mut page, dataset);
    if let Some(run) = run {
        of_run::show(&mut page, dataset, run)?;
    }
    splits(&mut page, &survey);
    classes(&mut page, &survey.stats.classes);
    sites(&mut page, &survey);
    times(&mut page, &survey);
    faults(&mut page, &survey);
    page.section("clips", "Clips");
    page.paragraph(
        "A clip of each of the classes with the most clips, with a box of the class where there is one. Frames are \
         boxes; dashed ones are ignored.",
    );
    gallery::show(&mut page, dataset, &survey.gallery.into_shots(dataset.taxa()))?;
    page.raw(&format!(
        "<footer>Written by {}.</footer>\n",
        html::escape(crate::PROGRAM)
    ));
    write_atomic(out, page.into_page(&title).as_bytes())?;
    Ok(())
}

fn facts(page: &mut Html, dataset: &Dataset) {
    let (head, counts) = (dataset.head(), &dataset.info().counts);
    let axes = &head.axes;
    let image = match axes.is_photograph() {
        true => format!("{} x {} pixels", head.clips.width, head.clips.height),
        false => format!(
            "{} x {} pixels, {} s, {} to {} Hz",
            head.clips.width, head.clips.height, axes.clip_duration_s, axes.fmin_hz, axes.fmax_hz
        ),
    };
    page.facts(&[
        ("recordings", counts.assets.to_string()),
        ("clips", counts.clips.to_string()),
        ("classes", dataset.taxa().len().to_string()),
        ("recordings left out", counts.rejects.to_string()),
        ("image", image),
        ("built by", head.program.clone()),
        ("configuration", head.config_xxh3.to_string()),
    ]);
}

fn splits(page: &mut Html, survey: &Survey) {
    page.section("splits", "Splits");
    let rows = survey.stats.splits.iter().map(|split| {
        let share = |part: u64| Cell::percent(part as f64 / split.clips.max(1) as f64);
        vec![
            Cell::Text(split.split.clone()),
            Cell::count(split.assets),
            Cell::count(split.clips),
            Cell::Number(split.hours, format!("{:.2}", split.hours)),
            share(split.with_positive),
            share(split.with_label),
            share(split.fully_annotated),
            share(split.silent),
            Cell::Number(split.positives.mean, format!("{:.2}", split.positives.mean)),
        ]
    });
    let headings = [
        "split",
        "recordings",
        "clips",
        "hours",
        "with a positive",
        "with any label",
        "fully labelled",
        "silent",
        "positives a clip",
    ];
    page.table("Shares are of the split's clips.", &headings, &rows.collect::<Vec<_>>());
}

fn classes(page: &mut Html, classes: &[ClassStats]) {
    page.section("classes", "Classes");
    page.raw(
        "<p>Labels: <span class=\"key\" style=\"background:var(--train)\"></span>present\
         <span class=\"key\" style=\"background:var(--test)\"></span>absent\
         <span class=\"key\" style=\"background:var(--unknown)\"></span>unknown. A click on a heading sorts.</p>\n",
    );
    // Weak labels are made of what was heard.
    let has_heard = classes.iter().any(|class| class.heard > 0);
    let mut groups: Vec<&[ClassStats]> = classes.chunks(SPLITS.len()).collect();
    let present = |group: &[ClassStats]| group.iter().map(|class| class.present).sum::<u64>();
    groups.sort_by_key(|group| std::cmp::Reverse(present(group)));
    let (occurring, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| present(group) > 0);
    let rows = occurring
        .iter()
        .chain(&others)
        .take(CLASSES_LISTED)
        .filter_map(|group| {
            let first = group.first()?;
            let sum = |count: fn(&ClassStats) -> u64| group.iter().map(count).sum::<u64>();
            let labels = [
                (present(group), "present"),
                (sum(|c| c.absent), "absent"),
                (sum(|c| c.unknown), "unknown"),
            ];
            let mut row = vec![
                Cell::Text(first.species_code.clone()),
                Cell::Text(first.common_name.clone().unwrap_or_default()),
                Cell::count(sum(|class| class.assets)),
            ];
            row.extend(has_heard.then(|| Cell::count(sum(|class| class.heard))));
            row.extend(group.iter().map(|class| Cell::count(class.present)));
            row.extend(has_heard.then(|| Cell::count(sum(|class| class.weak))));
            row.extend(labels.iter().skip(1).map(|(count, _)| Cell::count(*count)));
            row.push(Cell::Bar(labels.to_vec()));
            Some(row)
        });
    let mut headings = vec!["code", "name", "recordings"];
    headings.extend(has_heard.then_some("heard somewhere"));
    headings.extend(["present in train", "in val", "in test"]);
    headings.extend(has_heard.then_some("weak"));
    headings.extend(["absent", "unknown", "coverage"]);
    let rows: Vec<_> = rows.collect();
    let caption = format!(
        "{} classes, {} of them with a clip.",
        occurring.len() + others.len(),
        occurring.len()
    );
    page.table(&caption, &headings, &rows);
    left_out(page, occurring.len() + others.len(), rows.len(), "classes");
}

/// Says how many rows a table does not show.
fn left_out(page: &mut Html, all: usize, shown: usize, what: &str) {
    if all > shown {
        page.paragraph(&format!("{} more {what} are not shown.", all - shown));
    }
}

fn sites(page: &mut Html, survey: &Survey) {
    page.section("sites", "Sites");
    let rows = survey.sites.iter().take(ROWS_LISTED).map(|(name, site)| {
        let mut row = vec![Cell::Text(name.clone()), Cell::count(site.clips)];
        row.extend(site.assets.map(Cell::count));
        row
    });
    let rows: Vec<_> = rows.collect();
    let headings = ["site", "clips", "recordings in train", "in val", "in test"];
    let caption = "Latitude and longitude to about 100 m; the folder of recordings without a place.";
    page.table(caption, &headings, &rows);
    left_out(page, survey.sites.len(), rows.len(), "sites");
}

fn times(page: &mut Html, survey: &Survey) {
    page.section("times", "Times");
    if survey.without_time > 0 {
        page.paragraph(&format!("{} recordings have no time.", survey.without_time));
    }
    let is_timed = |columns: &[Column]| columns.iter().flatten().any(|count| *count > 0);
    if !is_timed(&survey.months) {
        return;
    }
    page.raw(
        "<p>Recordings: <span class=\"key train\"></span>train<span class=\"key val\"></span>val\
         <span class=\"key test\"></span>test. Local time where the offset is known, else UTC.</p>\n",
    );
    page.heading("By month");
    page.raw(&chart::columns(
        "recordings by month",
        &MONTHS.map(str::to_owned),
        &survey.months,
    ));
    page.heading("By hour of the day");
    let hours: Vec<String> = (0..survey.hours.len()).map(|hour| hour.to_string()).collect();
    page.raw(&chart::columns("recordings by hour", &hours, &survey.hours));
}

fn faults(page: &mut Html, survey: &Survey) {
    page.section("faults", "Leaks, rejects, warnings");
    page.heading("Leaks between splits");
    match survey.leaks.is_empty() {
        true => page.paragraph("No recording, checklist or place is in two splits."),
        false => page.list(&survey.leaks),
    }
    page.heading("Recordings left out");
    if survey.rejects.is_empty() {
        page.paragraph("None.");
    } else {
        let cells = |reject: &RejectRow| {
            let texts = [&reject.path, &reject.stage, &reject.reason].map(|text| Cell::Text(text.clone()));
            std::iter::once(Cell::Number(reject.asset_id as f64, reject.asset_id.to_string()))
                .chain(texts)
                .collect()
        };
        let rows: Vec<Vec<Cell>> = survey.rejects.iter().take(ROWS_LISTED).map(cells).collect();
        page.table("Why each was refused.", &["asset", "path", "step", "reason"], &rows);
        left_out(page, survey.rejects.len(), rows.len(), "recordings");
    }
    page.heading("Left out, changed or odd when the dataset was made");
    match survey.stats.tallies.sentences() {
        sentences if sentences.is_empty() => page.paragraph("Nothing."),
        sentences => page.list(&sentences),
    }
}
