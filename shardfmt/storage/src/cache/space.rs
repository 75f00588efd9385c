//! Defines `Space`, the bytes of a cache: what was not used for longest is removed to have room, but nothing that this
//! process uses; who can open files again is asked to let go of them.
//!
//! Another process may use what is removed: what it has open or mapped stays, and else it brings the file again.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use shardfmt::dataset::{Held, Releases};
use shardfmt::per_process::PerProcess;
use shardfmt::persist::{Lock, create_dirs, is_temporary, remove_leftovers};

use super::{CacheSettings, LOCKS, PATIENCE};
use crate::error::{Error, Result};

/// What a process uses, of all its caches.
#[derive(Default)]
struct InUse {
    held: Mutex<HashMap<PathBuf, Weak<()>>>,
    /// Who lets go of some of it when asked, and the cache that it uses.
    users: Mutex<Vec<(PathBuf, Weak<dyn Releases>)>>,
    /// Threads make room one after the other.
    making_room: Mutex<()>,
}

static IN_USE: LazyLock<PerProcess<InUse>> = LazyLock::new(PerProcess::default);

/// How long room is waited for that somebody uses for a moment, as one who copies a clip.
const MOMENT: Duration = Duration::from_secs(1);
/// Pauses between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// How long what was seen of a cache is believed while it is far from full: a look takes a while where there are many
/// files, and as many may be coming.
const BELIEVED: Duration = Duration::from_secs(5);
/// The part of a cache that is left free while it is far from full.
const FREE: u64 = 4;
/// The part of a cache that a process may bring between two looks: others bring files, too.
const UNSEEN: u64 = 64;

/// Whether somebody waits for what needs the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Yes: it is worth waiting until what others bring is there, and may be removed.
    Now,
    /// No: it comes when it is touched.
    Later,
}

#[derive(Debug)]
pub(super) struct Space {
    settings: CacheSettings,
    seen: PerProcess<Mutex<Option<Seen>>>,
}

/// What was seen at the last look.
#[derive(Debug)]
struct Seen {
    when: Instant,
    taken: u64,
    /// Bytes that this process has brought since.
    since: u64,
}

/// A file that may be removed.
struct Candidate {
    used: SystemTime,
    path: PathBuf,
    bytes: u64,
}

/// What is in a cache.
#[derive(Default)]
struct Look {
    taken: u64,
    /// Whether some of it is on its way.
    is_coming: bool,
    candidates: Vec<Candidate>,
}

/// What became of trying to make room.
enum Room {
    Made,
    /// Others will have it soon: files that are on their way may be removed once they are there.
    Coming,
    InUse,
}

impl Space {
    pub(super) fn of(settings: &CacheSettings) -> Self {
        Self {
            settings: settings.clone(),
            seen: PerProcess::default(),
        }
    }

