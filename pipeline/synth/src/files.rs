//! Provides the files of a set: recordings rendered side by side, and plain files with their errors.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::error::Error;
use crate::planned::{PlannedRecording, SetPlan};
use crate::species::Species;
use crate::{encode, marker, tables};

/// Name of the manifest in the folder of a set of recordings.
pub const MANIFEST_FILE: &str = "manifest.toml";

/// Size in bytes of each file, by its path relative to the set's folder.
pub(crate) type FileSizes = BTreeMap<String, u64>;

/// Writes the manifest, the six tables and `audio/`; returns the number of boxes and the size of each audio file.
pub(crate) fn write_recordings(
    dir: &Path,
    manifest: &str,
    plan: &SetPlan,
    species: &[Species],
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<(usize, FileSizes), Error> {
    marker::start(dir, &["audio"])?;
    write_file(&dir.join(MANIFEST_FILE), manifest.as_bytes())?;
    let boxes = tables::write_tables(dir, plan, species)?;
    let sizes = for_each_recording(plan, progress, |recording| {
        let name = tables::audio_path(recording);
        let path = dir.join(&name);
        let channels = recording.scene.render();
        encode::write_audio(&path, &channels, recording.scene.rate_hz, recording.encoding)?;
        let metadata = fs::metadata(&path).map_err(|source| Error::Io { path, source })?;
        Ok((name, metadata.len()))
    })?;
    Ok((boxes, sizes.into_iter().collect()))
}

/// Runs `write` for every recording, on the current rayon pool, and returns its results in the plan's order.
///
/// `progress` is called with the recordings done and their total, from any thread.
pub(crate) fn for_each_recording<T: Send>(
    plan: &SetPlan,
    progress: &(dyn Fn(usize, usize) + Sync),
    write: impl Fn(&PlannedRecording) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let done = AtomicUsize::new(0);
    let total = plan.recordings.len();
    let written = plan.recordings.par_iter().map(|recording| {
        let written = write(recording)?;
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
        Ok(written)
    });
    written.collect()
}

/// Writes a file, replacing one that exists.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    fs::write(path, bytes).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}
