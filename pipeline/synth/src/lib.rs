//! Provides the demo: a dataset of synthetic field recordings to try the program on, and a benchmark of the same making.
//!
//! In the small demo, fourteen invented species sing in three invented regions. A plan of who sings when is drawn
//! first (`scene`, `visit`), checked against quotas (`quota`), then rendered to audio (`render`)
//! and described in tables (`tables`). Everything follows from the seed: random numbers are keyed
//! by seed and recording, so neither thread count nor order changes a byte. [`benchmark`] plans and describes other birds
//! with the same parts.

pub mod benchmark;
pub mod encode;
pub mod filter;
mod marker;
pub mod noise;
pub mod oscillator;
mod presence;
pub mod quota;
mod region;
pub mod render;
mod scene;
pub mod seeding;
pub mod song;
pub mod species;
mod tables;
mod visit;
pub mod voice;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use image::ImageError;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde::{Deserialize, Serialize};

use marker::{Found, Identity};
use quota::SpeciesShare;
use scene::{Plan, Recording};
use species::{Species, demo_species};

/// The demo's manifest, written beside its tables.
pub const MANIFEST: &str = include_str!("../../../manifests/demo.toml");

/// Name of the manifest in the demo's directory.
pub const MANIFEST_FILE: &str = "manifest.toml";

/// Fewest recordings with which the quotas can be met reliably.
pub const MIN_RECORDINGS: usize = 60;

/// Tries at meeting the quotas before giving up.
const ATTEMPTS: u64 = 64;

/// What to synthesise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoOptions {
    /// Decides everything random.
    pub seed: u64,
    /// Number of recordings, at least [`MIN_RECORDINGS`].
    pub recordings: usize,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self {
            seed: 48,
            recordings: 240,
        }
    }
}

/// What was synthesised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoSummary {
    /// Number of recordings.
    pub recordings: usize,
    /// Number of recordings in train, val and test.
    pub by_split: [usize; 3],
    /// Number of 3 s clips, padded ones included.
    pub clips: usize,
    /// Number of annotated boxes.
    pub boxes: usize,
    /// Total length of the audio in milliseconds.
    pub audio_ms: u64,
    /// Total size of the audio files, or of the pictures.
    pub audio_bytes: u64,
    /// Share of the clips in which each species is present, in class order.
    pub shares: Vec<SpeciesShare>,
    /// Whether the demo was already there; nothing was written then.
    #[serde(skip)]
    pub unchanged: bool,
}

/// Why a demo could not be synthesised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// Choose another directory or empty this one.
    #[error("{dir} is not empty and holds no demo")]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// Choose another directory, or delete the demo there.
    #[error("{dir} already holds another demo ({found}; asked for: {wanted})")]
    OtherDemo {
        /// The directory.
        dir: PathBuf,
        /// Options of the demo there.
        found: String,
        /// Options asked for.
        wanted: String,
    },
    /// Delete the demo's directory and synthesise it again.
    #[error("the demo there is damaged: {file} is missing or changed")]
    Damaged {
        /// The file.
        file: PathBuf,
    },
    /// Ask for more recordings.
    #[error("a demo needs at least {MIN_RECORDINGS} recordings, not {recordings}")]
    TooFew {
        /// Recordings asked for.
        recordings: usize,
    },
    /// Choose another seed, or more recordings.
    #[error("no plan met the quotas in {ATTEMPTS} tries: {violation}")]
    Quota {
        /// What the last try missed.
        violation: String,
    },
    /// Check permissions and free space.
    #[error("{path}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Choose a confusability from 0 (clearly distinct) to 1 (alike).
    #[error("a confusability lies between 0 and 1, not at {got}")]
    Confusability {
        /// The one asked for.
        got: f64,
    },
    /// A defect of this program: please report it.
    #[error("{path}: cannot be encoded")]
    Picture {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        source: ImageError,
    },
    /// A defect of this program: please report it.
    #[error("the classes of the demo contradict each other")]
    Classes {
        /// What is wrong with them.
        source: shardfmt::Error,
    },
    /// Check permissions and free space.
    #[error("{path}")]
    Wav {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: hound::Error,
    },
    /// A defect of this program or its FLAC encoder: please report it.
    #[error("{path}: {reason}")]
    Flac {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        reason: String,
    },
}

