//! Walks the chunks of a RIFF WAVE file up to its samples.
//!
//! The demuxer ignores the two fields of the format chunk that are redundant, so a flipped bit in the
//! rate or in the channel count would pass; here they must agree. What follows the samples must begin
//! like another chunk: otherwise the data chunk's length is too small, and audio follows it.

use std::io::{Read, Seek};

use super::{Promise, Walk};
use crate::audio::reject::Reject;

const PCM: u16 = 1;
const IEEE_FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

/// The fields of the format chunk (`WAVEFORMATEX` in `mmreg.h`).
struct Format {
    tag: u16,
    channels: u16,
    rate_hz: u32,
    bytes_per_second: u32,
    block_bytes: u16,
    bits: u16,
}

pub(super) fn audit<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<Promise, Reject> {
    walk.read::<12>("the RIFF header")?;
    let mut format = None;
    loop {
        if walk.remaining() < 8 {
            return Err(header("it has no data chunk"));
        }
        let [id @ .., a, b, c, d] = walk.read::<8>("a chunk header")?;
        let bytes = u32::from_le_bytes([a, b, c, d]);
        let body = walk.offset;
        match &id {
            b"fmt " => format = Some(read_format(walk, bytes)?),
            b"data" => {
                let format = format.ok_or_else(|| header("its data chunk comes before its format chunk"))?;
                let promise = samples(walk, &format, bytes)?;
                walk.go_to(body + u64::from(bytes) + u64::from(bytes & 1))?;
                return no_audio_follows(walk).map(|()| promise);
            }
            _ => {}
        }
        // Chunks are padded to an even length.
        walk.go_to(body + u64::from(bytes) + u64::from(bytes & 1))?;
    }
}

fn read_format<R: Read + Seek>(walk: &mut Walk<'_, R>, bytes: u32) -> Result<Format, Reject> {
    if bytes < 16 {
        return Err(header(format!(
            "its format chunk has {bytes} bytes, at least 16 are needed"
        )));
    }
    let fields = walk.read::<16>("the format chunk")?;
    let u16_at = |at: usize| u16::from_le_bytes([fields[at], fields[at + 1]]);
    let u32_at = |at: usize| u32::from(u16_at(at)) | u32::from(u16_at(at + 2)) << 16;
    Ok(Format {
        tag: u16_at(0),
        channels: u16_at(2),
        rate_hz: u32_at(4),
        bytes_per_second: u32_at(8),
        block_bytes: u16_at(12),
        bits: u16_at(14),
    })
}

fn samples<R: Read + Seek>(walk: &Walk<'_, R>, format: &Format, bytes: u32) -> Result<Promise, Reject> {
    // Programs that write to a pipe leave the length at its maximum.
    if bytes == u32::MAX {
        return Err(header("its data chunk does not declare its length"));
    }
    walk.require(u64::from(bytes), "the data chunk")?;
    if !matches!(format.tag, PCM | IEEE_FLOAT | EXTENSIBLE) {
        return Ok(Promise::default());
    }
    let block = u64::from(format.channels) * u64::from(format.bits.div_ceil(8));
    if block == 0 {
        return Err(header(format!(
            "it declares {} channels of {} bits",
            format.channels, format.bits
        )));
    }
    if u64::from(format.block_bytes) != block {
        return Err(header(format!(
            "it declares {} bytes a frame, but {} channels of {} bits take {block}",
            format.block_bytes, format.channels, format.bits
        )));
    }
    let bytes_per_second = u64::from(format.rate_hz) * block;
    if u64::from(format.bytes_per_second) != bytes_per_second {
        return Err(header(format!(
            "it declares {} bytes a second, but {} Hz at {block} bytes a frame take {bytes_per_second}",
            format.bytes_per_second, format.rate_hz
        )));
    }
    if u64::from(bytes) % block != 0 {
        return Err(header(format!(
            "its data chunk of {bytes} bytes is not a whole number of frames of {block} bytes"
        )));
    }
    Ok(Promise {
        decoded_frames: Some(u64::from(bytes) / block),
        ..Promise::default()
    })
}

/// Refuses a file whose next bytes cannot be a chunk's identifier.
fn no_audio_follows<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<(), Reject> {
    let mut id = [0; 4];
    if walk.remaining() < 8 || walk.read_some(&mut id)? < 4 {
        return Ok(());
    }
    if id.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    Err(header(format!(
        "{} bytes that are not a chunk follow its data chunk",
        walk.remaining() + 4
    )))
}

fn header(reason: impl Into<String>) -> Reject {
    Reject::Header {
        container: "WAV",
        reason: reason.into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Cursor;

    use crate::audio::audit::audit as audit_any;
    use crate::audio::container::Container;
    use crate::audio::reject::Reject;

    fn wav(channels: u16, rate_hz: u32, bytes_per_second: u32, block: u16, declared: u32, present: usize) -> Vec<u8> {
        let mut file = b"RIFF\xff\xff\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
        file.extend(channels.to_le_bytes());
        file.extend(rate_hz.to_le_bytes());
        file.extend(bytes_per_second.to_le_bytes());
        file.extend(block.to_le_bytes());
        file.extend(16u16.to_le_bytes());
        file.extend(b"junk\x03\0\0\0abc\0data");
        file.extend(declared.to_le_bytes());
        file.extend(vec![0; present]);
        file
    }

    fn check(file: Vec<u8>) -> Result<Option<u64>, Reject> {
        let bytes = file.len() as u64;
        audit_any(Container::Wav, &mut Cursor::new(file), 0, bytes).map(|promise| promise.decoded_frames)
    }

    #[test]
    fn a_consistent_header_promises_its_frames() {
        assert_eq!(check(wav(2, 32_000, 128_000, 4, 400, 400)).unwrap(), Some(100));
    }

    #[test]
    fn every_contradiction_is_named() {
        let cases = [
            (
                wav(2, 32_000, 128_000, 4, 400, 399),
                "truncated: the data chunk needs 400 bytes, 399 are present",
            ),
            (
                wav(1, 32_000, 128_000, 4, 400, 400),
                "4 bytes a frame, but 1 channels of 16 bits take 2",
            ),
            (wav(2, 32_001, 128_000, 4, 400, 400), "128000 bytes a second"),
            (
                wav(2, 32_000, 128_000, 4, 402, 402),
                "not a whole number of frames of 4 bytes",
            ),
            (wav(0, 32_000, 0, 0, 400, 400), "0 channels"),
            (wav(2, 32_000, 128_000, 4, u32::MAX, 400), "does not declare its length"),
            (
                wav(2, 32_000, 128_000, 4, 300, 400),
                "100 bytes that are not a chunk follow its data chunk",
            ),
        ];
        for (file, expected) in cases {
            let message = check(file).unwrap_err().to_string();
            assert!(message.contains(expected), "{message:?} should contain {expected:?}");
        }
    }
}
