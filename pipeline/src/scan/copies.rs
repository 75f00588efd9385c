//! Finds recordings of the same bytes, and reads whole only those of the same size and the same ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::Hash;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use rayon::prelude::*;
use shardfmt::checksum::{FileHash, Hasher, copy_into};

use super::finding::{Finding, Kind};

/// Bytes that are compared at each end.
const END_BYTES: u64 = 4096;

/// A file that may have copies.
pub(super) struct Candidate<'a> {
    /// Number of the recording.
    pub(super) recording: usize,
    pub(super) path: &'a Path,
    pub(super) key: &'a str,
    pub(super) bytes: u64,
}

/// Groups of two and more recordings whose bytes are the same, each in ascending order. Files that cannot be read now are
/// told, and have no copies. Runs on the pool it is called from.
pub(super) fn find(candidates: &[Candidate<'_>], findings: &mut Vec<Finding>) -> Vec<Vec<usize>> {
    let same_size = groups(candidates.iter().map(|candidate| (candidate.bytes, candidate)));
    let mut unread = Vec::new();
    let same_ends = hashed(same_size, &mut unread, ends);
    let same_bytes = hashed(same_ends, &mut unread, |path, _| whole(path));
    findings.extend(unread.into_iter().map(|(path, error)| Finding {
        kind: Kind::NotLookedAt,
        path,
        what: format!("cannot be compared with files of the same size: {error}"),
    }));
    let numbers = |group: Vec<&Candidate<'_>>| group.into_iter().map(|candidate| candidate.recording).collect();
    same_bytes.into_iter().map(numbers).collect()
}

type Group<'a> = Vec<&'a Candidate<'a>>;

/// Those of each group whose hashes are the same.
fn hashed<'a>(
    of: Vec<Group<'a>>,
    unread: &mut Vec<(String, io::Error)>,
    hash: impl Fn(&Path, u64) -> io::Result<FileHash> + Sync,
) -> Vec<Group<'a>> {
    let all: Vec<(usize, &Candidate<'_>)> = of
        .into_iter()
        .enumerate()
        .flat_map(|(group, files)| files.into_iter().map(move |file| (group, file)))
        .collect();
    let hashes: Vec<_> = all.par_iter().map(|(_, file)| hash(file.path, file.bytes)).collect();
    let mut keyed = Vec::new();
    for ((group, file), hash) in all.into_iter().zip(hashes) {
        match hash {
            Ok(hash) => keyed.push(((group, hash.bytes, hash.xxh3), file)),
            Err(error) => unread.push((file.key.to_owned(), error)),
        }
    }
    groups(keyed.into_iter())
}

/// The groups of two and more with the same key.
fn groups<'a, K: Ord + Hash>(keyed: impl Iterator<Item = (K, &'a Candidate<'a>)>) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<K, Group<'a>> = BTreeMap::new();
    for (key, file) in keyed {
        groups.entry(key).or_default().push(file);
    }
    let mut groups: Vec<Group<'a>> = groups.into_values().filter(|group| group.len() > 1).collect();
    groups.sort_by_key(|group| group.first().map(|file| file.recording));
    groups
}

/// The hash of both ends of a file.
fn ends(path: &Path, bytes: u64) -> io::Result<FileHash> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::default();
    copy_into(&mut hasher, file.by_ref().take(END_BYTES))?;
    if bytes > END_BYTES {
        file.seek(SeekFrom::Start(bytes.saturating_sub(END_BYTES).max(END_BYTES)))?;
        copy_into(&mut hasher, file.take(END_BYTES))?;
    }
    Ok(hasher.finish())
}

fn whole(path: &Path) -> io::Result<FileHash> {
    let mut hasher = Hasher::default();
    copy_into(&mut hasher, File::open(path)?)?;
    Ok(hasher.finish())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_bytes_are_copies() {
        let place = tempfile::tempdir().unwrap();
        let long = |middle: u8| [vec![1; 5000], vec![middle; 5000], vec![3; 5000]].concat();
        let files = [
            long(0),
            long(1),
            long(0),
            vec![1; 10],
            vec![2; 10],
            vec![1; 10],
            vec![],
            vec![],
            long(0),
        ];
        let paths: Vec<_> = (0..files.len()).map(|n| place.path().join(n.to_string())).collect();
        for (path, bytes) in paths.iter().zip(&files) {
            std::fs::write(path, bytes).unwrap();
        }
        let candidates: Vec<_> = paths
            .iter()
            .zip(&files)
            .enumerate()
            .map(|(recording, (path, bytes))| Candidate {
                recording,
                path,
                key: "",
                bytes: bytes.len() as u64,
            })
            .collect();
        let mut findings = Vec::new();
        assert_eq!(
            find(&candidates, &mut findings),
            [vec![0, 2, 8], vec![3, 5], vec![6, 7]]
        );
        assert!(findings.is_empty());
        std::fs::remove_file(&paths[2]).unwrap();
        assert_eq!(find(&candidates, &mut findings), [vec![0, 8], vec![3, 5], vec![6, 7]]);
        assert_eq!(findings.len(), 1);
    }
}
