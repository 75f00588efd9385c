//! Walks the boxes of an MP4 file to choose the audio track and to read its edit list.
//!
//! An AAC encoder puts its delay at the start of the stream and tells players to skip it by an edit
//! list, which the demuxer does not apply: without it every label would be about 45 ms late.
//! Box layout: ISO/IEC 14496-12 sections 4.2, 8.2 to 8.6.

use std::io::{Read, Seek};

use super::mp4_entry::SampleEntry;
use super::{Promise, Walk, four_cc, mp4_pcm};
use crate::audio::container::Container;
use crate::audio::note::Note;
use crate::audio::reject::Reject;
use crate::audio::view::View;

/// One box of an MP4 file: its type, and where it ends.
pub(super) struct Atom {
    pub(super) kind: [u8; 4],
    pub(super) end: u64,
}

/// What is known of one track.
#[derive(Default)]
pub(super) struct Track {
    id: u32,
    is_audio: bool,
    timescale: u32,
    /// Sum of the durations of its samples, in `timescale` units.
    pub(super) duration: u64,
    pub(super) entry: SampleEntry,
    /// (duration in movie units, start in `timescale` units or -1)
    edits: Vec<(u64, i64)>,
    packets: Packets,
    pub(super) tables: Tables,
}

/// Where the bodies of a track's tables are.
#[derive(Default)]
pub(super) struct Tables {
    /// Body and end of the sample descriptions.
    entries: Option<(u64, u64)>,
    /// Frames of chunks, by runs of these.
    pub(super) runs: Option<u64>,
    /// Offsets of chunks, and whether they have 64 bits.
    pub(super) offsets: Option<(u64, bool)>,
}

impl Track {
    /// Whether its time is counted in frames of the sound, as that of audio tracks is.
    pub(super) fn counts_frames(&self) -> bool {
        self.timescale == self.entry.rate_hz
    }
}

/// Edits that are read of one list: three are already refused.
const MAX_EDITS: u32 = 8;

/// Boxes between a track and its tables: mdia, minf, stbl.
const MAX_DEPTH: u32 = 3;

pub(super) fn audit<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<Promise, Reject> {
    let (start, end) = (walk.offset, walk.file_bytes);
    let (mut movie, mut has_media, mut has_type) = (None, false, false);
    let mut shown = end;
    loop {
        let at = walk.offset;
        let atom = match next_atom(walk, end) {
            Ok(Some(atom)) => atom,
            Ok(None) => break,
            // Where sound and tables are there, what else there is does not matter.
            Err(Reject::Truncated { .. }) if movie.is_some() && has_media && !is_needed(walk, at)? => {
                walk.notes.add(Note::TrailingBytes { bytes: end - at });
                shown = at;
                break;
            }
            Err(reject) => return Err(reject),
        };
        match &atom.kind {
            b"moov" => movie = Some(read_movie(walk, &atom)?),
            b"moof" => return Err(unsupported("fragmented MP4")),
            b"mdat" => has_media = true,
            b"ftyp" => has_type = true,
            _ => {}
        }
        walk.go_to(atom.end)?;
    }
    let (movie_timescale, tracks) = movie.ok_or_else(|| header("it has no moov box"))?;
    let track = tracks.into_iter().find(|track| track.is_audio);
    let mut track = track.ok_or_else(|| unsupported("MP4 without an audio track"))?;
    track.entry = read_entry(walk, &track)?;
    let mut promise = Promise {
        track_id: Some(track.id),
        ..Promise::default()
    };
    if let (declared, Some(actual)) = (track.entry.rate_hz, track.entry.codec_rate_hz)
        && declared != actual
        && (declared == 0 || track.timescale == actual)
    {
        // The field has 16 bits; above 65,535 Hz it is 0.
        if declared > 0 {
            walk.notes.add(Note::Rate { declared, actual });
        }
        track.entry.rate_hz = actual;
        promise.rate_hz = Some(actual);
    }
    if track.entry.is_pcm() && track.entry.rate_hz == 0 {
        track.entry.rate_hz = track.timescale;
    }
    let pcm = mp4_pcm::view(walk, &track)?;
    if pcm.is_some() {
        promise.track_id = None;
    } else if shown < end || !has_type {
        let mut view = View::new(Container::Mp4);
        view.file(start..shown);
        if !has_type {
            // Old QuickTime files have none; the demuxer needs one, anywhere.
            view.made(*b"\0\0\0\x10ftypqt  \0\0\0\0");
        }
        walk.view = Some(view);
    }
    walk.view = pcm.or_else(|| walk.view.take());
    trim(walk, &track, movie_timescale, promise)
}

