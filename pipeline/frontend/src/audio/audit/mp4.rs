//! Walks the boxes of an MP4 file to choose the audio track and to read its edit list.
//!
//! An AAC encoder puts its delay at the start of the stream and tells players to skip it by an edit
//! list, which the demuxer does not apply: without it every label would be about 45 ms late.
//! Box layout: ISO/IEC 14496-12 sections 4.2, 8.2 to 8.6.

use std::io::{Read, Seek};

use super::{Promise, Walk, four_cc};
use crate::audio::reject::Reject;

/// One box of an MP4 file: its type, and where it ends.
struct Atom {
    kind: [u8; 4],
    end: u64,
}

/// What is known of one track.
#[derive(Default)]
struct Track {
    id: u32,
    is_audio: bool,
    timescale: u32,
    /// Sum of the durations of its samples, in `timescale` units.
    duration: u64,
    rate_hz: u32,
    codec: [u8; 4],
    /// (duration in movie units, start in `timescale` units or -1)
    edits: Vec<(u64, i64)>,
    packets: Packets,
}

/// Edits that are read of one list: two are already refused.
const MAX_EDITS: u32 = 8;

/// Boxes between a track and its tables: mdia, minf, stbl.
const MAX_DEPTH: u32 = 3;

pub(super) fn audit<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<Promise, Reject> {
    let mut movie = None;
    let end = walk.file_bytes;
    while let Some(atom) = next_atom(walk, end)? {
        match &atom.kind {
            b"moov" => movie = Some(read_movie(walk, &atom)?),
            b"moof" => return Err(unsupported("fragmented MP4")),
            _ => {}
        }
        walk.go_to(atom.end)?;
    }
    let (movie_timescale, tracks) = movie.ok_or_else(|| header("it has no moov box"))?;
    let track = tracks
        .into_iter()
        .find(|track| track.is_audio)
        .ok_or_else(|| unsupported("MP4 without an audio track"))?;
    if !matches!(
        &track.codec,
        b"mp4a" | b"alac" | b".mp3" | b"fLaC" | b"sowt" | b"twos" | b"lpcm" | b"fl32"
    ) {
        return Err(unsupported(&format!("codec {} in MP4", four_cc(track.codec))));
    }
    promise(&track, movie_timescale)
}

/// The lengths of a track's packets.
#[derive(Debug, Default)]
struct Packets {
    count: u64,
    /// Length of the first packet, in the track's time scale.
    first: u64,
    last: u64,
    irregular: bool,
}

impl Packets {
    /// Takes in `count` packets of one length.
    fn add(&mut self, count: u64, length: u64) {
        if count == 0 {
            return;
        }
        // Only the very last packet may be shorter than the first.
        self.irregular |= self.count > 0 && (self.last != self.first || length > self.first);
        self.irregular |= self.count > 0 && length < self.first && count > 1;
        if self.count == 0 {
            self.first = length;
        }
        self.last = length;
        self.count = self.count.saturating_add(count);
    }

    /// Length of the track if every packet were as long as the first; `None` if they differ before the last.
    fn whole_frames(&self) -> Option<u64> {
        if self.irregular {
            None
        } else {
            self.count.checked_mul(self.first)
        }
    }
}

fn promise(track: &Track, movie_timescale: u32) -> Result<Promise, Reject> {
    if track.timescale == 0 || movie_timescale == 0 {
        return Err(header("a time scale is zero"));
    }
    let (segment, start) = match track.edits.as_slice() {
        [] => (0, 0),
        &[(segment, start)] if start >= 0 => (segment, start.unsigned_abs()),
        edits => {
            return Err(unsupported(&format!("MP4 with an edit list of {} edits", edits.len())));
        }
    };
    // Audio tracks count time in samples; another scale would make the trim a guess.
    if track.timescale != track.rate_hz {
        if start > 0 {
            return Err(unsupported(
                "MP4 with an edit list whose time scale is not the sampling rate",
            ));
        }
        return Ok(Promise {
            track_id: Some(track.id),
            ..Promise::default()
        });
    }
    let available = track.duration.saturating_sub(start);
    // The movie's time scale is often 1 ms, so the segment's end is only that exact.
    let segment_frames = (u128::from(segment) * u128::from(track.rate_hz) * 2 + u128::from(movie_timescale))
        / (u128::from(movie_timescale) * 2);
    let kept = match u64::try_from(segment_frames) {
        Ok(frames) if frames > 0 => frames.min(available),
        _ => available,
    };
    // A decoder of AAC makes whole packets, so what a short last one leaves out is padding to be dropped.
    let decoded_frames = match &track.codec {
        b"mp4a" => track.packets.whole_frames().unwrap_or(track.duration),
        _ => track.duration,
    };
    Ok(Promise {
        decoded_frames: Some(decoded_frames),
        skip_frames: start,
        kept_frames: Some(kept),
        track_id: Some(track.id),
    })
}

