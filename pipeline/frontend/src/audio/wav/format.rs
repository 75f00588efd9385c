//! Reads the format chunk: the codec, the rate, the channels and the declared sizes (`WAVEFORMATEX` and
//! `WAVEFORMATEXTENSIBLE` in `mmreg.h`).

use super::chunk::{Bytes, Chunk};
use super::wrong;
use crate::audio::note::{Note, Notes};
use crate::audio::reject::Reject;

/// Bytes of the chunk that can mean something: up to the coefficients of Microsoft's ADPCM.
const READ_BYTES: usize = 50;

/// How samples are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Pcm,
    Float,
    ALaw,
    MuLaw,
    MsAdpcm,
    ImaAdpcm,
}

/// The fields of the format chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) codec: Codec,
    pub(super) channels: u16,
    pub(super) rate_hz: u32,
    pub(super) byte_rate: u32,
    pub(super) block_bytes: u16,
    pub(super) bits: u16,
    /// The bits that count, where the extension declares them.
    pub(super) valid_bits: Option<u16>,
    /// Frames of a block, where the extension declares them.
    pub(super) block_frames: Option<u16>,
}

/// The last 14 bytes of a GUID that starts with a format tag, of sound and of Ambisonics (`ksmedia.h`).
const GUID_TAILS: [[u8; 14]; 2] = [
    [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71],
    [0, 0, 0x21, 0x07, 0xd3, 0x11, 0x86, 0x44, 0xc8, 0xc1, 0xca, 0, 0, 0],
];

/// The predictors of Microsoft's ADPCM that every decoder has built in.
const MS_COEFFICIENTS: [i16; 14] = [256, 0, 512, -256, 0, 0, 192, 64, 240, 0, 460, -208, 392, -232];

const EXTENSIBLE: u16 = 0xfffe;

/// The fields as they are stored, with zeros for what a short chunk lacks.
struct Fields {
    bytes: [u8; READ_BYTES],
    /// Bytes of the chunk, as declared.
    declared: u64,
}

impl Fields {
    fn u16_at(&self, at: usize) -> u16 {
        let two = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        two.map_or(0, |two| u16::from_le_bytes(*two))
    }

    fn u32_at(&self, at: usize) -> u32 {
        u32::from(self.u16_at(at)) | u32::from(self.u16_at(at + 2)) << 16
    }

    /// Whether the chunk reaches to byte `end`.
    fn reach(&self, end: u64) -> bool {
        self.declared >= end
    }
}

impl Format {
    /// Reads the chunk.
    ///
    /// # Errors
    ///
    /// [`Reject::Unsupported`] for other codecs, [`Reject::Header`] for a chunk that is too short.
    pub(super) fn read(bytes: &mut Bytes<'_>, chunk: Chunk, notes: &mut Notes) -> Result<Self, Reject> {
        if chunk.bytes < 16 {
            return Err(wrong(format!(
                "its format chunk has {} bytes, at least 16 are needed",
                chunk.bytes
            )));
        }
        let mut fields = Fields {
            bytes: [0; READ_BYTES],
            declared: chunk.bytes,
        };
        let reach = usize::try_from(chunk.bytes).unwrap_or(READ_BYTES).min(READ_BYTES);
        let wanted = fields.bytes.get_mut(..reach).unwrap_or_default();
        let read = bytes.read_at(chunk.body, wanted)?;
        if read < reach {
            return Err(Reject::Truncated {
                what: "the format chunk".to_owned(),
                expected: chunk.bytes,
                got: read as u64,
            });
        }
        let tag = fields.u16_at(0);
        let codec = if tag == EXTENSIBLE {
            extended_codec(&fields)?
        } else {
            codec(tag)?
        };
        let expected: &[u64] = match codec {
            _ if tag == EXTENSIBLE => &[40],
            Codec::Pcm | Codec::Float | Codec::ALaw | Codec::MuLaw => &[16, 18, 40],
            Codec::ImaAdpcm => &[20],
            Codec::MsAdpcm => &[50],
        };
        if !expected.contains(&chunk.bytes) {
            notes.add(Note::FormatLength { bytes: chunk.bytes });
        }
        if codec == Codec::MsAdpcm {
            check_coefficients(&fields)?;
        }
        let adpcm = matches!(codec, Codec::MsAdpcm | Codec::ImaAdpcm);
        Ok(Self {
            codec,
            channels: fields.u16_at(2),
            rate_hz: fields.u32_at(4),
            byte_rate: fields.u32_at(8),
            block_bytes: fields.u16_at(12),
            bits: fields.u16_at(14),
            valid_bits: (tag == EXTENSIBLE).then(|| fields.u16_at(18)),
            block_frames: (adpcm && fields.reach(20)).then(|| fields.u16_at(18)),
        })
    }
}

fn extended_codec(fields: &Fields) -> Result<Codec, Reject> {
    if !fields.reach(40) {
        return Err(wrong(format!(
            "its format chunk has {} bytes, 40 are needed for the codec of an extensible format",
            fields.declared
        )));
    }
    let tail = fields.bytes.get(26..).and_then(|rest| rest.first_chunk::<14>());
    if !tail.is_some_and(|tail| GUID_TAILS.contains(tail)) {
        return Err(unsupported("a WAV codec without a known GUID"));
    }
    match codec(fields.u16_at(24))? {
        Codec::MsAdpcm | Codec::ImaAdpcm => Err(unsupported("ADPCM in an extensible WAV format")),
        codec => Ok(codec),
    }
}

/// The codec of a format tag.
fn codec(tag: u16) -> Result<Codec, Reject> {
    let name = match tag {
        1 => return Ok(Codec::Pcm),
        2 => return Ok(Codec::MsAdpcm),
        3 => return Ok(Codec::Float),
        6 => return Ok(Codec::ALaw),
        7 => return Ok(Codec::MuLaw),
        0x11 => return Ok(Codec::ImaAdpcm),
        0x0050 => "MPEG layer I or II in WAV",
        0x0055 => "MP3 in WAV",
        0x0031 | 0x0032 => "GSM 6.10 in WAV",
        0x0014 | 0x0040 | 0x0045 | 0x0064 => "G.72x ADPCM in WAV",
        0x0092 => "AC-3 in WAV",
        0x00ff | 0x1600 | 0x1602 | 0x1610 | 0x706d => "AAC in WAV",
        0x0160..=0x0163 => "Windows Media Audio in WAV",
        0x566f | 0x674f..=0x6751 | 0x676f..=0x6771 => "Vorbis in WAV",
        0x2000 => "AC-3 in WAV",
        0x2001 => "DTS in WAV",
        0x5756 => "WavPack in WAV",
        0xf1ac => "FLAC in WAV",
        0x704f => "Opus in WAV",
        EXTENSIBLE => "a WAV format that extends itself",
        _ => return Err(unsupported(&format!("WAV with format tag 0x{tag:04x}"))),
    };
    Err(unsupported(name))
}

/// Refuses predictors of the file's own, which no decoder here would use.
fn check_coefficients(fields: &Fields) -> Result<(), Reject> {
    let known = |(index, known): (usize, &i16)| fields.u16_at(22 + 2 * index) == known.cast_unsigned();
    if fields.reach(50) && !MS_COEFFICIENTS.iter().enumerate().all(known) {
        return Err(unsupported("MS ADPCM with predictors of its own"));
    }
    Ok(())
}

fn unsupported(what: &str) -> Reject {
    Reject::Unsupported { what: what.to_owned() }
}
