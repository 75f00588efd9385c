//! Provides the benchmark: a synthetic set in which the effects of learning from single positives can be seen in minutes.
//!
//! Twenty-four species in eight triples of look-alikes (`species`) live in three regions and two seasons (`habitat`). A plan
//! of who sings when is drawn first (`plan`): every species is the target of equally many recordings, and quieter background
//! species, of skewed abundance, persist through a recording. That plan is the hidden full truth; labels follow from it by the
//! L48 rules (`described`). It is written as recordings for `l48 build`, or as pictures in the layout of the published sets
//! (`ml48s`, `coco`) for `l48 import`. Nothing here knows of losses.

mod coco;
mod described;
mod habitat;
mod look;
mod ml48s;
mod photograph;
mod picture_file;
mod plan;
mod sonogram;
mod species;

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::marker::{self, Found, Identity};
use super::{DemoError, DemoSummary, write_file, write_recordings};

/// The manifest of the benchmark's recordings, written beside their tables.
pub const MANIFEST: &str = include_str!("../../../../manifests/demo-benchmark.toml");

/// What the scene is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Recordings, six tables and a manifest: for `l48 build`.
    Audio,
    /// Linear spectrograms of the same recordings as JPEGs, in the layout of the L48 data set: for `l48 import ml48s`.
    Ml48s,
    /// Colour pictures of the same truth in the layout of COCO 2014, one for each clip: for `l48 import coco2014`.
    Coco,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Audio => "audio",
            Self::Ml48s => "ml48s",
            Self::Coco => "coco",
        })
    }
}

/// Which benchmark to synthesise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkOptions {
    /// Decides everything random.
    pub seed: u64,
    /// How alike the members of a triple are: 0, clearly distinct, to 1, alike but for chance. Who sings when hardly depends on it.
    pub confusability: f64,
    /// What to write.
    pub layout: Layout,
}

/// Synthesises the benchmark of `options` into `dir`, on the current rayon pool.
///
/// As [`synthesise`](super::synthesise), for its own layout; `demo.json` comes last here too. The summary's boxes are those of
/// the layout: songs in recordings, boxes in clips, annotations in photographs.
///
/// # Errors
/// See [`DemoError`].
pub fn synthesise(
    dir: &Path,
    options: &BenchmarkOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<DemoSummary, DemoError> {
    if !(0.0..=1.0).contains(&options.confusability) {
        return Err(DemoError::Confusability {
            got: options.confusability,
        });
    }
    let species = species::benchmark_species(options.confusability);
    let identity = Identity::benchmark(plan::recordings(species.len()), options);
    if let Found::Same(summary) = marker::inspect(dir, &identity)? {
        return Ok(DemoSummary {
            unchanged: true,
            ..*summary
        });
    }
    let plan = plan::plan(options.seed, &species);
    let (boxes, files) = match options.layout {
        Layout::Audio => write_recordings(dir, MANIFEST, &plan, &species, progress)?,
        Layout::Ml48s => ml48s::write(dir, &plan, &species, progress)?,
        Layout::Coco => coco::write(dir, &plan, &species, options.confusability, progress)?,
    };
    let summary = DemoSummary::of(&plan, &species, boxes, &files);
    marker::finish(dir, identity, &summary, files)?;
    Ok(summary)
}

/// Writes `value` as one line of JSON.
fn write_json(path: &Path, value: &impl Serialize) -> Result<(), DemoError> {
    let failed = |source: serde_json::Error| DemoError::Io {
        path: path.to_owned(),
        source: source.into(),
    };
    let mut bytes = serde_json::to_vec(value).map_err(failed)?;
    bytes.push(b'\n');
    write_file(path, &bytes)
}

#[cfg(test)]
mod import_tests;
#[cfg(test)]
mod layout_tests;
#[cfg(test)]
mod tests;
