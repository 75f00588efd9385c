//! Provides durability in one place: atomic files, folder syncs, folder exchange and locks.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::error::{Error, Result};
use crate::fail_point;

/// `path` with its file name changed to `.NAME.suffix`: a sibling, so that a rename stays on one filesystem.
fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(suffix);
    path.with_file_name(name)
}

/// The folder that holds `path`.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A file that appears under its name only when complete: bytes go to the sibling `.NAME.tmp`, and
/// [`AtomicFile::commit`] syncs it, renames it over the name and syncs the folder. Dropping it uncommitted removes
/// the sibling. A sibling left by a killed process is overwritten by the next writer of the same name.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    temp: PathBuf,
    path: PathBuf,
    renamed: bool,
    behind: Option<SyncBehind>,
}

/// A thread that makes a file durable while more of it is written.
#[derive(Debug)]
struct SyncBehind {
    wake: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl SyncBehind {
    fn start(file: File) -> io::Result<Self> {
        // One request can wait while another is served: a sync covers all that was written before it starts.
        let (wake, wanted) = sync_channel::<()>(1);
        let thread = std::thread::Builder::new().name("l48-sync".into());
        let thread = thread.spawn(move || wanted.iter().try_for_each(|()| file.sync_data()))?;
        Ok(Self { wake, thread })
    }

    /// Waits for the syncs asked for.
    fn finish(self) -> io::Result<()> {
        drop(self.wake);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(io::Error::other("the syncing thread failed")))
    }
}

impl AtomicFile {
    /// Starts a new file that will be called `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if the temporary sibling cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        let temp = sibling(path, ".tmp");
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&temp);
        let file = opened.map_err(|cause| Error::io(&temp, "create", cause))?;
        fail_point::reach("file created");
        Ok(Self {
            file,
            temp,
            path: path.to_path_buf(),
            renamed: false,
            behind: None,
        })
    }

    /// The final name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Cuts or extends the file to `bytes`; the write position stays.
    ///
    /// # Errors
    /// The system's, for [`io::Write`] contexts.
    pub fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    /// Has a thread make the bytes written so far durable, without waiting for it, so that little is left to wait for at the
    /// end. What goes wrong there is reported by a later call or by [`AtomicFile::commit`].
    ///
    /// # Errors
    /// The system's, for [`io::Write`] contexts.
    pub fn sync_behind(&mut self) -> io::Result<()> {
        let behind = match self.behind.take() {
            Some(behind) if behind.thread.is_finished() => return behind.finish(),
            Some(behind) => behind,
            None => SyncBehind::start(self.file.try_clone()?)?,
        };
        // A full channel has a request that covers this one too.
        let _ = behind.wake.try_send(());
        self.behind = Some(behind);
        Ok(())
    }

    /// Makes the bytes durable and gives the file its name, replacing any file of that name.
    ///
    /// # Errors
    /// [`Error::Io`]; the name then still refers to the old file, if any, unless only the last folder sync failed.
    pub fn commit(mut self) -> Result<()> {
        let behind = self.behind.take().map_or(Ok(()), SyncBehind::finish);
        behind
            .and_then(|()| self.file.sync_all())
            .map_err(|cause| Error::io(&self.temp, "sync", cause))?;
        fail_point::reach("file synced");
        fs::rename(&self.temp, &self.path)
            .map_err(|cause| Error::io(&self.path, "rename a finished file to", cause))?;
        self.renamed = true;
        fail_point::reach("file renamed");
        sync_dir(folder_of(&self.path))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for AtomicFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.file.read(bytes)
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        let _ = self.behind.take().map(SyncBehind::finish);
        if !self.renamed {
            // A leftover is harmless (the next writer truncates it), and drop cannot report.
            let _ = fs::remove_file(&self.temp);
        }
    }
}

/// Replaces the file at `path` by `bytes`: afterwards, even after a power cut, it has the old bytes or the new ones.
///
/// # Errors
/// [`Error::Io`] naming the file and the step that failed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(|cause| Error::io(path, "write", cause))?;
    file.commit()
}

