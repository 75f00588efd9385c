//! Reads how long a FLAC packet in Ogg is, without decoding it.
//!
//! Mapping: RFC 9639 section 10.1; its frame header: section 9.1.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::CODEC_ID_FLAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, VerificationCheck};

/// The length of STREAMINFO.
const STREAM_INFO_BYTES: usize = 34;

/// What every frame starts with, and no other packet.
const SYNC: u8 = 0xff;

/// One FLAC stream.
#[derive(Debug)]
pub(super) struct Flac {
    stream_info: [u8; STREAM_INFO_BYTES],
    pub(super) channels: u8,
    pub(super) rate_hz: u32,
    bits: u8,
    /// Frames in all; `None` if the encoder did not know.
    pub(super) declared_frames: Option<u64>,
    is_ready: bool,
}

impl Flac {
    /// Reads the first packet of a stream; `None` if it is not FLAC's.
    pub(super) fn identify(packet: &[u8]) -> Option<Result<Self, String>> {
        let rest = packet.strip_prefix(b"\x7fFLAC")?;
        // Version, number of headers, native signature, then a block header of type 0.
        let stream_info = match rest.split_first_chunk::<12>() {
            Some(([1, _, _, _, b'f', b'L', b'a', b'C', kind, 0, 0, 34], rest)) if kind & 0x7f == 0 => {
                rest.first_chunk::<STREAM_INFO_BYTES>()
            }
            _ => None,
        };
        let Some(&stream_info) = stream_info else {
            return Some(Err("its first FLAC header is not one of version 1".to_owned()));
        };
        // 20 bits of rate, 3 of channels, 5 of bits a sample, 36 of frames.
        let fields = stream_info.iter().skip(10).take(8);
        let fields = fields.fold(0u64, |fields, &byte| fields << 8 | u64::from(byte));
        let rate_hz = (fields >> 44) as u32;
        if rate_hz == 0 {
            return Some(Err("its sampling rate is 0 Hz".to_owned()));
        }
        Some(Ok(Self {
            stream_info,
            channels: (fields >> 41 & 7) as u8 + 1,
            rate_hz,
            bits: (fields >> 36 & 31) as u8 + 1,
            declared_frames: Some(fields & ((1 << 36) - 1)).filter(|&frames| frames > 0),
            is_ready: false,
        }))
    }

    /// Whether the headers are behind.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Takes a packet if it is one more header.
    pub(super) fn take_header(&mut self, packet: &[u8]) -> bool {
        self.is_ready = packet.first() == Some(&SYNC);
        !self.is_ready
    }

    /// Frames of a packet.
    pub(super) fn frames(&self, packet: &[u8]) -> Option<u64> {
        let &[SYNC, sync, sizes, _, number, ..] = packet else {
            return None;
        };
        if sync & 0xfc != 0xf8 {
            return None;
        }
        // The number of the frame is stored as UTF-8 is: the first byte says in how many.
        let number_bytes = match number.leading_ones() as usize {
            0 => 1,
            bytes @ 2..=7 => bytes,
            _ => return None,
        };
        let explicit = packet.get(4 + number_bytes..)?;
        match sizes >> 4 {
            0 => None,
            1 => Some(192),
            size @ 2..=5 => Some(144 << size),
            6 => Some(u64::from(*explicit.first()?) + 1),
            7 => explicit
                .first_chunk::<2>()
                .map(|&size| u64::from(u16::from_be_bytes(size)) + 1),
            size => Some(1 << size),
        }
    }

    /// The codec's parameters, as its decoder wants them.
    pub(super) fn params(&self) -> AudioCodecParameters {
        let mut params = AudioCodecParameters::new();
        params
            .for_codec(CODEC_ID_FLAC)
            .with_sample_rate(self.rate_hz)
            .with_channels(Channels::Discrete(u16::from(self.channels)))
            .with_bits_per_sample(u32::from(self.bits))
            .with_extra_data(Box::from(self.stream_info));
        if let Some(&md5) = self.stream_info.last_chunk::<16>()
            && md5 != [0; 16]
        {
            params.with_verification_code(VerificationCheck::Md5(md5));
        }
        params
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// 24 kHz, two channels, 16 bits, 5,000 frames.
    fn flac() -> Flac {
        let mut header = b"\x7fFLAC\x01\0\0\x01fLaC\0\0\0\x22".to_vec();
        header.extend([4, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0x05, 0xdc, 0x02, 0xf0, 0, 0, 0x13, 0x88]);
        header.extend([0; 16]);
        Flac::identify(&header).unwrap().unwrap()
    }

    #[test]
    fn stream_info_is_read() {
        let flac = flac();
        assert_eq!((flac.rate_hz, flac.channels, flac.bits), (24_000, 2, 16));
        assert_eq!(flac.declared_frames, Some(5000));
        assert!(Flac::identify(b"\x7fFLAC\x02").unwrap().is_err());
        assert!(Flac::identify(b"fLaC").is_none());
    }

    #[test]
    fn block_sizes_are_read() {
        let flac = flac();
        for (packet, expected) in [
            (&[0xff, 0xf8, 0x19, 0, 0, 0][..], Some(192)),
            (&[0xff, 0xf8, 0x29, 0, 0, 0], Some(576)),
            (&[0xff, 0xf8, 0x59, 0, 0, 0], Some(4608)),
            (&[0xff, 0xf8, 0xc9, 0, 0, 0], Some(4096)),
            (&[0xff, 0xf8, 0x69, 0, 0, 99], Some(100)),
            (&[0xff, 0xf9, 0x79, 0, 0xc4, 0x80, 0x03, 0xe7], Some(1000)),
            (&[0xff, 0xf8, 0x09, 0, 0, 0], None),
            (&[0xff, 0xf8, 0x79, 0, 0, 3], None),
            (&[0xff, 0xf8, 0x19, 0, 0x80, 0], None),
            (&[0xff, 0x00, 0x19, 0, 0, 0], None),
            (&[0x84, 0xf8, 0x19, 0, 0, 0], None),
            (&[0xff], None),
        ] {
            assert_eq!(flac.frames(packet), expected, "{packet:x?}");
        }
    }
}
