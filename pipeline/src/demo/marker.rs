//! Provides the marker files that tell a finished demo from one cut short and from other data.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{DemoError, DemoOptions, DemoSummary};

/// Present from the first written file of a run until its last.
const STARTED: &str = "demo.started";

/// Written last, atomically.
const FINISHED: &str = "demo.json";

/// Number of what the generator makes from a seed; raise it with every change of its output.
const GENERATOR: u32 = 1;

/// The finished marker: what was asked for, what was written.
#[derive(Debug, Serialize, Deserialize)]
struct Finished {
    generator: u32,
    seed: u64,
    recordings: usize,
    summary: DemoSummary,
    /// Size in bytes of each audio file, by its path relative to the directory. Tables and manifest
    /// are left out: users may edit them.
    audio_bytes: BTreeMap<String, u64>,
}

/// What stands where a demo is to be written.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing, or a run cut short: write all of it.
    Vacant,
    /// The very demo asked for.
    Same(Box<DemoSummary>),
}

/// Looks at `dir` and tells whether the demo of `options` is to be written there.
///
/// # Errors
/// [`DemoError::NotEmpty`] for other data, [`DemoError::OtherDemo`] for a demo of other options,
/// [`DemoError::Damaged`] for one that lost a file.
pub(super) fn inspect(dir: &Path, options: &DemoOptions) -> Result<Found, DemoError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DemoError::Io { path, source }
    };
    let mut entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Vacant),
        Err(error) => return Err(failed(dir)(error)),
    };
    let finished = dir.join(FINISHED);
    match fs::read(&finished) {
        Ok(bytes) => return compare(dir, &finished, &bytes, options),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(&finished)(error)),
    }
    let started = dir.join(STARTED);
    if entries.next().is_none() || started.try_exists().map_err(failed(&started))? {
        Ok(Found::Vacant)
    } else {
        Err(DemoError::NotEmpty { dir: dir.to_owned() })
    }
}

fn compare(dir: &Path, marker: &Path, bytes: &[u8], options: &DemoOptions) -> Result<Found, DemoError> {
    let Ok(found) = serde_json::from_slice::<Finished>(bytes) else {
        return Err(DemoError::Damaged {
            file: marker.to_owned(),
        });
    };
    if (found.generator, found.seed, found.recordings) != (GENERATOR, options.seed, options.recordings) {
        return Err(DemoError::OtherDemo {
            dir: dir.to_owned(),
            found: format!(
                "seed {}, {} recordings, generator {}",
                found.seed, found.recordings, found.generator
            ),
            wanted: format!(
                "seed {}, {} recordings, generator {GENERATOR}",
                options.seed, options.recordings
            ),
        });
    }
    let intact = |path: &Path, bytes: u64| {
        fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == bytes)
    };
    match found
        .audio_bytes
        .iter()
        .find(|(name, bytes)| !intact(&dir.join(name), **bytes))
    {
        Some((name, _)) => Err(DemoError::Damaged { file: dir.join(name) }),
        None => Ok(Found::Same(Box::new(found.summary))),
    }
}

/// Marks a run as started and clears what an earlier run left in `dir`'s audio folder.
///
/// # Errors
/// [`DemoError::Io`].
pub(super) fn start(dir: &Path, audio: &Path) -> Result<(), DemoError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DemoError::Io { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let started = dir.join(STARTED);
    fs::write(&started, "A demo is being written here, or was cut short.\n").map_err(failed(&started))?;
    match fs::remove_dir_all(audio) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(audio)(error)),
        _ => {}
    }
    fs::create_dir(audio).map_err(failed(audio))
}

/// Marks the demo in `dir` as finished.
///
/// # Errors
/// [`DemoError::Io`].
pub(super) fn finish(
    dir: &Path,
    options: &DemoOptions,
    summary: &DemoSummary,
    audio_bytes: BTreeMap<String, u64>,
) -> Result<(), DemoError> {
    let marker = Finished {
        generator: GENERATOR,
        seed: options.seed,
        recordings: options.recordings,
        summary: summary.clone(),
        audio_bytes,
    };
    let path = dir.join(FINISHED);
    write_atomically(dir, &path, &marker).map_err(|source| DemoError::Io {
        path: path.clone(),
        source,
    })?;
    let started: PathBuf = dir.join(STARTED);
    fs::remove_file(&started).map_err(|source| DemoError::Io { path: started, source })
}

fn write_atomically(dir: &Path, path: &Path, marker: &Finished) -> io::Result<()> {
    let temporary = dir.join("demo.json.tmp");
    let mut file = File::create(&temporary)?;
    serde_json::to_writer_pretty(&mut file, marker)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
