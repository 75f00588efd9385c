//! Decides where the samples start and end, from the lengths that are declared and the length that the file has.
//!
//! A declared length is taken where what follows the samples proves it: the end of the file, or a chunk whose code and
//! length fit. A length that is proven by neither is refused, by the name of what is wrong.

use super::OpenLength;
use super::chunk::{Chunk, Family, Likeness};
use super::header::OPEN_SIZE;
use super::tail::{Tail, are_zeros, is_chain};
use super::walk::Walk;
use super::wrong;
use crate::audio::note::Note;
use crate::audio::reject::Reject;

/// Lengths that programs leave where they do not know one: at 0 until the end, at the largest for a pipe (ffmpeg), at
/// that less the header, and at what SoX, MPlayer and arecord take for the largest.
const OPEN_LENGTHS: [u64; 8] = [
    0,
    OPEN_SIZE,
    OPEN_SIZE - 36,
    0x8000_0000,
    0x7fff_ffff,
    0x7fff_ffff - 36,
    0x7fff_ff00,
    0x7fff_f000,
];

/// Bytes before the end of which one must not be zero, so that the sound is known to reach there.
const PROOF_BYTES: u64 = 1 << 16;

/// How far before the end of an open file chunks are looked for.
const OPEN_SEARCH_BYTES: u64 = 1 << 20;

/// How far before the end of any other: one read.
const SEARCH_BYTES: u64 = 1 << 12;

/// Places that are tried in such a search.
const MAX_TRIES: u32 = 256;

/// Sizes of 32 bits wrap here.
const WRAP: u64 = 1 << 32;

/// Larger multiples of 4 GiB are not tried.
const MAX_WRAPS: usize = 1 << 12;

/// Where the samples are, and what follows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) data: Chunk,
    pub(super) tail: Tail,
}

impl Walk<'_, '_> {
    /// Finds the samples of a data chunk.
    ///
    /// # Errors
    ///
    /// [`Reject::Truncated`] and [`Reject::Header`] where they may not be whole.
    pub(super) fn extent(&mut self, data: Chunk, open_length: OpenLength) -> Result<Extent, Reject> {
        let size = self.bytes.size();
        if self.header.family == Family::Riff && !self.is_open(data.bytes) && size.saturating_sub(data.end()) >= WRAP {
            return self.wrapped(data);
        }
        let lengths = self.lengths(data);
        let mut refusal = None;
        for &bytes in &lengths {
            let declared = Chunk { bytes, ..data };
            let is_open = self.is_open(bytes);
            if declared.end() > size {
                let (expected, got) = (bytes, size.saturating_sub(data.body));
                let what = "the data chunk".to_owned();
                refusal.get_or_insert(Reject::Truncated { what, expected, got });
                continue;
            }
            let tail = self.tail(declared)?;
            let is_contradicted = lengths.iter().any(|&other| other != bytes && !self.is_open(other));
            if tail.is_exact() || tail.is_proof() && !is_open && !is_contradicted {
                if let Some(&other) = lengths.iter().find(|&&other| other != bytes) {
                    self.notes.add(Note::TwoLengths {
                        declared: other,
                        actual: bytes,
                    });
                }
                return self.without_chunks(Extent { data: declared, tail });
            }
            if !is_open {
                let bytes = size - declared.end();
                let reason = format!("{bytes} bytes that are not a chunk follow its data chunk");
                refusal.get_or_insert(wrong(reason));
            }
        }
        if lengths.iter().all(|&bytes| self.is_open(bytes)) {
            return self.open_ended(data, open_length);
        }
        Err(refusal.unwrap_or_else(|| wrong("its data chunk does not declare its length")))
    }

