//! Names a recording's container by its first bytes, never by its file name.
//!
//! The demuxer of that container is then opened at a known offset. Searching a file for the first
//! thing that looks like audio, as a media player does, finds an MPEG sync word in any damaged
//! recording sooner or later.

use std::fmt;
use std::io::{Read, Seek, SeekFrom};

use super::reject::Reject;

/// A container that can be demuxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    /// RIFF WAVE, RF64, BW64 or Wave64.
    Wav,
    /// AIFF and AIFF-C.
    Aiff,
    /// Core Audio Format.
    Caf,
    /// Native FLAC.
    Flac,
    /// Ogg (Opus, Vorbis, FLAC).
    Ogg,
    /// ISO base media: MP4, M4A, MOV.
    Mp4,
    /// An MPEG audio elementary stream: MP3.
    Mpeg,
}

impl Container {
    /// The name used in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Wav => "WAV",
            Self::Aiff => "AIFF",
            Self::Caf => "CAF",
            Self::Flac => "FLAC",
            Self::Ogg => "Ogg",
            Self::Mp4 => "MP4",
            Self::Mpeg => "MP3",
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Names the container and the byte at which it starts, after any leading ID3v2 tags.
///
/// # Errors
///
/// [`Reject::UnknownContainer`], [`Reject::Unsupported`] for containers that are recognised only to
/// be named, or [`Reject::Read`].
pub(super) fn identify<R: Read + Seek>(source: &mut R) -> Result<(Container, u64), Reject> {
    let mut offset = 0;
    loop {
        source.seek(SeekFrom::Start(offset))?;
        let mut magic = [0; 12];
        let filled = read_up_to(source, &mut magic)?;
        let magic = &magic[..filled];
        let container = match magic {
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E'] => Container::Wav,
            [b'R', b'F', b'6', b'4', _, _, _, _, b'W', b'A', b'V', b'E'] => Container::Wav,
            [b'B', b'W', b'6', b'4', _, _, _, _, b'W', b'A', b'V', b'E'] => Container::Wav,
            // The start of Wave64's GUID.
            [b'r', b'i', b'f', b'f', 0x2e, 0x91, 0xcf, 0x11, ..] => Container::Wav,
            [b'F', b'O', b'R', b'M', _, _, _, _, b'A', b'I', b'F', b'F' | b'C'] => Container::Aiff,
            [b'c', b'a', b'f', b'f', ..] => Container::Caf,
            [b'f', b'L', b'a', b'C', ..] => Container::Flac,
            [b'O', b'g', b'g', b'S', ..] => Container::Ogg,
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Container::Mp4,
            // A tag's size is stored in 7-bit bytes and does not count its own 10-byte header or the
            // optional 10-byte footer (ID3v2.4 section 3.1).
            &[b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] if (a | b | c | d) < 0x80 => {
                let size = [a, b, c, d]
                    .iter()
                    .fold(0u64, |size, &byte| size << 7 | u64::from(byte));
                offset += 10 + size + if flags & 0x10 != 0 { 10 } else { 0 };
                continue;
            }
            [b'R', b'I', b'F', b'X', ..] => return Err(unsupported("RIFX (WAV of the other byte order)")),
            [0x1a, 0x45, 0xdf, 0xa3, ..] => return Err(unsupported("Matroska/WebM")),
            [b'N', b'I', b'S', b'T', b'_', b'1', b'A', ..] => {
                return Err(unsupported("NIST SPHERE"));
            }
            [b'w', b'v', b'p', b'k', ..] => return Err(unsupported("WavPack")),
            [b'M', b'A', b'C', b' ', ..] => return Err(unsupported("Monkey's Audio")),
            [0x30, 0x26, 0xb2, 0x75, ..] => return Err(unsupported("ASF/WMA")),
            [b'#', b'!', b'A', b'M', b'R', ..] => return Err(unsupported("AMR")),
            [b'.', b's', b'n', b'd', ..] => return Err(unsupported("Sun audio")),
            // 12 sync bits and layer 0: an ADTS header. It has no timestamps, no frame count and no
            // tag, so nothing would show a lost frame.
            [0xff, b, ..] if b & 0xf6 == 0xf0 => return Err(unsupported("raw ADTS AAC")),
            [0xff, b, ..] if b & 0xe0 == 0xe0 => Container::Mpeg,
            // Padding between an ID3v2 tag and the first MPEG frame: the MPEG audit checks that it is
            // padding and nothing else.
            [0, 0, ..] if offset > 0 => Container::Mpeg,
            [] => return Err(Reject::Empty),
            _ => {
                let magic = magic.iter().map(|byte| format!("{byte:02x}")).collect();
                return Err(Reject::UnknownContainer { magic });
            }
        };
        return Ok((container, offset));
    }
}

fn unsupported(what: &str) -> Reject {
    Reject::Unsupported { what: what.to_owned() }
}

/// Fills `buffer` as far as the source reaches.
pub(super) fn read_up_to<R: Read>(source: &mut R, buffer: &mut [u8]) -> Result<usize, Reject> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn tags_before_the_container_are_skipped() {
        // Two tags of 3 and 200 bytes (200 = 0x01 0x48 in 7-bit bytes), then FLAC.
        let mut bytes = b"ID3\x04\0\0\0\0\0\x03abc".to_vec();
        bytes.extend(b"ID3\x03\0\0\0\0\x01\x48");
        bytes.extend([0; 200]);
        bytes.extend(b"fLaC");
        assert_eq!(identify(&mut Cursor::new(bytes)).unwrap(), (Container::Flac, 13 + 210));
    }

    #[test]
    fn what_is_not_audio_is_named() {
        let error = identify(&mut Cursor::new(b"<!DOCTYPE html>")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "not a known audio container: the file starts with 3c21444f4354595045206874"
        );
        let error = identify(&mut Cursor::new(b"NIST_1A\n   1024\n")).unwrap_err();
        assert_eq!(error.to_string(), "NIST SPHERE is not supported");
        let error = identify(&mut Cursor::new(b"RIFX\0\0\0\0WAVE")).unwrap_err();
        assert_eq!(error.to_string(), "RIFX (WAV of the other byte order) is not supported");
        assert!(matches!(identify(&mut Cursor::new(b"")), Err(Reject::Empty)));
        // A RIFF header with one flipped bit must not become something else.
        assert!(identify(&mut Cursor::new(b"RIFG\0\0\0\0WAVEfmt ")).is_err());
    }
}
