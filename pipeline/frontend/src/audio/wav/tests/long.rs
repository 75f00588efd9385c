//! Files above 4 GiB, of which only a few bytes are stored.

use std::io;

use super::build::*;
use super::{OpenLength, opened};
use crate::audio::ranged::RangedRead;
use crate::audio::reject::Reject;
use crate::audio::wav::WavReader;

const WRAP: u64 = 1 << 32;

/// A file that has one byte everywhere but in a few places.
struct Sparse {
    size: u64,
    fill: u8,
    parts: Vec<(u64, Vec<u8>)>,
}

impl RangedRead for Sparse {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.size.saturating_sub(offset).min(buffer.len() as u64) as usize;
        buffer[..read].fill(self.fill);
        for (start, part) in &self.parts {
            for (at, byte) in (*start..).zip(part) {
                if let Some(index) = at.checked_sub(offset).filter(|&index| index < read as u64) {
                    buffer[index as usize] = *byte;
                }
            }
        }
        Ok(read)
    }
}

/// A RIFF file of 16 bits whose data chunk holds `bytes` bytes and declares them modulo 2^32, then `tail`.
fn wrapped(bytes: u64, fill: u8, tail: &[u8]) -> Sparse {
    let head = [riff(&[plain()]), sized(b"data", bytes as u32, &[])].concat();
    let size = head.len() as u64 + bytes + tail.len() as u64;
    let mut head = head;
    head[4..8].copy_from_slice(&((size - 8) as u32).to_le_bytes());
    let tail_at = head.len() as u64 + bytes;
    Sparse {
        size,
        fill,
        parts: vec![(0, head), (tail_at, tail.to_vec())],
    }
}

fn try_open(source: Sparse) -> Result<WavReader, Reject> {
    opened(source, OpenLength::Refuse)
}

#[track_caller]
fn assert_refused(source: Sparse, expected: &str) {
    match try_open(source) {
        Ok(reader) => panic!("read: {} frames, {:?}", reader.frames(), reader.notes()),
        Err(error) => assert!(error.to_string().contains(expected), "{error}"),
    }
}

#[test]
fn wrapped_sizes_are_unwrapped_where_the_file_proves_them() {
    for bytes in [WRAP + 44_100, WRAP + 2, 3 * WRAP + 1000, 2 * WRAP - 2] {
        for tail in [vec![], chunk(b"LIST", b"INFOICMT\x04\0\0\0abc\0")] {
            let reader = try_open(wrapped(bytes, 7, &tail)).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(reader.frames(), bytes / 2);
            let kinds: Vec<&str> = reader.notes().iter().map(|note| note.kind()).collect();
            assert_eq!(kinds, ["size wrapped at 4 GiB", "file size in the header"]);
        }
    }
}

#[test]
fn what_may_be_wrapped_is_never_short() {
    // Nothing says whether the zeros are sound.
    assert_refused(
        wrapped(WRAP + 44_100, 0, &[]),
        "may have wrapped at 4 GiB, or the file was laid out for more",
    );
    // What looks like a chunk behind the declared length.
    for code in [b"    ", b"aaaa", b"LIST", b"A1b2"] {
        let mut source = wrapped(WRAP + 44_100, 0, &[]);
        source.parts.push((44 + 44_100, code.repeat(1024)));
        assert_refused(source, "wrapped at 4 GiB");
        let mut source = wrapped(WRAP + 44_100, 0, &[]);
        source.parts.push((44 + 44_100, code.repeat(1024)));
        source.size += 100_000;
        assert_refused(source, "wrapped at 4 GiB");
    }
    // What looks like a chunk behind the unwrapped length, and does not lead to the end.
    let tail = [chunk(b"LIST", b"INFO"), vec![9; 10]].concat();
    assert_refused(wrapped(WRAP + 44_100, 7, &tail), "wrapped at 4 GiB");
    // The rest does not fit.
    let mut source = wrapped(WRAP + 44_100, 7, &[]);
    source.size += 1000;
    assert_refused(source, "wrapped at 4 GiB");
    let mut source = wrapped(WRAP + 44_100, 7, &[]);
    source.size -= 1000;
    assert_refused(source, "4294966296 bytes that are not a chunk follow its data chunk");
    assert_refused(wrapped(WRAP, 7, &[]), "does not declare its length");
    assert_refused(wrapped(WRAP + 44_101, 7, &[]), "is not a whole number of frames");
}

#[test]
fn a_large_chunk_behind_the_samples_is_one_if_it_leads_to_the_end() {
    let mut source = wrapped(1000, 7, &[]);
    let header = sized(b"JUNK", u32::MAX - 1, &[]);
    source.size += 8 + u64::from(u32::MAX - 1);
    source.parts.push((44 + 1000, header));
    let reader = try_open(source).unwrap();
    assert_eq!(reader.frames(), 500);
}

#[test]
fn rf64_and_wave64_hold_more_than_4_gib() {
    let bytes = 5 * WRAP + 10;
    let mut head = riff(&[
        chunk(b"ds64", &sizes64(72 + bytes, bytes, bytes / 2)),
        plain(),
        sized(b"data", u32::MAX, &[]),
    ]);
    head[..8].copy_from_slice(b"RF64\xff\xff\xff\xff");
    let size = head.len() as u64 + bytes;
    let rf64 = Sparse {
        size,
        fill: 7,
        parts: vec![(0, head)],
    };
    let format = chunk64(b"fmt ", &Fields::new(1, 1, 8000, 16).bytes());
    let mut head = wave64(&[format, sized64(b"data", 24 + bytes, &[])]);
    let size = head.len() as u64 + bytes;
    head[16..24].copy_from_slice(&size.to_le_bytes());
    let wave64 = Sparse {
        size,
        fill: 7,
        parts: vec![(0, head)],
    };
    for source in [rf64, wave64] {
        let reader = try_open(source).unwrap();
        assert_eq!((reader.frames(), reader.notes()), (bytes / 2, &[][..]));
    }
}
