//! Provides the list of recordings to look through: files, folders and tables as given on the command line.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use frontend::audio::is_recording_name;
use shardfmt::Operation;
use storage::Location;

use super::names::distinct_names;
use crate::csv_table::CsvTable;
use crate::error::{Error, Result};

/// The column of a table that names a recording.
const PATH: &str = "path";

/// A recording to look through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// As it was given: by its own path, as found in a folder, or as in the table.
    pub path: String,
    /// The file, or its address.
    pub file: PathBuf,
    /// Where its tables go below their folder, without the ending of their names; of one recording only.
    pub name: PathBuf,
}

/// The recordings of `inputs` in order, each once: a folder stands for the recordings in it and in the folders below,
/// by the endings of their names; a file that ends in `.csv` for those its column `path` names, relative to it; any
/// other file, and an address, for itself.
///
/// # Errors
/// [`Error::Setting`] for what is not there, or holds no recording; [`Error::Table`], [`Error::Io`].
pub fn find_recordings(inputs: &[PathBuf]) -> Result<Vec<Listed>> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for input in inputs {
        let before = found.len();
        if Location::is_address(input) {
            found.push((input.display().to_string(), input.clone()));
        } else if input.is_dir() {
            walk(input, &mut found)?;
        } else if !input.exists() {
            let reason = format!("{} is neither a file nor a folder", input.display());
            return Err(Error::setting("recordings", reason));
        } else if input
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("csv"))
        {
            of_table(input, &mut found)?;
        } else {
            found.push((input.display().to_string(), input.clone()));
        }
        if found.len() == before {
            let reason = format!(
                "there is no recording in {}; a folder is searched by the endings of names, such as .wav, .flac and .mp3",
                input.display()
            );
            return Err(Error::setting("recordings", reason));
        }
    }
    let mut seen = HashSet::new();
    found.retain(|(_, file)| seen.insert(absolute(file)));
    let names = distinct_names(&found.iter().map(|(_, file)| absolute(file)).collect::<Vec<_>>());
    let listed = found.into_iter().zip(names);
    Ok(listed.map(|((path, file), name)| Listed { path, file, name }).collect())
}

/// Adds the recordings in a folder and below it, by name. What begins with a dot is hidden; links to folders are not
/// followed, so that none is walked twice.
fn walk(folder: &Path, found: &mut Vec<(String, PathBuf)>) -> Result<()> {
    let fail = |cause| Error::io(folder, Operation::ReadFolder, cause);
    let entries = fs::read_dir(folder).map_err(fail)?;
    let mut entries = entries.collect::<std::io::Result<Vec<_>>>().map_err(fail)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type().map_err(fail)?;
        if kind.is_dir() {
            walk(&path, found)?;
        } else if is_recording_name(Path::new(&name)) && path.is_file() {
            found.push((path.display().to_string(), path));
        }
    }
    Ok(())
}

/// Adds the recordings that a table names.
fn of_table(table: &Path, found: &mut Vec<(String, PathBuf)>) -> Result<()> {
    let folder = table.parent().unwrap_or(Path::new(""));
    let mut csv = CsvTable::open(table)?;
    let column = csv.column(&[PATH])?;
    while let Some((line, row)) = csv.next_row()? {
        let cell = row.get(column).unwrap_or_default();
        if cell.is_empty() {
            return Err(CsvTable::cell_error(table, line, PATH, cell, "must not be empty"));
        }
        let path = Path::new(cell);
        let is_address = Location::is_address(path);
        let file = if is_address {
            path.to_path_buf()
        } else {
            folder.join(path)
        };
        found.push((cell.to_owned(), file));
    }
    Ok(())
}

/// The path from the root, without `.` and `..`; links are not looked at. An address as host and path.
fn absolute(file: &Path) -> PathBuf {
    let text = file.to_string_lossy();
    if let Some((_, place)) = text.split_once("://").filter(|_| Location::is_address(file)) {
        return PathBuf::from(place);
    }
    let from_root = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
    let mut parts: Vec<&OsStr> = Vec::new();
    for part in from_root.components() {
        match part {
            Component::Normal(name) => parts.push(name),
            Component::ParentDir => drop(parts.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    parts.into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn place(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn listed(folder: &Path, inputs: &[&str]) -> Vec<[String; 2]> {
        let inputs: Vec<PathBuf> = inputs.iter().map(|input| folder.join(input)).collect();
        let found = find_recordings(&inputs).unwrap().into_iter();
        let relative = |path: &str| path.replace(&format!("{}/", folder.display()), "");
        found
            .map(|one| [relative(&one.path), one.name.display().to_string()])
            .collect()
    }

    #[test]
    fn a_folder_is_searched_in_order_and_hidden_files_are_not_looked_at() {
        let files = [
            "a/b.WAV",
            "a/b.flac",
            "a/x/dawn.wav",
            "a/notes.txt",
            "a/.trash/c.wav",
            "a/._b.wav",
            "a/x/dusk.ogg",
        ];
        let folder = place(&files);
        let expected = [
            ["a/b.WAV", "b.WAV"],
            ["a/b.flac", "b.flac"],
            ["a/x/dawn.wav", "x/dawn"],
            ["a/x/dusk.ogg", "x/dusk"],
        ];
        assert_eq!(listed(folder.path(), &["a"]), expected);
        // The same once more, by another way.
        assert_eq!(listed(folder.path(), &["a", "a/../a/x/dawn.wav"]), expected);
    }

    #[test]
    fn one_stem_in_two_folders_has_two_names() {
        let folder = place(&["s1/dawn.wav", "s2/dawn.wav"]);
        assert_eq!(
            listed(folder.path(), &["s1/dawn.wav", "s2/dawn.wav"]),
            [["s1/dawn.wav", "s1/dawn"], ["s2/dawn.wav", "s2/dawn"]]
        );
    }

    #[test]
    fn a_table_names_recordings_relative_to_it() {
        let folder = place(&["audio/1.wav", "tables/r.csv"]);
        fs::write(
            folder.path().join("tables/r.csv"),
            "asset_id,path\n1,../audio/1.wav\n2,../audio/missing.wav\n",
        )
        .unwrap();
        let expected = [["../audio/1.wav", "1"], ["../audio/missing.wav", "missing"]];
        assert_eq!(listed(folder.path(), &["tables/r.csv"]), expected);
        fs::write(folder.path().join("tables/r.csv"), "asset_id,path\n1,\n").unwrap();
        let error = find_recordings(&[folder.path().join("tables/r.csv")])
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("r.csv:2: path = \"\": must not be empty"), "{error}");
    }

    #[test]
    fn what_is_not_there_and_folders_without_recordings_are_refused() {
        let folder = place(&["a/notes.txt"]);
        for (input, said) in [("b", "neither a file nor a folder"), ("a", "there is no recording in")] {
            let error = find_recordings(&[folder.path().join(input)]).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
