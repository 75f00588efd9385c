//! Finds the frames of a FLAC file, and how many samples they hold.
//!
//! The demuxer gives up at a metadata block that it cannot read, at a tag behind the last frame, and at sizes in
//! STREAMINFO that no frame has. It is shown STREAMINFO and the frames alone: of the other blocks only the lengths
//! matter, which must lead to the first frame. The numbers of the first and the last frame say how many samples there
//! are. Layout: RFC 9639 sections 8 and 9.

use std::io::{Read, Seek};

use super::flac_frame::{FrameHeader, MAX_HEADER_BYTES, Number, last_frame};
use super::{Promise, Walk, tags};
use crate::audio::container::Container;
use crate::audio::note::Note;
use crate::audio::reject::Reject;
use crate::audio::view::View;

const STREAMINFO_BYTES: usize = 34;

/// The smallest block that is allowed (RFC 9639 section 8.2).
const MIN_BLOCK: u16 = 16;

pub(super) fn audit<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<Promise, Reject> {
    let mut info = StreamInfo(stream_info(walk)?);
    let start = walk.offset;
    let (end, tags) = tags::behind_sound(walk, start)?;
    let mut bytes = [0; MAX_HEADER_BYTES];
    let read = walk.read_some(&mut bytes)?;
    if read == 0 {
        return Err(Reject::Empty);
    }
    let first = FrameHeader::parse(bytes.get(..read).unwrap_or_default());
    let first = first.ok_or_else(|| walk.damaged(start, "expected the first FLAC frame behind the metadata"))?;
    info.check(&first)?;
    let Some(last) = last_frame(walk, start, end)? else {
        return Err(walk.damaged(
            end,
            "the file ends within a FLAC frame: it is truncated, or bytes follow the last one",
        ));
    };
    let frames = match (first.number, last.number) {
        (Number::Frame(0), Number::Frame(number)) => number * first.samples + last.samples,
        (Number::Sample(0), Number::Sample(number)) => number + last.samples,
        (Number::Frame(0) | Number::Sample(0), _) => {
            return Err(walk.damaged(start, "its frames are numbered in two ways"));
        }
        (Number::Frame(number) | Number::Sample(number), _) => {
            return Err(walk.damaged(
                start,
                format!("its first frame has number {number}: its start is missing"),
            ));
        }
    };
    for (name, bytes) in tags {
        walk.notes.add(Note::TrailingTag { name, bytes });
    }
    if info.put_block_sizes(&first, last.number) {
        walk.notes.add(Note::BlockSizes);
    }
    let declared = info.total();
    let doubted_frames = (declared > 0 && declared != frames).then_some(declared);
    if doubted_frames.is_some() {
        if !info.has_checksum() {
            return Err(Reject::FrameCount {
                expected: declared,
                got: frames,
            });
        }
        walk.notes.add(Note::SampleTotal {
            declared,
            actual: frames,
        });
    }
    info.put_total(frames);
    let mut view = View::new(Container::Flac);
    // A block header of type 0 that says it is the last.
    view.made([&b"fLaC\x80\0\0\x22"[..], &info.0].concat());
    view.file(start..end);
    walk.view = Some(view);
    Ok(Promise {
        decoded_frames: Some(frames),
        doubted_frames,
        ..Promise::default()
    })
}

