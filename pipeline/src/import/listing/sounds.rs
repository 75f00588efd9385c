//! Provides `SoundFiles`, the files of a set's folder, found by the names and numbers that tables give them.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use shardfmt::Operation;

use crate::error::{self, Result};
use crate::tables::nfc;

/// Extensions of files that are no recordings.
const NO_SOUND: [&str; 10] = ["csv", "json", "txt", "md", "toml", "png", "jpg", "gz", "zip", "html"];

/// Where the recording of a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Located {
    /// Here: the file, and its path below the folder.
    One(PathBuf, String),
    /// There is none.
    Nowhere,
    /// Several may be meant: their paths below the folder.
    Several(Vec<String>),
}

/// All files below a folder.
#[derive(Debug, Default)]
pub(crate) struct SoundFiles {
    /// By their paths below the folder, in Normalization Form C.
    paths: BTreeMap<String, PathBuf>,
    /// The paths by file name.
    names: BTreeMap<String, Vec<String>>,
    /// The paths by the number that begins the name, `123` or `XC123`.
    numbers: BTreeMap<u64, Vec<String>>,
}

impl SoundFiles {
    /// Walks the folder `source`, or that of the file `source`.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub(crate) fn beside(source: &Path) -> Result<Self> {
        let folder = match source.is_file() {
            true => source.parent().unwrap_or(Path::new("")),
            false => source,
        };
        match folder.as_os_str().is_empty() {
            true => Self::walk(Path::new(".")),
            false => Self::walk(folder),
        }
    }

    /// Walks a folder. Symbolic links to files are files; those to folders are not followed.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub(crate) fn walk(folder: &Path) -> Result<Self> {
        // Paths from one folder to another need them whole.
        let root = std::fs::canonicalize(folder).map_err(error::io(Operation::Read, folder))?;
        let mut files = SoundFiles::default();
        let mut waiting = vec![(root, String::new())];
        while let Some((inner, key)) = waiting.pop() {
            let entries = std::fs::read_dir(&inner).map_err(error::io(Operation::Read, &inner))?;
            for entry in entries {
                let entry = entry.map_err(error::io(Operation::Read, &inner))?;
                let name = entry.file_name();
                // A table is text, and could not name it.
                let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
                    continue;
                };
                let key = if key.is_empty() {
                    name.to_owned()
                } else {
                    format!("{key}/{name}")
                };
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    waiting.push((entry.path(), key));
                } else {
                    files.add(nfc(&key).into_owned(), entry.path());
                }
            }
        }
        for paths in files.names.values_mut().chain(files.numbers.values_mut()) {
            paths.sort();
        }
        Ok(files)
    }

    fn add(&mut self, key: String, path: PathBuf) {
        let name = key.rsplit('/').next().unwrap_or_default().to_owned();
        if !is_no_sound(&name) {
            self.names.entry(name.clone()).or_default().push(key.clone());
            if let Some(number) = number(&name) {
                self.numbers.entry(number).or_default().push(key.clone());
            }
        }
        self.paths.insert(key, path);
    }

    /// All files with an extension, by their paths below the folder.
    pub(crate) fn with_extension<'f>(&'f self, extension: &'f str) -> impl Iterator<Item = (&'f str, &'f Path)> {
        let paths = self.paths.iter().map(|(key, path)| (key.as_str(), path.as_path()));
        paths.filter(move |(key, _)| {
            let key = key.strip_suffix(".gz").unwrap_or(key);
            Path::new(key)
                .extension()
                .is_some_and(|other| other.eq_ignore_ascii_case(extension))
        })
    }

    /// The first of several paths below the folder that is there.
    pub(crate) fn at(&self, candidates: &[String]) -> Located {
        let found = candidates.iter().find_map(|key| self.paths.get_key_value(key.as_str()));
        found.map_or(Located::Nowhere, |(key, path)| Located::One(path.clone(), key.clone()))
    }

    /// The file of a name, wherever it is.
    pub(crate) fn named(&self, name: &str) -> Located {
        self.one_of(self.names.get(name))
    }

    /// The file whose name begins with a number, wherever it is.
    pub(crate) fn numbered(&self, number: u64) -> Located {
        self.one_of(self.numbers.get(&number))
    }

    /// The files in a folder whose names begin with a text.
    pub(crate) fn beginning(&self, prefix: &str) -> Located {
        let keys: Vec<String> = self
            .paths
            .range(prefix.to_owned()..)
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix))
            .filter(|key| !is_no_sound(key))
            .cloned()
            .collect();
        self.one_of(Some(&keys))
    }

    /// How many recordings are in a folder.
    pub(crate) fn count_in(&self, folder: &str) -> usize {
        let inner = format!("{folder}/");
        let keys = self.paths.range(inner.clone()..).map(|(key, _)| key);
        keys.take_while(|key| key.starts_with(&inner))
            .filter(|key| !is_no_sound(key))
            .count()
    }

    fn one_of(&self, keys: Option<&Vec<String>>) -> Located {
        match keys.map(Vec::as_slice) {
            None | Some([]) => Located::Nowhere,
            Some([key]) => self.at(std::slice::from_ref(key)),
            Some(several) => Located::Several(several.to_vec()),
        }
    }
}

/// Whether a path that a table names stays below its folder.
pub(crate) fn stays_below(path: &str) -> bool {
    Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn is_no_sound(name: &str) -> bool {
    let extension = Path::new(name)
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    NO_SOUND.contains(&extension.as_str())
}

/// The number that begins a name, with or without `XC`.
fn number(name: &str) -> Option<u64> {
    let rest = match name.get(..2) {
        Some(prefix) if prefix.eq_ignore_ascii_case("xc") => name.get(2..)?.trim_start(),
        _ => name,
    };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, behind) = rest.split_at_checked(end)?;
    // A date is not the number of a recording.
    digits
        .parse()
        .ok()
        .filter(|_| !behind.starts_with(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn files_are_found_by_path_name_and_number() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a/XC12.mp3",
            "a/XC123 - Wren - Troglodytes.mp3",
            "b/77.wav",
            "b/77.mp3",
            "b/77.txt",
            "c/12th.wav",
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let files = SoundFiles::walk(folder.path()).unwrap();
        let key = |located: Located| match located {
            Located::One(_, key) => key,
            Located::Nowhere => "nowhere".into(),
            Located::Several(keys) => keys.join(" "),
        };
        assert_eq!(key(files.numbered(12)), "a/XC12.mp3");
        assert_eq!(key(files.numbered(123)), "a/XC123 - Wren - Troglodytes.mp3");
        assert_eq!(key(files.numbered(77)), "b/77.mp3 b/77.wav");
        assert_eq!(key(files.numbered(1)), "nowhere");
        assert_eq!(key(files.named("77.wav")), "b/77.wav");
        assert_eq!(key(files.beginning("a/XC123")), "a/XC123 - Wren - Troglodytes.mp3");
        assert_eq!(key(files.at(&["x".into(), "b/77.wav".into()])), "b/77.wav");
        assert_eq!((files.count_in("b"), files.count_in("a/X")), (2, 0));
        assert!(stays_below("a/./b.ogg") && !stays_below("../b.ogg") && !stays_below("/b.ogg"));
    }
}
