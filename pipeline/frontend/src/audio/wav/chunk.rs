//! Reads the headers of chunks, and judges whether one stands at a place.

use std::fmt;

use crate::audio::ranged::RangedRead;
use crate::audio::reject::Reject;

/// Bytes that are read at once, for the few headers of a file.
const BUFFER_BYTES: usize = 4096;

/// The dialects of WAVE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// `RIFF`: sizes of 32 bits.
    Riff,
    /// `RF64` and `BW64`: sizes of 64 bits in a `ds64` chunk (EBU Tech 3306, ITU-R BS.2088).
    Rf64,
    /// Wave64: GUIDs for codes, sizes of 64 bits that count the header, chunks aligned to 8 bytes.
    Wave64,
}

impl Family {
    /// Bytes of a chunk's code and length.
    fn header_bytes(self) -> u64 {
        if self == Self::Wave64 { 24 } else { 8 }
    }
}

/// A chunk's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkId(pub(in crate::audio) [u8; 4]);

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// How much a code looks like one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    /// It cannot be a code.
    None,
    /// Letters and digits, as a code has them; so have many samples.
    Spelled,
    /// A code in use.
    Known,
}

/// Codes in use in WAVE files, and those of recorders and editors.
const KNOWN: [&[u8; 4]; 56] = [
    b"data", b"fmt ", b"fact", b"LIST", b"list", b"ds64", b"JUNK", b"junk", b"PAD ", b"pad ", b"FLLR", b"filr",
    b"bext", b"iXML", b"axml", b"aXML", b"bxml", b"sxml", b"chna", b"cue ", b"smpl", b"inst", b"plst", b"labl",
    b"note", b"ltxt", b"file", b"wavl", b"slnt", b"guan", b"wamd", b"id3 ", b"ID3 ", b"PEAK", b"cart", b"levl",
    b"DISP", b"_PMX", b"umid", b"minf", b"elm1", b"regn", b"acid", b"strc", b"afsp", b"qlty", b"mext", b"link",
    b"r64m", b"LGWV", b"SAUR", b"AFAn", b"MD5 ", b"ubxt", b"dbmd", b"RIFF",
];

impl ChunkId {
    /// How much it looks like a code.
    pub(super) fn likeness(self) -> Likeness {
        if KNOWN.contains(&&self.0) {
            return Likeness::Known;
        }
        // Spaces may only fill up the end.
        let text = self.0.trim_ascii_end();
        let spelled = text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if spelled && !text.is_empty() {
            Likeness::Spelled
        } else {
            Likeness::None
        }
    }
}

/// A chunk's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) id: ChunkId,
    /// How much its header looks like one.
    pub(super) likeness: Likeness,
    /// Where its body starts.
    pub(super) body: u64,
    /// Bytes of its body, as declared.
    pub(super) bytes: u64,
}

impl Chunk {
    /// Where its body ends, without padding.
    pub(super) fn end(self) -> u64 {
        self.body.saturating_add(self.bytes)
    }
}

/// The last 12 bytes of Wave64's GUIDs that start with a code. Others, of markers and lists of summaries, have the last
/// 6 of the first.
const WAVE64_TAILS: [[u8; 12]; 2] = [
    [0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0x00, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a],
    // That of `list`.
    [0x2f, 0x91, 0xcf, 0x11, 0xa5, 0xd6, 0x28, 0xdb, 0x04, 0xc1, 0x00, 0x00],
];

/// A source's bytes through a small buffer.
pub(super) struct Bytes<'a> {
    source: &'a mut dyn RangedRead,
    size: u64,
    buffer: Vec<u8>,
    /// Where in the source the buffer starts.
    start: u64,
}

impl<'a> Bytes<'a> {
    /// Nothing is read yet.
    pub(super) fn new(source: &'a mut dyn RangedRead) -> Self {
        Self {
            size: source.size(),
            source,
            buffer: Vec::new(),
            start: 0,
        }
    }

