//! Walks the chunks of an AIFF or AIFF-C file.
//!
//! The common chunk and the sound chunk both say how long the sound is, and have to agree. The demuxer gives up at
//! whatever else it cannot read; it is shown these two chunks alone. Layout: Apple, "Audio Interchange File Format"
//! 1.3 (1989) and AIFF-C (1991).

use std::io::{Read, Seek};
use std::ops::Range;

use super::{Promise, Walk, four_cc};
use crate::audio::container::Container;
use crate::audio::note::Note;
use crate::audio::reject::Reject;
use crate::audio::view::View;
use crate::audio::wav::ChunkId;

/// Compression types that are PCM or floats of the bits that the common chunk declares.
const UNCOMPRESSED: [&[u8; 4]; 18] = [
    b"NONE", b"none", b"sowt", b"SOWT", b"twos", b"TWOS", b"fl32", b"FL32", b"fl64", b"FL64", b"in24", b"IN24",
    b"in32", b"IN32", b"23ni", b"23NI", b"raw ", b"RAW ",
];

/// Compression types of a byte a sample, whatever bits are declared.
const BYTE: [&[u8; 4]; 4] = [b"alaw", b"ALAW", b"ulaw", b"ULAW"];

/// More chunks than any editor writes.
const MAX_CHUNKS: u32 = 4096;

/// What a file says of its sound.
#[derive(Default)]
struct Chunks {
    common: Option<Common>,
    sound: Option<Range<u64>>,
}

/// The common chunk.
struct Common {
    frames: u64,
    block_bytes: u64,
    /// Its fields, as the demuxer is to see them.
    fields: Vec<u8>,
}

pub(super) fn audit<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<Promise, Reject> {
    let start = walk.offset;
    let [_, _, _, _, a, b, c, d, form @ ..] = walk.read::<12>("the FORM header")?;
    let declared = u64::from(u32::from_be_bytes([a, b, c, d])) + 8;
    let mut found = Chunks::default();
    for _ in 0..MAX_CHUNKS {
        if walk.remaining() == 0 || !found.read_chunk(walk, form == *b"AIFC")? {
            break;
        }
    }
    let common = found.common.ok_or_else(|| header("it has no common chunk"))?;
    let sound = found.sound.ok_or_else(|| header("it has no sound chunk"))?;
    let sound_bytes = sound.end - sound.start;
    if common.frames.checked_mul(common.block_bytes) != Some(sound_bytes) {
        return Err(header(format!(
            "it declares {} frames of {} bytes, but its sound chunk holds {sound_bytes} bytes",
            common.frames, common.block_bytes
        )));
    }
    let actual = walk.file_bytes - start;
    if declared != actual && declared != actual + (actual & 1) {
        walk.notes.add(Note::FileSize { declared, actual });
    }
    walk.view = Some(view(form, &common.fields, sound));
    Ok(Promise {
        decoded_frames: Some(common.frames),
        ..Promise::default()
    })
}

impl Chunks {
    fn is_whole(&self) -> bool {
        self.common.is_some() && self.sound.is_some()
    }

    /// Reads the next chunk; `false` if nothing more is to be read behind the sound.
    fn read_chunk<R: Read + Seek>(&mut self, walk: &mut Walk<'_, R>, compressed: bool) -> Result<bool, Reject> {
        let at = walk.offset;
        let (id, bytes) = match next_header(walk, at)? {
            Some((id, bytes)) if bytes <= walk.remaining() => (id, bytes),
            other if self.is_whole() => {
                let rest = walk.file_bytes - at;
                walk.notes.add(match other {
                    Some((id, declared)) => Note::CutChunk {
                        id: ChunkId(id),
                        declared,
                        present: rest - 8,
                    },
                    None => Note::TrailingBytes { bytes: rest },
                });
                return Ok(false);
            }
            Some((id, bytes)) => {
                walk.require(bytes, &format!("chunk '{}'", four_cc(id)))?;
                return Ok(false);
            }
            None => return Err(walk.damaged(at, "expected a chunk of AIFF")),
        };
        let body = walk.offset;
        match &id {
            b"COMM" if self.common.is_some() => return Err(header("it has two common chunks")),
            b"SSND" if self.sound.is_some() => return Err(header("it has two sound chunks")),
            b"COMM" => self.common = Some(Common::read(walk, bytes, compressed)?),
            b"SSND" => self.sound = Some(sound(walk, bytes)?),
            _ => {}
        }
        let end = body + bytes;
        let padded = end + (bytes & 1);
        // Some writers leave the padding out: then a header that fits stands where it would be.
        let is_unpadded = padded > end && !fits(walk, padded)? && fits(walk, end)?;
        if is_unpadded {
            walk.notes.add(Note::NoPadding { id: ChunkId(id) });
        }
        walk.go_to(if is_unpadded { end } else { padded.min(walk.file_bytes) })?;
        Ok(true)
    }
}

