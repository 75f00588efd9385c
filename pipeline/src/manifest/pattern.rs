//! Provides the search for annotation files: by a file-name pattern, or by the recordings' `annotation` cells.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use super::model::Recording;
use super::notes::Notes;
use crate::tables::{FileNames, Problems, nfc, nfc_name};
use crate::tally::Reason;

/// What stands for a recording's file name without extension, with it, and its asset id.
const PLACEHOLDERS: [&str; 3] = ["{stem}", "{name}", "{asset_id}"];

/// An annotation file and the recording (position in the list) it belongs to.
pub(super) struct AnnotationFile {
    pub(super) recording: usize,
    pub(super) file: PathBuf,
}

/// Where annotation files are looked for.
pub(super) struct Pattern<'a> {
    /// Folder of the manifest, to which the pattern is relative.
    pub(super) folder: &'a Path,
    /// File name or path with `{stem}` (file name of the recording without extension), `{name}` (with it),
    /// `{asset_id}`, and the wildcards of a shell.
    pub(super) files: &'a str,
    /// The recordings table, for messages about `annotation` cells.
    pub(super) recordings_table: &'a Path,
}

/// The pattern with any text in the place of what a recording is called.
fn of_any_recording(files: &str) -> String {
    // Two stars side by side are not one, but mean folders.
    const ANY: char = '\0';
    let mut text = files.to_owned();
    for placeholder in PLACEHOLDERS {
        text = text.replace(placeholder, &ANY.to_string());
    }
    for pair in [[ANY, ANY], [ANY, '*'], ['*', ANY]] {
        let pair = String::from_iter(pair);
        while text.contains(&pair) {
            text = text.replace(&pair, &ANY.to_string());
        }
    }
    text.replace(ANY, "*")
}

/// How many of the files no recording has found.
fn unused(candidates: &[(String, PathBuf)], found: &[AnnotationFile]) -> u64 {
    // `./a` and `a` are the same file.
    let names = |file: &Path| -> PathBuf { file.components().filter(|part| *part != Component::CurDir).collect() };
    let found: HashSet<PathBuf> = found.iter().map(|found| names(&found.file)).collect();
    candidates
        .iter()
        .filter(|(_, file)| !found.contains(&names(file)))
        .count() as u64
}

