//! Provides the search for the annotation files of recordings by a file-name pattern.

use std::path::{Path, PathBuf};

use super::Notes;
use super::problem::Problems;
use super::recordings::Recording;

/// Whether every recording has a file of its own.
pub(super) fn is_per_recording(pattern: &str) -> bool {
    ["{stem}", "{name}", "{asset_id}"]
        .iter()
        .any(|placeholder| pattern.contains(placeholder))
}

/// The annotation files of one recording: those its `annotation` cell names, else those the pattern matches.
///
/// The pattern knows `{stem}` (file name without extension), `{name}` (file name), `{asset_id}` and the wildcards of a shell.
/// A cell is relative to the pattern's folder; a file it names has to exist.
pub(super) fn files_of(pattern: &str, recording: &Recording, problems: &mut Problems) -> Vec<PathBuf> {
    if let Some(named) = &recording.annotation {
        let folder = Path::new(pattern).parent().unwrap_or(Path::new(""));
        let file = folder.join(named);
        if !file.is_file() {
            problems.file(
                &file,
                format!(
                    "no such file; the `annotation` cell of asset {} names it",
                    recording.asset_id
                ),
            );
            return Vec::new();
        }
        return vec![file];
    }
    let name = |part: Option<&std::ffi::OsStr>| glob::Pattern::escape(&part.unwrap_or_default().to_string_lossy());
    let expanded = pattern
        .replace("{stem}", &name(recording.file.file_stem()))
        .replace("{name}", &name(recording.file.file_name()))
        .replace("{asset_id}", &recording.asset_id.to_string());
    match glob::glob(&expanded) {
        Ok(paths) => paths.filter_map(Result::ok).filter(|path| path.is_file()).collect(),
        Err(error) => {
            problems.file(Path::new(pattern), format!("is not a file-name pattern: {error}"));
            Vec::new()
        }
    }
}

/// Reads every annotation file and hands `each` the recording and the file; counts recordings without any.
pub(super) fn for_each_file(
    pattern: &str,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
    mut each: impl FnMut(&mut Recording, &Path, &mut Notes, &mut Problems),
) {
    let before = problems.len();
    let mut found = 0;
    for recording in recordings.iter_mut() {
        let files = files_of(pattern, recording, problems);
        if files.is_empty() {
            notes.recordings_without_annotations += 1;
        }
        found += files.len();
        for file in files {
            each(recording, &file, notes, problems);
        }
    }
    if found == 0 && problems.len() == before {
        problems.file(Path::new(pattern), "matches no annotation file of any recording");
    }
}
