//! Provides the marker files that tell a finished set from an unfinished one and from other data.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use shardfmt::persist::write_atomic;

use crate::error::Error;
use crate::files::FileSizes;
use crate::layout::SetLayout;
use crate::options::{BenchmarkOptions, DemoForm, DemoOptions};
use crate::summary::SetSummary;

/// Present from the first written file of a run until its last.
const STARTED: &str = "demo.started";

/// Written last, atomically.
const FINISHED: &str = "demo.json";

/// Version of what the small demo makes from a seed; raise it with every change of its output.
const GENERATOR: u32 = 1;

/// The same for benchmarks in a layout.
fn benchmark_generator(layout: SetLayout) -> u32 {
    match layout {
        SetLayout::Audio => 1,
        // 2: JPEGs by another encoder.
        SetLayout::Ml48s | SetLayout::Coco => 2,
    }
}

/// Folders that hold the audio or pictures of some layout.
const MEDIA_FOLDERS: [&str; 6] = ["card", "audio", "images", "annotations", "train2014", "val2014"];

/// Everything that a set's bytes follow from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SetIdentity {
    generator: u32,
    seed: u64,
    recordings: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    benchmark: Option<BenchmarkOptions>,
    /// Of a small demo; tables where it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    form: Option<DemoForm>,
}

impl From<&DemoOptions> for SetIdentity {
    fn from(options: &DemoOptions) -> Self {
        Self {
            generator: GENERATOR,
            seed: options.seed,
            recordings: options.recordings,
            benchmark: None,
            form: Some(options.form).filter(|form| *form != DemoForm::Tables),
        }
    }
}

impl SetIdentity {
    /// Of a benchmark.
    pub(super) fn benchmark(options: &BenchmarkOptions) -> Self {
        Self {
            generator: benchmark_generator(options.layout),
            seed: options.seed,
            recordings: options.conditions.recordings,
            benchmark: Some(options.clone()),
            form: None,
        }
    }
}

impl fmt::Display for SetIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            generator,
            seed,
            recordings,
            benchmark,
            form,
        } = self;
        write!(f, "seed {seed}, {recordings} recordings, generator {generator}")?;
        if *form == Some(DemoForm::AudioMoth) {
            write!(f, ", a card of AudioMoth")?;
        }
        match benchmark {
            Some(BenchmarkOptions {
                confusability,
                layout,
                conditions,
                ..
            }) => write!(f, ", benchmark {layout}, confusability {confusability}{conditions}"),
            None => Ok(()),
        }
    }
}

/// The finished marker: what was asked for, what was written.
#[derive(Debug, Serialize, Deserialize)]
struct FinishedMarker {
    #[serde(flatten)]
    identity: SetIdentity,
    summary: SetSummary,
    /// Size in bytes of each audio file or picture, by its path relative to the directory. Tables and manifest
    /// are left out: users may edit them.
    audio_bytes: FileSizes,
}

/// What a folder holds before a set is written to it.
#[derive(Debug)]
pub(super) enum FolderState {
    /// Nothing, or an unfinished set: write all of it.
    Vacant,
    /// The very set requested, unchanged.
    Finished(Box<SetSummary>),
}

/// Looks at `dir` and tells whether the set `wanted` has to be written there.
///
/// # Errors
/// [`Error::NotEmpty`] for other data, [`Error::OtherSet`] for a set of other options,
/// [`Error::Damaged`] for one that lost a file.
pub(super) fn inspect(dir: &Path, wanted: &SetIdentity) -> Result<FolderState, Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    };
    let mut entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FolderState::Vacant),
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
        Ok(FolderState::Vacant)
    } else {
        Err(Error::NotEmpty { dir: dir.to_owned() })
    }
}

fn compare(dir: &Path, marker: &Path, bytes: &[u8], wanted: &SetIdentity) -> Result<FolderState, Error> {
    let Ok(found) = serde_json::from_slice::<FinishedMarker>(bytes) else {
        return Err(Error::Damaged {
            file: marker.to_owned(),
        });
    };
    if found.identity != *wanted {
        return Err(Error::OtherSet {
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
        Some((name, _)) => Err(Error::Damaged { file: dir.join(name) }),
        None => Ok(FolderState::Finished(Box::new(SetSummary {
            unchanged: true,
            ..found.summary
        }))),
    }
}

/// Marks a set as begun, deletes what an earlier run left in `dir`'s media folders, and creates `folders` there.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn start(dir: &Path, folders: &[&str]) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
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

/// Marks the set in `dir` as finished.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn finish(
    dir: &Path,
    identity: SetIdentity,
    summary: &SetSummary,
    audio_bytes: FileSizes,
) -> Result<(), Error> {
    let marker = FinishedMarker {
        identity,
        summary: summary.clone(),
        audio_bytes,
    };
    let path = dir.join(FINISHED);
    let mut bytes = serde_json::to_vec_pretty(&marker).map_err(|source| Error::Io {
        path: path.clone(),
        source: source.into(),
    })?;
    bytes.push(b'\n');
    write_atomic(&path, &bytes).map_err(|source| Error::Marker { source })?;
    let started: PathBuf = dir.join(STARTED);
    fs::remove_file(&started).map_err(|source| Error::Io { path: started, source })
}
