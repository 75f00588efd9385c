//! Defines `Problem`, one mistake found in a manifest or one of its tables, and `Problems`, all of them together.

use std::fmt;
use std::path::{Path, PathBuf};

/// How many problems are printed before the rest is only counted.
const PRINTED: usize = 100;

/// One mistake, with the place a person has to open to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// File the mistake stands in.
    pub file: PathBuf,
    /// Line in the file, counted from 1 (row number for Parquet tables).
    pub line: Option<u64>,
    /// Column name of a table, or key of the manifest or of a JSON object.
    pub column: Option<String>,
    /// The offending value as written.
    pub value: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ": {column}")?;
        }
        if let Some(value) = &self.value {
            write!(f, " = {value:?}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Everything that is wrong with a manifest and its tables, or a published set; found before any clip is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    found: Vec<Problem>,
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.found.len();
        write!(
            f,
            "{n} problem{} in the input; nothing was written",
            if n == 1 { "" } else { "s" }
        )?;
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
        self.found.push(Problem {
            file: file.into(),
            line: None,
            column: None,
            value: None,
            message: message.into(),
        });
    }

    /// Records a problem of one line.
    pub fn line(&mut self, file: &Path, line: u64, message: impl Into<String>) {
        self.found.push(Problem {
            file: file.into(),
            line: Some(line),
            column: None,
            value: None,
            message: message.into(),
        });
    }

    /// Records a problem of one value: a table's cell, or a key of a manifest or a JSON object.
    pub fn cell(&mut self, file: &Path, line: u64, column: &str, value: &str, message: impl Into<String>) {
        self.found.push(Problem {
            file: file.into(),
            line: Some(line),
            column: Some(column.into()),
            value: Some(value.into()),
            message: message.into(),
        });
    }

    /// The problems, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.found.iter()
    }

    /// How many problems were found.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}
