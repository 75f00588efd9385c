//! Walks the chunks of a Core Audio Format file.
//!
//! The demuxer reads samples as chunks where the data chunk has no length of its own, and gives up at what it cannot
//! read behind the samples. It is shown the chunks that it needs alone. Layout: Apple, "Core Audio Format
//! Specification 1.0".

use std::io::{Read, Seek};
use std::ops::Range;

use super::{Promise, Walk, caf_packets, four_cc};
use crate::audio::container::Container;
use crate::audio::note::Note;
use crate::audio::reject::Reject;
use crate::audio::view::View;
use crate::audio::wav::ChunkId;

/// Bytes of a chunk's code and length.
pub(super) const HEADER_BYTES: u64 = 12;

/// The length of a data chunk that reaches to the end of the file.
const OPEN: i64 = -1;

/// More chunks than any editor writes.
const MAX_CHUNKS: u32 = 4096;

/// Codes of the chunks that the specification knows beside those read here. Samples look like others now and then.
const KNOWN: [&[u8; 4]; 17] = [
    b"chan", b"pakt", b"kuki", b"strg", b"mark", b"regn", b"inst", b"midi", b"ovvw", b"peak", b"edct", b"info",
    b"umid", b"uuid", b"free", b"ldat", b"dahs",
];

/// The description chunk.
#[derive(Debug, Clone, Copy)]
struct Description {
    format: [u8; 4],
    packet_bytes: u64,
    packet_frames: u64,
    channels: u64,
    bits: u64,
}

/// What a file says of its sound.
#[derive(Default)]
struct Chunks {
    description: Option<Description>,
    /// The samples, without the count of edits before them.
    data: Option<Range<u64>>,
    /// Whether what follows the samples has been read as far as it can be.
    ended: bool,
    /// What the demuxer needs beside the samples: header and body.
    needed: Vec<Range<u64>>,
    packet_table: Option<Range<u64>>,
}

pub(super) fn audit<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<Promise, Reject> {
    let start = walk.offset;
    walk.read::<8>("the CAF header")?;
    let mut found = Chunks::default();
    for _ in 0..MAX_CHUNKS {
        if walk.remaining() == 0 || found.ended {
            break;
        }
        found.read_chunk(walk)?;
    }
    let description = found.description.ok_or_else(|| header("it has no description chunk"))?;
    let mut data = found.data.clone().ok_or_else(|| header("it has no data chunk"))?;
    let mut promise = Promise::default();
    if description.is_fixed() {
        let partial = (data.end - data.start) % description.packet_bytes;
        if partial > 0 {
            walk.notes.add(Note::PartialFrame { bytes: partial });
            data.end -= partial;
        }
        let frames = (data.end - data.start) / description.packet_bytes * description.packet_frames;
        promise.decoded_frames = Some(frames);
        if let Some(table) = found.packet_table.take() {
            promise.kept_frames = Some(kept_frames(walk, table, frames)?);
        }
    } else if let Some(table) = found.packet_table.clone() {
        if description.format == *b"alac" {
            let frames = caf_packets::alac_frames(walk, table.clone(), data.clone(), description.packet_frames)?;
            promise.decoded_frames = Some(frames);
        }
        found.needed.push(table);
    } else {
        return Err(header("its packets differ in length, and it has no packet table"));
    }
    let mut view = View::new(Container::Caf);
    view.file(start..start + 8);
    for chunk in found.needed {
        view.file(chunk);
    }
    let size = (data.end - data.start + 4).to_be_bytes();
    view.made([&b"data"[..], &size, &[0; 4]].concat());
    view.file(data);
    walk.view = Some(view);
    Ok(promise)
}

impl Chunks {
    fn read_chunk<R: Read + Seek>(&mut self, walk: &mut Walk<'_, R>) -> Result<(), Reject> {
        let at = walk.offset;
        let Some((id, size)) = next_header(walk)? else {
            return self.end_at(walk, at, None);
        };
        let body = walk.offset;
        let bytes = match (&id, u64::try_from(size)) {
            (_, Ok(bytes)) => bytes,
            // The format's own way to leave the length open.
            (b"data", Err(_)) if size == OPEN => {
                let bytes = walk.remaining();
                walk.notes.add(Note::OpenData { bytes });
                bytes
            }
            (_, Err(_)) => return self.end_at(walk, at, None),
        };
        if bytes > walk.remaining() {
            return self.end_at(walk, at, Some((id, bytes)));
        }
        let end = body + bytes;
        match &id {
            b"desc" if self.description.is_some() => return Err(header("it has two description chunks")),
            b"data" if self.data.is_some() => return Err(header("it has two data chunks")),
            b"desc" => {
                self.description = Some(Description::read(walk, bytes)?);
                self.needed.push(at..end);
            }
            b"data" if bytes < 4 => return Err(header("its data chunk is empty")),
            b"data" => self.data = Some(body + 4..end),
            b"pakt" => self.packet_table = Some(at..end),
            b"chan" | b"kuki" => self.needed.push(at..end),
            _ => {}
        }
        walk.go_to(end)
    }