impl Pattern<'_> {
    /// Whether one file serves all recordings: the pattern has no placeholder.
    pub(super) fn is_shared(&self) -> bool {
        !PLACEHOLDERS.iter().any(|placeholder| self.files.contains(placeholder))
    }

    /// The pattern as a person would look for it.
    pub(super) fn shown(&self) -> PathBuf {
        self.folder.join(self.files)
    }

    /// The one file of a shared pattern.
    pub(super) fn shared_files(&self, problems: &mut Problems) -> Vec<PathBuf> {
        let mut files = self.search(&self.absolute(in_any_form), problems);
        if in_any_form(self.files) != self.files {
            let pattern = glob::Pattern::new(&nfc(&self.absolute(str::to_string)));
            files.retain(|file| pattern.as_ref().is_ok_and(|pattern| pattern.matches(&normal(file))));
        }
        if files.is_empty() {
            problems.file(&self.shown(), "no such annotation file");
        }
        files
    }

    /// The files of every recording: those its `annotation` cell names, else those the pattern matches. Recordings
    /// without any are counted, and so are files that would match but for the recording; one file for two recordings is
    /// a mistake, since its labels would be given twice.
    pub(super) fn find(
        &self,
        recordings: &[Recording],
        notes: &mut Notes,
        problems: &mut Problems,
    ) -> Vec<AnnotationFile> {
        let before = problems.len();
        let has_wildcards = self.files.contains(['*', '?', '[']);
        // The files are listed once; with wildcards each recording looks at those that begin as its own would.
        let everything = self.absolute(|text| in_any_form(&of_any_recording(text)));
        let candidates = self.search(&everything, problems).into_iter();
        let mut candidates: Vec<(String, PathBuf)> =
            candidates.map(|file| (normal(&file).into_owned(), file)).collect();
        candidates.sort();
        let mut names = FileNames::default();
        let mut found = Vec::new();
        for (number, recording) in recordings.iter().enumerate() {
            let files = match &recording.annotation {
                Some(named) => self.of_annotation_cell(recording, named, &mut names, problems),
                None if has_wildcards => self.matching(recording, &candidates),
                None => vec![names.find(&self.folder.join(self.expand(recording, str::to_string)))]
                    .into_iter()
                    .filter(|f| f.is_file())
                    .collect(),
            };
            notes.tallies.add(Reason::NoAnnotations, u64::from(files.is_empty()));
            found.extend(files.into_iter().map(|file| AnnotationFile {
                recording: number,
                file,
            }));
        }
        notes
            .tallies
            .add(Reason::UnusedAnnotations, unused(&candidates, &found));
        let mut owners: HashMap<&Path, usize> = HashMap::new();
        for AnnotationFile { recording, file } in &found {
            let first = *owners.entry(file).or_insert(*recording);
            if first != *recording {
                let id = |number: usize| recordings.get(number).map_or(0, |recording| recording.asset_id);
                let (a, b) = (id(first), id(*recording));
                problems.file(
                    file,
                    format!(
                        "matches both asset {a} and asset {b}; give each its own file with `files` or `annotation`"
                    ),
                );
            }
        }
        if found.is_empty() && problems.len() == before {
            problems.file(&self.shown(), "matches no annotation file");
        }
        found
    }

    fn of_annotation_cell(
        &self,
        recording: &Recording,
        named: &str,
        names: &mut FileNames,
        problems: &mut Problems,
    ) -> Vec<PathBuf> {
        let file = names.find(&self.shown().parent().unwrap_or(Path::new("")).join(named));
        if file.is_file() {
            return vec![file];
        }
        let (table, path) = (self.recordings_table, file.to_string_lossy());
        problems.cell(table, recording.line, "annotation", &path, "no such file");
        Vec::new()
    }

    /// The candidates, each with its normal form, that a recording's pattern matches.
    fn matching(&self, recording: &Recording, candidates: &[(String, PathBuf)]) -> Vec<PathBuf> {
        let own = self.absolute(|files| self.expand_in(files, recording, glob::Pattern::escape));
        let Ok(pattern) = glob::Pattern::new(&nfc(&own)) else {
            return Vec::new();
        };
        let plain = self.folder.join(self.expand(recording, str::to_string));
        let plain = normal(&plain);
        // Up to its first wildcard the pattern is plain text, and the candidates are sorted.
        let wildcard = self
            .expand(recording, |text| "x".repeat(text.len()))
            .find(['*', '?', '['])
            .unwrap_or(0);
        let folder_bytes = plain.len() - self.expand(recording, str::to_string).len();
        let prefix = plain.get(..folder_bytes + wildcard).unwrap_or_default();
        let start = candidates.partition_point(|(normal, _)| normal.as_str() < prefix);
        let begins = |(normal, _): &&(String, PathBuf)| normal.starts_with(prefix);
        candidates
            .iter()
            .skip(start)
            .take_while(begins)
            .filter(|(normal, _)| pattern.matches(normal))
            .map(|(_, file)| file.clone())
            .collect()
    }

    fn expand(&self, recording: &Recording, escape: impl Fn(&str) -> String) -> String {
        self.expand_in(self.files, recording, escape)
    }

    /// The pattern of one recording, in the normal form in which file names are compared.
    fn expand_in(&self, files: &str, recording: &Recording, escape: impl Fn(&str) -> String) -> String {
        let name = |part| escape(&nfc_name(part));
        nfc(files)
            .replace("{stem}", &name(recording.file.file_stem()))
            .replace("{name}", &name(recording.file.file_name()))
            .replace("{asset_id}", &escape(&recording.asset_id.to_string()))
    }

    /// The pattern below the manifest's folder, whose own name is plain text whatever it contains.
    fn absolute(&self, files: impl Fn(&str) -> String) -> String {
        if Path::new(self.files).is_absolute() {
            return files(self.files);
        }
        let folder = glob::Pattern::escape(&self.folder.join("").to_string_lossy());
        format!("{folder}{}", files(self.files))
    }

    fn search(&self, pattern: &str, problems: &mut Problems) -> Vec<PathBuf> {
        match glob::Pattern::new(self.files).and_then(|_| glob::glob(pattern)) {
            Ok(paths) => paths.filter_map(Result::ok).filter(|path| path.is_file()).collect(),
            Err(error) => {
                problems.file(&self.shown(), format!("is not a valid file-name pattern: {error}"));
                Vec::new()
            }
        }
    }
}

/// A path in the normal form in which file names are compared.
fn normal(path: &Path) -> Cow<'_, str> {
    match path.to_string_lossy() {
        Cow::Borrowed(text) => nfc(text),
        Cow::Owned(text) => Cow::Owned(nfc(&text).into_owned()),
    }
}

/// A pattern that finds the names that this one means in every form of Unicode, and maybe others: any text in place of
/// what is not ASCII.
fn in_any_form(files: &str) -> String {
    let files = nfc(files);
    let loosened: String = if files.contains('[') {
        files.into_owned()
    } else {
        let any = |character: char| if character.is_ascii() { character } else { '*' };
        files.chars().map(any).collect()
    };
    // Two wildcards beside each other would mean folders in folders.
    let mut parts: Vec<String> = loosened.split('/').map(str::to_owned).collect();
    for part in parts.iter_mut().filter(|part| *part != "**") {
        while part.contains("**") {
            *part = part.replace("**", "*");
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_beside_stars_are_one_star() {
        for (files, any) in [
            ("notes/{stem}.txt", "notes/*.txt"),
            ("{stem}*.txt", "*.txt"),
            ("*{asset_id}_{name}*", "*_*"),
            ("{stem}{asset_id}**.txt", "*.txt"),
            ("**/{stem}.txt", "**/*.txt"),
        ] {
            assert_eq!(of_any_recording(files), any, "{files}");
        }
    }
}
