//! Provides the one checksum of the format: XXH3, 64 bits, seed 0.

use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

/// Bytes read at a time while hashing a file: they are hashed while they are in the core's own cache.
const BUFFER_BYTES: usize = 128 << 10;
/// Bytes copied at a time before they are hashed: they are hashed while they are in the core's first cache, so that
/// hashing costs hardly any time beside copying.
const COPIED_BYTES: usize = 4 << 10;

/// An XXH3-64 with seed 0; its text is 16 lowercase hexadecimal digits, most significant first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Xxh3(pub u64);

impl Xxh3 {
    /// The checksum of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxh3_64(bytes))
    }

    /// Copies `from` into `into`, as far as there is room, and returns the checksum of what was copied.
    #[must_use]
    pub fn of_copied(from: &[u8], into: &mut [u8]) -> Self {
        let mut hasher = Hasher::default();
        for (from, into) in from.chunks(COPIED_BYTES).zip(into.chunks_mut(COPIED_BYTES)) {
            let room = from.len().min(into.len());
            if let Some((from, into)) = from.get(..room).zip(into.get_mut(..room)) {
                into.copy_from_slice(from);
                hasher.update(into);
            }
        }
        hasher.finish().xxh3
    }
}

impl fmt::Display for Xxh3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text that is not a checksum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a checksum (16 lowercase hexadecimal digits)")]
pub struct InvalidXxh3 {
    /// The text.
    pub text: String,
}

impl FromStr for Xxh3 {
    type Err = InvalidXxh3;

    fn from_str(text: &str) -> Result<Self, InvalidXxh3> {
        let is_canonical = text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let value = is_canonical.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        value.map(Self).ok_or_else(|| InvalidXxh3 { text: text.to_owned() })
    }
}

impl Serialize for Xxh3 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Xxh3 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Size and checksum of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHash {
    /// How many there are.
    pub bytes: u64,
    /// Checksum of all of them.
    pub xxh3: Xxh3,
}

/// A checksum taken piece by piece: of everything that is written to it.
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
            xxh3: Xxh3(self.state.digest()),
        }
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that hashes what passes through it.
pub struct HashedWriter<W> {
    to: W,
    hasher: Hasher,
}

impl<W: Write> HashedWriter<W> {
    /// Hashes what is written to `to` from now on.
    pub fn new(to: W) -> Self {
        let hasher = Hasher::default();
        Self { to, hasher }
    }

    /// The writer, and size and checksum of what it has taken.
    pub fn finish(self) -> (W, FileHash) {
        (self.to, self.hasher.finish())
    }
}

impl<W: Write> Write for HashedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Writes what is left in `reader` to `hasher` (or to any writer around one), in constant memory.
///
/// # Errors
/// The system's, on reading.
pub fn copy_into(hasher: &mut impl Write, reader: impl Read) -> io::Result<u64> {
    io::copy(&mut BufReader::with_capacity(BUFFER_BYTES, reader), hasher)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn empty_input_has_the_published_digest() {
        // XXH3_64bits("", seed 0) from the reference implementation's sanity checks (xxHash, tests/sanity_test.c).
        assert_eq!(Xxh3::of(b"").to_string(), "2d06800538d394c2");
    }

    #[test]
    fn text_parses_back_and_other_spellings_are_refused() {
        for value in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX].map(Xxh3) {
            assert_eq!(value.to_string().parse(), Ok(value));
        }
        for text in [
            "",
            "0",
            "00000000000000000",
            "000000000000000A",
            "+00000000000000a",
            "00000000000000g0",
        ] {
            let error = text.parse::<Xxh3>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} is not a checksum")), "{error}");
        }
    }

    #[test]
    fn json_holds_the_text() {
        let json = serde_json::to_string(&[Some(Xxh3(0xab)), None]).unwrap();
        assert_eq!(json, r#"["00000000000000ab",null]"#);
        let back: Vec<Option<Xxh3>> = serde_json::from_str(&json).unwrap();
        assert_eq!(back, [Some(Xxh3(0xab)), None]);
        assert!(serde_json::from_str::<Xxh3>("\"00000000000000AB\"").is_err());
        assert!(serde_json::from_str::<Xxh3>("171").is_err());
    }

    #[test]
    fn readers_and_pieces_hash_like_the_whole() {
        let bytes: Vec<u8> = (0..BUFFER_BYTES + 77).map(|i| (i * 31 % 251) as u8).collect();
        let expected = FileHash {
            bytes: bytes.len() as u64,
            xxh3: Xxh3::of(&bytes),
        };
        let (mut read, mut pieces) = (Hasher::default(), Hasher::default());
        assert_eq!(copy_into(&mut read, &*bytes).unwrap(), expected.bytes);
        bytes.chunks(1000).for_each(|piece| pieces.update(piece));
        assert_eq!([read.finish(), pieces.finish()], [expected; 2]);
    }

    #[test]
    fn what_is_copied_hashes_like_the_bytes_at_any_length() {
        let bytes: Vec<u8> = (0..3 * COPIED_BYTES).map(|i| (i * 31 % 251) as u8).collect();
        for length in [
            0,
            1,
            63,
            240,
            241,
            COPIED_BYTES - 1,
            COPIED_BYTES,
            COPIED_BYTES + 1,
            bytes.len(),
        ] {
            let (from, mut into) = (&bytes[..length], vec![0; length]);
            assert_eq!(Xxh3::of_copied(from, &mut into), Xxh3::of(from), "{length} bytes");
            assert_eq!(into, from);
        }
        let mut small = [0; COPIED_BYTES + 9];
        assert_eq!(Xxh3::of_copied(&bytes, &mut small), Xxh3::of(&bytes[..small.len()]));
    }
}
