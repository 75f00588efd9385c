//! `l48-train suggest`: lists the clips that an annotator should look at next, as a table and as Raven tables to fill in.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use loader::{Clip, Filters, Mode, Rows, Supervision};
use shardfmt::persist::{create_dirs, write_atomic};
use shardfmt::{Checks, Dataset};

use super::trained::Trained;
use super::{device, output};
use crate::cli::SuggestArgs;
use crate::detect::{Selection, SelectionForm, SelectionsOf, distinct_names};
use crate::material::Material;
use crate::predict::{ring, scores};
use crate::suggest::{Suggestion, suggest};

/// Classes that are named beside a clip.
const NAMED: usize = 3;

/// A clip to look at, as it is written.
struct Row<'a> {
    clip: &'a Clip,
    worth: f64,
    path: &'a str,
    start_s: f64,
    end_s: f64,
    likely: String,
}

/// Runs the command.
pub(super) fn run(args: &SuggestArgs) -> Result<()> {
    let trained = Trained::load(&args.run, device::choose(args.device.device))?;
    trained.warn_of_prior("an annotator hears clips, not priors");
    let material = Material::open(&args.dataset)?;
    trained.record.dataset.check_compatible(&args.run, &material.dataset)?;
    let filters = Filters {
        remove_unannotated: false,
        remove_empty: false,
        keep_silent: false,
    };
    let rows = material.catalogue.select(args.split, Mode::Full, Rows::Own, &filters)?;
    let bar = indicatif::ProgressBar::new(rows.rows() as u64);
    let mut probabilities = Vec::with_capacity(rows.rows() * rows.classes());
    let mut ring = ring(&material.clips, &trained.model);
    scores(
        (&trained.model, &trained.scaling),
        &material.clips,
        &rows.clips,
        &mut ring,
        |clips, scores| {
            bar.inc(clips.len() as u64);
            probabilities.extend_from_slice(scores);
            Ok(())
        },
    )?;
    bar.finish_and_clear();
    let limits = (args.clips, args.per_recording.unwrap_or(usize::MAX));
    let suggestions = suggest(&probabilities, &rows, args.by, limits);
    if suggestions.is_empty() {
        tracing::warn!(
            "every class is known in every clip of {}: there is nothing to look at",
            args.split.as_str()
        );
    }
    let found = described(&material.dataset, &rows, &probabilities, &suggestions)?;
    let table = table(&found)?;
    match &args.out {
        Some(out) => write_atomic(out, table.as_bytes())?,
        None => output::print(&table)?,
    }
    args.raven
        .as_ref()
        .map_or(Ok(()), |folder| write_raven(folder, &material.dataset, &found))
}

/// The suggestions with what their dataset says of the clips.
fn described<'a>(
    dataset: &'a Dataset,
    rows: &'a Supervision,
    probabilities: &[f32],
    suggestions: &[Suggestion],
) -> Result<Vec<Row<'a>>> {
    let paths: HashMap<i64, &str> = dataset
        .assets()
        .iter()
        .map(|asset| (asset.asset_id, asset.path.as_str()))
        .collect();
    let mut labels = BTreeMap::new();
    let mut found = Vec::new();
    for suggestion in suggestions {
        let clip = rows.clips.get(suggestion.row).context("a suggestion is of no clip")?;
        let of_shard = match labels.entry(clip.shard) {
            std::collections::btree_map::Entry::Occupied(read) => read.into_mut(),
            std::collections::btree_map::Entry::Vacant(empty) => {
                empty.insert(dataset.labels(&dataset.open_shard(clip.shard, Checks::Off)?)?)
            }
        };
        let label = of_shard
            .get(clip.row as usize)
            .context("a clip has no row in its label table")?;
        let classes = rows.classes().max(1);
        let of_clip = probabilities
            .chunks_exact(classes)
            .nth(suggestion.row)
            .unwrap_or_default();
        found.push(Row {
            clip,
            worth: suggestion.worth,
            path: paths.get(&clip.asset_id).copied().unwrap_or_default(),
            start_s: label.start_s,
            end_s: label.start_s + label.valid_s,
            likely: likely(dataset, of_clip),
        });
    }
    Ok(found)
}

/// The most probable classes of a clip: `CODE PROBABILITY; ...`.
fn likely(dataset: &Dataset, probabilities: &[f32]) -> String {
    let mut classes: Vec<(u32, f32)> = (0..).zip(probabilities.iter().copied()).collect();
    classes.sort_by(|a, b| b.1.total_cmp(&a.1));
    let named = classes.iter().take(NAMED).filter_map(|(class, probability)| {
        let code = dataset.taxa().code(*class)?;
        Some(format!("{code} {probability:.2}"))
    });
    named.collect::<Vec<_>>().join("; ")
}

/// The table as CSV.
fn table(found: &[Row<'_>]) -> Result<String> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record([
        "rank",
        "asset_id",
        "path",
        "clip_index",
        "start_s",
        "end_s",
        "bits",
        "likely",
    ])?;
    for (rank, row) in (1..).zip(found) {
        let Row { clip, path, likely, .. } = row;
        csv.write_record([
            &rank.to_string(),
            &clip.asset_id.to_string(),
            *path,
            &clip.clip_index.to_string(),
            &row.start_s.to_string(),
            &row.end_s.to_string(),
            &format!("{:.4}", row.worth),
            likely,
        ])?;
    }
    Ok(String::from_utf8(csv.into_inner()?)?)
}

/// A table a recording in `folder`, with a selection a clip whose label is for the annotator to fill in.
fn write_raven(folder: &Path, dataset: &Dataset, found: &[Row<'_>]) -> Result<()> {
    let mut of_path: BTreeMap<&str, Vec<&Row<'_>>> = BTreeMap::new();
    found
        .iter()
        .for_each(|row| of_path.entry(row.path).or_default().push(row));
    // Over all recordings, so that a table has the same name in every round.
    let all: Vec<PathBuf> = dataset
        .assets()
        .iter()
        .map(|asset| PathBuf::from(&asset.path))
        .collect();
    let names: HashMap<PathBuf, PathBuf> = all.iter().cloned().zip(distinct_names(&all)).collect();
    let axes = &dataset.head().axes;
    for (path, mut rows) in of_path {
        rows.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
        let selections: Vec<Selection<'_>> = rows
            .iter()
            .map(|row| Selection {
                start_s: row.start_s,
                end_s: row.end_s,
                taxon: None,
                probability: None,
            })
            .collect();
        let file = Path::new(path);
        let of = SelectionsOf {
            path,
            band_hz: (axes.fmin_hz, axes.fmax_hz),
        };
        let name = names.get(file).map_or(file, PathBuf::as_path);
        let table = folder.join(SelectionForm::Raven.file_name(name));
        table.parent().map_or(Ok(()), create_dirs)?;
        write_atomic(&table, SelectionForm::Raven.text(&of, &selections).as_bytes())?;
    }
    Ok(())
}
