//! Provides the reader of Raven selection tables: tab-separated rows with times, frequencies and a free-named label
//! column.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::boxes::BoxReader;
use super::empty_tables::EmptyTables;
use super::lengths::Lengths;
use super::model::{BoxTable, Recording};
use super::notes::Notes;
use super::pattern::{AnnotationFile, Pattern};
use super::raven_files::{NamedFile, origins};
use super::raven_rows::{BEGIN, BEGIN_FILE, END, FILE_OFFSET, RavenRow, names_from_last, parse};
use super::settings::{EmptyTable, RavenTimes};
use crate::tables::{Problems, nfc_name, read_bytes};
use crate::tally::Reason;

/// How the selection tables of a manifest are read.
pub(super) struct SelectionTables<'a> {
    pub(super) label_columns: &'a [String],
    pub(super) times: RavenTimes,
    pub(super) empty_table: EmptyTable,
    pub(super) reader: &'a BoxReader<'a>,
}

impl SelectionTables<'_> {
    /// Reads the tables the pattern finds and adds their boxes to the recordings.
    ///
    /// The file of a row is its `Begin File`, else the last name in its `Begin Path`. A table found for one recording
    /// is that recording's: rows of other files are left out and counted. A table that serves all recordings gives each
    /// row to the recording of its file. The time in the file is `File Offset (s)`, else what [`origins`] makes of the
    /// times.
    pub(super) fn read(
        &self,
        pattern: &Pattern<'_>,
        lengths: Lengths<'_>,
        recordings: &mut [Recording],
        notes: &mut Notes,
        problems: &mut Problems,
    ) {
        let is_shared = pattern.is_shared() && recordings.iter().all(|recording| recording.annotation.is_none());
        let files: Vec<(Option<usize>, _)> = if is_shared {
            let files = pattern.shared_files(problems).into_iter();
            files.map(|file| (None, file)).collect()
        } else {
            let files = pattern.find(recordings, notes, problems).into_iter();
            let own = |AnnotationFile { recording, file }| (Some(recording), file);
            files.map(own).collect()
        };
        let mut reading = Reading {
            tables: self,
            owners: Owners::of(recordings),
            lengths,
            empty: EmptyTables::new(self.empty_table),
            recordings,
            notes,
            problems,
        };
        for (own, file) in files {
            reading.table(&file, own);
        }
        reading.empty.settle(reading.recordings, reading.notes);
    }
}

/// The tables being read, and where their boxes go.
struct Reading<'r, 'a> {
    tables: &'r SelectionTables<'a>,
    owners: Owners,
    lengths: Lengths<'r>,
    empty: EmptyTables,
    recordings: &'r mut [Recording],
    notes: &'r mut Notes,
    problems: &'r mut Problems,
}

/// What tells the files of a table apart.
#[derive(PartialEq, Eq, Hash)]
enum FileKey {
    Recording(usize),
    Name(OsString),
}

impl Reading<'_, '_> {
    /// Reads a table of the recording `own`, or of all.
    fn table(&mut self, file: &Path, own: Option<usize>) {
        let label_columns = self.tables.label_columns;
        let Some(bytes) = read_bytes(file, self.problems) else {
            return;
        };
        let Some(parsed) = parse(file, &bytes, label_columns, self.notes, self.problems) else {
            return;
        };
        self.empty.see(own, parsed.has_rows);
        let (rows, files) = self.by_file(file, parsed.rows, own);
        let Some(origins) = self.origins(file, &rows, &files, own) else {
            return;
        };
        let table = Arc::new(BoxTable {
            file: file.into(),
            label_column: parsed.label_column,
        });
        for (row, at) in rows {
            let recording = files.get(at).and_then(|file| file.recording);
            if own.is_some() && recording != own {
                self.notes.tallies.add(Reason::OtherFile, 1);
                continue;
            }
            let raw = row.raw(origins.get(at).copied().unwrap_or_default());
            let reader = self.tables.reader;
            let resolved = reader.resolve(&table, raw, END, self.notes, self.problems);
            if let Some(recording) = recording.and_then(|number| self.recordings.get_mut(number)) {
                recording.boxes.extend(resolved);
            }
        }
    }

    /// The rows, each with its file's position in the list of files that they name.
    fn by_file(
        &mut self,
        file: &Path,
        rows: Vec<RavenRow>,
        own: Option<usize>,
    ) -> (Vec<(RavenRow, usize)>, Vec<NamedFile>) {
        let mut files: Vec<NamedFile> = Vec::new();
        let mut positions: HashMap<FileKey, usize> = HashMap::new();
        let mut placed = Vec::new();
        for row in rows {
            let found = self.owners.find(&row, own);
            let (key, recording) = match (found, &row.file) {
                (Ok(recording), _) => (FileKey::Recording(recording), Some(recording)),
                (Err(_), Some(name)) if own.is_some() => (FileKey::Name(stem(Path::new(name)).into()), None),
                (Err(message), name) => {
                    let name = name.as_deref().unwrap_or_default();
                    self.problems.cell(file, row.line, BEGIN_FILE, name, message);
                    continue;
                }
            };
            // What is dragged over the left edge starts there.
            let begin_s = row.begin_s.max(0.0);
            let at = *positions.entry(key).or_insert(files.len());
            match files.get_mut(at) {
                Some(named) => {
                    (named.first_s, named.last_s) = (named.first_s.min(begin_s), named.last_s.max(begin_s));
                }
                None => files.push(NamedFile {
                    recording,
                    first_s: begin_s,
                    last_s: begin_s,
                }),
            }
            placed.push((row, at));
        }
        (placed, files)
    }

