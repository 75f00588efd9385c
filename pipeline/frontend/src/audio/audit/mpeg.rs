//! Walks the frames of an MP3 file: each must begin where the one before it ends.
//!
//! The demuxer searches for the next sync word after a damaged header and so loses a frame (26 ms at
//! 44.1 kHz) in silence. It also estimates the length of a file without a Xing tag from its first
//! frames and trims the end to that estimate; the promise made here counts frames instead.
//!
//! Frame header: ISO/IEC 11172-3 section 2.4.2.3 and 13818-3.

use std::io::{Read, Seek};

use super::mpeg_tag::Tag;
use super::{Promise, Walk, mpeg_start, tags};
use crate::audio::container::Container;
use crate::audio::note::Note;
use crate::audio::reject::Reject;
use crate::audio::view::View;

/// Kilobits a second of layer III: MPEG-1, then MPEG-2 and 2.5.
const KBIT: [[u32; 15]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// Samples that a layer III decoder is late by, on top of the encoder's own delay.
const DECODER_DELAY: u32 = 529;

/// The largest frame: 320 kbit/s at 32 kHz, with its padding byte.
pub(super) const MAX_FRAME_BYTES: usize = 1441;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// MPEG version bits: 0 is 2.5, 2 is 2, 3 is 1.
    version: u32,
    rate_hz: u32,
    mono: bool,
    pub(super) bytes: usize,
}

impl FrameHeader {
    /// # Errors
    ///
    /// What is known and not supported; `None` if it is no header.
    pub(super) fn parse(word: u32) -> Result<Self, Option<&'static str>> {
        let field = |shift: u32, bits: u32| word >> shift & ((1 << bits) - 1);
        let (version, layer) = (field(19, 2), field(17, 2));
        if field(21, 11) != 0x7ff || version == 1 || layer == 0 {
            return Err(None);
        }
        if layer != 1 {
            return Err(Some("MPEG audio layer I or II"));
        }
        let first = version == 3;
        let Some(&kbit) = KBIT[usize::from(!first)].get(field(12, 4) as usize) else {
            return Err(None);
        };
        if kbit == 0 {
            return Err(Some("free-format MP3"));
        }
        let Some(&rate_hz) = [44_100, 48_000, 32_000].get(field(10, 2) as usize) else {
            return Err(None);
        };
        let rate_hz: u32 = rate_hz >> [2, 0, 1, 0][version as usize];
        let bytes = if first { 144_000 } else { 72_000 } * kbit / rate_hz + field(9, 1);
        Ok(Self {
            version,
            rate_hz,
            mono: field(6, 2) == 3,
            bytes: bytes as usize,
        })
    }

    fn samples(self) -> u64 {
        if self.version == 3 { 1152 } else { 576 }
    }

    /// Bytes of the smallest frame of a stream of this kind.
    pub(super) fn smallest_bytes(self) -> usize {
        let bytes = if self.version == 3 { 144_000 * 32 } else { 72_000 * 8 } / self.rate_hz;
        bytes as usize
    }

    pub(super) fn side_info_bytes(self) -> usize {
        match (self.version == 3, self.mono) {
            (true, false) => 32,
            (false, true) => 9,
            _ => 17,
        }
    }

    /// Whether `other` can follow in the same stream.
    pub(super) fn continues(self, other: Self) -> bool {
        (self.version, self.rate_hz, self.mono) == (other.version, other.rate_hz, other.mono)
    }
}

/// The 32-bit number at byte `at`, most significant byte first.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let &word = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(word))
}

/// Walks the frames; unless `whole`, only as far as the first.
pub(super) fn audit<R: Read + Seek>(walk: &mut Walk<'_, R>, whole: bool) -> Result<Promise, Reject> {
    let (end, _) = tags::behind_sound(walk, walk.offset)?;
    walk.file_bytes = end;
    let start = mpeg_start::find(walk)?;
    let mut frames = Frames {
        start: start.at,
        end,
        behind_junk: start.behind_junk,
        ..Frames::default()
    };
    let mut promise = Promise::default();
    if whole {
        frames.walk(walk)?;
        promise = frames.promise(walk)?;
    }
    let mut view = View::new(Container::Mpeg);
    if let Some(first) = &frames.shown {
        frames.start += first.len() as u64;
        view.made(first.as_slice());
    }
    view.file(frames.start..frames.end);
    walk.view = Some(view);
    Ok(promise)
}

/// The frames of a stream, which touch.
#[derive(Debug, Default)]
struct Frames {
    /// Where the first starts, and where the last ends.
    start: u64,
    end: u64,
    first: Option<FrameHeader>,
    tag: Option<Tag>,
    /// The frame that holds the tag, and what the demuxer is to see of it, where that is something else.
    tag_frame: Vec<u8>,
    shown: Option<Vec<u8>>,
    behind_junk: bool,
    /// How many there are, without one that only holds a tag.
    count: u64,
}

