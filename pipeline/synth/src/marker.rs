//! Provides the marker files that tell a finished demo from one cut short and from other data.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::benchmark::BenchmarkOptions;
use super::{DemoError, DemoOptions, DemoSummary};

/// Present from the first written file of a run until its last.
const STARTED: &str = "demo.started";

/// Written last, atomically.
const FINISHED: &str = "demo.json";

/// Number of what the generator of small demos makes from a seed; raise it with every change of its output.
const GENERATOR: u32 = 1;

/// The same of benchmarks.
const BENCHMARK_GENERATOR: u32 = 1;

/// Folders that hold the audio or pictures of some layout.
const MEDIA_FOLDERS: [&str; 5] = ["audio", "images", "annotations", "train2014", "val2014"];

/// Everything that a demo's bytes follow from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Identity {
    generator: u32,
    seed: u64,
    recordings: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    benchmark: Option<BenchmarkOptions>,
}

impl From<&DemoOptions> for Identity {
    fn from(options: &DemoOptions) -> Self {
        Self {
            generator: GENERATOR,
            seed: options.seed,
            recordings: options.recordings,
            benchmark: None,
        }
    }
}

impl Identity {
    /// That of a benchmark of so many recordings.
    pub(super) fn benchmark(recordings: usize, options: &BenchmarkOptions) -> Self {
        Self {
            generator: BENCHMARK_GENERATOR,
            seed: options.seed,
            recordings,
            benchmark: Some(options.clone()),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            generator,
            seed,
            recordings,
            benchmark,
        } = self;
        write!(f, "seed {seed}, {recordings} recordings, generator {generator}")?;
        match benchmark {
            Some(BenchmarkOptions {
                confusability, layout, ..
            }) => write!(f, ", benchmark {layout}, confusability {confusability}"),
            None => Ok(()),
        }
    }
}

/// The finished marker: what was asked for, what was written.
#[derive(Debug, Serialize, Deserialize)]
struct Finished {
    #[serde(flatten)]
    identity: Identity,
    summary: DemoSummary,
    /// Size in bytes of each audio file or picture, by its path relative to the directory. Tables and manifest
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

/// Looks at `dir` and tells whether the demo `wanted` is to be written there.
///
/// # Errors
/// [`DemoError::NotEmpty`] for other data, [`DemoError::OtherDemo`] for a demo of other options,
/// [`DemoError::Damaged`] for one that lost a file.
pub(super) fn inspect(dir: &Path, wanted: &Identity) -> Result<Found, DemoError> {
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
        Ok(bytes) => return compare(dir, &finished, &bytes, wanted),
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

fn compare(dir: &Path, marker: &Path, bytes: &[u8], wanted: &Identity) -> Result<Found, DemoError> {
    let Ok(found) = serde_json::from_slice::<Finished>(bytes) else {
        return Err(DemoError::Damaged {
            file: marker.to_owned(),
        });
    };
    if found.identity != *wanted {
        return Err(DemoError::OtherDemo {
            dir: dir.to_owned(),
            found: found.identity.to_string(),
            wanted: wanted.to_string(),
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

/// Marks a run as started, clears what an earlier run left in `dir`'s folders, and makes `folders` there.
///
/// # Errors
/// [`DemoError::Io`].
pub(super) fn start(dir: &Path, folders: &[&str]) -> Result<(), DemoError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DemoError::Io { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let started = dir.join(STARTED);
    fs::write(&started, "A demo is being written here, or was cut short.\n").map_err(failed(&started))?;
    for folder in MEDIA_FOLDERS.map(|name| dir.join(name)) {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&folder)(error)),
            _ => {}
        }
    }
    for folder in folders.iter().map(|name| dir.join(name)) {
        fs::create_dir(&folder).map_err(failed(&folder))?;
    }
    Ok(())
}

/// Marks the demo in `dir` as finished.
///
/// # Errors
/// [`DemoError::Io`].
pub(super) fn finish(
    dir: &Path,
    identity: Identity,
    summary: &DemoSummary,
    audio_bytes: BTreeMap<String, u64>,
) -> Result<(), DemoError> {
    let marker = Finished {
        identity,
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