/// The header at byte `at`: code and length; `None` if there is none.
fn next_header<R: Read + Seek>(walk: &mut Walk<'_, R>, at: u64) -> Result<Option<([u8; 4], u64)>, Reject> {
    walk.go_to(at)?;
    if walk.remaining() < 8 {
        return Ok(None);
    }
    let [id @ .., a, b, c, d] = walk.read::<8>("a chunk header")?;
    let is_code = id.iter().all(|byte| (b' '..=b'~').contains(byte)) && id.iter().any(|&byte| byte != b' ');
    Ok(is_code.then(|| (id, u64::from(u32::from_be_bytes([a, b, c, d])))))
}

/// Whether a chunk that the file holds whole starts at byte `at`, or the file ends there.
fn fits<R: Read + Seek>(walk: &mut Walk<'_, R>, at: u64) -> Result<bool, Reject> {
    let header = next_header(walk, at)?;
    Ok(at >= walk.file_bytes || header.is_some_and(|(_, bytes)| bytes <= walk.remaining()))
}

impl Common {
    fn read<R: Read + Seek>(walk: &mut Walk<'_, R>, bytes: u64, compressed: bool) -> Result<Self, Reject> {
        if bytes < if compressed { 22 } else { 18 } {
            return Err(header(format!("its common chunk has {bytes} bytes")));
        }
        let fields = walk.read::<18>("the common chunk")?;
        let [a, b, c, d, e, f, g, h, ..] = fields;
        let channels = u64::from(u16::from_be_bytes([a, b]));
        let bits = u64::from(u16::from_be_bytes([g, h]));
        let (mut fields, mut sample_bytes) = (fields.to_vec(), bits.div_ceil(8));
        if compressed {
            let kind = walk.read::<4>("the common chunk")?;
            if BYTE.contains(&&kind) {
                sample_bytes = 1;
            } else if !UNCOMPRESSED.contains(&&kind) {
                return Err(unsupported(format!("AIFF-C with codec {}", four_cc(kind))));
            }
            fields.extend(kind);
            // An empty name.
            fields.extend([0, 0]);
        }
        Ok(Self {
            frames: u64::from(u32::from_be_bytes([c, d, e, f])),
            block_bytes: channels * sample_bytes,
            fields,
        })
    }
}

/// Where the samples lie in the sound chunk: behind the bytes that align them to a block of the disk.
fn sound<R: Read + Seek>(walk: &mut Walk<'_, R>, bytes: u64) -> Result<Range<u64>, Reject> {
    let body = walk.offset;
    let [a, b, c, d, ..] = walk.read::<8>("the sound chunk")?;
    let offset = u64::from(u32::from_be_bytes([a, b, c, d]));
    let start = body + 8 + offset;
    if start > body + bytes {
        return Err(header(format!(
            "its sound starts {offset} bytes into a sound chunk of {bytes} bytes"
        )));
    }
    Ok(start..body + bytes)
}

/// The common chunk and the sound chunk, and a header that counts them.
fn view(form: [u8; 4], common: &[u8], sound: Range<u64>) -> View {
    let sound_bytes = sound.end - sound.start;
    let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let mut head = b"FORM".to_vec();
    head.extend(size(4 + 8 + common.len() as u64 + 16 + sound_bytes));
    head.extend(form);
    head.extend(b"COMM");
    head.extend(size(common.len() as u64));
    head.extend(common);
    head.extend(b"SSND");
    head.extend(size(8 + sound_bytes));
    head.extend([0; 8]);
    let mut view = View::new(Container::Aiff);
    view.made(head);
    view.file(sound);
    view
}

fn unsupported(what: String) -> Reject {
    Reject::Unsupported { what }
}

fn header(reason: impl Into<String>) -> Reject {
    Reject::Header {
        container: "AIFF",
        reason: reason.into(),
    }
}
