//! Provides size and checksum of a file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::checksum::{FileHash, Hasher, copy_into};
use crate::error::{Error, Result};
use crate::need::Operation;

/// Hashes the file at `path` in constant memory.
///
/// # Errors
/// [`Error::Io`] if the file cannot be opened or read.
pub fn hash_file(path: &Path) -> Result<FileHash> {
    let file = File::open(path).map_err(|cause| Error::io(path, Operation::Open, cause))?;
    hash_reader(file, path, &mut |_| {})
}

/// Hashes what is left in `reader`, telling `progress` the size of each piece; `path` is for the error.
pub(crate) fn hash_reader(reader: impl Read, path: &Path, progress: &mut dyn FnMut(u64)) -> Result<FileHash> {
    let mut counted = Counted {
        hasher: Hasher::default(),
        progress,
    };
    copy_into(&mut counted, reader).map_err(|cause| Error::io(path, Operation::Read, cause))?;
    Ok(counted.hasher.finish())
}

/// A hasher that tells of each piece.
struct Counted<'p> {
    hasher: Hasher,
    progress: &'p mut dyn FnMut(u64),
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        (self.progress)(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::checksum::Xxh3;

    #[test]
    fn a_file_hashes_like_its_bytes_and_progress_counts_them() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|i| (i * 31 % 251) as u8).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, &bytes).unwrap();
        let expected = FileHash {
            bytes: bytes.len() as u64,
            xxh3: Xxh3::of(&bytes),
        };
        assert_eq!(hash_file(&path).unwrap(), expected);
        let mut counted = 0;
        hash_reader(&*bytes, &path, &mut |piece| counted += piece).unwrap();
        assert_eq!(counted, expected.bytes);
        assert!(matches!(
            hash_file(folder.path()),
            Err(Error::Io {
                operation: Operation::Read,
                ..
            })
        ));
    }
}
