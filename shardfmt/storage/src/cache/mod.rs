//! Defines `NearCopy`, the folder of a cache that the files of a dataset kept elsewhere come to when they are touched.
//!
//! A file comes whole under a temporary name, is compared with its checksum, and is renamed. Processes of a machine
//! share it: one of them brings it while the others wait for a lock that ends with its process. What an earlier process
//! brought is compared with its checksum before this one uses it, and brought again if it is another.

mod ahead;
mod settings;
mod space;

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use shardfmt::dataset::{Backing, Held, Releases};
use shardfmt::per_process::PerProcess;
use shardfmt::persist::{AtomicFile, Lock, create_dirs};
use shardfmt::{FileEntry, hash_file};

use self::ahead::Ahead;
pub use self::settings::{CacheSettings, parse_bytes};
use self::space::{Need, Space};
use crate::dataset::DESCRIPTION_BYTES;
use crate::error::{Error, Result};
use crate::files::Files;

/// How long a process waits for another that brings the same file, before it brings it too.
const PATIENCE: Duration = Duration::from_secs(900);
/// A file used within this time is not marked as used again.
const USED: Duration = Duration::from_secs(30);
/// How often a file whose bytes are others than listed is brought.
const FETCHES: u32 = 2;
/// Longer than the pause between two looks at a lock.
const TURN: Duration = Duration::from_millis(200);
/// Folder of the files that are locked.
const LOCKS: &str = ".locks";

/// Whether files are compared with their checksums when they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrivals {
    /// Yes: others are refused.
    Checked,
    /// No: who asked for them looks for damage.
    AsTheyAre,
}

/// A folder that files come to.
#[derive(Debug)]
pub(crate) struct NearCopy {
    dir: PathBuf,
    files: Files,
    space: Space,
    arrivals: Arrivals,
    /// Files that this process has compared with their checksums, by inode and size.
    sound: PerProcess<Mutex<HashMap<String, (u64, u64)>>>,
    ahead: Ahead,
    /// `dataset.json`, kept while the dataset is open.
    kept: Mutex<Vec<Held>>,
}

impl NearCopy {
    /// The folder `dir` of the cache of `settings`, for the dataset at `files`.
    pub(crate) fn new(dir: PathBuf, files: Files, settings: &CacheSettings, arrivals: Arrivals) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            dir,
            files,
            space: Space::of(settings),
            arrivals,
            sound: PerProcess::default(),
            ahead: Ahead::for_copy(own.clone()),
            kept: Mutex::default(),
        })
    }

    /// Keeps the file `path` from being removed while the dataset is open.
    pub(crate) fn keep(&self, path: &Path) {
        let held = self.space.hold(path);
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(held);
    }

    /// Brings a file near, unless it is.
    fn bring(&self, entry: &FileEntry, need: Need) -> Result<Held> {
        let path = self.dir.join(&entry.path);
        // Before it is looked at, so that no other thread removes it from here on.
        let held = self.space.hold(&path);
        if self.is_near(entry, &path)? {
            return Ok(held);
        }
        path.parent().map_or(Ok(()), create_dirs)?;
        let locked = self.locks(&entry.path)?;
        let begun = Instant::now();
        // One of several brings it. Where locks do nothing, or outlive a thread in a process that was forked from it,
        // the others see that it has come, or bring it too: its bytes are the same.
        let alone = loop {
            match Lock::acquire(&locked) {
                Ok(lock) => break Some(lock),
                Err(shardfmt::Error::Locked { .. }) if self.is_near(entry, &path)? => return Ok(held),
                Err(shardfmt::Error::Locked { .. }) if begun.elapsed() < PATIENCE => {}
                Err(shardfmt::Error::Locked { .. }) => break None,
                Err(error) => return Err(error.into()),
            }
        };
        let brought = match self.is_near(entry, &path)? {
            true => Ok(()),
            false => self.download(entry, &path, need),
        };
        drop(alone);
        if brought.is_err() {
            // Whoever waits has its turn, and is told the reason too, before this one tries again.
            std::thread::sleep(TURN);
        }
        brought.map(|()| held)
    }

    /// Whether the file is here and is the one listed; another is removed.
    fn is_near(&self, entry: &FileEntry, path: &Path) -> Result<bool> {
        let Ok(facts) = fs::metadata(path) else {
            return Ok(false);
        };
        if self.arrivals == Arrivals::AsTheyAre {
            return Ok(true);
        }
        let identity = (facts.ino(), facts.len());
        let known = self.sound().get(&entry.path) == Some(&identity);
        // Its bytes may have changed since another process checked them.
        if known || (facts.len() == entry.bytes && hash_file(path)?.xxh3 == entry.xxh3) {
            self.sound().insert(entry.path.clone(), identity);
            mark_used(path, &facts);
            return Ok(true);
        }
        self.sound().remove(&entry.path);
        let _ = fs::remove_file(path);
        Ok(false)
    }

    fn sound(&self) -> MutexGuard<'_, HashMap<String, (u64, u64)>> {
        self.sound.get().lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file that is locked by whoever brings the file `name`.
    fn locks(&self, name: &str) -> Result<PathBuf> {
        let locks = self.dir.join(LOCKS);
        create_dirs(&locks)?;
        Ok(locks.join(name.replace('/', "-")))
    }

    fn download(&self, entry: &FileEntry, path: &Path, need: Need) -> Result<()> {
        let url = || self.files.location(&entry.path).to_string();
        let mut left = FETCHES;
        loop {
            let facts = self.files.facts(&entry.path)?;
            let is_checked = self.arrivals == Arrivals::Checked;
            if is_checked && facts.bytes != entry.bytes {
                return Err(Error::Unlike {
                    url: url(),
                    expected: format!("{} bytes", entry.bytes),
                    got: format!("{} bytes", facts.bytes),
                });
            }
            let mut file = self.space.make_room(facts.bytes, need, || {
                let file = AtomicFile::create(path)?;
                // So that others who make room see what it will take.
                let grown = file.set_len(facts.bytes);
                grown.map_err(|cause| crate::folder::local(path, shardfmt::Operation::Write, cause))?;
                Ok(file)
            })?;
            let hash = self.files.download(&entry.path, &facts, &mut file)?;
            left -= 1;
            if is_checked && hash.xxh3 != entry.xxh3 {
                if left > 0 {
                    continue;
                }
                return Err(crate::folder::unlike(url(), entry.hash(), hash));
            }
            // Nobody waits for the disk: what a crash tears is brought again.
            match self.arrivals {
                Arrivals::Checked => file.commit_unsynced(),
                Arrivals::AsTheyAre => file.commit(),
            }?;
            if let Ok(facts) = fs::metadata(path) {
                self.sound().insert(entry.path.clone(), (facts.ino(), facts.len()));
            }
            return Ok(());
        }
    }

    /// The error of a file that could not be looked at, read or written where it is kept.
    fn not_there(&self, name: &str, error: Error) -> shardfmt::Error {
        let path = PathBuf::from(self.files.location(name).to_string());
        match error {
            Error::Dataset(error) => error,
            error => shardfmt::Error::Backing {
                path,
                cause: error.into(),
            },
        }
    }

    /// The error of a dataset whose file could not be brought near.
    fn not_near(&self, entry: &FileEntry, error: Error) -> shardfmt::Error {
        let path = self.dir.join(&entry.path);
        match error {
            Error::Dataset(error) => error,
            // A check goes on with the other files.
            Error::Missing { .. } if self.arrivals == Arrivals::AsTheyAre => shardfmt::Error::FileMissing { path },
            error => shardfmt::Error::Backing {
                path,
                cause: error.into(),
            },
        }
    }
}

