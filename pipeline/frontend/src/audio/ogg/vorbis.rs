//! Reads how long a Vorbis packet is, without decoding it.
//!
//! Headers and packets: Vorbis I sections 4.2 and 4.3.1.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_VORBIS;

/// What the first packet starts with; each header has its own first byte.
const SIGNATURE: &[u8; 7] = b"\x01vorbis";
const COMMENT: u8 = 3;
const SETUP: u8 = 5;

/// Bits of a mode in the setup header: which block it is of, types of window and transform, mapping.
const MODE_BITS: usize = 1 + 16 + 16 + 8;

/// The most modes and mappings: they are counted in 6 bits.
const MAX_MODES: usize = 64;

/// One Vorbis stream.
#[derive(Debug)]
pub(super) struct Vorbis {
    pub(super) channels: u8,
    pub(super) rate_hz: u32,
    /// Frames of a short and of a long block.
    blocks: [u64; 2],
    /// The first header, and once it is read, the third.
    headers: Vec<u8>,
    has_comment: bool,
    /// Of each mode, whether its blocks are long; empty until the setup header is read.
    modes: Vec<bool>,
    previous: Option<u64>,
}

impl Vorbis {
    /// Reads the first packet of a stream; `None` if it is not Vorbis's.
    pub(super) fn identify(packet: &[u8]) -> Option<Result<Self, String>> {
        let rest = packet.strip_prefix(SIGNATURE)?;
        let Some(
            &[
                0,
                0,
                0,
                0,
                channels,
                r0,
                r1,
                r2,
                r3,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                sizes,
                framing,
            ],
        ) = rest.first_chunk::<23>()
        else {
            return Some(Err("its first Vorbis header is not one of Vorbis I".to_owned()));
        };
        let rate_hz = u32::from_le_bytes([r0, r1, r2, r3]);
        let (short, long) = (sizes & 15, sizes >> 4);
        if channels == 0 || rate_hz == 0 || framing & 1 == 0 || short > long || short < 6 || long > 13 {
            return Some(Err("its first Vorbis header contradicts itself".to_owned()));
        }
        Some(Ok(Self {
            channels,
            rate_hz,
            blocks: [1 << short, 1 << long],
            headers: packet.to_vec(),
            has_comment: false,
            modes: Vec::new(),
            previous: None,
        }))
    }

    /// Whether all three headers are read.
    pub(super) fn is_ready(&self) -> bool {
        !self.modes.is_empty()
    }

    /// Takes the second or third header.
    pub(super) fn take_header(&mut self, packet: &[u8]) -> Result<(), String> {
        let kind = packet.first().copied().unwrap_or(0);
        if packet.get(1..7) != SIGNATURE.get(1..) || kind != if self.has_comment { SETUP } else { COMMENT } {
            return Err("its Vorbis headers are not complete".to_owned());
        }
        if kind == COMMENT {
            self.has_comment = true;
            return Ok(());
        }
        self.modes = modes(packet).ok_or("its Vorbis setup has no valid modes")?;
        self.headers.extend_from_slice(packet);
        Ok(())
    }

    /// Frames that a packet adds: a quarter of its block and of the one before, which overlap. The first adds none.
    pub(super) fn frames(&mut self, packet: &[u8]) -> Option<u64> {
        let first = u64::from(*packet.first()?);
        let second = u64::from(packet.get(1).copied().unwrap_or(0));
        let number_bits = self
            .modes
            .len()
            .saturating_sub(1)
            .checked_ilog2()
            .map_or(0, |log| log + 1);
        let number = (first | second << 8) >> 1 & ((1 << number_bits) - 1);
        // The first bit tells audio from headers.
        let &is_long = self.modes.get(number as usize).filter(|_| first & 1 == 0)?;
        let block = self.blocks[usize::from(is_long)];
        let previous = self.previous.replace(block);
        Some(previous.map_or(0, |previous| previous / 4 + block / 4))
    }

    /// The codec's parameters, as its decoder wants them.
    pub(super) fn params(&self) -> AudioCodecParameters {
        let mut params = AudioCodecParameters::new();
        params
            .for_codec(CODEC_ID_VORBIS)
            .with_sample_rate(self.rate_hz)
            .with_channels(Channels::Discrete(u16::from(self.channels)))
            .with_extra_data(self.headers.clone().into_boxed_slice());
        params
    }
}

