//! Provides the names of recordings' tables: the recordings' own paths below the folder that all of them share, so that
//! one file name in two folders is two names.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// A name for each of `files`, paths without a root: below what their folders have in common, without the ending, or
/// with it where another file would have the same name.
pub(crate) fn distinct_names(files: &[PathBuf]) -> Vec<PathBuf> {
    let shared = shared_folder(files);
    let below = |file: &PathBuf| file.strip_prefix(&shared).unwrap_or(file).to_path_buf();
    let mut without_ending: HashMap<PathBuf, usize> = HashMap::new();
    for file in files {
        *without_ending.entry(below(file).with_extension("")).or_default() += 1;
    }
    let whole_names: HashSet<PathBuf> = files.iter().map(below).collect();
    let name = |file: &PathBuf| {
        let (whole, short) = (below(file), below(file).with_extension(""));
        let is_free = without_ending.get(&short) == Some(&1) && (short == whole || !whole_names.contains(&short));
        if is_free { short } else { whole }
    };
    files.iter().map(name).collect()
}

/// The longest folder that all of the files lie below.
fn shared_folder(files: &[PathBuf]) -> PathBuf {
    let mut folders = files.iter().map(|file| file.parent().unwrap_or(Path::new("")));
    let Some(first) = folders.next() else {
        return PathBuf::new();
    };
    folders.fold(first.to_path_buf(), |shared, folder| {
        let both = shared.components().zip(folder.components());
        both.take_while(|(a, b)| a == b).map(|(part, _)| part).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[&str]) -> Vec<String> {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        distinct_names(&files)
            .iter()
            .map(|name| name.display().to_string())
            .collect()
    }

    #[test]
    fn names_are_short_and_distinct() {
        assert_eq!(names(&["r/a.wav"]), ["a"]);
        assert_eq!(
            names(&["r/s1/a.wav", "r/s2/a.wav", "r/s2/b.wav"]),
            ["s1/a", "s2/a", "s2/b"]
        );
        assert_eq!(names(&["r/a.wav", "r/a.flac", "r/b.flac"]), ["a.wav", "a.flac", "b"]);
        assert_eq!(names(&["r/a.b.wav", "r/a.wav"]), ["a.b", "a"]);
        // `ab` and `a/b` share no folder.
        assert_eq!(names(&["ab/x.wav", "a/x.wav"]), ["ab/x", "a/x"]);
        assert_eq!(names(&[]), Vec::<String>::new());
        assert_eq!(
            names(&["r/a.wav", "r/a.flac", "r/a.wav.mp3"]),
            ["a.wav", "a.flac", "a.wav.mp3"]
        );
        // Names without an ending collide neither with each other nor with those that lost theirs.
        assert_eq!(names(&["r/a", "r/a.wav"]), ["a", "a.wav"]);
    }
}
