//! Reads the tag in the first frame of an MP3 file: how many frames there are, and how late the encoder is.
//!
//! Xing/Info and LAME tags: "Mp3 Info Tag revision 1" (gabriel.mp3-tech.org). VBRI: Fraunhofer's encoder.

use super::mpeg::{FrameHeader, u32_at};
use crate::audio::reject::Reject;

/// Bits of a name that may be wrong for it to be one that is damaged.
const MAX_WRONG_BITS: u32 = 4;

/// What a Xing, Info or VBRI tag says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) frames: Option<u32>,
    /// Bytes of the stream, with the tag or without.
    pub(super) bytes: Option<u32>,
    /// Encoder delay and padding as stored, if a LAME tag is there.
    pub(super) delay_padding: Option<(u32, u32)>,
    /// Where in the frame its name is.
    name_at: usize,
    /// Where in the frame the number of frames is, and the checksum of a tag by LAME.
    places: Option<(usize, usize)>,
}

impl Tag {
    /// Reads the tag that the first frame of a stream may hold.
    ///
    /// # Errors
    ///
    /// A delay by an unknown encoder: whether it counts from the encoder or the decoder is a guess.
    pub(super) fn parse(frame: &[u8], header: FrameHeader) -> Result<Option<Self>, Reject> {
        let Some((tag, encoder_known)) = Self::read(frame, header) else {
            return match is_misspelt(frame, header) {
                true => Err(Reject::Header {
                    container: "MP3",
                    reason: "the tag in its first frame is damaged".to_owned(),
                }),
                false => Ok(None),
            };
        };
        match tag.delay_padding {
            Some((0, 0)) if !encoder_known => Ok(Some(Self {
                delay_padding: None,
                ..tag
            })),
            Some(_) if !encoder_known => Err(Reject::Header {
                container: "MP3",
                reason: "its tag gives the delay of an unknown encoder".to_owned(),
            }),
            _ => Ok(Some(tag)),
        }
    }

    /// Reads a tag, and whether its encoder is one that writes a LAME tag.
    fn read(frame: &[u8], header: FrameHeader) -> Option<(Self, bool)> {
        if let Some(vbri) = frame.get(36..).filter(|rest| rest.starts_with(b"VBRI")) {
            return Some((
                Self {
                    frames: u32_at(vbri, 14),
                    bytes: u32_at(vbri, 10),
                    name_at: 36,
                    ..Self::default()
                },
                true,
            ));
        }
        let xing_at = 4 + header.side_info_bytes();
        let xing = frame.get(xing_at..)?;
        if !xing.starts_with(b"Xing") && !xing.starts_with(b"Info") {
            return None;
        }
        let flags = u32_at(xing, 4)?;
        let has = |bit: u32| flags >> bit & 1 == 1;
        let frames = if has(0) { u32_at(xing, 8) } else { None };
        let bytes_at = if has(0) { 12 } else { 8 };
        let bytes = if has(1) { u32_at(xing, bytes_at) } else { None };
        // Four fields, each there only if its flag is: frames, bytes, seek table, quality.
        let lame_at = 8 + [4, 4, 100, 4]
            .iter()
            .zip(0..)
            .filter(|&(_, bit)| has(bit))
            .map(|(size, _)| size)
            .sum::<usize>();
        let lame = xing.get(lame_at..lame_at + 24);
        let encoder_known =
            lame.is_some_and(|lame| [b"LAME", b"Lavf", b"Lavc"].iter().any(|&name| lame.starts_with(name)));
        let delay_padding = lame
            .and_then(|lame| u32_at(lame, 20))
            .map(|bits| (bits >> 12 & 0xfff, bits & 0xfff));
        Some((
            Self {
                frames,
                bytes,
                delay_padding,
                name_at: xing_at,
                places: lame.and(frames).map(|_| (xing_at + 8, xing_at + lame_at + 34)),
            },
            encoder_known,
        ))
    }

    /// `frame` without the name of its tag, so that it is decoded.
    pub(super) fn unnamed(&self, frame: &[u8]) -> Option<Vec<u8>> {
        let mut frame = frame.to_vec();
        frame.get_mut(self.name_at..self.name_at + 4)?.fill(0);
        Some(frame)
    }

    /// `frame` with another number of frames in its tag, if the tag's checksum says that it was there.
    pub(super) fn restored(&self, frame: &[u8], frames: u32) -> Option<Vec<u8>> {
        let (count_at, checksum_at) = self.places?;
        let mut frame = frame.to_vec();
        frame
            .get_mut(count_at..count_at + 4)?
            .copy_from_slice(&frames.to_be_bytes());
        let checksum = frame
            .get(checksum_at..)?
            .first_chunk()
            .map(|&bytes| u16::from_be_bytes(bytes))?;
        (crc16(frame.get(..checksum_at)?) == checksum).then_some(frame)
    }
}

/// Whether the frame holds a tag whose name is damaged: it would be taken for sound, and all that follows be late. The
/// frame of a tag holds no sound, so that what stands before the name is 0.
fn is_misspelt(frame: &[u8], header: FrameHeader) -> bool {
    let name_at = 4 + header.side_info_bytes();
    let is_silent = frame
        .get(4..name_at)
        .is_some_and(|side| side.iter().all(|&byte| byte == 0));
    let name = u32_at(frame, name_at).unwrap_or(0);
    let bits = [*b"Xing", *b"Info"].map(|known| (u32::from_be_bytes(known) ^ name).count_ones());
    is_silent && bits.into_iter().any(|bits| bits <= MAX_WRONG_BITS)
}

/// The CRC-16 of tags: polynomial 0x8005, reflected, starting at zero.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| {
            crc >> 1 ^ if crc & 1 != 0 { 0xa001 } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::crc16;

    #[test]
    fn checksum_matches_a_published_value() {
        // CRC-16/ARC of "123456789" (Greg Cook's catalogue of CRC algorithms).
        assert_eq!(crc16(b"123456789"), 0xbb3d);
    }
}