    /// Bytes that it may hold.
    pub(super) fn bytes(&self) -> u64 {
        self.settings.bytes
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

    /// Whom this process may ask to let go of files of this cache.
    pub(super) fn may_ask(&self, user: Weak<dyn Releases>) {
        let mut users = lock(&IN_USE.get().users);
        users.retain(|(_, user)| user.strong_count() > 0);
        users.push((self.settings.dir.clone(), user));
    }

    /// Has whoever did not use a file for longest let go of it; false if nobody uses any.
    fn ask_to_release(&self) -> bool {
        let known = lock(&IN_USE.get().users);
        let of_this_cache = known.iter().filter(|(dir, _)| *dir == self.settings.dir);
        let users: Vec<_> = of_this_cache.filter_map(|(_, user)| user.upgrade()).collect();
        drop(known);
        let oldest = users.iter().filter_map(|user| Some((user.oldest()?, user)));
        let oldest = oldest.min_by_key(|(used, _)| *used);
        oldest.map(|(_, user)| user.release()).is_some()
    }

    /// Removes files until `needed` more bytes have room, and has `take` take it before others can.
    ///
    /// # Errors
    /// [`Error::CacheFull`] if what is in use leaves none; those of `take`.
    pub(super) fn make_room<T>(&self, needed: u64, need: Need, take: impl Fn() -> Result<T>) -> Result<T> {
        let full = || Error::CacheFull {
            dir: self.settings.dir.clone(),
            limit: self.settings.bytes,
            needed,
        };
        if needed > self.settings.bytes {
            return Err(full());
        }
        if self.is_far_from_full(needed) {
            return take();
        }
        let begun = Instant::now();
        loop {
            // What frees room, and what may be had by waiting, is looked for anew each time.
            let outcome = {
                let _alone = lock(&IN_USE.get().making_room);
                let _of_all = self.lock()?;
                match self.free(needed)? {
                    Room::Made => return take(),
                    room => room,
                }
            };
            let is_released = matches!(outcome, Room::InUse) && self.ask_to_release();
            let patience = match outcome {
                _ if is_released => PATIENCE,
                Room::Coming => PATIENCE,
                Room::InUse | Room::Made => MOMENT,
            };
            if begun.elapsed() > patience || (need == Need::Later && !is_released) {
                return Err(full());
            }
            if !is_released {
                std::thread::sleep(PAUSE);
            }
        }
    }

    /// Whether there is room whatever others have brought since the cache was looked at.
    fn is_far_from_full(&self, needed: u64) -> bool {
        let limit = self.settings.bytes;
        let mut seen = lock(self.seen.get());
        match &mut *seen {
            _ if limit == u64::MAX => true,
            Some(seen) => {
                seen.since = seen.since.saturating_add(needed);
                let is_far = seen.taken.saturating_add(seen.since) <= limit - limit / FREE;
                is_far && seen.since <= limit / UNSEEN && seen.when.elapsed() < BELIEVED
            }
            None => false,
        }
    }

    /// Processes make room one after the other, too; where locks do nothing, they may have a file too many.
    fn lock(&self) -> Result<Option<Lock>> {
        let locks = self.settings.dir.join(LOCKS);
        create_dirs(&locks)?;
        match Lock::acquire_within(&locks.join("room"), PATIENCE) {
            Ok(lock) => Ok(Some(lock)),
            Err(shardfmt::Error::Locked { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn free(&self, needed: u64) -> Result<Room> {
        let mut look = self.look()?;
        let has_room = |taken: u64| taken.saturating_add(needed) <= self.settings.bytes;
        let mut taken = look.taken;
        look.candidates
            .sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
        let mut candidates = look.candidates.into_iter();
        while !has_room(taken) {
            let Some(candidate) = candidates.next() else {
                return Ok(if look.is_coming { Room::Coming } else { Room::InUse });
            };
            // Under the lock: nobody begins to use it meanwhile.
            let held = held();
            let in_use = held.get(&candidate.path).is_some_and(|kept| kept.strong_count() > 0);
            if !in_use && fs::remove_file(&candidate.path).is_ok() {
                taken = taken.saturating_sub(candidate.bytes);
            }
        }
        *lock(self.seen.get()) = Some(Seen {
            when: Instant::now(),
            taken: taken.saturating_add(needed),
            since: 0,
        });
        Ok(Room::Made)
    }

    /// Bytes of the cache, and the files that may be removed. What processes that were killed left is removed at once.
    fn look(&self) -> Result<Look> {
        let mut look = Look::default();
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
                look.taken = look.taken.saturating_add(facts.len());
                if is_temporary(&entry.file_name().to_string_lossy()) {
                    look.is_coming = true;
                } else if facts.len() > 0 {
                    look.candidates.push(Candidate {
                        used: used(&facts),
                        path: entry.path(),
                        bytes: facts.len(),
                    });
                }
            }
        }
        held().retain(|_, kept| kept.strong_count() > 0);
        Ok(look)
    }
}

fn used(facts: &Metadata) -> SystemTime {
    facts.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn held() -> MutexGuard<'static, HashMap<PathBuf, Weak<()>>> {
    lock(&IN_USE.get().held)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "space_tests.rs"]
mod tests;
