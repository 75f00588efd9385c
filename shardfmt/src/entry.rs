//! Defines one line of a dataset's file list, and where each file of a dataset lies.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::checksum::{FileHash, Xxh3};

/// File name of the commit point.
pub const DATASET_JSON: &str = "dataset.json";
/// Folder of a writer's own records while a dataset is unfinished; it may outlive the commit for a moment and means
/// nothing to readers.
pub const WORK_FOLDER: &str = ".build";
/// File name of the class list.
pub const TAXA: &str = "taxa.parquet";
/// File name of the list of refused recordings.
pub const REJECTS: &str = "rejects.parquet";
/// Folders with a file per shard: the shards, then the sidecars.
pub const FOLDERS: [&str; 4] = ["shards", "labels", "priors", "assets"];

/// Path of shard `shard` under the dataset folder.
#[must_use]
pub fn shard_path(shard: u32) -> String {
    format!("shards/{shard:05}.safetensors")
}

/// Path of the labels of shard `shard` under the dataset folder.
#[must_use]
pub fn labels_path(shard: u32) -> String {
    format!("labels/{shard:05}.parquet")
}

/// Path of the priors of shard `shard` under the dataset folder.
#[must_use]
pub fn priors_path(shard: u32) -> String {
    format!("priors/{shard:05}.parquet")
}

/// Path of the asset table of shard `shard` under the dataset folder.
#[must_use]
pub fn assets_path(shard: u32) -> String {
    format!("assets/{shard:05}.parquet")
}

/// A file of a dataset: where it lies and what its bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path under the dataset folder, with forward slashes.
    pub path: String,
    /// Clips of a shard, rows of a table.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Checksum of the whole file.
    pub xxh3: Xxh3,
}

impl FileEntry {
    /// Size and checksum.
    #[must_use]
    pub fn hash(&self) -> FileHash {
        FileHash {
            bytes: self.bytes,
            xxh3: self.xxh3,
        }
    }

    /// The entry of a file just written to `path`. Its place in the dataset is the file name, after the name of the
    /// folder it lies in if that is one of [`FOLDERS`].
    #[must_use]
    pub fn of_written(path: &Path, rows: u64, hash: FileHash) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let folder = path
            .parent()
            .and_then(Path::file_name)
            .and_then(|folder| folder.to_str());
        let path = match folder {
            Some(folder) if FOLDERS.contains(&folder) => format!("{folder}/{name}"),
            _ => name.into_owned(),
        };
        Self {
            path,
            rows,
            bytes: hash.bytes,
            xxh3: hash.xxh3,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn entry_names_the_place_in_the_dataset() {
        let hash = FileHash {
            bytes: 1,
            xxh3: Xxh3(2),
        };
        let place = |path: &str| FileEntry::of_written(Path::new(path), 0, hash).path;
        assert_eq!(place("/tmp/build/shards/00000.safetensors"), shard_path(0));
        assert_eq!(place("labels/00012.parquet"), labels_path(12));
        assert_eq!(place("/tmp/build/taxa.parquet"), TAXA);
        assert_eq!(place("rejects.parquet"), REJECTS);
    }

    #[test]
    fn checksum_is_hexadecimal_in_json() {
        let entry = FileEntry {
            path: priors_path(1),
            rows: 3,
            bytes: 4,
            xxh3: Xxh3(0xab),
        };
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(
            json,
            r#"{"path":"priors/00001.parquet","rows":3,"bytes":4,"xxh3":"00000000000000ab"}"#
        );
        assert_eq!(serde_json::from_str::<FileEntry>(&json).unwrap(), entry);
        assert!(serde_json::from_str::<FileEntry>(&json.replace("ab\"", "AB\"")).is_err());
        assert_eq!(assets_path(123_456), "assets/123456.parquet");
    }
}