/// Makes the names in the folder `path` durable.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be opened or synced.
pub fn sync_dir(path: &Path) -> Result<()> {
    let folder = File::open(path).map_err(|cause| Error::io(path, "open folder", cause))?;
    folder
        .sync_all()
        .map_err(|cause| Error::io(path, "sync folder", cause))?;
    fail_point::reach("folder synced");
    Ok(())
}

/// Makes the name `path` itself durable, by syncing the folder it stands in.
///
/// # Errors
/// [`Error::Io`] if that folder cannot be opened or synced.
pub fn sync_parent(path: &Path) -> Result<()> {
    sync_dir(folder_of(path))
}

/// Creates a folder and those above it that are missing, and makes the name of each one created durable.
///
/// # Errors
/// [`Error::Io`] naming the folder that cannot be created.
pub fn create_dirs(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    above.map_or(Ok(()), create_dirs)?;
    match fs::create_dir(path) {
        Ok(()) => {}
        // By another process, a moment ago.
        Err(_) if path.is_dir() => return Ok(()),
        Err(cause) => return Err(Error::io(path, "create the folder", cause)),
    }
    fail_point::reach("folder created");
    sync_parent(path)
}

/// Exchanges the names of two existing folders on one filesystem, so that each path then leads to the other content.
///
/// On Linux this is one atomic step where the filesystem can do it. Elsewhere it is three renames, undone if one fails;
/// between them the content of `a` is in the sibling `.NAME.aside` of `a`, and after a crash there [`end_exchange`] brings
/// things in order.
///
/// # Errors
/// [`Error::Io`]; both paths then lead to their old content, unless undoing failed too, which the error says.
pub fn exchange_dirs(a: &Path, b: &Path) -> Result<()> {
    if fail_point::is_without_exchange() || !exchange_atomically(a, b)? {
        exchange_by_renames(a, b)?;
    }
    fail_point::reach("folders exchanged");
    sync_dir(folder_of(a))?;
    sync_dir(folder_of(b))
}

/// One `renameat2(RENAME_EXCHANGE)`; false if the kernel or the filesystem does not have it.
#[cfg(target_os = "linux")]
fn exchange_atomically(a: &Path, b: &Path) -> Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(errno) => Err(Error::io(b, "exchange folders at", errno.into())),
    }
}

#[cfg(not(target_os = "linux"))]
fn exchange_atomically(_a: &Path, _b: &Path) -> Result<bool> {
    Ok(false)
}

/// Whether a crash inside [`exchange_dirs`], or an exchange that goes on in another process, has left `a` in two places.
#[must_use]
pub fn is_exchange_cut_off(a: &Path) -> bool {
    sibling(a, ".aside").is_dir()
}

/// Ends what a crash inside [`exchange_dirs`] left on a filesystem without an atomic exchange: if `a` is missing, its old
/// content gets its name back; if `a` has the new content and `b` is missing, the old content becomes `b`.
///
/// # Errors
/// [`Error::Io`].
pub fn end_exchange(a: &Path, b: &Path) -> Result<()> {
    let aside = sibling(a, ".aside");
    if !aside.is_dir() {
        return Ok(());
    }
    if !a.exists() {
        fs::rename(&aside, a).map_err(|cause| Error::io(&aside, "move back (content of the old folder)", cause))?;
    } else if !b.exists() {
        fs::rename(&aside, b).map_err(|cause| Error::io(&aside, "move into place", cause))?;
    }
    fail_point::reach("exchange ended");
    sync_dir(folder_of(a))
}

