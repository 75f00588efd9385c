//! Walks folders and sorts their files into recordings, texts that may be annotations, and others.

use std::collections::BTreeMap;
use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};

use shardfmt::Operation;

use super::facts::{extension, is_recording};
use super::finding::{Finding, Kind};
use crate::error::{self, Error, Result};
use crate::tables::nfc;

/// Folders of operating systems and archives, in which nothing is a recording of anyone's choice.
const SYSTEM_FOLDERS: [&str; 4] = ["System Volume Information", "$RECYCLE.BIN", "@eaDir", "lost+found"];

/// Extensions of texts that may be annotations of the recording beside them.
const TEXTS: [&str; 2] = ["txt", "csv"];

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its path from the name of the scanned folder on, in Normalization Form C: the same wherever that folder lies.
    pub(super) key: String,
}

impl Found {
    /// The file's name.
    pub(super) fn name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }

    /// The key of the folder that it is in.
    pub(super) fn folder(&self) -> &str {
        self.key.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The path below the scanned folder.
    pub(super) fn below(&self) -> &str {
        self.key.split_once('/').map_or("", |(_, below)| below)
    }
}

/// What folders hold, in the order of keys.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) recordings: Vec<Found>,
    pub(super) texts: Vec<Found>,
    /// Files that are neither, by extension.
    pub(super) others: BTreeMap<String, u64>,
    pub(super) findings: Vec<Finding>,
}

/// Walks all folders, but not `out` where that lies within them. Symbolic links are not followed.
///
/// # Errors
/// A folder that cannot be read, two of the same name, and one within another.
pub(super) fn walk(folders: &[PathBuf], out: &Path) -> Result<Walked> {
    let mut roots: Vec<(String, PathBuf)> = Vec::new();
    for folder in folders {
        let root = std::fs::canonicalize(folder).map_err(error::io(Operation::Read, folder))?;
        if root.to_str().is_none() {
            let unnameable = io::Error::new(io::ErrorKind::InvalidInput, "its path is not UTF-8 text");
            return Err(error::io(Operation::Read, folder)(unnameable));
        }
        let name = nfc(&root.file_name().unwrap_or_default().to_string_lossy()).into_owned();
        let other = roots
            .iter()
            .find(|(other_name, other)| *other_name == name || root.starts_with(other) || other.starts_with(&root));
        if let Some((_, other)) = other {
            return Err(Error::FoldersAlike {
                first: other.clone(),
                second: root,
            });
        }
        roots.push((name, root));
    }
    let out = std::fs::canonicalize(out).unwrap_or_else(|_| out.into());
    let mut walked = Walked::default();
    for (name, root) in roots {
        let entries = std::fs::read_dir(&root).map_err(error::io(Operation::Read, &root))?;
        let mut waiting = vec![(name.clone(), root, Some(entries))];
        while let Some((key, folder, entries)) = waiting.pop() {
            // What a scan wrote before. A root may be that folder too.
            if folder == out && entries.is_none() {
                continue;
            }
            let entries = match entries.map_or_else(|| std::fs::read_dir(&folder), Ok) {
                Ok(entries) => entries,
                Err(error) => {
                    walked.tell(key, format!("a folder that cannot be read: {error}"));
                    continue;
                }
            };
            for entry in entries {
                match entry {
                    Ok(entry) => {
                        if let Some(inner) = walked.take(&key, &entry) {
                            waiting.push((inner.key, inner.path, None));
                        }
                    }
                    Err(error) => walked.tell(key.clone(), format!("a folder that cannot be read whole: {error}")),
                }
            }
        }
    }
    walked.recordings.sort_by(|a, b| a.key.cmp(&b.key));
    walked.texts.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(walked)
}

impl Walked {
    fn tell(&mut self, path: String, what: impl Into<String>) {
        let what = what.into();
        let kind = Kind::NotLookedAt;
        self.findings.push(Finding { kind, path, what });
    }

