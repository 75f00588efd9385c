//! Shows PCM in an MP4 or QuickTime file as a CAF file.
//!
//! A track of PCM has a sample of the file for each frame, and the demuxer makes a packet of each. CAF is read in
//! blocks, of either byte order. The chunks of the sound lie between those of the picture: the tables of the track
//! (ISO/IEC 14496-12 section 8.7) say where.

use std::io::{Read, Seek};

use super::Walk;
use super::mp4::Track;
use super::mp4_entry::SampleEntry;
use crate::audio::container::Container;
use crate::audio::reject::Reject;
use crate::audio::view::View;

/// Chunks of the longest recording, with room to spare: two a second, for 6 days.
const MAX_CHUNKS: u64 = 1 << 20;

/// The view of the PCM of a track; `None` if it has none.
pub(super) fn view<R: Read + Seek>(walk: &mut Walk<'_, R>, track: &Track) -> Result<Option<View>, Reject> {
    let entry = &track.entry;
    let (format, flags, bits) = match (&entry.codec, entry.pcm) {
        (_, Some(pcm)) => (
            b"lpcm",
            u32::from(pcm.float) | u32::from(pcm.little_endian) << 1,
            pcm.bits,
        ),
        (b"ulaw", _) => (b"ulaw", 0, 8),
        (b"alaw", _) => (b"alaw", 0, 8),
        _ => return Ok(None),
    };
    if !track.counts_frames() || entry.rate_hz == 0 {
        return Err(header("its time scale is not the sampling rate of its PCM"));
    }
    let frame_bytes = u64::from(entry.channels) * u64::from(bits / 8);
    let mut view = View::new(Container::Caf);
    let data_bytes = track
        .duration
        .checked_mul(frame_bytes)
        .and_then(|bytes| bytes.checked_add(4));
    let data_bytes = data_bytes.ok_or_else(|| header("it declares more sound than can be counted"))?;
    let start = CafHeader {
        format: *format,
        flags,
        frame_bytes,
        bits,
        data_bytes,
    };
    view.made(start.bytes(entry));
    let frames = chunks(walk, track, frame_bytes, &mut view)?;
    if frames != track.duration {
        return Err(header(format!(
            "its time table declares {} frames, its chunks hold {frames}",
            track.duration
        )));
    }
    Ok(Some(view))
}

/// Appends the chunks of the track; how many frames they hold.
fn chunks<R: Read + Seek>(
    walk: &mut Walk<'_, R>,
    track: &Track,
    frame_bytes: u64,
    view: &mut View,
) -> Result<u64, Reject> {
    let runs = runs(walk, track)?;
    let (offsets, wide) = track
        .tables
        .offsets
        .ok_or_else(|| header("it has no table of chunk offsets"))?;
    let count = table(walk, offsets, "the table of chunk offsets", if wide { 8 } else { 4 })?;
    let (mut run, mut frames) = (0, 0u64);
    for chunk in 1..=count {
        let start = match wide {
            true => u64::from_be_bytes(walk.read("a chunk offset")?),
            false => u64::from(u32::from_be_bytes(walk.read("a chunk offset")?)),
        };
        while runs.get(run + 1).is_some_and(|&(first, _)| first <= chunk) {
            run += 1;
        }
        let held = runs.get(run).map_or(0, |&(_, held)| held);
        let end = held.checked_mul(frame_bytes).and_then(|bytes| bytes.checked_add(start));
        let end = end
            .filter(|&end| end <= walk.file_bytes)
            .ok_or_else(|| Reject::Truncated {
                what: format!("chunk {chunk} of its sound, at byte {start},"),
                expected: held.saturating_mul(frame_bytes),
                got: walk.file_bytes.saturating_sub(start),
            })?;
        view.file(start..end);
        frames = frames.saturating_add(held);
    }
    Ok(frames)
}

/// Runs of chunks that hold the same number of frames: the number of the first, and the frames.
fn runs<R: Read + Seek>(walk: &mut Walk<'_, R>, track: &Track) -> Result<Vec<(u64, u64)>, Reject> {
    let at = track.tables.runs.ok_or_else(|| header("it has no table of chunks"))?;
    let count = table(walk, at, "the table of chunks", 12)?;
    let mut runs = Vec::new();
    for _ in 0..count {
        let [a, b, c, d, e, f, g, h, ..] = walk.read::<12>("the table of chunks")?;
        let first = u64::from(u32::from_be_bytes([a, b, c, d]));
        if runs.last().is_some_and(|&(before, _)| first <= before) || runs.is_empty() && first != 1 {
            return Err(header("its table of chunks is out of order"));
        }
        runs.push((first, u64::from(u32::from_be_bytes([e, f, g, h]))));
    }
    Ok(runs)
}

/// Goes to the entries of a table whose box has its body at byte `at`; how many there are.
fn table<R: Read + Seek>(walk: &mut Walk<'_, R>, at: u64, what: &str, entry_bytes: u64) -> Result<u64, Reject> {
    walk.go_to(at)?;
    let [_, _, _, _, count @ ..] = walk.read::<8>(what)?;
    let count = u64::from(u32::from_be_bytes(count));
    walk.require(count * entry_bytes, what)?;
    if count > MAX_CHUNKS {
        return Err(Reject::Unsupported {
            what: format!("PCM in {count} chunks of an MP4"),
        });
    }
    Ok(count)
}

/// The start of a CAF file of PCM.
struct CafHeader {
    format: [u8; 4],
    flags: u32,
    frame_bytes: u64,
    bits: u32,
    data_bytes: u64,
}

impl CafHeader {
    /// The header, the description chunk, and the start of the data chunk.
    fn bytes(&self, entry: &SampleEntry) -> Vec<u8> {
        let mut caf = b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20".to_vec();
        caf.extend(f64::from(entry.rate_hz).to_be_bytes());
        caf.extend(self.format);
        let frame_bytes = u32::try_from(self.frame_bytes).unwrap_or(u32::MAX);
        for field in [self.flags, frame_bytes, 1, entry.channels, self.bits] {
            caf.extend(field.to_be_bytes());
        }
        caf.extend(b"data");
        caf.extend(self.data_bytes.to_be_bytes());
        caf.extend([0; 4]);
        caf
    }
}

fn header(reason: impl Into<String>) -> Reject {
    Reject::Header {
        container: "MP4",
        reason: reason.into(),
    }
}
