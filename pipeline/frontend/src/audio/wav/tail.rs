//! Judges what follows the samples: whether it proves that they end where their chunk says.

use super::chunk::{Bytes, Chunk, ChunkId, Likeness};
use super::header::Header;
use super::walk::MAX_CHUNKS;
use crate::audio::note::Note;
use crate::audio::reject::Reject;

/// Fewer bytes than any recorder or file system writes at once: where the file's header agrees that the file ends
/// before them, they are not the rest of a recording whose header was not brought up to date.
const SECTOR_BYTES: u64 = 512;

/// Bytes that are looked through at once.
const BLOCK_BYTES: usize = 1 << 16;

/// What follows the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// The end of the file, but for padding.
    End,
    /// A chunk at byte `at`; behind padding, if the samples need any.
    Chunk { at: u64, padded: bool },
    /// Part of a chunk, which the file's header counts to its end.
    CutChunk { id: ChunkId, declared: u64, present: u64 },
    /// Zeros up to the end of the file.
    Zeros { bytes: u64 },
    /// A tag that other formats end in.
    Tag { name: &'static str, bytes: u64 },
    /// A few bytes behind the end of the file as its header has it.
    Few { bytes: u64 },
    /// Anything else: it may be sound.
    Unknown { bytes: u64 },
}

impl Tail {
    /// Finds out what follows the data chunk.
    pub(super) fn find(
        bytes: &mut Bytes<'_>,
        header: &Header,
        data: Chunk,
        declared_end: Option<u64>,
    ) -> Result<Self, Reject> {
        if let Some(exact) = Self::exact(bytes, header, data, declared_end)? {
            return Ok(exact);
        }
        let (size, end) = (bytes.size(), data.end());
        let padded = padded_end(bytes, header, data)?;
        let rest = size.saturating_sub(end);
        if let Some(cut) = cut_chunk(bytes, header, [padded, end], declared_end)? {
            return Ok(cut);
        }
        if let Some(name) = tag(bytes, end, rest)? {
            return Ok(Self::Tag { name, bytes: rest });
        }
        if are_zeros(bytes, end, size)? {
            return Ok(Self::Zeros { bytes: rest });
        }
        let header_agrees = declared_end.is_some_and(|declared| (end..=padded).contains(&declared));
        Ok(match rest < SECTOR_BYTES && header_agrees {
            true => Self::Few { bytes: rest },
            false => Self::Unknown { bytes: rest },
        })
    }

    /// The end of the file or a chunk, which prove a length that is not to be trusted otherwise.
    pub(super) fn exact(
        bytes: &mut Bytes<'_>,
        header: &Header,
        data: Chunk,
        declared_end: Option<u64>,
    ) -> Result<Option<Self>, Reject> {
        let (size, end) = (bytes.size(), data.end());
        let padded = padded_end(bytes, header, data)?;
        if (end..=padded).contains(&size) {
            return Ok(Some(Self::End));
        }
        for likeness in [Likeness::Known, Likeness::Spelled] {
            for at in [padded, end] {
                let chunk = bytes.chunk(header.family, at)?;
                let stands = chunk.is_some_and(|chunk| chunk.likeness == likeness && chunk.end() <= size);
                if stands && (likeness == Likeness::Known || is_chain(bytes, header, at, declared_end)?) {
                    let padded = at == header.padded_end(data);
                    return Ok(Some(Self::Chunk { at, padded }));
                }
            }
        }
        Ok(None)
    }

    /// Whether the samples end here.
    pub(super) fn is_proof(self) -> bool {
        !matches!(self, Self::Unknown { .. })
    }

    /// Whether that is certain even of a length that is not to be trusted otherwise.
    pub(super) fn is_exact(self) -> bool {
        matches!(self, Self::End | Self::Chunk { .. })
    }

