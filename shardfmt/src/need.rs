//! Provides what a refused file operation needs, in words for its error: space, a right, a file system that can be written.

use std::fmt::Write;
use std::io::{Error, ErrorKind};
use std::path::Path;

/// What has to be there for `operation` on `path` to succeed, as the end of a sentence that named the cause; empty where the
/// cause says it all. Asked when the operation has just failed: a moment later an unfinished file may be gone, and its space
/// be free again.
#[must_use]
pub fn need(operation: &str, path: &Path, cause: &Error) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = match cause.kind() {
        ErrorKind::StorageFull => match free_bytes(path) {
            Some(free) => write!(
                text,
                "; {free} bytes are free there: free more, or choose a folder on another disk"
            ),
            None => write!(text, "; free some space there, or choose a folder on another disk"),
        },
        ErrorKind::QuotaExceeded => write!(
            text,
            "; free some of your space there, or choose a folder on another disk"
        ),
        ErrorKind::ReadOnlyFilesystem => {
            let folder = nearest_folder(path).display();
            write!(
                text,
                "; {folder} has to be mounted for writing, or choose another folder"
            )
        }
        ErrorKind::PermissionDenied if is_reading(operation) => {
            write!(
                text,
                "; needs the permission to read it, and to search the folders above it"
            )
        }
        ErrorKind::PermissionDenied => {
            let folder = nearest_folder(path).display();
            write!(text, "; needs write permission on the folder {folder}")
        }
        _ => Ok(()),
    };
    text
}

/// Whether an operation only reads.
fn is_reading(operation: &str) -> bool {
    ["open", "read", "find", "list", "look", "map", "hash"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

/// The folder that holds `path`, or the nearest above it that is there.
fn nearest_folder(path: &Path) -> &Path {
    let above = path.ancestors().skip(1);
    let mut named = above.filter(|folder| !folder.as_os_str().is_empty());
    named.find(|folder| folder.is_dir()).unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn free_bytes(path: &Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(nearest_folder(path)).ok()?;
    facts.f_bavail.checked_mul(facts.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_path: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn each_cause_says_what_is_needed_and_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/f");
        let text = |operation, kind: ErrorKind| need(operation, &path, &kind.into());
        let named = folder.path().display().to_string();
        let forbidden = text("create", ErrorKind::PermissionDenied);
        assert_eq!(forbidden, format!("; needs write permission on the folder {named}"));
        assert!(text("read", ErrorKind::PermissionDenied).contains("permission to read"));
        let read_only = text("write", ErrorKind::ReadOnlyFilesystem);
        assert!(
            read_only.starts_with(&format!("; {named} has to be mounted")),
            "{read_only}"
        );
        let full = text("write", ErrorKind::StorageFull);
        let free: Vec<&str> = full.split(' ').skip(1).take(3).collect();
        assert!(
            free[0].parse::<u64>().is_ok() && free[1..] == ["bytes", "are"],
            "{full}"
        );
        assert_eq!(text("write", ErrorKind::NotFound), "");
    }
}