fn read_movie<R: Read + Seek>(walk: &mut Walk<'_, R>, movie: &Atom) -> Result<(u32, Vec<Track>), Reject> {
    let mut timescale = 0;
    let mut tracks = Vec::new();
    while let Some(atom) = next_atom(walk, movie.end)? {
        match &atom.kind {
            b"mvhd" => timescale = read_timescale(walk)?,
            b"mvex" => return Err(unsupported("fragmented MP4")),
            b"trak" => {
                let mut track = Track::default();
                read_track(walk, &atom, &mut track, MAX_DEPTH)?;
                tracks.push(track);
            }
            _ => {}
        }
        walk.go_to(atom.end)?;
    }
    Ok((timescale, tracks))
}

/// Reads the boxes of a track, going into those that only hold others.
fn read_track<R: Read + Seek>(
    walk: &mut Walk<'_, R>,
    parent: &Atom,
    track: &mut Track,
    depth: u32,
) -> Result<(), Reject> {
    while let Some(atom) = next_atom(walk, parent.end)? {
        match &atom.kind {
            b"mdia" | b"minf" | b"stbl" | b"edts" if depth > 0 => read_track(walk, &atom, track, depth - 1)?,
            b"tkhd" => {
                // The identifier follows two times, of 4 or 8 bytes by the box's version.
                let version = walk.read::<4>("a tkhd box")?[0];
                walk.go_to(walk.offset + if version == 1 { 16 } else { 8 })?;
                track.id = u32::from_be_bytes(walk.read("a tkhd box")?);
            }
            b"mdhd" => track.timescale = read_timescale(walk)?,
            b"hdlr" => track.is_audio = walk.read::<12>("a hdlr box")?.ends_with(b"soun"),
            b"stsd" => {
                let fields = walk.read::<16>("a stsd box")?;
                track.codec.copy_from_slice(&fields[12..]);
                // An audio sample entry: 8 + 8 bytes, channels, bits, 4 bytes, rate as 16.16.
                if atom.end.saturating_sub(walk.offset) >= 28 {
                    let entry = walk.read::<28>("a stsd box")?;
                    track.rate_hz = u32::from(u16::from_be_bytes([entry[24], entry[25]]));
                }
            }
            b"stts" => {
                let [_, _, _, _, count @ ..] = walk.read::<8>("a stts box")?;
                let count = u64::from(u32::from_be_bytes(count));
                walk.require(count * 8, "a stts box")?;
                for _ in 0..count {
                    let [a, b, c, d, duration @ ..] = walk.read::<8>("a stts box")?;
                    let samples = u64::from(u32::from_be_bytes([a, b, c, d]));
                    let duration = u64::from(u32::from_be_bytes(duration));
                    track.duration = track.duration.saturating_add(samples * duration);
                    track.packets.add(samples, duration);
                }
            }
            b"elst" => {
                let [version, _, _, _, count @ ..] = walk.read::<8>("an elst box")?;
                for _ in 0..u32::from_be_bytes(count).min(MAX_EDITS) {
                    let edit = if version == 1 {
                        let duration = u64::from_be_bytes(walk.read("an elst box")?);
                        (duration, i64::from_be_bytes(walk.read("an elst box")?))
                    } else {
                        let duration = u32::from_be_bytes(walk.read("an elst box")?);
                        (
                            u64::from(duration),
                            i64::from(i32::from_be_bytes(walk.read("an elst box")?)),
                        )
                    };
                    walk.read::<4>("an elst box")?;
                    track.edits.push(edit);
                }
            }
            _ => {}
        }
        walk.go_to(atom.end)?;
    }
    Ok(())
}

/// The time scale of an mvhd or mdhd box: after two times, of 4 or 8 bytes by the box's version.
fn read_timescale<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<u32, Reject> {
    let version = walk.read::<4>("a header box")?[0];
    walk.go_to(walk.offset + if version == 1 { 16 } else { 8 })?;
    Ok(u32::from_be_bytes(walk.read("a header box")?))
}

fn next_atom<R: Read + Seek>(walk: &mut Walk<'_, R>, end: u64) -> Result<Option<Atom>, Reject> {
    let start = walk.offset;
    if end.saturating_sub(start) < 8 {
        return Ok(None);
    }
    let [a, b, c, d, kind @ ..] = walk.read::<8>("a box header")?;
    let bytes = match u32::from_be_bytes([a, b, c, d]) {
        0 => end - start,
        1 => u64::from_be_bytes(walk.read("a box header")?),
        bytes => u64::from(bytes),
    };
    let body = walk.offset;
    match start.checked_add(bytes) {
        Some(atom_end) if atom_end >= body && atom_end <= end => Ok(Some(Atom { kind, end: atom_end })),
        _ => Err(Reject::Truncated {
            what: format!("box {} at byte {start}", four_cc(kind)),
            expected: bytes,
            got: end - start,
        }),
    }
}

fn unsupported(what: &str) -> Reject {
    Reject::Unsupported { what: what.to_owned() }
}

fn header(reason: &str) -> Reject {
    Reject::Header {
        container: "MP4",
        reason: reason.to_owned(),
    }
}
