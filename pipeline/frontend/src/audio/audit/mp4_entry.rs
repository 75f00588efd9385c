//! Reads the sample entry of an audio track in an MP4 or QuickTime file: codec, rate, and the layout of PCM.
//!
//! Layout: ISO/IEC 14496-12 section 12.2.3, 14496-1 section 7.2.6 (descriptors), 14496-3 section 1.6 (AAC), 23003-5
//! (PCM); Apple, "QuickTime File Format", sound sample descriptions of versions 0 to 2.

use std::io::{Read, Seek};

use super::mp4::{Atom, next_atom};
use super::{Walk, four_cc};
use crate::audio::reject::Reject;

/// Rates of AAC by their code (14496-3 table 1.18).
const AAC_RATES_HZ: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350,
];

/// Bytes of one descriptor box that are read.
const MAX_DESCRIPTOR_BYTES: u64 = 1024;

/// How the samples of PCM are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pcm {
    pub(super) bits: u32,
    pub(super) float: bool,
    pub(super) little_endian: bool,
}

/// A sample entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SampleEntry {
    pub(super) codec: [u8; 4],
    pub(super) channels: u32,
    /// As the entry has it; 0 where it has no room for it.
    pub(super) rate_hz: u32,
    /// As the codec's own configuration has it.
    pub(super) codec_rate_hz: Option<u32>,
    pub(super) pcm: Option<Pcm>,
    /// Whether the codec's own configuration is in a `wave` box.
    is_nested: bool,
}

impl SampleEntry {
    /// Reads the entry `atom`, at whose body the walk is.
    ///
    /// # Errors
    ///
    /// What cannot be decoded, by name.
    pub(super) fn read<R: Read + Seek>(walk: &mut Walk<'_, R>, atom: &Atom) -> Result<Self, Reject> {
        let fields = walk.read::<28>("a sample entry")?;
        let u16_at = |at: usize| {
            fields
                .get(at..)
                .and_then(|rest| rest.first_chunk())
                .map_or(0, |&b| u16::from_be_bytes(b))
        };
        let mut entry = Self {
            codec: atom.kind,
            channels: u32::from(u16_at(16)),
            // 16 bits before the point.
            rate_hz: u32::from(u16_at(24)),
            ..Self::default()
        };
        let mut bits = u32::from(u16_at(18));
        let mut flags = None;
        match u16_at(8) {
            0 => {}
            1 => {
                // Packet frames, bytes of a sample, of a frame, and of a sample in general.
                let [_, _, _, _, size @ .., _, _, _, _, _, _, _, _] = walk.read::<16>("a sample entry")?;
                bits = u32::from_be_bytes(size).saturating_mul(8);
            }
            2 => {
                let [_, _, _, _, rate @ ..] = walk.read::<12>("a sample entry")?;
                // Rates beyond the range of recorders are refused later, by their number.
                entry.rate_hz = f64::from_be_bytes(rate) as u32;
                let fields = walk.read::<24>("a sample entry")?;
                let u32_at = |at: usize| {
                    fields
                        .get(at..)
                        .and_then(|rest| rest.first_chunk())
                        .map_or(0, |&b| u32::from_be_bytes(b))
                };
                entry.channels = u32_at(0);
                bits = u32_at(8);
                flags = Some(u32_at(12));
            }
            version => return Err(unsupported(format!("a sound description of version {version} in MP4"))),
        }
        entry.pcm = pcm(atom.kind, bits, flags);
        entry.read_boxes(walk, atom, 1)?;
        entry.check()?;
        Ok(entry)
    }

