//! Provides a check of a recording's container, byte by byte, before it is decoded.
//!
//! Demuxers are written for players: they skip what they do not understand and resume at the next
//! thing that looks like audio. Every label after such a skip would be shifted. So the structure of
//! each container whose demuxer resumes, or trusts a length, is walked here first, by code that stops
//! at the first byte that does not fit.

mod adts;
mod aiff;
mod caf;
mod caf_packets;
mod flac;
mod flac_frame;
mod mp4;
mod mp4_entry;
mod mp4_pcm;
mod mpeg;
mod mpeg_start;
mod mpeg_tag;
mod tags;

use std::io::{Read, Seek, SeekFrom};

use super::container::{Container, read_up_to};
use super::note::Notes;
use super::reject::Reject;
use super::view::View;

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
    /// The sampling rate in Hz, where the demuxer has it wrong.
    pub(super) rate_hz: Option<u32>,
    /// Frames that the file declares, where that is not what it holds and only its checksum can decide.
    pub(super) doubted_frames: Option<u64>,
}

/// What a walk over a container found.
pub(super) struct Findings {
    pub(super) promise: Promise,
    pub(super) notes: Notes,
    /// What the demuxer is to see instead of the file.
    pub(super) view: Option<View>,
}

/// Walks the container that starts at byte `offset` of a file of `file_bytes` bytes, and notes what is wrong with it
/// beside its sound. Unless `whole`, what takes a walk over all of its sound is left out, and nothing is promised of
/// it.
///
/// # Errors
///
/// What contradicts itself or the file's length, and where.
pub(super) fn audit<R: Read + Seek>(
    container: Container,
    source: &mut R,
    offset: u64,
    file_bytes: u64,
    whole: bool,
) -> Result<Findings, Reject> {
    let mut walk = Walk::new(source, file_bytes);
    walk.go_to(offset)?;
    let promise = match container {
        Container::Aiff => aiff::audit(&mut walk),
        Container::Caf => caf::audit(&mut walk),
        Container::Flac => flac::audit(&mut walk),
        Container::Mp4 => mp4::audit(&mut walk),
        Container::Mpeg => mpeg::audit(&mut walk, whole),
        Container::Adts => adts::audit(&mut walk, whole),
        // Their readers judge lengths themselves.
        Container::Ogg | Container::Wav => Ok(Promise::default()),
    }?;
    Ok(Findings {
        promise,
        notes: walk.notes,
        view: walk.view,
    })
}

/// A position in a file of known length.
struct Walk<'a, R> {
    source: &'a mut R,
    file_bytes: u64,
    offset: u64,
    notes: Notes,
    view: Option<View>,
}

impl<'a, R: Read + Seek> Walk<'a, R> {
    fn new(source: &'a mut R, file_bytes: u64) -> Self {
        Self {
            source,
            file_bytes,
            offset: 0,
            notes: Notes::default(),
            view: None,
        }
    }

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
        let present = usize::try_from(self.remaining()).map_or(buffer.len(), |present| present.min(buffer.len()));
        let read = read_up_to(self.source, buffer.get_mut(..present).unwrap_or_default())?;
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
