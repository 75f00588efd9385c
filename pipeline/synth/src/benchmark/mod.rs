//! Provides the benchmark: a synthetic set in which the effects of learning from single positives can be seen in
//! minutes.
//!
//! Twenty-four species in eight triples of look-alikes (`species`) live in three regions and two seasons (`habitat`). A
//! plan of who sings when is drawn first (`plan`, `singing`, `checklists`): every species is the target of equally many
//! recordings, and quieter background species, of skewed abundance, persist through a recording. That plan is the
//! hidden full truth; labels follow from it by the L48 rules (`described`). It is written as recordings for `l48
//! build`, or as pictures in the layout of the published sets (`ml48s`, `coco`) for `l48 import`. Nothing here knows of
//! losses.

mod checklists;
mod coco;
mod described;
mod habitat;
mod look;
mod ml48s;
mod other_kinds;
mod photograph;
mod picture_file;
mod plan;
mod singing;
mod sonogram;
mod species;

use std::path::Path;

use serde::Serialize;

use crate::conditions::Conditions;
use crate::error::Error;
use crate::files::{write_file, write_recordings};
use crate::layout::SetLayout;
use crate::marker::{self, FolderState, SetIdentity};
use crate::options::BenchmarkOptions;
use crate::summary::SetSummary;
use crate::tables::write_truth;

/// The manifest of the benchmark's recordings, written beside their tables.
pub const MANIFEST: &str = include_str!("../../../../manifests/demo-benchmark.toml");

/// Makes the benchmark of `options` in `dir`, on the current rayon pool.
///
/// Works like [`demo::synthesise`](crate::demo::synthesise), in its own layout; `demo.json` comes last here too. Beside
/// the labels lies the truth, `truth.csv`: every song of every recording, whether it was annotated or not. The
/// summary's boxes are those of the layout: songs in recordings, boxes in clips, annotations in photographs.
///
/// # Errors
/// See [`Error`].
pub fn synthesise(
    dir: &Path,
    options: &BenchmarkOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<SetSummary, Error> {
    if !(0.0..=1.0).contains(&options.confusability) {
        return Err(Error::Confusability {
            got: options.confusability,
        });
    }
    let conditions = &options.conditions;
    conditions.validate(options.layout)?;
    let identity = SetIdentity::benchmark(options);
    if let FolderState::Finished(summary) = marker::inspect(dir, &identity)? {
        return Ok(*summary);
    }
    let species = species::species_of(conditions.species_seed, options.confusability);
    let plan = plan::plan(options.seed, &species, conditions);
    let (boxes, files) = match options.layout {
        SetLayout::Audio => write_recordings(dir, &manifest(conditions), &plan, &species, progress)?,
        SetLayout::Ml48s => ml48s::write(dir, &plan, &species, progress)?,
        SetLayout::Coco => coco::write(dir, &plan, &species, options.confusability, progress)?,
    };
    // In photographs every object is annotated.
    if options.layout != SetLayout::Coco {
        write_truth(dir, &plan, &species)?;
    }
    let summary = SetSummary::new(&plan, &species, boxes, &files);
    marker::finish(dir, identity, &summary, files)?;
    Ok(summary)
}

/// The manifest under these conditions: a bird that its checklist leaves out is a mistake, unless that was asked for.
fn manifest(conditions: &Conditions) -> String {
    if conditions.false_absences > 0.0 {
        MANIFEST
            .replace(
                "prior_conflict = \"error\"        ",
                "prior_conflict = \"positive-wins\"",
            )
            .replace(
                "# a bird its geographic prior excludes is a mistake here",
                "# observers overlook birds",
            )
    } else {
        MANIFEST.to_owned()
    }
}

/// Writes `value` as one line of JSON.
fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let failed = |source: serde_json::Error| Error::Io {
        path: path.to_owned(),
        source: source.into(),
    };
    let mut bytes = serde_json::to_vec(value).map_err(failed)?;
    bytes.push(b'\n');
    write_file(path, &bytes)
}

#[cfg(test)]
mod checklist_tests;
#[cfg(test)]
mod conditions_tests;
#[cfg(test)]
mod import_tests;
#[cfg(test)]
mod layout_tests;
#[cfg(test)]
mod tests;