    /// Reads the boxes within the entry, or within its `wave` box.
    fn read_boxes<R: Read + Seek>(&mut self, walk: &mut Walk<'_, R>, parent: &Atom, depth: u32) -> Result<(), Reject> {
        // Some writers of QuickTime end with four zeros.
        while let Some(atom) = next_atom(walk, parent.end)? {
            let size = atom.end.saturating_sub(walk.offset).min(MAX_DESCRIPTOR_BYTES);
            let mut body = vec![0; usize::try_from(size).unwrap_or(0)];
            let start = walk.offset;
            walk.fill(&mut body, "a box of a sample entry")?;
            match (&atom.kind, &mut self.pcm) {
                (b"wave", _) if depth > 0 => {
                    walk.go_to(start)?;
                    self.is_nested = true;
                    self.read_boxes(walk, &atom, depth - 1)?;
                }
                (b"esds", _) => self.codec_rate_hz = aac_rate(body.get(4..).unwrap_or_default())?,
                // The configuration of ALAC ends in its rate.
                (b"alac", _) if body.len() >= 28 => {
                    self.codec_rate_hz = body.get(4..).and_then(|cookie| u32_at(cookie, 20))
                }
                (b"enda", Some(pcm)) => pcm.little_endian = body.get(1) == Some(&1),
                (b"pcmC", Some(pcm)) => {
                    pcm.little_endian = body.get(4).is_some_and(|flags| flags & 1 == 1);
                    pcm.bits = body.get(5).map_or(0, |&bits| u32::from(bits));
                }
                _ => {}
            }
            walk.go_to(atom.end)?;
        }
        Ok(())
    }

    /// Whether each of its frames is a sample of the file.
    pub(super) fn is_pcm(&self) -> bool {
        self.pcm.is_some() || matches!(&self.codec, b"ulaw" | b"alaw")
    }

    fn check(&self) -> Result<(), Reject> {
        let name = match &self.codec {
            // The demuxer looks for its configuration in one place only.
            b"alac" if self.codec_rate_hz.is_none() || self.is_nested => "ALAC as QuickTime stores it",
            b"mp4a" | b"alac" | b"fLaC" => return Ok(()),
            b".mp3" | b"ms\0\x55" => "MP3",
            _ if self.pcm.is_some_and(|pcm| matches!(pcm.bits, 16 | 24 | 32 | 64)) => return Ok(()),
            b"ulaw" | b"alaw" => return Ok(()),
            b"ac-3" | b"sac3" => "AC-3",
            b"ec-3" => "E-AC-3",
            b"ac-4" => "AC-4",
            b"dtsc" | b"dtsh" | b"dtsl" | b"dtse" | b"dtsx" => "DTS",
            b"Opus" => "Opus",
            b"samr" | b"sawb" | b"sawp" => "AMR",
            b"ima4" | b"ms\0\x02" | b"ms\0\x11" => "ADPCM",
            b"QDM2" | b"QDMC" => "QDesign Music",
            b"drms" | b"enca" => "protected sound",
            b"Qclp" | b"sqcp" => "QCELP",
            _ if self.pcm.is_some() => {
                let bits = self.pcm.map_or(0, |pcm| pcm.bits);
                return Err(unsupported(format!("PCM of {bits} bits in MP4")));
            }
            _ => return Err(unsupported(format!("codec {} in MP4", four_cc(self.codec)))),
        };
        Err(unsupported(format!("{name} in MP4")))
    }
}

/// The layout of PCM that a code means; `flags` are those of version 2.
fn pcm(codec: [u8; 4], bits: u32, flags: Option<u32>) -> Option<Pcm> {
    let known = |bits, float, little_endian| {
        Some(Pcm {
            bits,
            float,
            little_endian,
        })
    };
    match (&codec, flags) {
        (b"lpcm", Some(flags)) => known(bits, flags & 1 == 1, flags & 2 == 0),
        (b"sowt", _) => known(bits, false, true),
        (b"twos", _) => known(bits, false, false),
        (b"in24", _) => known(24, false, false),
        (b"in32", _) => known(32, false, false),
        (b"fl32", _) => known(32, true, false),
        (b"fl64", _) => known(64, true, false),
        (b"ipcm", _) => known(bits, false, false),
        (b"fpcm", _) => known(bits, true, false),
        (b"raw " | b"NONE", _) => known(bits, false, false).filter(|pcm| pcm.bits <= 8),
        _ => None,
    }
}

