//! Provides durability in one place: atomic files, folder syncs, folder exchange and locks.

mod atomic_file;
mod exchange;
mod lock;
mod temporary;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

pub use atomic_file::AtomicFile;
pub use exchange::{end_exchange, exchange_dirs, is_exchange_cut_off};
pub use lock::Lock;
pub use temporary::{is_being_written, is_temporary, remove_leftovers, remove_leftovers_beside};

use crate::error::{Error, Result};
use crate::fail_point;
use crate::need::Operation;

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

/// Replaces the file at `path` by `bytes`: afterwards, even after a power cut, it has the old bytes or the new ones.
///
/// # Errors
/// [`Error::Io`] naming the file and the step that failed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)
        .map_err(|cause| Error::io(path, Operation::Write, cause))?;
    file.commit()
}

/// Makes the names in the folder `path` durable.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be opened or synced.
pub fn sync_dir(path: &Path) -> Result<()> {
    let folder = File::open(path).map_err(|cause| Error::io(path, Operation::OpenFolder, cause))?;
    folder
        .sync_all()
        .map_err(|cause| Error::io(path, Operation::SyncFolder, cause))?;
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
        Err(cause) => return Err(Error::io(path, Operation::CreateFolder, cause)),
    }
    fail_point::reach("folder created");
    sync_parent(path)
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
        let temporary = names(folder.path()).remove(0);
        assert!(
            is_being_written(&temporary) && temporary.starts_with(".f."),
            "{temporary}"
        );
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
            error.starts_with("cannot create ") && error.contains("missing/f: "),
            "{error}"
        );
        assert!(error.contains("No such file"), "{error}");
        let error = write_atomic(folder.path(), b"").unwrap_err().to_string();
        assert!(error.contains("rename a finished file to"), "{error}");
    }

    #[test]
    fn a_file_that_can_be_had_again_has_its_name_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        write_atomic(&path, b"old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        file.commit_unsynced().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["f"]);
    }

    #[test]
    fn two_writers_of_one_name_do_not_touch_each_others_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let mut first = AtomicFile::create(&path).unwrap();
        first.write_all(b"fir").unwrap();
        let mut second = AtomicFile::create(&path).unwrap();
        second.write_all(b"second").unwrap();
        first.write_all(b"st").unwrap();
        first.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        second.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["f"]);
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
        for exchange in [exchange_dirs, exchange::by_renames] {
            let (root, a, b) = two_folders();
            exchange(&a, &b).unwrap();
            assert_eq!(fs::read_to_string(a.join("f")).unwrap(), "in b");
            assert_eq!(fs::read_to_string(b.join("f")).unwrap(), "in a");
            assert_eq!(names(root.path()), ["a", "b"]);
        }
    }

    #[test]
    fn a_failed_exchange_restores_the_old_folder() {
        for exchange in [exchange_dirs, exchange::by_renames] {
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
        exchange::by_renames(&a, &b).unwrap();
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
