//! Defines `Problem`, one kind of mistake in what people bring and the places it was made at, and `Problems`, all of
//! them.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::tally::Tallies;

/// How many problems are printed before the rest is only counted.
const PRINTED: usize = 100;

/// How many places of a problem are printed besides the first one.
const OTHERS_PRINTED: usize = 4;

/// One mistake, with the place a person has to open to correct it; where it was made often, the first place and some
/// others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Column name of a table, or key of the manifest or of a JSON object.
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
    /// The first place.
    pub first: Place,
    /// Some of the other places.
    pub others: Vec<Place>,
    /// How many places there are.
    pub count: u64,
}

/// A line of a file and the value there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line in the file, counted from 1 (row number for Parquet tables).
    pub line: Option<u64>,
    /// Number of the object in the file's JSON array, counted from 0.
    pub item: Option<u64>,
    /// The offending value as written.
    pub value: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.first.line {
            write!(f, ":{line}")?;
        }
        match (self.first.item, &self.column) {
            (Some(item), Some(column)) => write!(f, ": [{item}].{column}")?,
            (Some(item), None) => write!(f, ": [{item}]")?,
            (None, Some(column)) => write!(f, ": {column}")?,
            (None, None) => {}
        }
        if let Some(value) = &self.first.value {
            write!(f, " = {value:?}")?;
        }
        write!(f, ": {}", self.message)?;
        if self.count > 1 {
            let others: Vec<String> = self.others.iter().map(|place| self.other(place)).collect();
            let mut others: Vec<String> = others.into_iter().filter(|text| !text.is_empty()).collect();
            // A key that is wrong several times at one place.
            let mut told = HashSet::from([self.other(&self.first)]);
            others.retain(|text| told.insert(text.clone()));
            if others.is_empty() {
                return write!(f, " ({} times)", self.count);
            }
            let more = self.count - 1 - self.others.len() as u64;
            if more > 0 {
                others.push(format!("and {more} more"));
            }
            write!(f, " (also {})", others.join(", "))?;
        }
        Ok(())
    }
}

impl Problem {
    /// One of the other places: its value only where it is not that of the first, so that there may be nothing to say.
    fn other(&self, place: &Place) -> String {
        let file = self.file.file_name().unwrap_or(self.file.as_os_str()).to_string_lossy();
        let line = place.line.map(|line| format!("{file}:{line}"));
        let item = place.item.map(|item| format!("[{item}]"));
        let value = place.value.as_ref().filter(|_| place.value != self.first.value);
        let value = value.map(|value| format!("{value:?}"));
        let texts: Vec<String> = line.into_iter().chain(item).chain(value).collect();
        texts.join(" ")
    }
}

/// What readers notice in what people bring that is no mistake, to be told all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noticed {
    /// What was left out or taken otherwise than it is written, counted.
    pub tallies: Tallies,
    /// Sentences about whole files.
    pub remarks: Vec<String>,
}

/// Everything that is wrong with a manifest and its tables, or a published set; found before any clip is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// What is odd and not wrong.
    pub noticed: Box<Noticed>,
    found: Vec<Problem>,
    /// Where the problem of a file, a column and a message is in the list.
    positions: HashMap<(PathBuf, Option<String>, String), usize>,
    len: usize,
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.found.len();
        let plural = if n == 1 { "" } else { "s" };
        write!(f, "{n} problem{plural} in the input; nothing was written")?;
        for problem in self.found.iter().take(PRINTED) {
            write!(f, "\n  {problem}")?;
        }
        if n > PRINTED {
            write!(f, "\n  ... and {} more", n - PRINTED)?;
        }
        Ok(())
    }
}

impl Problems {
    /// Records a problem of a whole file.
    pub fn file(&mut self, file: &Path, message: impl Into<String>) {
        self.add(file, None, Place::default(), message.into());
    }

    /// Records a problem of one line.
    pub fn line(&mut self, file: &Path, line: u64, message: impl Into<String>) {
        let line = Some(line);
        self.add(
            file,
            None,
            Place {
                line,
                ..Place::default()
            },
            message.into(),
        );
    }

    /// Records a problem of one value: a table's cell, or a key of a manifest or a JSON object.
    pub fn cell(&mut self, file: &Path, line: u64, column: &str, value: &str, message: impl Into<String>) {
        let (line, value) = (Some(line), Some(value.to_owned()));
        self.add(
            file,
            Some(column),
            Place {
                line,
                item: None,
                value,
            },
            message.into(),
        );
    }

