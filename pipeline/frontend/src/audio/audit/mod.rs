//! Provides a check of a recording's container, byte by byte, before it is decoded.
//!
//! Demuxers are written for players: they skip what they do not understand and resume at the next
//! thing that looks like audio. Every label after such a skip would be shifted. So the structure of
//! each container whose demuxer resumes, or trusts a length, is walked here first, by code that stops
//! at the first byte that does not fit.

mod aiff;
mod mp4;
mod mpeg;

use std::io::{Read, Seek, SeekFrom};

use super::container::{Container, read_up_to};
use super::note::Notes;
use super::reject::Reject;

/// What the container's structure promises about the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Promise {
    /// Frames that the decoder must produce, before any trimming; `None` where the container does not
    /// say so exactly, and the demuxer's own count is used.
    pub(super) decoded_frames: Option<u64>,
    /// Leading frames that are encoder delay, to be dropped.
    pub(super) skip_frames: u64,
    /// Frames that remain after dropping delay and padding; `None` keeps all.
    pub(super) kept_frames: Option<u64>,
    /// The track to decode; `None` where the container has only one.
    pub(super) track_id: Option<u32>,
}

/// Walks the container that starts at byte `offset` of a file of `file_bytes` bytes, and notes what is wrong with it
/// beside its sound.
///
/// # Errors
///
/// What contradicts itself or the file's length, and where.
pub(super) fn audit<R: Read + Seek>(
    container: Container,
    source: &mut R,
    offset: u64,
    file_bytes: u64,
) -> Result<(Promise, Notes), Reject> {
    let mut walk = Walk {
        source,
        file_bytes,
        offset,
        notes: Notes::default(),
    };
    walk.go_to(offset)?;
    let promise = match container {
        Container::Aiff => aiff::audit(&mut walk),
        Container::Mp4 => mp4::audit(&mut walk),
        Container::Mpeg => mpeg::audit(&mut walk),
        // FLAC frames carry checksums and numbers, and the whole an MD5; CAF declares its packets; the readers of WAV and
        // Ogg judge lengths themselves. Their counts are compared with what is decoded.
        Container::Flac | Container::Caf | Container::Wav | Container::Ogg => Ok(Promise::default()),
    }?;
    Ok((promise, walk.notes))
}

/// A position in a file of known length.
struct Walk<'a, R> {
    source: &'a mut R,
    file_bytes: u64,
    offset: u64,
    notes: Notes,
}

impl<R: Read + Seek> Walk<'_, R> {
    fn remaining(&self) -> u64 {
        self.file_bytes.saturating_sub(self.offset)
    }

    /// Moves to an absolute offset.
    fn go_to(&mut self, offset: u64) -> Result<(), Reject> {
        self.source.seek(SeekFrom::Start(offset))?;
        self.offset = offset;
        Ok(())
    }

    /// Reads as many bytes of `buffer` as the file still has.
    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, Reject> {
        let read = read_up_to(self.source, buffer)?;
        self.offset += read as u64;
        Ok(read)
    }

    /// Reads exactly `N` bytes of the structure called `what`.
    fn read<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Reject> {
        let mut buffer = [0; N];
        self.fill(&mut buffer, what)?;
        Ok(buffer)
    }

    /// Fills `buffer` from the structure called `what`.
    fn fill(&mut self, buffer: &mut [u8], what: &str) -> Result<(), Reject> {
        let read = self.read_some(buffer)?;
        if read < buffer.len() {
            let (expected, got) = (buffer.len() as u64, read as u64);
            return Err(Reject::Truncated {
                what: what.to_owned(),
                expected,
                got,
            });
        }
        Ok(())
    }

    /// Refuses a body of `bytes` bytes that would reach past the end of the file.
    fn require(&self, bytes: u64, what: &str) -> Result<(), Reject> {
        let got = self.remaining();
        if bytes > got {
            return Err(Reject::Truncated {
                what: what.to_owned(),
                expected: bytes,
                got,
            });
        }
        Ok(())
    }

    fn damaged(&self, offset: u64, reason: impl Into<String>) -> Reject {
        Reject::Damaged {
            offset,
            reason: reason.into(),
        }
    }
}

/// Printable form of a four-character code.
fn four_cc(code: [u8; 4]) -> String {
    code.iter()
        .flat_map(|&byte| std::ascii::escape_default(byte))
        .map(char::from)
        .collect()
}
