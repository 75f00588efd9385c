//! Defines `Folder`, files of this machine.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use shardfmt::checksum::{FileHash, Hasher};
use shardfmt::persist::{AtomicFile, create_dirs};

use crate::error::{Error, Result};
use crate::files::{Facts, Placed};

/// Piece in which a file is copied.
const PIECE_BYTES: usize = 1 << 20;

#[derive(Clone, Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
}

impl Folder {
    pub(crate) fn at(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf() }
    }

    fn path(&self, name: &str) -> PathBuf {
        match name {
            "" => self.dir.clone(),
            name => self.dir.join(name),
        }
    }

    pub(crate) fn facts(&self, name: &str) -> Result<Facts> {
        let path = self.path(name);
        let facts = fs::metadata(&path).map_err(|cause| missing_or(&path, shardfmt::Operation::LookAt, cause))?;
        if !facts.is_file() {
            return Err(missing(&path));
        }
        let changed = facts
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok(Facts {
            bytes: facts.len(),
            version: format!("{:?}", changed.unwrap_or_default()),
            xxh3: None,
        })
    }

    /// Size and version; a folder has no requests to save.
    pub(crate) fn begin(&self, name: &str) -> Result<(Facts, Option<Vec<u8>>)> {
        Ok((self.facts(name)?, None))
    }

    pub(crate) fn range(&self, name: &str, range: Range<u64>, version: Option<&str>) -> Result<Vec<u8>> {
        let path = self.path(name);
        let mut file = File::open(&path).map_err(|cause| missing_or(&path, shardfmt::Operation::Open, cause))?;
        let read = |file: &mut File| -> io::Result<Vec<u8>> {
            file.seek(SeekFrom::Start(range.start))?;
            let mut bytes = Vec::new();
            file.take(range.end.saturating_sub(range.start))
                .read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read(&mut file).map_err(|cause| local(&path, shardfmt::Operation::Read, cause))?;
        if version.is_some_and(|version| self.facts(name).is_ok_and(|facts| facts.version != version)) {
            return Err(Error::Changed {
                url: path.display().to_string(),
            });
        }
        if bytes.len() as u64 == range.end.saturating_sub(range.start) {
            return Ok(bytes);
        }
        Err(Error::Unlike {
            url: path.display().to_string(),
            expected: format!("bytes {} to {}", range.start, range.end),
            got: format!("{} bytes", bytes.len()),
        })
    }

    pub(crate) fn download(&self, name: &str, facts: &Facts, to: &mut dyn Write) -> Result<FileHash> {
        let path = self.path(name);
        let file = File::open(&path).map_err(|cause| missing_or(&path, shardfmt::Operation::Open, cause))?;
        let hash = pour(file, &path, to, &path)?;
        if hash.bytes == facts.bytes {
            return Ok(hash);
        }
        Err(Error::Changed {
            url: path.display().to_string(),
        })
    }

    pub(crate) fn upload(&self, name: &str, from: &Path, hash: FileHash) -> Result<()> {
        let path = self.path(name);
        path.parent().map_or(Ok(()), create_dirs)?;
        let source = File::open(from).map_err(|cause| missing_or(from, shardfmt::Operation::Open, cause))?;
        let mut file = AtomicFile::create(&path)?;
        let got = pour(source, from, &mut file, &path)?;
        if got != hash {
            return Err(unlike(from.display().to_string(), hash, got));
        }
        Ok(file.commit()?)
    }

    pub(crate) fn create(&self, name: &str, bytes: &[u8]) -> Result<Placed> {
        let path = self.path(name);
        path.parent().map_or(Ok(()), create_dirs)?;
        // A link to a finished file is made whole or not at all, and never over another.
        let scratch = path.with_file_name(format!(
            ".{}.{}.new",
            path.file_name().unwrap_or_default().to_string_lossy(),
            std::process::id()
        ));
        shardfmt::persist::write_atomic(&scratch, bytes)?;
        let linked = fs::hard_link(&scratch, &path);
        let _ = fs::remove_file(&scratch);
        match linked {
            Ok(()) => {
                shardfmt::persist::sync_parent(&path)?;
                Ok(Placed::Written)
            }
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists => match fs::read(&path) {
                Ok(there) if there == bytes => Ok(Placed::WasThere),
                Ok(_) => Err(Error::Taken {
                    url: path.display().to_string(),
                }),
                Err(cause) => Err(local(&path, shardfmt::Operation::Read, cause)),
            },
            // A file system without links.
            Err(_) if !path.exists() => {
                shardfmt::persist::write_atomic(&path, bytes)?;
                Ok(Placed::Written)
            }
            Err(cause) => Err(local(&path, shardfmt::Operation::Create, cause)),
        }
    }

    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => Err(local(&path, shardfmt::Operation::Remove, cause)),
            _ => {
                // Stores have no folders that could be left empty.
                let above = path.parent().filter(|above| *above != self.dir);
                let _ = above.map(fs::remove_dir);
                Ok(())
            }
        }
    }

    pub(crate) fn list(&self, under: &str) -> Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        let mut folders = vec![under.trim_matches('/').to_owned()];
        while let Some(folder) = folders.pop() {
            let path = self.path(&folder);
            let fail = |cause| local(&path, shardfmt::Operation::ReadFolder, cause);
            let entries = match fs::read_dir(&path) {
                Err(cause) if cause.kind() == ErrorKind::NotFound => continue,
                entries => entries.map_err(fail)?,
            };
            for entry in entries {
                let entry = entry.map_err(fail)?;
                let facts = entry.metadata().map_err(fail)?;
                let own = entry.file_name().to_string_lossy().into_owned();
                let name = if folder.is_empty() {
                    own
                } else {
                    format!("{folder}/{own}")
                };
                if facts.is_dir() {
                    folders.push(name);
                } else {
                    found.push((name, facts.len()));
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Writes all of `from` to `to`, in constant memory.
pub(crate) fn pour(mut from: impl Read, source: &Path, to: &mut dyn Write, target: &Path) -> Result<FileHash> {
    let mut hasher = Hasher::default();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = match from.read(&mut piece) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => count,
            Err(cause) if cause.kind() == ErrorKind::Interrupted => continue,
            Err(cause) => return Err(local(source, shardfmt::Operation::Read, cause)),
        };
        let read = piece.get(..count).unwrap_or_default();
        hasher.update(read);
        to.write_all(read)
            .map_err(|cause| local(target, shardfmt::Operation::Write, cause))?;
    }
}

/// The error of bytes that are others than expected.
pub(crate) fn unlike(url: String, expected: FileHash, got: FileHash) -> Error {
    let text = |hash: FileHash| format!("{} bytes of checksum {}", hash.bytes, hash.xxh3);
    Error::Unlike {
        url,
        expected: text(expected),
        got: text(got),
    }
}

pub(crate) fn local(path: &Path, operation: shardfmt::Operation, cause: io::Error) -> Error {
    shardfmt::Error::io(path, operation, cause).into()
}

fn missing(path: &Path) -> Error {
    Error::Missing {
        url: path.display().to_string(),
    }
}

fn missing_or(path: &Path, operation: shardfmt::Operation, cause: io::Error) -> Error {
    match cause.kind() {
        ErrorKind::NotFound => missing(path),
        _ => local(path, operation, cause),
    }
}