/// Reads STREAMINFO and goes to the first frame.
fn stream_info<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<[u8; STREAMINFO_BYTES], Reject> {
    walk.read::<4>("the FLAC marker")?;
    let mut info = None;
    loop {
        let at = walk.offset;
        let [kind, size @ ..] = walk.read::<4>("a FLAC metadata block")?;
        let bytes = size.iter().fold(0, |size, &byte| size << 8 | u64::from(byte));
        walk.require(bytes, "a FLAC metadata block")?;
        let body = walk.offset;
        match (kind & 0x7f, &info) {
            (0, None) if bytes == STREAMINFO_BYTES as u64 => info = Some(walk.read("STREAMINFO")?),
            (0, None) => {
                return Err(header(format!(
                    "its STREAMINFO has {bytes} bytes, {STREAMINFO_BYTES} are right"
                )));
            }
            (0, Some(_)) => return Err(header("its STREAMINFO is there twice".to_owned())),
            (_, None) => return Err(header("it does not start with STREAMINFO".to_owned())),
            (0x7f, _) => return Err(walk.damaged(at, "expected a FLAC metadata block")),
            _ => {}
        }
        walk.go_to(body + bytes)?;
        if let (0x80.., Some(info)) = (kind, info) {
            return Ok(info);
        }
    }
}

/// The body of STREAMINFO.
struct StreamInfo([u8; STREAMINFO_BYTES]);

impl StreamInfo {
    fn block_sizes(&self) -> [u16; 2] {
        let [a, b, c, d, ..] = self.0;
        [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
    }

    /// Puts in the sizes that the frames have; whether they were others that mean something. The first frame's is that
    /// of all but the last where frames are numbered, and where samples are, any size may follow.
    fn put_block_sizes(&mut self, first: &FrameHeader, last: Number) -> bool {
        let declared = self.block_sizes();
        let (sizes, is_wrong) = match last {
            Number::Frame(number) => {
                let size = u16::try_from(first.samples).unwrap_or(u16::MAX).max(MIN_BLOCK);
                ([size, size], number > 0 && declared != [size, size])
            }
            Number::Sample(_) => (
                [MIN_BLOCK, u16::MAX],
                declared[0] < MIN_BLOCK || declared[0] > declared[1],
            ),
        };
        let [[a, b], [c, d]] = sizes.map(u16::to_be_bytes);
        if let Some(head) = self.0.first_chunk_mut::<10>() {
            // The bytes of frames are left open: nothing depends on them.
            *head = [a, b, c, d, 0, 0, 0, 0, 0, 0];
        }
        is_wrong
    }

    /// Refuses a stream whose rate, channels or bits are not those of its frames.
    fn check(&self, frame: &FrameHeader) -> Result<(), Reject> {
        let [_, _, _, _, _, _, _, _, _, _, a, b, c, d, ..] = self.0;
        let rate_hz = u32::from(a) << 12 | u32::from(b) << 4 | u32::from(c) >> 4;
        let (channels, bits) = ((c >> 1 & 7) + 1, ((c & 1) << 4 | d >> 4) + 1);
        let found = (
            frame.rate_hz.unwrap_or(rate_hz),
            frame.channels,
            frame.bits.unwrap_or(bits),
        );
        if found != (rate_hz, channels, bits) {
            return Err(header(format!(
                "it declares {rate_hz} Hz, {channels} channels and {bits} bits, its frames have {} Hz, {} channels and {} bits",
                found.0, found.1, found.2
            )));
        }
        Ok(())
    }

    /// Samples of a channel, or 0 where they are not declared.
    fn total(&self) -> u64 {
        let bytes = self.0.get(13..18).unwrap_or_default();
        bytes.iter().fold(0, |total, &byte| total << 8 | u64::from(byte)) & ((1 << 36) - 1)
    }

    fn put_total(&mut self, total: u64) {
        let total = if total < 1 << 36 { total } else { 0 };
        let [.., top, a, b, c, d] = total.to_be_bytes();
        if let Some([first, rest @ ..]) = self.0.get_mut(13..18) {
            *first = *first & 0xf0 | top;
            rest.copy_from_slice(&[a, b, c, d]);
        }
    }

    /// Whether the MD5 of the samples is there.
    fn has_checksum(&self) -> bool {
        self.0.iter().skip(18).any(|&byte| byte != 0)
    }
}

fn header(reason: String) -> Reject {
    Reject::Header {
        container: "FLAC",
        reason,
    }
}