/// Of each mode, whether its blocks are long.
///
/// The modes stand at the very end of the setup header, behind tables whose lengths depend on each other; so they are
/// read from the end: types of window and transform are always 0, and the number of modes stands before the first.
fn modes(setup: &[u8]) -> Option<Vec<bool>> {
    let bit = |at: usize| setup.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1);
    let number = |at: usize, bits: usize| (0..bits).fold(0, |sum, index| sum | usize::from(bit(at + index)) << index);
    // The last bit set is the one that ends the header.
    let end = (0..8 * setup.len()).rev().find(|&at| bit(at))?;
    let mut found = None;
    let mut modes = Vec::new();
    while modes.len() < MAX_MODES
        && let Some(start) = end.checked_sub(MODE_BITS * (modes.len() + 1))
        && number(start + 1, 32) == 0
        && number(start + 33, 8) < MAX_MODES
    {
        modes.push(bit(start));
        if start.checked_sub(6).is_some_and(|at| number(at, 6) + 1 == modes.len()) {
            found = Some(modes.len());
        }
    }
    modes.truncate(found?);
    modes.reverse();
    Some(modes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// A setup header that ends in `modes`, with anything before them.
    fn setup(modes: &[(bool, u8)]) -> Vec<u8> {
        let mut bits: Vec<bool> = Vec::new();
        let mut put = |value: u64, count: usize| bits.extend((0..count).map(|index| value >> index & 1 == 1));
        for byte in b"\x05vorbis\x12\x34\x56\x78\x9a\xbc" {
            put(u64::from(*byte), 8);
        }
        put(0b101, 3);
        put(modes.len() as u64 - 1, 6);
        for &(is_long, mapping) in modes {
            put(u64::from(is_long), 1);
            put(0, 32);
            put(u64::from(mapping), 8);
        }
        put(1, 1);
        let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
        bits.chunks(8).map(byte).collect()
    }

    fn header() -> Vec<u8> {
        let mut header = SIGNATURE.to_vec();
        header.extend([
            0, 0, 0, 0, 2, 0x44, 0xac, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xb8, 1,
        ]);
        header
    }

    #[test]
    fn modes_are_read_from_the_end() {
        for expected in [
            vec![(false, 0), (true, 1)],
            vec![(true, 0)],
            vec![(true, 3), (false, 5), (true, 0), (true, 63), (false, 1)],
        ] {
            let flags: Vec<bool> = expected.iter().map(|&(is_long, _)| is_long).collect();
            assert_eq!(modes(&setup(&expected)), Some(flags), "{expected:?}");
        }
        assert_eq!(modes(&[0; 100]), None);
        assert_eq!(modes(&[0xff; 100]), None);
        assert_eq!(modes(b"\x05vorbis"), None);
    }

    #[test]
    fn a_packet_adds_the_quarters_that_overlap() {
        let mut vorbis = Vorbis::identify(&header()).unwrap().unwrap();
        assert_eq!(
            (vorbis.channels, vorbis.rate_hz, vorbis.blocks),
            (2, 44_100, [256, 2048])
        );
        assert!(vorbis.take_header(&setup(&[(false, 0), (true, 1)])).is_err());
        vorbis.take_header(b"\x03vorbis").unwrap();
        vorbis.take_header(&setup(&[(false, 0), (true, 1)])).unwrap();
        assert!(vorbis.is_ready());
        let (short, long) = ([0b00], [0b10]);
        let frames: Vec<_> = [&short[..], &short, &long, &long, &short]
            .map(|packet| vorbis.frames(packet))
            .into();
        assert_eq!(frames, [Some(0), Some(128), Some(576), Some(1024), Some(576)]);
        assert_eq!(vorbis.frames(&[1]), None);
        assert_eq!(vorbis.frames(&[]), None);
    }

    #[test]
    fn headers_that_contradict_themselves_are_refused() {
        for (at, value) in [(10, 1), (11, 0), (28, 0x8b), (28, 0x55), (29, 0)] {
            let mut header = header();
            header[at] = value;
            assert!(Vorbis::identify(&header).unwrap().is_err(), "byte {at}");
        }
        assert!(Vorbis::identify(b"\x01vorbis").unwrap().is_err());
        assert!(Vorbis::identify(b"OpusHead").is_none());
    }
}