/// The rate that a descriptor of AAC has; `None` for other codecs.
///
/// # Errors
///
/// Kinds of AAC that cannot be decoded whole, by name.
fn aac_rate(mut bytes: &[u8]) -> Result<Option<u32>, Reject> {
    // An elementary stream holds a decoder's configuration, which holds the codec's own.
    let mut is_aac = false;
    while let Some((tag, body)) = descriptor(bytes) {
        bytes = match tag {
            // Its number, and what its flags say to follow.
            3 => body.get(2).and_then(|flags| {
                let url = if flags & 0x40 != 0 {
                    body.get(3).map_or(0, |&n| usize::from(n) + 1)
                } else {
                    0
                };
                body.get(3 + url + usize::from(flags >> 7) * 2 + usize::from(flags >> 5 & 1) * 2..)
            }),
            4 => {
                // MPEG-4 and MPEG-2 AAC (14496-1 table 5).
                is_aac = matches!(body.first(), Some(0x40 | 0x66..=0x68));
                if let Some(name) = body.first().and_then(|&object| other_codec(object)) {
                    return Err(unsupported(format!("{name} in MP4")));
                }
                body.get(13..)
            }
            5 if is_aac => return configuration(body),
            _ => None,
        }
        .unwrap_or_default();
    }
    Ok(None)
}

/// The name of a codec by its object type (mp4ra.org), of those that an AAC entry may stand for.
fn other_codec(object: u8) -> Option<&'static str> {
    match object {
        0x69 | 0x6b => Some("MP3"),
        0xa5 => Some("AC-3"),
        0xa6 => Some("E-AC-3"),
        0xa9..=0xac => Some("DTS"),
        0xad => Some("Opus"),
        0xdd => Some("Vorbis"),
        0xe1 => Some("QCELP"),
        _ => None,
    }
}

/// The tag of a descriptor, and its body.
fn descriptor(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&tag, mut rest) = bytes.split_first()?;
    let mut length = 0;
    for _ in 0..4 {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some((tag, rest.get(..length).unwrap_or(rest)))
}

/// Reads bits, most significant first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| {
            let bit = self.bytes.get(self.at / 8)? >> (7 - self.at % 8) & 1;
            self.at += 1;
            Some(value << 1 | u32::from(bit))
        })
    }

    fn object(&mut self) -> Option<u32> {
        match self.take(5)? {
            31 => Some(32 + self.take(6)?),
            kind => Some(kind),
        }
    }

    fn rate(&mut self) -> Option<u32> {
        match self.take(4)? {
            15 => self.take(24),
            code => AAC_RATES_HZ.get(code as usize).copied(),
        }
    }
}

/// The rate of AAC-LC, of its configuration (14496-3 section 1.6.2.1).
fn configuration(bytes: &[u8]) -> Result<Option<u32>, Reject> {
    let mut bits = Bits { bytes, at: 0 };
    let (Some(object), Some(rate_hz)) = (bits.object(), bits.rate()) else {
        return Ok(None);
    };
    let name = match object {
        2 => None,
        5 | 29 => Some("HE-AAC (AAC with spectral band replication)"),
        1 => Some("AAC Main"),
        3 => Some("AAC SSR"),
        4 => Some("AAC LTP"),
        23 | 39 => Some("low-delay AAC"),
        42 => Some("xHE-AAC"),
        _ => Some("AAC of another kind than LC"),
    };
    if let Some(name) = name {
        return Err(unsupported(format!("{name} in MP4")));
    }
    let channels = bits.take(4);
    if bits.take(1) == Some(1) {
        return Err(unsupported("AAC with 960 samples a frame in MP4".to_owned()));
    }
    // A core coder's delay, an extension that LC does not have; then what says that spectral bands are replicated.
    if bits.take(1) == Some(1) {
        bits.take(14);
    }
    bits.take(1);
    let is_extended =
        channels != Some(0) && bits.take(11) == Some(0x2b7) && bits.object() == Some(5) && bits.take(1) == Some(1);
    match is_extended {
        true => Err(unsupported(
            "HE-AAC (AAC with spectral band replication) in MP4".to_owned(),
        )),
        false => Ok(Some(rate_hz)),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|&word| u32::from_be_bytes(word))
}

fn unsupported(what: String) -> Reject {
    Reject::Unsupported { what }
}