    /// Whether one of the lengths that are declared of a data chunk is proven, and not open.
    pub(super) fn is_proven(&mut self, data: Chunk) -> Result<bool, Reject> {
        for bytes in self.lengths(data) {
            let declared = Chunk { bytes, ..data };
            if !self.is_open(bytes) && declared.end() <= self.bytes.size() && self.tail(declared)?.is_proof() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The lengths that are declared, the likelier first.
    fn lengths(&self, data: Chunk) -> Vec<u64> {
        let long = self.sizes.as_ref().map(|sizes| sizes.data);
        match (self.header.family, long) {
            (Family::Riff, Some(long)) if data.bytes == OPEN_SIZE => vec![long],
            (Family::Rf64, Some(long)) if matches!(data.bytes, OPEN_SIZE) || data.bytes == long => vec![long],
            (Family::Rf64, Some(long)) => vec![long, data.bytes],
            _ => vec![data.bytes],
        }
    }

    fn is_open(&self, bytes: u64) -> bool {
        match self.header.family {
            Family::Wave64 => bytes == 0,
            _ => OPEN_LENGTHS.contains(&bytes) || bytes >= i64::MAX as u64,
        }
    }

    /// Takes the rest of the file, but for chunks at its end, or refuses it.
    fn open_ended(&mut self, data: Chunk, open_length: OpenLength) -> Result<Extent, Reject> {
        let (declared, size) = (data.bytes, self.bytes.size());
        let rest = size.saturating_sub(data.body);
        if open_length == OpenLength::Refuse {
            return Err(wrong(format!(
                "its data chunk does not declare its length (it has {declared}, as a pipe or a crash leaves it), {rest} \
                 bytes follow; [audio] open_length = \"to-end\" takes them"
            )));
        }
        let end = self.last_chunks(data.body, OPEN_SEARCH_BYTES)?.unwrap_or(size);
        let bytes = end - data.body;
        self.notes.add(Note::OpenLength {
            declared,
            actual: bytes,
        });
        let tail = if end < size {
            Tail::Chunk { at: end, padded: true }
        } else {
            Tail::End
        };
        Ok(Extent {
            data: Chunk { bytes, ..data },
            tail,
        })
    }

    /// Where the last chunks of the file start, of those within so many bytes of its end: a code in use, and lengths
    /// that lead exactly to the end.
    fn last_chunks(&mut self, start: u64, search_bytes: u64) -> Result<Option<u64>, Reject> {
        let size = self.bytes.size();
        let mut tries = MAX_TRIES;
        for at in size.saturating_sub(search_bytes).max(start)..size {
            let chunk = self.bytes.chunk(self.header.family, at)?;
            if chunk.is_some_and(|chunk| chunk.likeness == Likeness::Known) && tries > 0 {
                tries -= 1;
                if is_chain(self.bytes, &self.header, at, None)? {
                    return Ok(Some(at));
                }
            }
        }
        Ok(None)
    }

    /// Samples that are declared up to the end of the file, without chunks at its end that their length takes in.
    ///
    /// # Errors
    ///
    /// [`Reject::Truncated`] unless the file's header says that it ends there: as much of the sound may be missing.
    fn without_chunks(&mut self, extent: Extent) -> Result<Extent, Reject> {
        let data = extent.data;
        let Some(at) = (match extent.tail {
            Tail::End => self.last_chunks(data.body, SEARCH_BYTES)?,
            _ => None,
        }) else {
            return Ok(extent);
        };
        let (declared, bytes) = (data.bytes, at - data.body);
        let declared_end = self.header.declared_end(self.sizes.as_ref());
        if declared_end.is_none_or(|end| end.abs_diff(self.bytes.size()) > 1) {
            return Err(Reject::Truncated {
                what: "the data chunk, behind which other chunks are,".to_owned(),
                expected: declared,
                got: bytes,
            });
        }
        let tail = Tail::Chunk { at, padded: true };
        self.notes.add(Note::ChunksInside {
            declared,
            actual: bytes,
        });
        Ok(Extent {
            data: Chunk { bytes, ..data },
            tail,
        })
    }

    /// Finds the end of samples behind whose declared length more than 4 GiB follow: 32 bits do not hold their size.
    fn wrapped(&mut self, data: Chunk) -> Result<Extent, Reject> {
        let rest = self.bytes.size().saturating_sub(data.end());
        for wraps in (1..=rest / WRAP).rev().take(MAX_WRAPS) {
            let whole = Chunk {
                bytes: data.bytes + wraps * WRAP,
                ..data
            };
            let Some(tail) = self.chained_tail(whole)? else {
                continue;
            };
            // A recording of the declared length in space that was laid out before looks the same.
            if are_zeros(self.bytes, whole.end().saturating_sub(PROOF_BYTES), whole.end())? {
                return Err(wrong(format!(
                    "its data chunk declares {} bytes, and {rest} bytes follow that end in zeros: its size may have wrapped at \
                     4 GiB, or the file was laid out for more",
                    data.bytes
                )));
            }
            self.notes.add(Note::WrappedSize {
                declared: data.bytes,
                actual: whole.bytes,
            });
            return Ok(Extent { data: whole, tail });
        }
        if let Some(tail) = self.chained_tail(data)? {
            return Ok(Extent { data, tail });
        }
        Err(wrong(format!(
            "its data chunk declares {} bytes, but {rest} bytes that are not a chunk follow: its size may have wrapped at \
             4 GiB",
            data.bytes
        )))
    }

    /// What follows a data chunk: the end of the file, or chunks that lead to it.
    fn chained_tail(&mut self, data: Chunk) -> Result<Option<Tail>, Reject> {
        Ok(match self.exact_tail(data)? {
            Some(Tail::Chunk { at, .. }) if !is_chain(self.bytes, &self.header, at, None)? => None,
            tail => tail,
        })
    }

    /// Walks what follows the samples and notes what is wrong with it.
    ///
    /// # Errors
    ///
    /// [`Reject::Header`] if there are samples in it.
    pub(super) fn finish(&mut self, extent: Extent) -> Result<(), Reject> {
        let (size, data) = (self.bytes.size(), extent.data);
        if let Some(note) = extent.tail.note() {
            self.notes.add(note);
        }
        let mut end = data.end();
        if let Tail::Chunk { at, padded } = extent.tail {
            if !padded {
                self.notes.add(Note::NoPadding { id: data.id });
            }
            end = self.behind(at)?;
            if end < size {
                let bytes = size - end;
                let zeros = are_zeros(self.bytes, end, size)?;
                self.notes.add(if zeros {
                    Note::ZeroFill { bytes }
                } else {
                    Note::TrailingBytes { bytes }
                });
            }
        }
        let padding = self.header.padding(data);
        let is_padded = matches!(extent.tail, Tail::End | Tail::Chunk { padded: true, .. });
        if is_padded && !are_zeros(self.bytes, data.end(), (data.end() + padding).min(size))? {
            self.notes.add(Note::Padding);
        }
        self.note_size(end..=end + padding);
        Ok(())
    }

    /// Notes a size of the whole that is neither that of the file nor that up to the last chunk.
    fn note_size(&mut self, chunks_end: std::ops::RangeInclusive<u64>) {
        let (size, header) = (self.bytes.size(), self.header);
        let declared = header.declared_end(self.sizes.as_ref());
        let fits = |end: u64| end.abs_diff(size) <= 1 || chunks_end.contains(&end);
        if declared.is_none_or(|end| !fits(end)) {
            let actual = size.saturating_sub(header.start);
            self.notes.add(Note::FileSize {
                declared: header.size,
                actual,
            });
        }
    }
}
