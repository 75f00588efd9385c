//! Provides the files of a folder: hashed, compared and copied as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use shardfmt::{Xxh3, hash_file};

/// Size and hash of every file under a folder, by its path with forward slashes; folders end in a slash.
pub(crate) type Tree = BTreeMap<String, (u64, Xxh3)>;

/// Hashes every file under a folder. A folder that is not there is empty.
pub(crate) fn tree(folder: &Path) -> Tree {
    let mut found = Tree::new();
    if folder.exists() {
        visit(folder, "", &mut found);
    }
    found
}

/// The same without a writer's own records, which a kill right after the commit leaves and readers ignore.
pub(crate) fn dataset_tree(folder: &Path) -> Tree {
    tree(folder)
        .into_iter()
        .filter(|(name, _)| !name.starts_with(".build"))
        .collect()
}

fn visit(folder: &Path, prefix: &str, found: &mut Tree) {
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            let prefix = format!("{prefix}{name}/");
            found.insert(prefix.clone(), (0, Xxh3::default()));
            visit(&path, &prefix, found);
        } else {
            let hash = hash_file(&path).unwrap();
            found.insert(format!("{prefix}{name}"), (hash.bytes, hash.xxh3));
        }
    }
}

/// Names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Asserts that two folders hold the same files with the same bytes; a failure names those that differ.
#[track_caller]
pub(crate) fn assert_same(a: &Tree, b: &Tree, what: &str) {
    let differing: Vec<&String> = a
        .keys()
        .chain(b.keys())
        .filter(|name| a.get(*name) != b.get(*name))
        .collect();
    assert!(differing.is_empty(), "{what}: {differing:?} differ");
    assert!(!a.is_empty(), "{what}: there are no files to compare");
}

/// Copies a folder with all it holds; the copies get new times of change.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to)
        } else {
            fs::write(&to, fs::read(&from).unwrap()).unwrap()
        }
    }
}