fn exchange_by_renames(a: &Path, b: &Path) -> Result<()> {
    let aside = sibling(a, ".aside");
    fs::rename(a, &aside).map_err(|cause| Error::io(a, "move aside", cause))?;
    fail_point::reach("old folder moved aside");
    if let Err(cause) = fs::rename(b, a) {
        fs::rename(&aside, a).map_err(|cause| Error::io(&aside, "move back (content of the old folder)", cause))?;
        return Err(Error::io(b, "move into place", cause));
    }
    fail_point::reach("new folder moved into place");
    if let Err(cause) = fs::rename(&aside, b) {
        fs::rename(a, b).map_err(|cause| Error::io(a, "move back", cause))?;
        fs::rename(&aside, a).map_err(|cause| Error::io(&aside, "move back (content of the old folder)", cause))?;
        return Err(Error::io(&aside, "move into place", cause));
    }
    Ok(())
}

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
            let file = open().map_err(|cause| Error::io(path, "create lock file", cause))?;
            match lock(&file) {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Locked {
                        path: path.to_path_buf(),
                    });
                }
                Err(TryLockError::Error(cause)) => return Err(Error::io(path, "lock", cause)),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_uncommitted_file_leaves_the_old_one_and_no_sibling() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        write_atomic(&path, b"old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(names(folder.path()), [".f.tmp", "f"]);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        drop(file);
        assert_eq!(names(folder.path()), ["f"]);
        write_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["f"]);
    }

    #[test]
    fn errors_name_the_path_and_the_operation() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_atomic(&folder.path().join("missing/f"), b"")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("cannot create ") && error.contains("missing/.f.tmp"),
            "{error}"
        );
        assert!(error.contains("No such file"), "{error}");
        let error = write_atomic(folder.path(), b"").unwrap_err().to_string();
        assert!(error.contains("rename a finished file to"), "{error}");
    }

    fn two_folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let (a, b) = (root.path().join("a"), root.path().join("b"));
        for (folder, content) in [(&a, "in a"), (&b, "in b")] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("f"), content).unwrap();
        }
        (root, a, b)
    }

    #[test]
    fn folders_are_exchanged_by_either_way() {
        for exchange in [exchange_dirs, exchange_by_renames] {
            let (root, a, b) = two_folders();
            exchange(&a, &b).unwrap();
            assert_eq!(fs::read_to_string(a.join("f")).unwrap(), "in b");
            assert_eq!(fs::read_to_string(b.join("f")).unwrap(), "in a");
            assert_eq!(names(root.path()), ["a", "b"]);
        }
    }

    #[test]
    fn a_failed_exchange_restores_the_old_folder() {
        for exchange in [exchange_dirs, exchange_by_renames] {
            let (root, a, b) = two_folders();
            fs::remove_dir_all(&b).unwrap();
            assert!(matches!(exchange(&a, &b), Err(Error::Io { .. })));
            assert_eq!(fs::read_to_string(a.join("f")).unwrap(), "in a");
            assert_eq!(names(root.path()), ["a"]);
        }
    }

    #[test]
    fn an_exchange_that_was_cut_off_is_undone_or_finished() {
        let (root, a, b) = two_folders();
        let aside = root.path().join(".a.aside");
        fs::rename(&a, &aside).unwrap();
        assert!(is_exchange_cut_off(&a));
        end_exchange(&a, &b).unwrap();
        assert_eq!(fs::read_to_string(a.join("f")).unwrap(), "in a");
        assert!(!is_exchange_cut_off(&a));

        fs::rename(&a, &aside).unwrap();
        fs::rename(&b, &a).unwrap();
        end_exchange(&a, &b).unwrap();
        assert_eq!(fs::read_to_string(a.join("f")).unwrap(), "in b");
        assert_eq!(fs::read_to_string(b.join("f")).unwrap(), "in a");
        assert_eq!(names(root.path()), ["a", "b"]);
        exchange_by_renames(&a, &b).unwrap();
    }

    #[test]
    fn missing_folders_are_created_and_a_file_in_their_way_is_named() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b/c");
        create_dirs(&deep).unwrap();
        create_dirs(&deep).unwrap();
        assert!(deep.is_dir());
        fs::write(deep.join("f"), b"").unwrap();
        let error = create_dirs(&deep.join("f/g")).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot create the folder ") && error.contains("a/b/c/f"),
            "{error}"
        );
    }

    #[test]
    fn a_lock_is_exclusive_until_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = Lock::acquire(&path).unwrap();
        assert_eq!(lock.path(), path);
        let error = Lock::acquire(&path).unwrap_err();
        assert!(matches!(&error, Error::Locked { path: named } if *named == path));
        drop(lock);
        Lock::acquire(&path).unwrap();
    }
}