impl Frames {
    /// Walks from the first to the last, behind which only known tags and zeros may follow.
    fn walk<R: Read + Seek>(&mut self, walk: &mut Walk<'_, R>) -> Result<(), Reject> {
        let mut frame = [0u8; MAX_FRAME_BYTES];
        while walk.remaining() > 0 {
            let start = walk.offset;
            let word = walk.read_some(&mut frame[..4])?;
            let header = match FrameHeader::parse(u32_at(&frame[..word], 0).unwrap_or(0)) {
                Ok(header) => header,
                Err(Some(what)) => {
                    return Err(Reject::Unsupported { what: what.to_owned() });
                }
                Err(None) => {
                    let at = if self.first.is_none() { "first" } else { "next" };
                    walk.go_to(start)?;
                    trailing_tags(walk, &format!("expected the {at} MP3 frame"))?;
                    break;
                }
            };
            if self.first.is_some_and(|first| !first.continues(header)) {
                return Err(walk.damaged(start, "the MP3 frame changes version, rate or channels"));
            }
            // No bit rate and sampling rate of the tables exceed the buffer.
            walk.fill(&mut frame[4..header.bytes], "the last MP3 frame")?;
            self.end = walk.offset;
            if self.first.is_none() {
                self.tag = Tag::parse(&frame[..header.bytes], header)?;
                self.first = Some(header);
                if self.tag.is_some() {
                    self.tag_frame = frame[..header.bytes].to_vec();
                    continue;
                }
            }
            self.count += 1;
        }
        Ok(())
    }

    fn promise<R>(&mut self, walk: &mut Walk<'_, R>) -> Result<Promise, Reject> {
        let header = self.first.ok_or(Reject::Empty)?;
        let (mut count, mut tag) = (self.count, self.tag.as_ref());
        let mut end = count;
        if let Some(declared) = tag
            .and_then(|tag| tag.frames)
            .map(u64::from)
            .filter(|&declared| declared != count)
        {
            // Some writers count the tag's own frame. A file that lost its last frame declares as many; the bytes that
            // the tag declares tell which it is.
            let bytes = tag.and_then(|tag| tag.bytes).map(u64::from);
            let (all, audio) = (self.end - self.start, self.end - self.start - header.bytes as u64);
            if declared != count + 1 || ![Some(all), Some(audio)].contains(&bytes) {
                return Err(Reject::Header {
                    container: "MP3",
                    reason: format!("its tag declares {declared} MPEG frames, the file holds {count}"),
                });
            }
            walk.notes.add(Note::TagFrames {
                declared,
                actual: count,
            });
            // A tool that changed nothing but the count left the checksum of the tag as it was.
            let frames = u32::try_from(count).ok();
            self.shown = frames.and_then(|frames| tag?.restored(&self.tag_frame, frames));
            end = declared;
        }
        if let (true, Some(unread)) = (self.behind_junk, tag) {
            // Where it does not follow its ID3v2 tag, ffmpeg takes the frame of a tag for sound, and keeps all of it.
            self.shown = unread.unnamed(&self.tag_frame);
            (count, end, tag) = (count + 1, count + 1, None);
        }
        let decoded = count * header.samples();
        let (skip, padding) = match tag.and_then(|tag| tag.delay_padding) {
            Some((delay, padding)) => (delay + DECODER_DELAY, padding.saturating_sub(DECODER_DELAY)),
            None => (0, 0),
        };
        let kept = (end * header.samples()).saturating_sub(u64::from(padding));
        Ok(Promise {
            decoded_frames: Some(decoded),
            skip_frames: u64::from(skip),
            // The padding is that before the end that the tag declares.
            kept_frames: Some(kept.min(decoded).saturating_sub(u64::from(skip))),
            ..Promise::default()
        })
    }
}

/// Skips the padding that some taggers leave before the first frame.
pub(super) fn skip_zeros<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<(), Reject> {
    let mut block = [0u8; 4096];
    loop {
        let start = walk.offset;
        let read = walk.read_some(&mut block)?;
        let zeros = block[..read].iter().take_while(|&&byte| byte == 0).count();
        if zeros < read || read == 0 {
            return walk.go_to(start + zeros as u64);
        }
    }
}

/// Accepts only known tags and zeros from here to the end of the file.
fn trailing_tags<R: Read + Seek>(walk: &mut Walk<'_, R>, otherwise: &str) -> Result<(), Reject> {
    loop {
        skip_zeros(walk)?;
        let start = walk.offset;
        let mut head = [0u8; 32];
        let read = walk.read_some(&mut head)?;
        let size = match &head[..read] {
            [] => return Ok(()),
            // ID3v1 (128 bytes), its 227-byte extension, Lyrics3: all at the very end.
            [b'T', b'A', b'G', b'+', ..] if walk.file_bytes - start == 227 + 128 => return Ok(()),
            [b'T', b'A', b'G', ..] if walk.file_bytes - start == 128 => return Ok(()),
            head if head.starts_with(b"LYRICSBEGIN") => return Ok(()),
            // APEv2: the size counts the items and the footer; a header, if flagged, comes on top.
            head if head.starts_with(b"APETAGEX") && head.len() == 32 => {
                32 + u64::from(u32::from_le_bytes([head[12], head[13], head[14], head[15]]))
            }
            &[b'I', b'D', b'3', _, _, _, a, b, c, d, ..] if (a | b | c | d) < 0x80 => {
                10 + [a, b, c, d]
                    .iter()
                    .fold(0u64, |size, &byte| size << 7 | u64::from(byte))
            }
            _ => return Err(walk.damaged(start, otherwise)),
        };
        walk.go_to((start + size).min(walk.file_bytes))?;
    }
}
