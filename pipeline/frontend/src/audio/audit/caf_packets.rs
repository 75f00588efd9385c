//! Counts the frames of packets of different lengths in a CAF file: those of its packet table, and of ALAC the last.
//!
//! Writers differ in whether the table leaves out what the last packet lacks. A packet of ALAC says it itself. Layout:
//! Apple, "Core Audio Format Specification 1.0", packet table chunk; ALACEncoder.cpp of Apple's reference encoder.

use std::io::{Read, Seek};
use std::ops::Range;

use super::Walk;
use super::caf::{HEADER_BYTES, header, unsupported};
use crate::audio::note::Note;
use crate::audio::reject::Reject;

/// How many frames the packets of ALAC decode to: each `packet_frames`, but for the last. `table` is the packet table
/// with its header, `data` the packets.
pub(super) fn alac_frames<R: Read + Seek>(
    walk: &mut Walk<'_, R>,
    table: Range<u64>,
    data: Range<u64>,
    packet_frames: u64,
) -> Result<u64, Reject> {
    walk.go_to(table.start + HEADER_BYTES)?;
    let [count, valid] = [walk.read("the packet table")?, walk.read("the packet table")?].map(u64::from_be_bytes);
    let lost = [walk.read("the packet table")?, walk.read("the packet table")?].map(u32::from_be_bytes);
    if lost[0] > 0 {
        return Err(unsupported("CAF with priming frames".to_owned()));
    }
    let (mut total, mut last) = (0u64, 0);
    for _ in 0..count {
        if walk.offset >= table.end {
            return Err(header(format!("its packet table has fewer than {count} packets")));
        }
        last = number(walk)?;
        total = total.saturating_add(last);
    }
    let data_bytes = data.end - data.start;
    if total != data_bytes || count == 0 {
        return Err(header(format!(
            "its packet table has {count} packets of {total} bytes, its data chunk holds {data_bytes}"
        )));
    }
    walk.go_to(data.end - last)?;
    let frames = (count - 1)
        .checked_mul(packet_frames)
        .zip(last_frames(walk, packet_frames)?);
    let frames = frames.and_then(|(before, last)| before.checked_add(last));
    let frames = frames.ok_or_else(|| walk.damaged(data.end - last, "expected the last packet of ALAC"))?;
    // ffmpeg counts whole packets, and leaves nothing out.
    if valid != frames && (lost[1] > 0 || Some(valid) != count.checked_mul(packet_frames)) {
        return Err(Reject::FrameCount {
            expected: valid,
            got: frames,
        });
    }
    if valid != frames {
        walk.notes.add(Note::PacketFrames {
            declared: valid,
            actual: frames,
        });
    }
    Ok(frames)
}

/// A number of 7 bits a byte, most significant first.
fn number<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<u64, Reject> {
    let mut number = 0u64;
    for _ in 0..9 {
        let [byte] = walk.read("the packet table")?;
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(header("a length in its packet table does not end"))
}

/// Frames of the packet of ALAC at the walk's place: 3 bits of its kind, 4 of its number, 12 that are 0, a bit that
/// says that it is short, 3 more, and then how many frames it has.
fn last_frames<R: Read + Seek>(walk: &mut Walk<'_, R>, packet_frames: u64) -> Result<Option<u64>, Reject> {
    let mut start = [0; 8];
    let read = walk.read_some(&mut start)?;
    let bits = u64::from_be_bytes(start);
    Ok(match bits >> 44 & 1 {
        _ if read < 7 => None,
        0 => Some(packet_frames),
        _ => Some(bits >> 9 & 0xffff_ffff).filter(|&frames| frames > 0 && frames <= packet_frames),
    })
}
