//! Defines what a check found, and where.

use std::fmt;
use std::path::Path;

use crate::error::Error;

/// The part of a file that a finding is about.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The file as a whole.
    File,
    /// A file that the dataset does not list.
    Unlisted,
    /// The header of a shard.
    Header,
    /// One of the tensors after the clips of a shard.
    Tensor {
        /// Its name.
        name: &'static str,
        /// The damaged row, if it could be told.
        row: Option<u32>,
    },
    /// The tensors after the clips of a shard, when it cannot be told which.
    Tail,
    /// One clip of a shard.
    Record {
        /// Its recording.
        asset_id: i64,
        /// Its row.
        row: u32,
    },
    /// The bytes of a table.
    Table,
    /// One row of a table.
    Row(u64),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => write!(f, "file"),
            Self::Unlisted => write!(f, "unlisted file"),
            Self::Header => write!(f, "header"),
            Self::Tensor { name, row: Some(row) } => write!(f, "tensor {name}, row {row}"),
            Self::Tensor { name, row: None } => write!(f, "tensor {name}"),
            Self::Tail => write!(f, "tail tensors"),
            Self::Record { asset_id, row } => write!(f, "asset {asset_id}, row {row}"),
            Self::Table => write!(f, "table"),
            Self::Row(row) => write!(f, "table row {row}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, as a path under the dataset folder.
    pub path: String,
    /// Which part of it.
    pub part: Part,
    /// What is wrong with it.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.path, self.part, self.detail)
    }
}

impl Finding {
    pub(super) fn new(path: &str, part: Part, detail: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            part,
            detail: detail.into(),
        }
    }

    /// What `error` says of the file `name` of the dataset in `dir`.
    pub(super) fn from_error(dir: &Path, name: &str, error: &Error) -> Self {
        let message = error.to_string();
        // The finding names the file already.
        let own_path = format!("{}: ", dir.join(name).display());
        let detail = message.strip_prefix(&own_path).unwrap_or(&message);
        Self::new(name, part_of(error), detail)
    }
}

/// Where an error lies in its file.
fn part_of(error: &Error) -> Part {
    match error {
        // A file of another size than listed is told before its header is read, so here the length field is what is
        // wrong.
        Error::ShardTooShort { .. }
        | Error::HeaderLength { .. }
        | Error::Header { .. }
        | Error::HeaderChecksum { .. }
        | Error::HeaderNotCanonical { .. }
        | Error::UnsupportedVersion { .. }
        | Error::UnsupportedFeature { .. } => Part::Header,
        Error::TailChecksum { .. } => Part::Tail,
        Error::ClipChecksum { asset_id, row, .. } | Error::RowOrder { asset_id, row, .. } => Part::Record {
            asset_id: *asset_id,
            row: *row,
        },
        Error::Cell { row, .. } => Part::Row(*row),
        Error::Table { .. } | Error::TableSchema { .. } | Error::Column { .. } | Error::InvalidTaxa { .. } => {
            Part::Table
        }
        _ => Part::File,
    }
}

/// Outcome of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files looked at.
    pub files: u64,
    /// Bytes read and hashed.
    pub bytes: u64,
    /// Clips in the shards that could be opened; each was verified if the check was a full one.
    pub clips: u64,
    /// Everything found wrong, by file.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}
