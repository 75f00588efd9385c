//! Provides the taking over of a whole shard file into another dataset: linked where the file system can, else copied.
//!
//! A link costs no space and no time, and is safe because files of a dataset are never modified in place.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use super::Dataset;
use crate::entry::{FileEntry, shard_path};
use crate::error::{Error, Result};
use crate::fail_point::reach;
use crate::file_hash::hash_file;
use crate::need::Operation;
use crate::persist::AtomicFile;
use crate::shard::Checks;

/// Piece in which a shard is copied.
const COPY_BYTES: usize = 1 << 20;

/// Whether the clips of a file that was only linked are read and verified. A copy always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// Every record, and the file against its listed checksum.
    Verify,
    /// Neither: the file is the same one as before, and so is its checksum.
    Trust,
}

/// Takes shard `shard` of `from` into the folder `to` as number `number`, with the same bytes.
pub(super) fn take_over(from: &Dataset, shard: u32, to: &Path, number: u32, linked: Linked) -> Result<FileEntry> {
    take_over_by(|a, b| std::fs::hard_link(a, b), from, shard, to, number, linked)
}

fn take_over_by(
    link: impl Fn(&Path, &Path) -> std::io::Result<()>,
    from: &Dataset,
    shard: u32,
    to: &Path,
    number: u32,
    linked: Linked,
) -> Result<FileEntry> {
    let (source, target) = (from.dir().join(shard_path(shard)), to.join(shard_path(number)));
    let listed = from.file(&shard_path(shard))?;
    // Near while it is taken over, where it is kept elsewhere.
    let _near = match from.is_near_copy() {
        true => Some(from.open_shard(shard, Checks::Off)?),
        false => None,
    };
    // Whatever keeps a link from being made (another file system, too many links), a copy can do without; a source that
    // is not there fails either way.
    let is_link = link(&source, &target).is_ok();
    if is_link {
        reach("shard linked");
    } else {
        copy(&source, &target)?;
    }
    if !is_link || linked == Linked::Verify {
        verify(from, shard, &target, listed)?;
    }
    Ok(FileEntry {
        path: shard_path(number),
        ..listed.clone()
    })
}

fn copy(source: &Path, target: &Path) -> Result<()> {
    let file = File::open(source).map_err(|cause| Error::io(source, Operation::Open, cause))?;
    let mut copy = AtomicFile::create(target)?;
    let mut input = BufReader::with_capacity(COPY_BYTES, file);
    // Not `io::copy`, which does not say on which side it failed.
    loop {
        let piece = input
            .fill_buf()
            .map_err(|cause| Error::io(source, Operation::Read, cause))?;
        let bytes = piece.len();
        if bytes == 0 {
            return copy.commit();
        }
        copy.write_all(piece)
            .map_err(|cause| Error::io(target, Operation::Write, cause))?;
        input.consume(bytes);
    }
}

/// Checks every record where it came from, so that damage is named by shard, recording and row, then the file that was
/// made.
fn verify(from: &Dataset, shard: u32, target: &Path, listed: &FileEntry) -> Result<()> {
    let opened = from.open_shard(shard, Checks::Always)?;
    for row in 0..opened.rows() {
        opened.clip(row)?;
    }
    let got = hash_file(target)?;
    if (got.bytes, got.xxh3) == (listed.bytes, listed.xxh3) {
        return Ok(());
    }
    Err(Error::FileChecksum {
        path: opened.path().to_path_buf(),
        expected: listed.xxh3,
        got: got.xxh3,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn golden() -> Dataset {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        Dataset::open(&path).unwrap()
    }

    #[test]
    fn what_cannot_be_linked_is_copied_byte_for_byte() {
        let (from, to) = (golden(), tempfile::tempdir().unwrap());
        std::fs::create_dir(to.path().join("shards")).unwrap();
        let no_link = |_: &Path, _: &Path| Err(std::io::Error::from(std::io::ErrorKind::CrossesDevices));
        let entry = take_over_by(no_link, &from, 0, to.path(), 7, Linked::Trust).unwrap();
        assert_eq!(entry.path, "shards/00007.safetensors");
        let bytes = |path: &Path| std::fs::read(path).unwrap();
        let (source, target) = (from.dir().join(shard_path(0)), to.path().join(shard_path(7)));
        assert_eq!(bytes(&target), bytes(&source));
        assert_eq!(hash_file(&target).unwrap().xxh3, entry.xxh3);
        std::fs::remove_file(&target).unwrap();
        assert!(take_over_by(no_link, &from, 9, to.path(), 7, Linked::Trust).is_err());
    }

    #[test]
    fn a_file_other_than_the_listed_one_is_refused() {
        let (from, to) = (golden(), tempfile::tempdir().unwrap());
        std::fs::create_dir(to.path().join("shards")).unwrap();
        // What was made is sound nowhere: the records at the source are, the file that arrived is not.
        let spoil = |_: &Path, target: &Path| std::fs::write(target, b"something else");
        let error = take_over_by(spoil, &from, 0, to.path(), 0, Linked::Verify).unwrap_err();
        assert!(matches!(error, Error::FileChecksum { .. }), "{error}");
    }
}
