//! Provides `nfc`, the form of Unicode in which names are compared, and `FileNames`, which finds files by it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The text in Normalization Form C: `é` is one character, not a letter and an accent, as macOS writes it in file
/// names.
pub(crate) fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// A file name, or a part of one, in Normalization Form C.
pub(crate) fn nfc_name(name: Option<&OsStr>) -> String {
    nfc(&name.unwrap_or_default().to_string_lossy()).into_owned()
}

/// Finds files that a table names in another form of Unicode than their folder does.
#[derive(Default)]
pub(crate) struct FileNames {
    /// The names in each folder that was looked into, by their normal form.
    folders: HashMap<PathBuf, HashMap<String, Vec<OsString>>>,
}

impl FileNames {
    /// The path where it is there; else the one path that differs from it in the form of its names only; else the path
    /// as given, which is not there.
    pub(crate) fn find(&mut self, path: &Path) -> PathBuf {
        if path.as_os_str().is_ascii() || path.exists() {
            return path.into();
        }
        let mut found = PathBuf::new();
        for part in path {
            let plain = found.join(part);
            if plain.exists() {
                found = plain;
                continue;
            }
            match self.names(&found).get(&nfc_name(Some(part))).map(Vec::as_slice) {
                Some([name]) => found.push(name),
                _ => return path.into(),
            }
        }
        found
    }

    /// The names in a folder; none where it cannot be read.
    fn names(&mut self, folder: &Path) -> &HashMap<String, Vec<OsString>> {
        self.folders.entry(folder.into()).or_insert_with(|| {
            let here = if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            };
            let mut names: HashMap<String, Vec<OsString>> = HashMap::new();
            for entry in std::fs::read_dir(here).into_iter().flatten().flatten() {
                let name = entry.file_name();
                names.entry(nfc_name(Some(&name))).or_default().push(name);
            }
            names
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const COMPOSED: &str = "For\u{ea}t";
    const DECOMPOSED: &str = "Fore\u{302}t";

    #[test]
    fn both_forms_of_a_name_are_one() {
        assert_eq!(nfc(DECOMPOSED), COMPOSED);
        assert!(matches!(nfc(COMPOSED), Cow::Borrowed(_)));
        assert_eq!(nfc_name(Some(OsStr::new(DECOMPOSED))), COMPOSED);
    }

    #[test]
    fn files_are_found_by_either_form_unless_two_could_be_meant() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        std::fs::create_dir(here.join(DECOMPOSED)).unwrap();
        let file = here.join(DECOMPOSED).join(format!("{COMPOSED}.wav"));
        std::fs::write(&file, "").unwrap();
        let mut names = FileNames::default();
        for (folder, name) in [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED), (COMPOSED, COMPOSED)] {
            assert_eq!(names.find(&here.join(folder).join(format!("{name}.wav"))), file);
        }
        let other = here.join(COMPOSED).join("other.wav");
        assert_eq!(names.find(&other), other);

        // The marks of one letter in two orders, neither of which is the normal one.
        for name in ["a\u{301}\u{323}", "a\u{323}\u{301}"] {
            std::fs::write(here.join(name), "").unwrap();
        }
        let normal = here.join("\u{1ea1}\u{301}");
        assert_eq!(FileNames::default().find(&normal), normal);
        let exact = here.join("a\u{301}\u{323}");
        assert_eq!(FileNames::default().find(&exact), exact);
    }
}