    /// Where each file starts in the times of its rows, as far as rows without an offset need it; `None`, with a
    /// problem, where that cannot be known.
    fn origins(
        &mut self,
        file: &Path,
        rows: &[(RavenRow, usize)],
        files: &[NamedFile],
        own: Option<usize>,
    ) -> Option<Vec<f64>> {
        let is_wanted = |at: usize| own.is_none() || files.get(at).is_some_and(|file| file.recording == own);
        let lacks = |(row, at): &&(RavenRow, usize)| row.offset_s.is_none() && is_wanted(*at);
        let Some((first, _)) = rows.iter().find(lacks) else {
            return Some(vec![0.0; files.len()]);
        };
        let times = self.tables.times;
        let names_files = rows.iter().any(|(row, _)| row.file.is_some());
        if !names_files {
            return Some(vec![0.0; files.len()]);
        }
        if times == RavenTimes::Fitting && files.len() > 1 && rows.iter().any(|(row, _)| row.offset_s.is_some()) {
            for (row, _) in rows.iter().filter(lacks) {
                let message = "must not be empty in a table over several files that has it in other rows";
                self.problems.cell(file, row.line, FILE_OFFSET, "", message);
            }
            return None;
        }
        let wanted: Vec<usize> = (0..files.len()).filter(|&at| is_wanted(at)).collect();
        let found = origins(files, &wanted, times, self.recordings, &mut self.lengths);
        let report = |message| {
            let value = first.begin_s.to_string();
            self.problems.cell(file, first.line, BEGIN, &value, message);
        };
        found.map_err(report).ok()
    }
}

/// File name without extension.
fn stem(file: &Path) -> &OsStr {
    file.file_stem().unwrap_or_default()
}

/// Which recording a file name means.
struct Owners {
    /// Where the recordings are, in the normal form in which the names of a table are read.
    files: Vec<PathBuf>,
    by_name: HashMap<OsString, Vec<usize>>,
    by_stem: HashMap<OsString, Vec<usize>>,
}

impl Owners {
    fn of(recordings: &[Recording]) -> Self {
        let mut owners = Owners {
            files: recordings
                .iter()
                .map(|recording| nfc_name(Some(recording.file.as_os_str())).into())
                .collect(),
            by_name: HashMap::new(),
            by_stem: HashMap::new(),
        };
        for (number, file) in owners.files.iter().enumerate() {
            let name = file.file_name().unwrap_or_default();
            owners.by_name.entry(name.into()).or_default().push(number);
            owners.by_stem.entry(stem(file).into()).or_default().push(number);
        }
        owners
    }

    /// The recording of a row in a table of `own` or of all recordings.
    fn find(&self, row: &RavenRow, own: Option<usize>) -> Result<usize, &'static str> {
        let Some(name) = row.file.as_ref().map(Path::new) else {
            // With a single recording there is nothing to tell apart.
            return match (own, self.files.len()) {
                (Some(own), _) => Ok(own),
                (None, 1) => Ok(0),
                (None, _) => Err("a table of several recordings needs a Begin File or Begin Path in every row"),
            };
        };
        // An archive may have been converted since: the name counts, not its extension.
        let is_own = |own: &usize| self.files.get(*own).is_some_and(|own| stem(own) == stem(name));
        if let Some(own) = own.filter(is_own) {
            return Ok(own);
        }
        let named = self.by_name.get(name.file_name().unwrap_or_default());
        match named.or_else(|| self.by_stem.get(stem(name))).map(Vec::as_slice) {
            Some([owner]) => Ok(*owner),
            Some(owners) => self.in_folder_of(row.path.as_deref(), owners).ok_or(
                "several recordings have this file name, and no Begin Path says in which folder; use one table per \
                 recording",
            ),
            None => Err("no recording has this file name"),
        }
    }

    /// That of `owners`, which have the same name, whose folders are those of the path: the more, from the last on.
    fn in_folder_of(&self, path: Option<&str>, owners: &[usize]) -> Option<usize> {
        let shared = |owner: &usize| {
            let file = self.files.get(*owner).map_or("".into(), |file| file.to_string_lossy());
            let folders = names_from_last(&file)
                .zip(names_from_last(path.unwrap_or_default()))
                .skip(1);
            folders.take_while(|(a, b)| a == b).count()
        };
        let most = owners.iter().map(shared).max().filter(|most| *most > 0)?;
        let mut nearest = owners.iter().filter(|owner| shared(owner) == most);
        nearest.next().copied().filter(|_| nearest.next().is_none())
    }
}
