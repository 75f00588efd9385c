//! Defines `Lock`, an advisory lock that ends with its process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::fail_point;
use crate::need::Operation;

/// How long a lock that is held is tried again even where nobody asked to wait: [`Lock::is_held`] takes it for a moment.
const GRACE: Duration = Duration::from_millis(100);
/// Pauses between two tries: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// An advisory lock held by this process until dropped; the system lets go of it when the process ends in any way.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    /// The process that took it.
    process: u32,
}

impl Lock {
    /// Takes the lock on the file at `path` for this process alone, creating the file if needed, without waiting.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process (or another `Lock` here) has it; [`Error::Io`].
    pub fn acquire(path: &Path) -> Result<Self> {
        Self::acquire_within(path, Duration::ZERO)
    }

    /// As [`Lock::acquire`], but waits up to `wait` for another process to let go of it.
    ///
    /// # Errors
    /// As [`Lock::acquire`], after that time.
    pub fn acquire_within(path: &Path, wait: Duration) -> Result<Self> {
        Self::take(path, File::try_lock, wait)
    }

    /// Takes the lock together with others that take it so; keeps those out that want it alone.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process has it alone; [`Error::Io`].
    pub fn acquire_shared(path: &Path) -> Result<Self> {
        Self::acquire_shared_within(path, Duration::ZERO)
    }

    /// As [`Lock::acquire_shared`], but waits up to `wait`.
    ///
    /// # Errors
    /// As [`Lock::acquire_shared`], after that time.
    pub fn acquire_shared_within(path: &Path, wait: Duration) -> Result<Self> {
        Self::take(path, File::try_lock_shared, wait)
    }

    /// Whether another process has the lock for itself alone. Creates no file.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn is_held(path: &Path) -> Result<bool> {
        let file = match OpenOptions::new().read(true).open(path) {
            Ok(file) => file,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(false),
            Err(cause) => return Err(Error::io(path, Operation::Open, cause)),
        };
        // A lock taken goes with the file.
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(cause)) => Err(Error::io(path, Operation::Lock, cause)),
        }
    }

    fn take(path: &Path, lock: fn(&File) -> std::result::Result<(), TryLockError>, wait: Duration) -> Result<Self> {
        // For reading too: NFS keeps shared locks only for those who may read (flock(2)).
        let open = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
        };
        let (begun, wait) = (Instant::now(), wait.max(GRACE));
        let mut pause = PAUSES.0;
        loop {
            let file = open().map_err(|cause| Error::io(path, Operation::CreateLock, cause))?;
            match lock(&file) {
                Ok(()) => {}
                Err(_) if fail_point::is_without_locks() => {}
                Err(TryLockError::WouldBlock) => {
                    let left = wait.saturating_sub(begun.elapsed());
                    if left.is_zero() {
                        return Err(Error::Locked {
                            path: path.to_path_buf(),
                        });
                    }
                    std::thread::sleep(pause.min(left));
                    pause = (pause * 2).min(PAUSES.1);
                    continue;
                }
                Err(TryLockError::Error(cause)) => return Err(Error::io(path, Operation::Lock, cause)),
            }
            // The holder before us may have removed the file: then what we locked is not what others will see.
            if is_at(&file, path) {
                fail_point::reach("lock taken");
                return Ok(Self {
                    file,
                    path: path.to_path_buf(),
                    process: std::process::id(),
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

/// Lets go of it also where a process that was forked meanwhile has the file open: closing it here would not.
impl Drop for Lock {
    fn drop(&mut self) {
        if self.process == std::process::id() {
            // A lock that is not let go of ends with the last process that has the file open.
            let _ = self.file.unlock();
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn whether_a_lock_is_held_can_be_asked_without_keeping_its_next_holder_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(!Lock::is_held(&path).unwrap() && !path.exists());
        let alone = Lock::acquire(&path).unwrap();
        assert!(Lock::is_held(&path).unwrap());
        drop(alone);
        let together = Lock::acquire_shared(&path).unwrap();
        assert!(!Lock::is_held(&path).unwrap(), "held by many is not held alone");
        drop(together);
        // Someone looks at just this moment.
        let looks = Lock::acquire_shared(&path).unwrap();
        let looker = std::thread::spawn(move || {
            std::thread::sleep(GRACE / 4);
            drop(looks);
        });
        Lock::acquire(&path).unwrap();
        looker.join().unwrap();
    }

    #[test]
    fn a_lock_is_waited_for_as_long_as_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Lock::acquire(&path).unwrap();
        let begun = Instant::now();
        assert!(matches!(
            Lock::acquire_within(&path, Duration::from_millis(300)),
            Err(Error::Locked { .. })
        ));
        assert!(begun.elapsed() >= Duration::from_millis(300));
        let holder = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(400));
            drop(held);
        });
        Lock::acquire_within(&path, Duration::from_secs(60)).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(30));
        holder.join().unwrap();
    }
}
