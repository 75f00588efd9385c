//! Reads the headers of FLAC frames, and finds the last frame of a stream.
//!
//! Layout and checksums: RFC 9639 section 9.

use std::io::{Read, Seek};

use super::Walk;
use crate::audio::reject::Reject;

/// The longest header: sync code, four fields, a number of 7 bytes, a block size and a rate of 2 bytes, the checksum.
pub(super) const MAX_HEADER_BYTES: usize = 16;

/// How far before the end the last frame is looked for, at first and in the end: 16 MiB is what a frame has at most.
const SEARCH_BYTES: [u64; 3] = [1 << 16, 1 << 20, 1 << 24];

/// Headers that are tried in one search. One that is none comes once in some megabytes.
const MAX_TRIES: usize = 32;

/// Rates by their code, from 1 on.
const RATES_HZ: [u32; 11] = [
    88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000,
];

/// The CRC-8 of headers: polynomial 0x07, not reflected, starting at zero.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ byte, |crc, _| crc << 1 ^ if crc & 0x80 != 0 { 0x07 } else { 0 })
    })
}

/// The CRC-16 of frames: polynomial 0x8005, not reflected, starting at zero.
const CRC16_TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = crc << 1 ^ if crc & 0x8000 != 0 { 0x8005 } else { 0 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, &byte| {
        crc << 8 ^ CRC16_TABLE[usize::from((crc >> 8) as u8 ^ byte)]
    })
}

/// How frames are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// From 0, where all blocks but the last have one size.
    Frame(u64),
    /// By their first sample.
    Sample(u64),
}

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) number: Number,
    /// Samples of a channel.
    pub(super) samples: u64,
    /// `None` where STREAMINFO has it.
    pub(super) rate_hz: Option<u32>,
    pub(super) channels: u8,
    /// `None` where STREAMINFO has it.
    pub(super) bits: Option<u8>,
}

impl FrameHeader {
    /// The header that `bytes` start with, if its checksum is right.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.iter().copied();
        let [sync, kind, sizes, layout] = [rest.next()?, rest.next()?, rest.next()?, rest.next()?];
        if sync != 0xff || kind & 0xfe != 0xf8 || layout & 1 != 0 {
            return None;
        }
        let number = coded_number(&mut rest)?;
        let samples = match sizes >> 4 {
            0 => return None,
            1 => 192,
            code @ 2..=5 => 144 << code,
            6 => u64::from(rest.next()?) + 1,
            7 => u64::from(u16::from_be_bytes([rest.next()?, rest.next()?])) + 1,
            code => 1 << code,
        };
        let rate_hz = match sizes & 15 {
            0 => None,
            12 => Some(u32::from(rest.next()?) * 1000),
            13 => Some(u32::from(u16::from_be_bytes([rest.next()?, rest.next()?]))),
            14 => Some(u32::from(u16::from_be_bytes([rest.next()?, rest.next()?])) * 10),
            code => Some(*RATES_HZ.get(usize::from(code) - 1)?),
        };
        let channels = match layout >> 4 {
            code @ 0..=7 => code + 1,
            8..=10 => 2,
            _ => return None,
        };
        let bits = match layout >> 1 & 7 {
            0 => None,
            3 => return None,
            code => [8, 12, 0, 16, 20, 24, 32].get(usize::from(code) - 1).copied(),
        };
        let checksum = rest.next()?;
        let header = bytes.get(..bytes.len() - rest.len() - 1)?;
        let number = if kind & 1 == 0 {
            Number::Frame(number)
        } else {
            Number::Sample(number)
        };
        (crc8(header) == checksum).then_some(Self {
            number,
            samples,
            rate_hz,
            channels,
            bits,
        })
    }
}

/// A number as UTF-8 codes characters, of up to 36 bits.
fn coded_number(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let first = bytes.next()?;
    let more = match first.leading_ones() {
        0 => return Some(u64::from(first)),
        ones @ 2..=7 => ones - 1,
        _ => return None,
    };
    let start = u64::from(first) & ((1 << (6 - more)) - 1);
    (0..more).try_fold(start, |number, _| {
        bytes
            .next()
            .filter(|byte| byte >> 6 == 0b10)
            .map(|byte| number << 6 | u64::from(byte & 0x3f))
    })
}

/// The header of the frame that ends at byte `end`, of those from byte `start` on; `None` where none ends there.
pub(super) fn last_frame<R: Read + Seek>(
    walk: &mut Walk<'_, R>,
    start: u64,
    end: u64,
) -> Result<Option<FrameHeader>, Reject> {
    let mut searched = 0;
    for reach in SEARCH_BYTES {
        let reach = reach.min(end.saturating_sub(start));
        if reach == searched {
            break;
        }
        let mut bytes = vec![0; usize::try_from(reach).unwrap_or(0)];
        walk.go_to(end - reach)?;
        walk.fill(&mut bytes, "the last FLAC frame")?;
        let mut tries = 0;
        for at in (0..bytes.len().saturating_sub(1)).rev() {
            let frame = bytes.get(at..).unwrap_or_default();
            if !matches!(frame, [0xff, 0xf8 | 0xf9, ..]) {
                continue;
            }
            let Some(header) = FrameHeader::parse(frame) else {
                continue;
            };
            if let Some((content, checksum)) = frame.split_last_chunk::<2>()
                && crc16(content) == u16::from_be_bytes(*checksum)
            {
                return Ok(Some(header));
            }
            tries += 1;
            if tries == MAX_TRIES {
                return Ok(None);
            }
        }
        searched = reach;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_match_published_values() {
        // CRC-8/SMBUS and CRC-16/UMTS of "123456789" (Greg Cook's catalogue of CRC algorithms).
        assert_eq!((crc8(b"123456789"), crc16(b"123456789")), (0xf4, 0xfee8));
    }

    #[test]
    fn the_example_of_the_rfc_is_read() {
        // RFC 9639 appendix D.1.2: one sample of two channels, 16 bits, 44.1 kHz.
        let header = FrameHeader::parse(b"\xff\xf8\x69\x18\x00\x00\xbf\x03\x58");
        assert_eq!(
            header,
            Some(FrameHeader {
                number: Number::Frame(0),
                samples: 1,
                rate_hz: Some(44_100),
                channels: 2,
                bits: Some(16),
            })
        );
        assert_eq!(FrameHeader::parse(b"\xff\xf8\x69\x18\x00\x01\xbf\x03\x58"), None);
        assert_eq!(FrameHeader::parse(b"\xff\xf8\x69\x18\x00"), None);
    }

    #[test]
    fn numbers_of_every_length_are_read() {
        for (bytes, number) in [
            (&b"\x7f"[..], Some(0x7f)),
            (b"\xc2\xa2", Some(0xa2)),
            (b"\xe2\x82\xac", Some(0x20ac)),
            (b"\xfe\xbf\xbf\xbf\xbf\xbf\xbf", Some((1 << 36) - 1)),
            (b"\xff\xbf", None),
            (b"\x80", None),
            (b"\xc2\x22", None),
            (b"\xe2\x82", None),
        ] {
            assert_eq!(coded_number(&mut bytes.iter().copied()), number, "{bytes:?}");
        }
    }
}
