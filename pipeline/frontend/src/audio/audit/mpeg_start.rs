//! Finds the first frame of an MP3 file: behind its ID3v2 tag, and whatever lies between.
//!
//! Taggers that write a wrong length leave padding or a few bytes of the tag between it and the first frame. A length
//! that takes in frames would lose sound: then a frame stands before the first one, and touches it. So would a damaged
//! first frame that is taken for such bytes: they are shorter than any frame, or the tag of a first frame follows them.

use std::io::{Read, Seek};

use super::Walk;
use super::mpeg::{FrameHeader, MAX_FRAME_BYTES, skip_zeros, u32_at};
use super::mpeg_tag::Tag;
use crate::audio::note::Note;
use crate::audio::reject::Reject;

/// How far the first frame is looked for: more than a wrong length leaves, less than a picture.
const MAX_JUNK_BYTES: usize = 1 << 12;

/// Frames that must touch, so that no bytes of a tag are taken for one.
const CHAIN: usize = 4;

/// Where the first frame is.
pub(super) struct Start {
    pub(super) at: u64,
    /// Whether it stands behind bytes that belong to nothing.
    pub(super) behind_junk: bool,
}

/// Goes to the first frame.
pub(super) fn find<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<Start, Reject> {
    let tagged = walk.offset;
    skip_zeros(walk)?;
    let padded = walk.offset;
    let (mut start, mut behind_junk) = (padded, false);
    if tagged > 0 && header_at(walk, padded)?.is_ok_and(|header| header.is_none()) {
        let junk = junk(walk, padded)?;
        start += junk.unwrap_or(0);
        if let Some(bytes) = junk {
            behind_junk = true;
            walk.notes.add(Note::Junk {
                bytes: bytes + padded - tagged,
            });
        }
    }
    if tagged > 0 && is_preceded(walk, start)? {
        return Err(walk.damaged(
            start,
            "an MP3 frame lies within the ID3v2 tag: the tag's length is wrong",
        ));
    }
    walk.go_to(start)?;
    Ok(Start { at: start, behind_junk })
}

/// The header at a byte: `Ok(None)` if there is none, `Err` if it is one of what is not supported.
fn header_at<R: Read + Seek>(
    walk: &mut Walk<'_, R>,
    at: u64,
) -> Result<Result<Option<FrameHeader>, &'static str>, Reject> {
    let mut word = [0; 4];
    walk.go_to(at)?;
    let read = walk.read_some(&mut word)?;
    Ok(
        match FrameHeader::parse(u32_at(word.get(..read).unwrap_or_default(), 0).unwrap_or(0)) {
            Ok(header) => Ok(Some(header)),
            Err(None) => Ok(None),
            Err(Some(what)) => Err(what),
        },
    )
}

/// How many bytes from `start` on are none of the stream; `None` if no stream follows.
fn junk<R: Read + Seek>(walk: &mut Walk<'_, R>, start: u64) -> Result<Option<u64>, Reject> {
    let mut bytes = vec![0; MAX_JUNK_BYTES + CHAIN * MAX_FRAME_BYTES];
    walk.go_to(start)?;
    let read = walk.read_some(&mut bytes)?;
    bytes.truncate(read);
    let found = (0..bytes.len().min(MAX_JUNK_BYTES)).find(|&at| is_chain(bytes.get(at..).unwrap_or_default()));
    let Some(at) = found else { return Ok(None) };
    let frame = bytes.get(at..).unwrap_or_default();
    let Ok(header) = FrameHeader::parse(u32_at(frame, 0).unwrap_or(0)) else {
        return Ok(None);
    };
    let frame = frame.get(..header.bytes).unwrap_or_default();
    let is_first = at < header.smallest_bytes() || Tag::parse(frame, header)?.is_some();
    Ok(is_first.then_some(at as u64))
}

/// Whether frames of one stream follow each other from the start of `bytes` on, to their end or enough of them.
fn is_chain(mut bytes: &[u8]) -> bool {
    let mut first: Option<FrameHeader> = None;
    for _ in 0..CHAIN {
        let header = match FrameHeader::parse(u32_at(bytes, 0).unwrap_or(0)) {
            Ok(header) if first.is_none_or(|first| first.continues(header)) => header,
            _ => return first.is_some() && bytes.is_empty(),
        };
        first = Some(header);
        let Some(rest) = bytes.get(header.bytes..) else {
            return false;
        };
        bytes = rest;
    }
    true
}

/// Whether a frame of the same stream ends where the one at `start` begins.
fn is_preceded<R: Read + Seek>(walk: &mut Walk<'_, R>, start: u64) -> Result<bool, Reject> {
    let Ok(Some(first)) = header_at(walk, start)? else {
        return Ok(false);
    };
    let reach = start.min(MAX_FRAME_BYTES as u64);
    let mut before = vec![0; reach as usize];
    walk.go_to(start - reach)?;
    walk.fill(&mut before, "an ID3v2 tag")?;
    Ok((0..before.len()).any(|at| {
        let word = u32_at(before.get(at..).unwrap_or_default(), 0).unwrap_or(0);
        FrameHeader::parse(word).is_ok_and(|header| first.continues(header) && header.bytes == before.len() - at)
    }))
}