    /// Bytes in all.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Fills `out` from `offset` on, past the buffer; how many bytes there were.
    pub(super) fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<usize, Reject> {
        Ok(self.source.read_at(offset, out)?)
    }

    /// The `N` bytes at `offset`; `None` where the file ends before.
    pub(super) fn array<const N: usize>(&mut self, offset: u64) -> Result<Option<[u8; N]>, Reject> {
        if let Some(found) = self.buffered(offset) {
            return Ok(Some(found));
        }
        if offset.checked_add(N as u64).is_none_or(|end| end > self.size) {
            return Ok(None);
        }
        self.buffer.resize(BUFFER_BYTES, 0);
        self.start = offset;
        let read = self.source.read_at(offset, &mut self.buffer)?;
        self.buffer.truncate(read);
        Ok(self.buffered(offset))
    }

    fn buffered<const N: usize>(&self, offset: u64) -> Option<[u8; N]> {
        let at = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.buffer.get(at..)?.first_chunk().copied()
    }

    /// The chunk header at `offset`; `None` where the file ends within it, or it cannot be one.
    pub(super) fn chunk(&mut self, family: Family, offset: u64) -> Result<Option<Chunk>, Reject> {
        let body = offset.saturating_add(family.header_bytes());
        if family == Family::Wave64 {
            return Ok(self.array::<24>(offset)?.and_then(|header| wave64_chunk(&header, body)));
        }
        Ok(self.array::<8>(offset)?.map(|[a, b, c, d, size @ ..]| {
            let id = ChunkId([a, b, c, d]);
            let (likeness, bytes) = (id.likeness(), u64::from(u32::from_le_bytes(size)));
            Chunk {
                id,
                likeness,
                body,
                bytes,
            }
        }))
    }
}

/// The chunk of a Wave64 header; `None` where its GUID is not one of Wave64, or its length leaves out the header
/// itself.
fn wave64_chunk(header: &[u8; 24], body: u64) -> Option<Chunk> {
    let (id, rest) = header.split_first_chunk::<4>()?;
    let (tail, size) = rest.split_first_chunk::<12>()?;
    let id = ChunkId(*id);
    let likeness = match tail {
        _ if WAVE64_TAILS.contains(tail) => Likeness::Known,
        [.., 0x00, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a] => Likeness::Spelled,
        _ => return None,
    };
    let bytes = match u64::from_le_bytes(size.try_into().ok()?) {
        // A crash leaves the length of the samples at 0.
        0 if id.0 == *b"data" => 0,
        size => size.checked_sub(24)?,
    };
    Some(Chunk {
        id,
        likeness,
        body,
        bytes,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::audio::ranged::Seekable;

    #[test]
    fn codes_are_told_from_samples() {
        for (id, likeness) in [
            (b"LIST", Likeness::Known),
            (b"fmt ", Likeness::Known),
            (b"Abc1", Likeness::Spelled),
            (b"_x  ", Likeness::Spelled),
            (b"    ", Likeness::None),
            (b" abc", Likeness::None),
            (b"a bc", Likeness::None),
            (b"ab\0\0", Likeness::None),
            (b"\0dat", Likeness::None),
        ] {
            assert_eq!(ChunkId(*id).likeness(), likeness, "{}", id.escape_ascii());
        }
    }

    #[test]
    fn headers_are_read_across_the_buffer() {
        let mut bytes = vec![0; 5000];
        bytes[4093..4101].copy_from_slice(b"data\x10\0\0\0");
        let mut source = Seekable::new(Cursor::new(bytes)).unwrap();
        let mut bytes = Bytes::new(&mut source);
        bytes.array::<1>(0).unwrap();
        let chunk = bytes.chunk(Family::Riff, 4093).unwrap().unwrap();
        assert_eq!(
            (chunk.id, chunk.body, chunk.bytes, chunk.end()),
            (ChunkId(*b"data"), 4101, 16, 4117)
        );
        assert_eq!(bytes.chunk(Family::Riff, 4993).unwrap(), None);
        assert_eq!(bytes.array::<8>(u64::MAX).unwrap(), None);
    }
}