    /// Records a problem of one value whose line is not known.
    pub fn value(&mut self, file: &Path, key: &str, value: &str, message: impl Into<String>) {
        let value = Some(value.to_owned());
        self.add(
            file,
            Some(key),
            Place {
                value,
                ..Place::default()
            },
            message.into(),
        );
    }

    /// Records a problem at some place of a column or key.
    pub fn add(&mut self, file: &Path, column: Option<&str>, place: Place, message: String) {
        let column = column.map(str::to_owned);
        self.len += 1;
        let key = (file.to_path_buf(), column.clone(), message.clone());
        let position = *self.positions.entry(key).or_insert(self.found.len());
        match self.found.get_mut(position) {
            Some(problem) => {
                problem.count += 1;
                if problem.others.len() < OTHERS_PRINTED {
                    problem.others.push(place);
                }
            }
            None => self.found.push(Problem {
                file: file.into(),
                column,
                message,
                first: place,
                others: Vec::new(),
                count: 1,
            }),
        }
    }

    /// Adds all of another reader's, and what it noticed.
    pub(crate) fn add_all(&mut self, others: Problems) {
        self.noticed.tallies.add_all(&others.noticed.tallies);
        self.noticed.remarks.extend(others.noticed.remarks);
        for problem in others.found {
            let places = problem.count - 1 - problem.others.len() as u64;
            let column = problem.column.as_deref();
            self.add(&problem.file, column, problem.first, problem.message.clone());
            for place in problem.others {
                self.add(&problem.file, column, place, problem.message.clone());
            }
            // Places that were only counted.
            self.len += usize::try_from(places).unwrap_or(usize::MAX);
            let key = (problem.file, problem.column, problem.message);
            if let Some(added) = self.positions.get(&key).and_then(|&at| self.found.get_mut(at)) {
                added.count += places;
            }
        }
    }

    /// The problems, in the order in which each was found first.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.found.iter()
    }

    /// How many mistakes there are, each counted as often as it was made.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_mistake_in_many_rows_is_one_message() {
        let (mut problems, file) = (Problems::default(), Path::new("boxes.csv"));
        problems.cell(file, 2, "species_code", "wothr", "unknown species code");
        problems.cell(file, 5, "low_hz", "x", "expected a finite number");
        for line in 7..=12 {
            let code = if line < 9 { "wothr" } else { "eatow" };
            problems.cell(file, line, "species_code", code, "unknown species code");
        }
        problems.line(file, 13, "expected 7 cells");
        problems.line(file, 14, "expected 7 cells");
        for item in [3, 8] {
            let (line, value) = (Some(1), Some("7".to_owned()));
            let item = Some(item);
            problems.add(
                Path::new("clips.json"),
                Some("id"),
                Place { line, item, value },
                "duplicate id".into(),
            );
        }
        problems.value(Path::new("set.json"), "images.id", "9", "duplicate image");
        problems.value(Path::new("set.json"), "images.id", "17", "duplicate image");
        for _ in 0..9 {
            problems.value(Path::new("set.json"), "category_id", "2", "no such category");
        }
        for item in [0, 0, 0, 5, 5, 6] {
            let place = Place {
                line: Some(1),
                item: Some(item),
                value: Some("x".into()),
            };
            problems.add(Path::new("clips.json"), Some("taxon"), place, "no such taxon".into());
        }
        let text = problems.to_string();
        let lines: Vec<&str> = text.lines().collect();
        let expected = [
            "7 problems in the input; nothing was written",
            "  boxes.csv:2: species_code = \"wothr\": unknown species code (also boxes.csv:7, boxes.csv:8, \
             boxes.csv:9 \"eatow\", boxes.csv:10 \"eatow\", and 2 more)",
            "  boxes.csv:5: low_hz = \"x\": expected a finite number",
            "  boxes.csv:13: expected 7 cells (also boxes.csv:14)",
            "  clips.json:1: [3].id = \"7\": duplicate id (also clips.json:1 [8])",
            "  set.json: images.id = \"9\": duplicate image (also \"17\")",
            "  set.json: category_id = \"2\": no such category (9 times)",
            "  clips.json:1: [0].taxon = \"x\": no such taxon (also clips.json:1 [5], and 1 more)",
        ];
        assert_eq!(lines, expected);
        assert_eq!(problems.len(), 29);
    }
}
