//! Provides the one checksum of the format: XXH3, 64 bits, seed 0.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::error::{Error, Result};

/// Bytes read at a time while hashing a file: they are hashed while they are in the core's own cache.
const BUFFER_BYTES: usize = 128 << 10;

/// XXH3-64 of `bytes` with seed 0.
#[must_use]
pub fn xxh3(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// `value` as 16 lowercase hexadecimal digits, most significant first.
#[must_use]
pub fn hex(value: u64) -> String {
    format!("{value:016x}")
}

/// Inverse of [`hex`]; `None` unless `text` is exactly 16 lowercase hexadecimal digits.
#[must_use]
pub fn parse_hex(text: &str) -> Option<u64> {
    let canonical = text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if canonical {
        u64::from_str_radix(text, 16).ok()
    } else {
        None
    }
}

/// Size and checksum of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHash {
    /// Bytes in the file.
    pub bytes: u64,
    /// XXH3-64 of all of them.
    pub xxh3: u64,
}

/// A checksum taken piece by piece.
#[derive(Clone, Default)]
pub struct Hasher {
    state: Xxh3Default,
    bytes: u64,
}

impl Hasher {
    /// Adds `bytes` after those seen so far.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Size and checksum of everything seen so far.
    #[must_use]
    pub fn finish(&self) -> FileHash {
        FileHash {
            bytes: self.bytes,
            xxh3: self.state.digest(),
        }
    }
}

/// Hashes the file at `path` in constant memory.
///
/// # Errors
/// [`Error::Io`] if the file cannot be opened or read.
pub fn hash_file(path: &Path) -> Result<FileHash> {
    let file = File::open(path).map_err(|cause| Error::io(path, "open", cause))?;
    hash_reader(file, path, &mut |_| {})
}

/// Hashes what is left in `reader`, telling `progress` the size of each piece; `path` is for the error.
pub(crate) fn hash_reader(mut reader: impl Read, path: &Path, progress: &mut dyn FnMut(u64)) -> Result<FileHash> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => count,
            Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(cause) => return Err(Error::io(path, "read", cause)),
        };
        hasher.update(buffer.get(..count).unwrap_or_default());
        progress(count as u64);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn empty_input_has_the_published_digest() {
        // XXH3_64bits("", seed 0) from the reference implementation's sanity checks (xxHash, tests/sanity_test.c).
        assert_eq!(hex(xxh3(b"")), "2d06800538d394c2");
    }

    #[test]
    fn hex_round_trips_and_rejects_other_spellings() {
        for value in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(parse_hex(&hex(value)), Some(value));
        }
        for text in [
            "",
            "0",
            "00000000000000000",
            "000000000000000A",
            "+00000000000000a",
            "00000000000000g0",
        ] {
            assert_eq!(parse_hex(text), None, "{text:?}");
        }
    }

    #[test]
    fn file_and_pieces_hash_like_the_whole() {
        let bytes: Vec<u8> = (0..BUFFER_BYTES + 77).map(|i| (i * 31 % 251) as u8).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, &bytes).unwrap();
        let expected = FileHash {
            bytes: bytes.len() as u64,
            xxh3: xxh3(&bytes),
        };
        assert_eq!(hash_file(&path).unwrap(), expected);
        let mut hasher = Hasher::default();
        bytes.chunks(1000).for_each(|piece| hasher.update(piece));
        assert_eq!(hasher.finish(), expected);
    }
}