    /// What to note of it.
    pub(super) fn note(self) -> Option<Note> {
        match self {
            Self::End | Self::Chunk { .. } | Self::Unknown { .. } => None,
            Self::CutChunk { id, declared, present } => Some(Note::CutChunk { id, declared, present }),
            Self::Zeros { bytes } => Some(Note::ZeroFill { bytes }),
            Self::Tag { name, bytes } => Some(Note::TrailingTag { name, bytes }),
            Self::Few { bytes } => Some(Note::TrailingBytes { bytes }),
        }
    }
}

/// Where the padding of the samples ends. More than a byte of it that is not zero may be sound.
fn padded_end(bytes: &mut Bytes<'_>, header: &Header, data: Chunk) -> Result<u64, Reject> {
    let end = data.end();
    let padded = header.padded_end(data);
    let is_padded = padded - end < 2 || are_zeros(bytes, end, padded.min(bytes.size()))?;
    Ok(if is_padded { padded } else { end })
}

/// Whether chunks lead from `at` exactly to the end of the file, or to where its header says that it ends: samples that
/// look like a chunk do not.
pub(super) fn is_chain(
    bytes: &mut Bytes<'_>,
    header: &Header,
    at: u64,
    declared_end: Option<u64>,
) -> Result<bool, Reject> {
    let size = bytes.size();
    let is_end = |end: u64, padded: u64| {
        (end..=padded).contains(&size) || declared_end.is_some_and(|declared| (end..=padded).contains(&declared))
    };
    // Padding may be missing: what follows a chunk of odd length may be in two places.
    let mut places = vec![at];
    for _ in 0..MAX_CHUNKS {
        let Some(at) = places.pop() else { break };
        let chunk = bytes.chunk(header.family, at)?;
        let Some(chunk) = chunk.filter(|chunk| chunk.likeness > Likeness::None && chunk.end() <= size) else {
            continue;
        };
        let padded = header.padded_end(chunk);
        if is_end(chunk.end(), padded) {
            return Ok(true);
        }
        if padded > chunk.end() {
            places.push(chunk.end());
        }
        places.push(padded);
    }
    Ok(false)
}

/// A chunk that the end of the file cuts, where the file's header counts it whole.
fn cut_chunk(
    bytes: &mut Bytes<'_>,
    header: &Header,
    places: [u64; 2],
    declared_end: Option<u64>,
) -> Result<Option<Tail>, Reject> {
    let size = bytes.size();
    let Some(declared_end) = declared_end.filter(|declared| *declared > size) else {
        return Ok(None);
    };
    for at in places {
        if let Some(chunk) = bytes.chunk(header.family, at)? {
            let (id, declared, present) = (chunk.id, chunk.bytes, size.saturating_sub(chunk.body));
            let ends = chunk.end()..=header.padded_end(chunk);
            if chunk.likeness == Likeness::Known && ends.contains(&declared_end) {
                return Ok(Some(Tail::CutChunk { id, declared, present }));
            }
        } else if let Some(code) = bytes.array::<4>(at)?
            && ChunkId(code).likeness() == Likeness::Known
        {
            let (id, declared) = (ChunkId(code), declared_end - at);
            return Ok(Some(Tail::CutChunk {
                id,
                declared,
                present: 0,
            }));
        }
    }
    Ok(None)
}

/// The name of a tag that makes up the whole rest.
fn tag(bytes: &mut Bytes<'_>, at: u64, rest: u64) -> Result<Option<&'static str>, Reject> {
    Ok(match bytes.array::<8>(at)? {
        Some([b'T', b'A', b'G', ..]) if rest == 128 => Some("ID3v1"),
        Some([b'I', b'D', b'3', 2..=4, 0, ..]) => Some("ID3v2"),
        Some(start) if start == *b"APETAGEX" => Some("APE"),
        _ => None,
    })
}

/// Whether all bytes of a range are zero.
pub(super) fn are_zeros(bytes: &mut Bytes<'_>, start: u64, end: u64) -> Result<bool, Reject> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut at = start;
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
        let read = bytes.read_at(at, block.get_mut(..wanted).unwrap_or_default())?;
        if read == 0 || block.iter().take(read).any(|&byte| byte != 0) {
            return Ok(false);
        }
        at += read as u64;
    }
    Ok(true)
}
