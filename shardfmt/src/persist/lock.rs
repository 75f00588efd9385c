//! Defines `Lock`, an advisory lock that ends with its process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fail_point;
use crate::need::Operation;

/// An advisory lock held by this process until dropped; the system lets go of it when the process ends in any way.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock on the file at `path` for this process alone, creating the file if needed, without waiting.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process (or another `Lock` here) has it; [`Error::Io`].
    pub fn acquire(path: &Path) -> Result<Self> {
        Self::take(path, File::try_lock)
    }

    /// Takes the lock together with others that take it so; keeps those out that want it alone.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process has it alone; [`Error::Io`].
    pub fn acquire_shared(path: &Path) -> Result<Self> {
        Self::take(path, File::try_lock_shared)
    }

    fn take(path: &Path, lock: fn(&File) -> std::result::Result<(), TryLockError>) -> Result<Self> {
        let open = || OpenOptions::new().write(true).create(true).truncate(false).open(path);
        loop {
            let file = open().map_err(|cause| Error::io(path, Operation::CreateLock, cause))?;
            match lock(&file) {
                Ok(()) => {}
                Err(_) if fail_point::is_without_locks() => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Locked {
                        path: path.to_path_buf(),
                    });
                }
                Err(TryLockError::Error(cause)) => return Err(Error::io(path, Operation::Lock, cause)),
            }
            // The holder before us may have removed the file: then what we locked is not what others will see.
            if is_at(&file, path) {
                fail_point::reach("lock taken");
                return Ok(Self {
                    _file: file,
                    path: path.to_path_buf(),
                });
            }
        }
    }

    /// The lock file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |facts: fs::Metadata| (facts.dev(), facts.ino());
    let (opened, named) = (file.metadata().map(identity), fs::metadata(path).map(identity));
    matches!((opened, named), (Ok(opened), Ok(named)) if opened == named)
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}
