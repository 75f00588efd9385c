//! Defines the file operations that may be refused, and says what a refused one needs: space, a permission, another
//! mount.

use std::fmt::{self, Write};
use std::io::{Error, ErrorKind};
use std::path::Path;

/// Names the file operations: for each its words, which go before a path, and whether it only reads.
macro_rules! operations {
    ($($operation:ident = $words:literal $(, $reads:ident)?;)+) => {
        /// A file operation that may be refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Operation {
            $(#[doc = concat!("To ", $words, ".")] $operation),+
        }

        impl Operation {
            /// The operation as an infinitive, to go before a path.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self {
                    $(Self::$operation => $words),+
                }
            }

            /// Whether it only reads, so that permission to write does not help.
            #[must_use]
            pub fn is_reading(self) -> bool {
                match self {
                    $(Self::$operation => operations!(@reads $($reads)?)),+
                }
            }
        }
    };
    (@reads reads) => { true };
    (@reads) => { false };
}

operations! {
    Open = "open", reads;
    Read = "read", reads;
    ReadOutput = "read the output of", reads;
    OpenFolder = "open the folder", reads;
    ReadFolder = "read the folder", reads;
    FindFolder = "find the folder", reads;
    Find = "find", reads;
    LookAt = "look at", reads;
    LookAtFolderOf = "look at the folder of", reads;
    Map = "map", reads;
    Seek = "seek in", reads;
    Start = "start", reads;
    Create = "create";
    CreateFolder = "create the folder";
    CreateLock = "create the lock file";
    Lock = "lock";
    Write = "write";
    Encode = "encode";
    Cut = "cut back";
    Sync = "sync";
    SyncFolder = "sync the folder";
    RenameTo = "rename a finished file to";
    Place = "move the finished dataset to";
    Exchange = "exchange folders at";
    MoveAside = "move aside";
    MoveIntoPlace = "move into place";
    MoveBack = "move back";
    MoveBackOld = "move back (content of the old folder)";
    Remove = "remove";
    RemoveFolder = "remove the folder";
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// What `operation` on `path` needs to succeed, as the end of a sentence that has named the cause; empty where the
/// cause says it all. To be called right after the failure: a moment later an unfinished file may be gone, and its
/// space free again.
#[must_use]
pub fn need(operation: Operation, path: &Path, cause: &Error) -> String {
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
                "; {folder} is mounted read-only: remount it, or choose another folder"
            )
        }
        ErrorKind::PermissionDenied if operation.is_reading() => {
            write!(
                text,
                "; reading it needs read permission on it, and search permission on the folders above"
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
        let forbidden = text(Operation::Create, ErrorKind::PermissionDenied);
        assert_eq!(forbidden, format!("; needs write permission on the folder {named}"));
        assert!(text(Operation::Read, ErrorKind::PermissionDenied).contains("read permission on it"));
        let read_only = text(Operation::Write, ErrorKind::ReadOnlyFilesystem);
        assert!(
            read_only.starts_with(&format!("; {named} is mounted read-only")),
            "{read_only}"
        );
        let full = text(Operation::Write, ErrorKind::StorageFull);
        let free: Vec<&str> = full.split(' ').skip(1).take(3).collect();
        assert!(
            free[0].parse::<u64>().is_ok() && free[1..] == ["bytes", "are"],
            "{full}"
        );
        assert_eq!(text(Operation::Write, ErrorKind::NotFound), "");
    }
}