/// Synthesises the demo of `options` into `dir`, on the current rayon pool.
///
/// Writes `manifest.toml`, the six tables and `audio/`; `demo.json` comes last and marks the demo
/// as finished. A finished demo of the same options is left as it is; one cut short is written
/// anew. `progress` is told the recordings done and their total, from any thread.
///
/// # Errors
/// See [`DemoError`].
pub fn synthesise(
    dir: &Path,
    options: &DemoOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<DemoSummary, DemoError> {
    if options.recordings < MIN_RECORDINGS {
        return Err(DemoError::TooFew {
            recordings: options.recordings,
        });
    }
    let identity = Identity::from(options);
    if let Found::Same(summary) = marker::inspect(dir, &identity)? {
        return Ok(DemoSummary {
            unchanged: true,
            ..*summary
        });
    }
    let species = demo_species();
    let (plan, _) = balanced_plan(options, &species)?;

    let (boxes, audio_bytes) = write_recordings(dir, MANIFEST, &plan, &species, progress)?;
    let summary = DemoSummary::of(&plan, &species, boxes, &audio_bytes);
    marker::finish(dir, identity, &summary, audio_bytes)?;
    Ok(summary)
}

/// The first plan that meets the quotas.
fn balanced_plan(options: &DemoOptions, species: &[Species]) -> Result<(Plan, Vec<SpeciesShare>), DemoError> {
    let mut last = String::new();
    for attempt in 0..ATTEMPTS {
        let plan = scene::plan(options.seed, attempt, options.recordings, species);
        let shares = quota::shares(&plan, species);
        match quota::violation(&shares) {
            None => return Ok((plan, shares)),
            Some(violation) => last = violation,
        }
    }
    Err(DemoError::Quota { violation: last })
}

/// Size in bytes of each file, by its path relative to the demo.
type FileSizes = BTreeMap<String, u64>;

/// Writes the manifest, the six tables and `audio/`; returns the number of boxes and the size of each audio file.
fn write_recordings(
    dir: &Path,
    manifest: &str,
    plan: &Plan,
    species: &[Species],
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<(usize, FileSizes), DemoError> {
    marker::start(dir, &["audio"])?;
    write_file(&dir.join(MANIFEST_FILE), manifest.as_bytes())?;
    let boxes = tables::write_tables(dir, plan, species)?;
    let sizes = for_each_recording(plan, progress, |recording| {
        let name = tables::audio_path(recording);
        let path = dir.join(&name);
        let channels = recording.scene.render();
        encode::write_audio(&path, &channels, recording.scene.rate_hz, recording.encoding)?;
        let metadata = fs::metadata(&path).map_err(|source| DemoError::Io { path, source })?;
        Ok((name, metadata.len()))
    })?;
    Ok((boxes, sizes.into_iter().collect()))
}

/// Runs `write` for every recording, on the current rayon pool; what it returns comes in the plan's order.
fn for_each_recording<T: Send>(
    plan: &Plan,
    progress: &(dyn Fn(usize, usize) + Sync),
    write: impl Fn(&Recording) -> Result<T, DemoError> + Sync,
) -> Result<Vec<T>, DemoError> {
    let done = AtomicUsize::new(0);
    let total = plan.recordings.len();
    let written = plan.recordings.par_iter().map(|recording| {
        let written = write(recording)?;
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
        Ok(written)
    });
    written.collect()
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), DemoError> {
    fs::write(path, bytes).map_err(|source| DemoError::Io {
        path: path.to_owned(),
        source,
    })
}

impl DemoSummary {
    /// Of what was just written.
    fn of(plan: &Plan, species: &[Species], boxes: usize, files: &FileSizes) -> Self {
        Self {
            recordings: plan.recordings.len(),
            by_split: tables::split_sizes(plan),
            clips: plan.recordings.iter().map(Recording::clips).sum(),
            boxes,
            audio_ms: plan.recordings.iter().map(Recording::duration_ms).sum(),
            audio_bytes: files.values().sum(),
            shares: quota::shares(plan, species),
            unchanged: false,
        }
    }
}

#[cfg(test)]
mod tests;