    /// Sorts a file in, or returns a folder to be walked.
    fn take(&mut self, parent: &str, entry: &DirEntry) -> Option<Found> {
        let name = entry.file_name();
        let shown = nfc(&name.to_string_lossy()).into_owned();
        let found = Found {
            path: entry.path(),
            key: format!("{parent}/{shown}"),
        };
        let Some(name) = name.to_str() else {
            self.tell(
                found.key,
                "its name is not UTF-8 text, so no table can hold it: rename it",
            );
            return None;
        };
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) => {
                self.tell(found.key, format!("cannot be read: {error}"));
                return None;
            }
        };
        if kind.is_symlink() {
            self.tell(
                found.key,
                "a symbolic link, which is not followed: scan what it leads to",
            );
        } else if kind.is_dir() {
            if !name.starts_with('.') && !SYSTEM_FOLDERS.contains(&name) {
                return Some(found);
            }
            self.tell(found.key, "a folder of the system");
        } else if name.starts_with("._") {
            self.tell(found.key, "what macOS keeps beside a file");
        } else if is_recording(name) {
            match () {
                () if !kind.is_file() => self.tell(found.key, "not a regular file"),
                () if name != name.trim() => {
                    self.tell(
                        found.key,
                        "its name begins or ends with a blank, which tables cut off: rename it",
                    );
                }
                () => self.recordings.push(found),
            }
        } else {
            let extension = extension(name);
            *self.others.entry(extension.clone()).or_default() += 1;
            if TEXTS.contains(&extension.as_str()) {
                self.texts.push(found);
            }
        }
        None
    }
}

/// A path from a folder to a file, both of which are absolute, with forward slashes.
pub(crate) fn relative(folder: &Path, file: &Path) -> String {
    let shared = folder
        .components()
        .zip(file.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = folder.components().skip(shared).map(|_| "..".into());
    let down = file
        .components()
        .skip(shared)
        .map(|part| part.as_os_str().to_string_lossy());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn files_are_sorted_by_what_they_are() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("card");
        for folder in ["b/c", ".Trashes", "out", "System Volume Information"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in [
            "b/c/2.WAV",
            "b/1.flac",
            "b/._1.flac",
            "b/1.txt",
            "CONFIG.TXT",
            ".Trashes/3.wav",
            "out/4.wav",
            "b/5.wav ",
            "b/ 6.wav",
            "b/data",
        ] {
            std::fs::write(root.join(file), "").unwrap();
        }
        std::os::unix::fs::symlink(root.join("b"), root.join("again")).unwrap();
        use std::os::unix::ffi::OsStrExt;
        let odd = std::ffi::OsStr::from_bytes(b"b/\xff.wav");
        std::fs::write(root.join(odd), "").unwrap();
        let walked = walk(std::slice::from_ref(&root), &root.join("out")).unwrap();
        let keys = |files: &[Found]| files.iter().map(|file| file.key.clone()).collect::<Vec<_>>();
        assert_eq!(keys(&walked.recordings), ["card/b/1.flac", "card/b/c/2.WAV"]);
        assert_eq!(keys(&walked.texts), ["card/CONFIG.TXT", "card/b/1.txt"]);
        assert_eq!(walked.others.values().sum::<u64>(), 4, "{:?}", walked.others);
        assert_eq!(walked.findings.len(), 6, "{:?}", walked.findings);
        assert_eq!(walked.recordings[1].below(), "b/c/2.WAV");
        assert_eq!(
            (walked.recordings[1].folder(), walked.recordings[1].name()),
            ("card/b/c", "2.WAV")
        );

        let inner = [root.clone(), root.join("b")];
        assert!(matches!(walk(&inner, place.path()), Err(Error::FoldersAlike { .. })));
        assert!(walk(&[root.join("none")], place.path()).is_err());
    }

    #[test]
    fn paths_lead_from_one_folder_to_another() {
        let from = |folder: &str, file: &str| relative(Path::new(folder), Path::new(file));
        assert_eq!(from("/a/b", "/a/b/c/x.wav"), "c/x.wav");
        assert_eq!(from("/a/b", "/a/c/x.wav"), "../c/x.wav");
        assert_eq!(from("/a", "/x.wav"), "../x.wav");
    }
}