/// Whether the box at byte `at` holds sound or tables.
fn is_needed<R: Read + Seek>(walk: &mut Walk<'_, R>, at: u64) -> Result<bool, Reject> {
    walk.go_to(at)?;
    let [_, _, _, _, kind @ ..] = walk.read::<8>("a box header")?;
    Ok([*b"moov", *b"mdat", *b"moof"].contains(&kind))
}

fn read_entry<R: Read + Seek>(walk: &mut Walk<'_, R>, track: &Track) -> Result<SampleEntry, Reject> {
    let (body, end) = track
        .tables
        .entries
        .ok_or_else(|| header("its audio track has no sample description"))?;
    walk.go_to(body)?;
    let [_, _, _, _, count @ ..] = walk.read::<8>("a stsd box")?;
    if u32::from_be_bytes(count) != 1 {
        return Err(unsupported("MP4 with several sample descriptions of its sound"));
    }
    match next_atom(walk, end)? {
        Some(atom) => SampleEntry::read(walk, &atom),
        None => Err(header("its audio track has no sample description")),
    }
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

/// Puts the lengths of the track into `promise`: what it decodes to, and what its edits keep of that.
fn trim<R>(walk: &mut Walk<'_, R>, track: &Track, movie_timescale: u32, promise: Promise) -> Result<Promise, Reject> {
    if track.timescale == 0 || movie_timescale == 0 {
        return Err(header("a time scale is zero"));
    }
    let edits = match track.edits.as_slice() {
        // An empty edit moves the sound against the picture. Annotators count from the first sample, as ffmpeg and
        // whatever is built on it do: its time is left out.
        &[(pause, -1), ref edits @ ..] => {
            walk.notes.add(Note::EmptyEdit {
                ms: pause.saturating_mul(1000) / u64::from(movie_timescale),
            });
            edits
        }
        edits => edits,
    };
    let (segment, start) = match edits {
        [] => (0, 0),
        &[(segment, start)] if start >= 0 => (segment, start.unsigned_abs()),
        _ => {
            return Err(unsupported(&format!(
                "MP4 with an edit list of {} edits",
                track.edits.len()
            )));
        }
    };
    // Audio tracks count time in samples; another scale would make the trim a guess.
    if !track.counts_frames() {
        if start > 0 {
            return Err(unsupported(
                "MP4 with an edit list whose time scale is not the sampling rate",
            ));
        }
        return Ok(promise);
    }
    let available = track.duration.saturating_sub(start);
    // The movie's time scale is often 1 ms, so the segment's end is only that exact.
    let segment_frames = (u128::from(segment) * u128::from(track.timescale) * 2 + u128::from(movie_timescale))
        / (u128::from(movie_timescale) * 2);
    let kept = match u64::try_from(segment_frames) {
        Ok(frames) if frames > 0 => frames.min(available),
        _ => available,
    };
    // A decoder of AAC makes whole packets, so what a short last one leaves out is padding to be dropped.
    let decoded_frames = match &track.entry.codec {
        b"mp4a" => track.packets.whole_frames().unwrap_or(track.duration),
        _ => track.duration,
    };
    // Behind a pause, ffmpeg keeps the padding of the last packet of a track that is used to its end.
    let kept = match track.edits.len() > edits.len() && kept == available {
        true => decoded_frames.saturating_sub(start),
        false => kept,
    };
    Ok(Promise {
        decoded_frames: Some(decoded_frames),
        skip_frames: start,
        kept_frames: Some(kept),
        ..promise
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
            // QuickTime has another one in minf, of how the data is stored.
            b"hdlr" if parent.kind == *b"mdia" => track.is_audio = walk.read::<12>("a hdlr box")?.ends_with(b"soun"),
            b"stsd" => track.tables.entries = Some((walk.offset, atom.end)),
            b"stsc" => track.tables.runs = Some(walk.offset),
            b"stco" => track.tables.offsets = Some((walk.offset, false)),
            b"co64" => track.tables.offsets = Some((walk.offset, true)),
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

/// The next box before byte `end`.
pub(super) fn next_atom<R: Read + Seek>(walk: &mut Walk<'_, R>, end: u64) -> Result<Option<Atom>, Reject> {
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
