//! Provides parts: what was detected in one recording, in one file that appears when the recording is done.
//!
//! A part is text. Each detection is a line, a JSON array of window, class, logit and probability; the last line is a
//! sealed record of the recording: which file it was, how it ended, and how many lines come before.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use frontend::source_file::SourceRecord;
use serde::{Deserialize, Serialize};
use shardfmt::checksum::{HashedWriter, Hasher};
use shardfmt::persist::AtomicFile;
use shardfmt::sealed::{seal, unseal};
use shardfmt::{Operation, Xxh3};

use super::choice::Found;
use crate::error::{Error, Result};

/// The last line is shorter, whatever the recording is called.
const LONGEST_RECORD_BYTES: u64 = 1 << 16;

/// How a recording ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It was read whole.
    Whole {
        /// Length in seconds.
        duration_s: f64,
        /// Sample rate of the file in Hz.
        native_rate_hz: u32,
        /// Windows scored.
        windows: u32,
    },
    /// It was refused.
    Rejected {
        /// The stage that refused it.
        stage: String,
        /// Why.
        reason: String,
    },
}

/// The last line of a part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PartRecord {
    /// The recording as it was given.
    pub(super) path: String,
    /// Its file as it was.
    pub(super) source: SourceRecord,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// Lines before.
    pub(super) detections: u64,
    /// Checksum of them.
    detections_xxh3: Xxh3,
}

/// A part being written.
pub(super) struct PartWriter {
    path: PathBuf,
    file: HashedWriter<BufWriter<AtomicFile>>,
    detections: u64,
}

impl PartWriter {
    pub(super) fn create(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            file: HashedWriter::new(BufWriter::new(AtomicFile::create(path)?)),
            detections: 0,
        })
    }

    /// Adds a detection in window number `window`.
    pub(super) fn push(&mut self, window: u32, found: &Found) -> Result<()> {
        let line = (window, found.class, found.logit, found.probability);
        let line = serde_json::to_string(&line).map_err(std::io::Error::other);
        let written = line.and_then(|line| writeln!(self.file, "{line}"));
        written.map_err(|cause| Error::io(&self.path, Operation::Write, cause))?;
        self.detections += 1;
        Ok(())
    }

    /// Ends the part with its record and gives it its name.
    pub(super) fn finish(self, path: &str, source: SourceRecord, outcome: Outcome) -> Result<()> {
        let (mut file, hash) = self.file.finish();
        let record = PartRecord {
            path: path.to_owned(),
            source,
            outcome,
            detections: self.detections,
            detections_xxh3: hash.xxh3,
        };
        let fail = |cause| Error::io(&self.path, Operation::Write, cause);
        let json = serde_json::to_string(&record).map_err(|error| fail(error.into()))?;
        file.write_all(&seal(&json, &self.path)?).map_err(fail)?;
        let file = file.into_inner().map_err(|error| fail(error.into_error()))?;
        Ok(file.commit()?)
    }
}

/// The record of the part at `path`; `None` where there is none, or one that cannot be used.
pub(super) fn read_record(path: &Path) -> Result<Option<PartRecord>> {
    let fail = |operation| move |cause| Error::io(path, operation, cause);
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(fail(Operation::Open)(cause)),
    };
    let bytes = file.metadata().map_err(fail(Operation::LookAt))?.len();
    let from = SeekFrom::Start(bytes.saturating_sub(LONGEST_RECORD_BYTES));
    file.seek(from).map_err(fail(Operation::Seek))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end).map_err(fail(Operation::Read))?;
    let lines = end.strip_suffix(b"\n").unwrap_or(&end);
    let begin = lines.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let last = end.get(begin..).unwrap_or_default();
    // Whatever is wrong with it: the recording is done again.
    let record = unseal(last, path).ok().and_then(|json| serde_json::from_str(json).ok());
    Ok(record)
}

/// Gives `take` each detection of the part at `path`, which ends in `record`, with its window.
///
/// # Errors
/// [`Error::RunFile`] for a part that is damaged; [`Error::Io`]; those of `take`.
pub(super) fn read_detections(
    path: &Path,
    record: &PartRecord,
    mut take: impl FnMut(u32, Found) -> Result<()>,
) -> Result<()> {
    let fail = |cause| Error::io(path, Operation::Read, cause);
    let damaged = || Error::RunFile {
        path: path.to_path_buf(),
        reason: "is damaged; remove it and continue with --resume".to_owned(),
    };
    let mut file = BufReader::new(File::open(path).map_err(fail)?);
    let (mut line, mut hasher) = (Vec::new(), Hasher::default());
    for _ in 0..record.detections {
        line.clear();
        file.read_until(b'\n', &mut line).map_err(fail)?;
        hasher.update(&line);
        let (window, class, logit, probability) = serde_json::from_slice(&line).map_err(|_| damaged())?;
        let found = Found {
            class,
            logit,
            probability,
        };
        take(window, found)?;
    }
    if hasher.finish().xxh3 == record.detections_xxh3 {
        Ok(())
    } else {
        Err(damaged())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn source() -> SourceRecord {
        SourceRecord {
            asset: 0,
            files: vec![None],
            xxh3: Some(Xxh3(7)),
        }
    }

    fn found(class: u32, logit: f32) -> Found {
        Found {
            class,
            logit,
            probability: 0.1,
        }
    }

    fn write(path: &Path) {
        let mut part = PartWriter::create(path).unwrap();
        part.push(0, &found(3, 1.0 / 3.0)).unwrap();
        part.push(12, &found(1, -0.0)).unwrap();
        let outcome = Outcome::Whole {
            duration_s: 37.5,
            native_rate_hz: 48_000,
            windows: 13,
        };
        part.finish("dawn \"1\".wav", source(), outcome).unwrap();
    }

    fn rows(path: &Path) -> Result<Vec<(u32, Found)>> {
        let record = read_record(path).unwrap().unwrap();
        let mut rows = Vec::new();
        read_detections(path, &record, |window, found| {
            rows.push((window, found));
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.part");
        assert_eq!(read_record(&path).unwrap(), None);
        write(&path);
        let record = read_record(&path).unwrap().unwrap();
        assert_eq!((record.path.as_str(), record.detections), ("dawn \"1\".wav", 2));
        assert_eq!(record.source, source());
        assert_eq!(rows(&path).unwrap(), [(0, found(3, 1.0 / 3.0)), (12, found(1, -0.0))]);
        // Without a detection there is the record alone.
        let rejected = Outcome::Rejected {
            stage: "open".into(),
            reason: "empty".into(),
        };
        PartWriter::create(&path)
            .unwrap()
            .finish("b", source(), rejected.clone())
            .unwrap();
        assert_eq!(read_record(&path).unwrap().unwrap().outcome, rejected);
        assert_eq!(rows(&path).unwrap(), []);
    }

    #[test]
    fn a_flipped_bit_or_a_cut_never_gives_other_detections() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.part");
        write(&path);
        let bytes = std::fs::read(&path).unwrap();
        let mut damages: Vec<Vec<u8>> = (0..bytes.len()).map(|end| bytes[..end].to_vec()).collect();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            damages.push(flipped);
        }
        for damage in damages {
            std::fs::write(&path, &damage).unwrap();
            if read_record(&path).unwrap().is_some() {
                assert!(rows(&path).is_err(), "{}", String::from_utf8_lossy(&damage));
            }
        }
    }
}
