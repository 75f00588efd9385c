//! Reads the first bytes of a WAV file: which dialect it is, and the size that it declares for the whole.

use super::chunk::{Bytes, Chunk, Family};
use super::ds64::Sizes;
use crate::audio::reject::Reject;

/// Wave64's GUID of `riff`.
const WAVE64_RIFF: [u8; 16] = [
    b'r', b'i', b'f', b'f', 0x2e, 0x91, 0xcf, 0x11, 0xa5, 0xd6, 0x28, 0xdb, 0x04, 0xc1, 0x00, 0x00,
];

/// Wave64's GUID of `wave`.
const WAVE64_WAVE: [u8; 16] = [
    b'w', b'a', b'v', b'e', 0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0x00, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a,
];

/// A size that says nothing: of RF64, because `ds64` says it; of RIFF, because nobody knew.
pub(super) const OPEN_SIZE: u64 = u32::MAX as u64;

/// A file's outermost header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) family: Family,
    /// Where it starts.
    pub(super) start: u64,
    /// The size that it declares, as it is stored.
    pub(super) size: u64,
}

impl Header {
    /// Where the first chunk starts.
    pub(super) fn first_chunk(&self) -> u64 {
        self.start + if self.family == Family::Wave64 { 40 } else { 12 }
    }

    /// Where the file ends, by its own account; `None` where it does not say.
    pub(super) fn declared_end(&self, sizes: Option<&Sizes>) -> Option<u64> {
        let after = match (self.family, self.size, sizes) {
            (Family::Wave64, size, _) => size,
            (Family::Rf64, OPEN_SIZE, Some(sizes)) => sizes.riff.checked_add(8)?,
            (_, 0 | OPEN_SIZE, _) => return None,
            (_, size, _) => size + 8,
        };
        self.start.checked_add(after).filter(|_| after > 0)
    }

    /// Where a chunk ends with its padding.
    pub(super) fn padded_end(&self, chunk: Chunk) -> u64 {
        chunk.end().saturating_add(self.padding(chunk))
    }

    /// How many bytes pad a chunk so that the next one is aligned.
    pub(super) fn padding(&self, chunk: Chunk) -> u64 {
        match self.family {
            Family::Wave64 => chunk.end().saturating_sub(self.start).wrapping_neg() % 8,
            Family::Riff | Family::Rf64 => chunk.bytes % 2,
        }
    }
}

/// Reads the header at byte `start`.
///
/// # Errors
///
/// [`Reject::Unsupported`] if it is none, [`Reject::Truncated`] if the file ends in it.
pub(super) fn read(bytes: &mut Bytes<'_>, start: u64) -> Result<Header, Reject> {
    let Some([a, b, c, d, size @ .., e, f, g, h]) = bytes.array::<12>(start)? else {
        return Err(Reject::Truncated {
            what: "the WAV header".to_owned(),
            expected: 12,
            got: bytes.size().saturating_sub(start),
        });
    };
    let family = match (&[a, b, c, d], &[e, f, g, h]) {
        (b"RIFF", b"WAVE") => Family::Riff,
        (b"RF64" | b"BW64", b"WAVE") => Family::Rf64,
        (b"riff", _) => return read_wave64(bytes, start),
        _ => return Err(not_wave()),
    };
    let size = u64::from(u32::from_le_bytes(size));
    Ok(Header { family, start, size })
}

fn read_wave64(bytes: &mut Bytes<'_>, start: u64) -> Result<Header, Reject> {
    let fields = (
        bytes.array::<16>(start)?,
        bytes.array::<8>(start + 16)?,
        bytes.array::<16>(start + 24)?,
    );
    match fields {
        (Some(WAVE64_RIFF), Some(size), Some(WAVE64_WAVE)) => {
            let size = u64::from_le_bytes(size);
            Ok(Header {
                family: Family::Wave64,
                start,
                size,
            })
        }
        (Some(WAVE64_RIFF), _, None) => Err(Reject::Truncated {
            what: "the Wave64 header".to_owned(),
            expected: 40,
            got: bytes.size().saturating_sub(start),
        }),
        _ => Err(not_wave()),
    }
}

fn not_wave() -> Reject {
    Reject::Unsupported {
        what: "RIFF that is not WAVE".to_owned(),
    }
}