impl Backing for NearCopy {
    fn fetch(&self, entry: &FileEntry) -> shardfmt::Result<Held> {
        self.bring(entry, Need::Now)
            .map_err(|error| self.not_near(entry, error))
    }

    fn expect(&self, entries: &[FileEntry]) {
        self.ahead.add(entries);
    }

    fn publish(&self, entry: &FileEntry) -> shardfmt::Result<()> {
        let name = entry.path.as_str();
        let publish = || match self.files.facts(name) {
            // What was sent before a run was cut off; a size alone tells nothing of clips.
            Ok(facts) if facts.bytes == entry.bytes && facts.xxh3 == Some(entry.xxh3) => Ok(()),
            Ok(_) | Err(Error::Missing { .. }) => self.files.upload(name, &self.dir.join(name), entry.hash()),
            Err(error) => Err(error),
        };
        publish().map_err(|error| self.not_there(name, error))
    }

    fn holds(&self, entry: &FileEntry) -> shardfmt::Result<bool> {
        match self.files.facts(&entry.path) {
            Ok(facts) => Ok(facts.bytes == entry.bytes && facts.xxh3.is_none_or(|xxh3| xxh3 == entry.xxh3)),
            Err(Error::Missing { .. }) => Ok(false),
            Err(error) => Err(self.not_there(&entry.path, error)),
        }
    }

    fn size(&self, name: &str) -> shardfmt::Result<Option<u64>> {
        match self.files.facts(name) {
            Ok(facts) => Ok(Some(facts.bytes)),
            Err(Error::Missing { .. }) => Ok(None),
            Err(error) => Err(self.not_there(name, error)),
        }
    }

    fn names(&self, under: &str) -> shardfmt::Result<Option<Vec<String>>> {
        match self.files.list(under) {
            Ok(names) => Ok(Some(names.into_iter().map(|(name, _)| name).collect())),
            // A web server.
            Err(Error::Setting { .. }) => Ok(None),
            Err(error) => Err(self.not_there(under, error)),
        }
    }

    fn read(&self, name: &str) -> shardfmt::Result<Option<Vec<u8>>> {
        match self.files.whole(name, DESCRIPTION_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::Missing { .. }) => Ok(None),
            Err(error) => Err(self.not_there(name, error)),
        }
    }

    fn create(&self, name: &str, bytes: &[u8]) -> shardfmt::Result<bool> {
        match self.files.create(name, bytes) {
            Ok(_) => Ok(true),
            Err(Error::Taken { .. }) => Ok(false),
            Err(error) => Err(self.not_there(name, error)),
        }
    }

    fn remove(&self, name: &str) -> shardfmt::Result<()> {
        let removed = self.files.remove(name);
        removed.map_err(|error| self.not_there(name, error))
    }

    fn place(&self) -> PathBuf {
        PathBuf::from(self.files.base().to_string())
    }

    fn room(&self) -> u64 {
        self.space.bytes()
    }

    fn may_ask(&self, user: Weak<dyn Releases>) {
        self.space.may_ask(user);
    }
}

/// Marks a file as used now: what was not used for longest is removed first.
fn mark_used(path: &Path, facts: &fs::Metadata) {
    let age = facts.modified().ok().and_then(|time| time.elapsed().ok());
    if age.is_some_and(|age| age > USED)
        && let Ok(file) = File::open(path)
    {
        // It may be another user's; then it is removed sooner.
        let _ = file.set_modified(SystemTime::now());
    }
}