    /// Ends the walk at what is not a chunk, or not all of one: behind the samples, that is noted.
    fn end_at<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<'_, R>,
        at: u64,
        cut: Option<([u8; 4], u64)>,
    ) -> Result<(), Reject> {
        let rest = walk.file_bytes - at;
        let note = match cut {
            Some((id, bytes)) if self.data.is_none() || id == *b"data" => {
                return walk.require(bytes, &format!("chunk '{}'", four_cc(id)));
            }
            Some((id, declared)) if KNOWN.contains(&&id) => Note::CutChunk {
                id: ChunkId(id),
                declared,
                present: rest - HEADER_BYTES,
            },
            // Zeros may be sound, but a few bytes before the next chunk would be.
            None if self.data.is_some() && are_zeros(walk, at)? => Note::ZeroFill { bytes: rest },
            _ => return Err(walk.damaged(at, "expected a chunk of CAF")),
        };
        walk.notes.add(note);
        self.ended = true;
        Ok(())
    }
}

/// The header at the walk's place: code and length; `None` if there is none.
fn next_header<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<Option<([u8; 4], i64)>, Reject> {
    if walk.remaining() < HEADER_BYTES {
        return Ok(None);
    }
    let [a, b, c, d, size @ ..] = walk.read::<12>("a chunk header")?;
    let id = [a, b, c, d];
    let is_code = id.iter().all(|byte| (b' '..=b'~').contains(byte)) && id.iter().any(|&byte| byte != b' ');
    Ok(is_code.then(|| (id, i64::from_be_bytes(size))))
}

/// Whether all bytes from `at` on are zero.
fn are_zeros<R: Read + Seek>(walk: &mut Walk<'_, R>, at: u64) -> Result<bool, Reject> {
    walk.go_to(at)?;
    let mut block = [0; 4096];
    loop {
        match walk.read_some(&mut block)? {
            0 => return Ok(true),
            read if block.iter().take(read).any(|&byte| byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

impl Description {
    fn read<R: Read + Seek>(walk: &mut Walk<'_, R>, bytes: u64) -> Result<Self, Reject> {
        if bytes != 32 {
            return Err(header(format!("its description chunk has {bytes} bytes, 32 are right")));
        }
        let [_, _, _, _, _, _, _, _, a, b, c, d, _, _, _, _, fields @ ..] = walk.read::<32>("the description chunk")?;
        let field = |at: usize| {
            let field = fields.get(at..).and_then(|rest| rest.first_chunk::<4>());
            field.map_or(0, |&field| u64::from(u32::from_be_bytes(field)))
        };
        let description = Self {
            format: [a, b, c, d],
            packet_bytes: field(0),
            packet_frames: field(4),
            channels: field(8),
            bits: field(12),
        };
        description.check()?;
        Ok(description)
    }

    /// Refuses what cannot be decoded, by name, and samples whose length contradicts itself.
    fn check(&self) -> Result<(), Reject> {
        let sample_bits = match &self.format {
            b"lpcm" if !matches!(self.bits, 16 | 24 | 32 | 64) => {
                return Err(unsupported(format!("PCM of {} bits in CAF", self.bits)));
            }
            b"lpcm" => self.bits,
            b"ulaw" | b"alaw" => 8,
            b"ima4" | b"alac" | b"aac " | b"flac" | b".mp3" => return Ok(()),
            other => return Err(unsupported(format!("codec {} in CAF", four_cc(*other)))),
        };
        if self.packet_frames != 1 || self.packet_bytes * 8 != self.channels * sample_bits || self.packet_bytes == 0 {
            return Err(header(format!(
                "it declares packets of {} bytes and {} frames, {} channels of {sample_bits} bits",
                self.packet_bytes, self.packet_frames, self.channels
            )));
        }
        Ok(())
    }

    fn is_fixed(&self) -> bool {
        self.packet_bytes > 0 && self.packet_frames > 0
    }
}

/// The frames that are sound of `frames` frames, by a packet table.
fn kept_frames<R: Read + Seek>(walk: &mut Walk<'_, R>, table: Range<u64>, frames: u64) -> Result<u64, Reject> {
    walk.go_to(table.start + HEADER_BYTES)?;
    let [_, _, _, _, _, _, _, _, valid @ ..] = walk.read::<16>("the packet table")?;
    let valid = u64::from_be_bytes(valid);
    let [priming, remainder] =
        [walk.read::<4>("the packet table")?, walk.read("the packet table")?].map(u32::from_be_bytes);
    if priming > 0 {
        return Err(unsupported("CAF with priming frames".to_owned()));
    }
    if valid.checked_add(u64::from(remainder)) != Some(frames) {
        return Err(header(format!(
            "its packet table declares {valid} frames and {remainder} to leave out, its data chunk holds {frames}"
        )));
    }
    Ok(valid)
}

pub(super) fn unsupported(what: String) -> Reject {
    Reject::Unsupported { what }
}

pub(super) fn header(reason: impl Into<String>) -> Reject {
    Reject::Header {
        container: "CAF",
        reason: reason.into(),
    }
}
