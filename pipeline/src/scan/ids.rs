//! Gives recordings their asset ids: from the hash of a path, the same in every scan, or those of an older table.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use shardfmt::{Split, Xxh3};

use super::finding::{Finding, Kind};
use super::walk::Found;
use crate::error::Result;
use crate::tables::{Columns, Problems, Table, UniqueKey, nfc_name};

/// Ids are below this: eleven digits, which spreadsheets show and keep as they are.
const IDS: u64 = 100_000_000_000;

const COLUMNS: Columns<'_> = Columns {
    required: &["asset_id", "path"],
    optional: &["split"],
};

/// Ids in the order of keys, which are in ascending order. Where two come out the same, the later key gets that of its
/// key with a number behind it; such keys are told.
pub(super) fn of_paths(recordings: &[Found], findings: &mut Vec<Finding>) -> Vec<i64> {
    let ids = of_keys(recordings.iter().map(|found| found.key.as_str()));
    for (found, &id) in recordings.iter().zip(&ids) {
        let first = hashed(&found.key);
        if id != first {
            let what = format!(
                "its id would be {first} of another file too; it is {id}; keep this table, and give it to \
                                the next scan with --ids"
            );
            findings.push(Finding {
                kind: Kind::Ids,
                path: found.key.clone(),
                what,
            });
        }
    }
    ids
}

/// Ids of keys in ascending order.
pub(crate) fn of_keys<'k>(keys: impl Iterator<Item = &'k str>) -> Vec<i64> {
    let mut taken = HashSet::new();
    let id = |key: &str| {
        let mut id = hashed(key);
        let mut number = 1;
        while !taken.insert(id) {
            number += 1;
            id = hashed(&format!("{key}#{number}"));
        }
        id
    };
    keys.map(id).collect()
}

/// From 1 on.
fn hashed(key: &str) -> i64 {
    (Xxh3::of(key.as_bytes()).0 % (IDS - 1)) as i64 + 1
}

/// An older table: ids and splits by the place of the file.
pub(super) struct OldTable {
    rows: HashMap<PathBuf, (i64, Option<Split>)>,
    last: i64,
}

impl OldTable {
    /// Reads a recordings table.
    ///
    /// # Errors
    /// All its mistakes.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let mut problems = Problems::default();
        let mut old = OldTable {
            rows: HashMap::new(),
            last: 0,
        };
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.into());
        if let Some(table) = Table::read(file, COLUMNS, &mut problems) {
            let mut ids = UniqueKey::of("asset_id");
            for row in table.rows() {
                let id = row.require_asset_id(&mut problems);
                let id = id.filter(|id| ids.is_new(*id, &row, &mut problems));
                let path = row.require("path", &mut problems);
                let split = row.cell("split").and_then(|split| split.parse().ok());
                if let (Some(id), Some(path)) = (id, path) {
                    old.last = old.last.max(id);
                    old.rows.insert(plain(&folder.join(path)), (id, split));
                }
            }
        }
        if old.last == i64::MAX {
            problems.file(
                file,
                "has the largest id that there is, so new recordings cannot follow it",
            );
        }
        if problems.is_empty() {
            Ok(old)
        } else {
            Err(problems.into())
        }
    }

    /// Ids and former splits: those of the table where it has the file, else new ones after its last. Files that are gone
    /// are told.
    pub(super) fn continued(
        mut self,
        recordings: &[Found],
        findings: &mut Vec<Finding>,
    ) -> (Vec<i64>, Vec<Option<Split>>) {
        let mut last = self.last;
        let mut next = || {
            last = last.saturating_add(1);
            (last, None)
        };
        let rows = recordings
            .iter()
            .map(|found| self.rows.remove(&plain(&found.path)).unwrap_or_else(&mut next));
        let continued = rows.unzip();
        let gone: BTreeSet<&PathBuf> = self.rows.keys().collect();
        findings.extend(gone.into_iter().map(|path| Finding {
            kind: Kind::Ids,
            path: path.display().to_string(),
            what: "in the table of --ids, but not found as a recording now; left out".into(),
        }));
        continued
    }
}

/// A path without `.` and `..`, in the form of Unicode in which names are compared.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(nfc_name(Some(part.as_os_str()))),
        }
    }
    plain
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn found(key: &str) -> Found {
        Found {
            path: Path::new("/cards").join(key),
            key: key.into(),
        }
    }

    #[test]
    fn ids_stay_when_files_come_and_go_or_the_folder_moves() {
        let some = [found("a/1.wav"), found("a/2.wav"), found("a/3.wav")];
        let mut findings = Vec::new();
        let ids = of_paths(&some, &mut findings);
        let fewer = of_paths(&some[1..], &mut findings);
        assert_eq!(ids[1..], fewer);
        assert!(ids.iter().all(|id| (1..IDS as i64).contains(id)) && findings.is_empty());
        // Ids are in tables for years: this is what one comes to.
        assert_eq!(ids[0], 77_150_700_822);
    }

    #[test]
    fn equal_ids_are_told_apart_and_told() {
        let twice = [found("a/1.wav"), found("a/1.wav"), found("a/1.wav")];
        let mut findings = Vec::new();
        let ids: HashSet<i64> = of_paths(&twice, &mut findings).into_iter().collect();
        assert_eq!((ids.len(), findings.len()), (3, 2));
    }

    #[test]
    fn an_old_table_is_continued() {
        let place = tempfile::tempdir().unwrap();
        let table = place.path().join("old.csv");
        std::fs::write(
            &table,
            "asset_id,path,split\n7,./a/../a/1.wav,test\n90,a/2.wav,\n3,gone.wav,val\n",
        )
        .unwrap();
        let folder = std::fs::canonicalize(place.path()).unwrap();
        let found = |key: &str| Found {
            path: folder.join(key),
            key: key.into(),
        };
        let mut findings = Vec::new();
        let recordings = [found("a/0.wav"), found("a/1.wav"), found("a/2.wav"), found("b.wav")];
        let (ids, splits) = OldTable::read(&table).unwrap().continued(&recordings, &mut findings);
        assert_eq!(ids, [91, 7, 90, 92]);
        assert_eq!(splits, [None, Some(Split::Test), None, None]);
        assert!(
            findings.len() == 1 && findings[0].path.ends_with("gone.wav"),
            "{findings:?}"
        );

        std::fs::write(
            &table,
            "asset_id,path\n7,1.wav\n7,2.wav\nx,3.wav\n9223372036854775807,4.wav\n",
        )
        .unwrap();
        let refused = OldTable::read(&table).err().unwrap().to_string();
        for part in ["duplicate asset_id", "expected an integer", "the largest id"] {
            assert!(refused.contains(part), "{refused}");
        }
        assert!(OldTable::read(&place.path().join("none.csv")).is_err());
    }
}
