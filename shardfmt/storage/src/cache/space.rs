//! Defines `Space`, the bytes of a cache: what was not used for longest is removed to have room, but nothing that this
//! process uses.
//!
//! Another process may use what is removed: what it has open or mapped stays, and else it brings the file again.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use shardfmt::dataset::Held;
use shardfmt::persist::{is_temporary, remove_leftovers};

use super::CacheSettings;
use crate::error::{Error, Result};

/// What this process uses, of all its caches.
static HELD: LazyLock<Mutex<HashMap<PathBuf, Weak<()>>>> = LazyLock::new(Mutex::default);

/// Threads of this process make room one after the other.
static MAKING_ROOM: Mutex<()> = Mutex::new(());

#[derive(Debug)]
pub(super) struct Space {
    settings: CacheSettings,
}

/// A file that may be removed.
struct Candidate {
    used: SystemTime,
    path: PathBuf,
    bytes: u64,
}

impl Space {
    pub(super) fn of(settings: &CacheSettings) -> Self {
        Self {
            settings: settings.clone(),
        }
    }

    /// Keeps a file, there or not, from being removed while what is returned is held.
    pub(super) fn hold(&self, path: &Path) -> Held {
        let mut held = held();
        if let Some(kept) = held.get(path).and_then(Weak::upgrade) {
            return kept.into();
        }
        let kept = Arc::new(());
        held.insert(path.to_path_buf(), Arc::downgrade(&kept));
        kept.into()
    }

    /// Removes files until `needed` more bytes have room.
    ///
    /// # Errors
    /// [`Error::CacheFull`] if what is in use leaves none.
    pub(super) fn make_room(&self, needed: u64) -> Result<()> {
        let _alone = MAKING_ROOM.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut taken, mut candidates) = self.look()?;
        let limit = self.settings.bytes;
        let has_room = |taken: u64| taken.saturating_add(needed) <= limit;
        if has_room(taken) {
            return Ok(());
        }
        candidates.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
        for candidate in candidates {
            // Under the lock: nobody begins to use it meanwhile.
            let held = held();
            let in_use = held.get(&candidate.path).is_some_and(|kept| kept.strong_count() > 0);
            if in_use || fs::remove_file(&candidate.path).is_err() {
                continue;
            }
            drop(held);
            taken = taken.saturating_sub(candidate.bytes);
            if has_room(taken) {
                return Ok(());
            }
        }
        Err(Error::CacheFull {
            dir: self.settings.dir.clone(),
            limit,
            needed,
        })
    }

    /// Bytes of the cache, and the files that may be removed. What processes that were killed left is removed at once.
    fn look(&self) -> Result<(u64, Vec<Candidate>)> {
        let mut taken = 0_u64;
        let mut candidates = Vec::new();
        let mut folders = vec![self.settings.dir.clone()];
        while let Some(folder) = folders.pop() {
            remove_leftovers(&folder)?;
            let entries = match fs::read_dir(&folder) {
                Err(cause) if cause.kind() == ErrorKind::NotFound => continue,
                entries => {
                    entries.map_err(|cause| crate::folder::local(&folder, shardfmt::Operation::ReadFolder, cause))?
                }
            };
            for entry in entries.flatten() {
                // Gone meanwhile.
                let Ok(facts) = entry.metadata() else { continue };
                if facts.is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                taken = taken.saturating_add(facts.len());
                if !is_temporary(&entry.file_name().to_string_lossy()) && facts.len() > 0 {
                    candidates.push(Candidate {
                        used: used(&facts),
                        path: entry.path(),
                        bytes: facts.len(),
                    });
                }
            }
        }
        held().retain(|_, kept| kept.strong_count() > 0);
        Ok((taken, candidates))
    }
}

fn used(facts: &Metadata) -> SystemTime {
    facts.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn held() -> MutexGuard<'static, HashMap<PathBuf, Weak<()>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::Duration;

    use super::*;

    /// A cache of 100 bytes with three files of 30, the first the oldest.
    fn cache() -> (tempfile::TempDir, Space, [PathBuf; 3]) {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a/0", "b/1", "2"].map(|name| folder.path().join(name));
        for (path, age) in paths.iter().zip([300, 200, 100]) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, [0; 30]).unwrap();
            let then = SystemTime::now() - Duration::from_secs(age);
            fs::File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_modified(then)
                .unwrap();
        }
        let dir = folder.path().to_path_buf();
        (folder, Space::of(&CacheSettings { dir, bytes: 100 }), paths)
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first_and_no_more_than_needed() {
        let (_folder, space, [a, b, c]) = cache();
        space.make_room(10).unwrap();
        assert!(a.exists() && b.exists() && c.exists());
        space.make_room(40).unwrap();
        assert!(!a.exists() && b.exists() && c.exists());
    }

    #[test]
    fn what_is_held_stays_and_a_full_cache_says_so() {
        let (_folder, space, [a, b, c]) = cache();
        let (first, again, _other) = (space.hold(&a), space.hold(&a), space.hold(&b));
        drop(first);
        space.make_room(40).unwrap();
        assert!(a.exists() && b.exists() && !c.exists());
        let error = space.make_room(50).unwrap_err().to_string();
        assert!(
            error.contains("may hold 100 bytes, and 50 more are needed") && error.contains("--cache-bytes"),
            "{error}"
        );
        drop(again);
        space.make_room(50).unwrap();
        assert!(!a.exists() && b.exists());
    }
}
