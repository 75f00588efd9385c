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
    /// A raw AAC stream.
    Adts,
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
            Self::Adts => "ADTS",
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
/// be named, [`Reject::NotARecording`] for other files, or [`Reject::Read`].
pub(super) fn identify<R: Read + Seek>(source: &mut R) -> Result<(Container, u64), Reject> {
    let mut offset = 0;
    loop {
        source.seek(SeekFrom::Start(offset))?;
        let mut magic = [0; 16];
        let filled = read_up_to(source, &mut magic)?;
        let magic = magic.get(..filled).unwrap_or_default();
        let container = match magic {
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Container::Wav,
            [b'R', b'F', b'6', b'4', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Container::Wav,
            [b'B', b'W', b'6', b'4', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Container::Wav,
            // The start of Wave64's GUID.
            [b'r', b'i', b'f', b'f', 0x2e, 0x91, 0xcf, 0x11, ..] => Container::Wav,
            [b'F', b'O', b'R', b'M', _, _, _, _, b'A', b'I', b'F', b'F' | b'C', ..] => Container::Aiff,
            [b'c', b'a', b'f', b'f', ..] => Container::Caf,
            [b'f', b'L', b'a', b'C', ..] => Container::Flac,
            [b'O', b'g', b'g', b'S', ..] => Container::Ogg,
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Container::Mp4,
            // QuickTime from before there was a file type.
            [_, _, _, _, b'm', b'o', b'o', b'v', ..] | [_, _, _, _, b'm', b'd', b'a', b't', ..] => Container::Mp4,
            [0, 0, 0, 8, b'w', b'i', b'd', b'e', ..] => Container::Mp4,
            // A tag's size is stored in 7-bit bytes and does not count its own 10-byte header or the
            // optional 10-byte footer (ID3v2.4 section 3.1).
            &[b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] if (a | b | c | d) < 0x80 => {
                let size = [a, b, c, d]
                    .iter()
                    .fold(0u64, |size, &byte| size << 7 | u64::from(byte));
                offset += 10 + size + if flags & 0x10 != 0 { 10 } else { 0 };
                continue;
            }
            [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' ', ..] => {
                return Err(Reject::Unsupported { what: "AVI".to_owned() });
            }
            // 12 sync bits and layer 0.
            [0xff, b, ..] if b & 0xf6 == 0xf0 => Container::Adts,
            [0xff, b, ..] if b & 0xe0 == 0xe0 => Container::Mpeg,
            [] if offset == 0 => return Err(not_a_recording("an empty file")),
            [] => return Err(Reject::Empty),
            magic => match foreign(magic, offset) {
                Some(reject) => return Err(reject),
                None if magic.iter().all(|&byte| byte == 0) && is_zero(source, offset)? => {
                    return Err(not_a_recording(
                        "only zeros, as a recorder leaves that lost its power or its card",
                    ));
                }
                // A tag's length may be wrong, or padding may follow it: the MPEG audit looks for the first frame.
                None if offset > 0 => Container::Mpeg,
                None => {
                    let magic = magic.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
                    return Err(Reject::UnknownContainer { magic });
                }
            },
        };
        return Ok((container, offset));
    }
}

/// Starts of files of sound that is not supported, and their names.
const UNSUPPORTED: [(&[u8], &str); 31] = [
    (b"RIFX", "RIFX (WAV of the other byte order)"),
    (b"\x1a\x45\xdf\xa3", "Matroska/WebM"),
    (b"NIST_1A", "NIST SPHERE"),
    (b"wvpk", "WavPack"),
    (b"MAC ", "Monkey's Audio"),
    (b"\x30\x26\xb2\x75", "ASF/WMA"),
    (b"#!AMR", "AMR"),
    (b".snd", "Sun audio"),
    (b"dns.", "Sun audio of the other byte order"),
    (b"DSD ", "DSF (DSD)"),
    (b"FRM8", "DSDIFF (DSD)"),
    (b"\x0b\x77", "AC-3"),
    (b"\x77\x0b", "AC-3"),
    (b"\x7f\xfe\x80\x01", "DTS"),
    (b"\xfe\x7f\x01\x80", "DTS"),
    (b"\x1f\xff\xe8\x00", "DTS"),
    (b"\xff\x1f\x00\xe8", "DTS"),
    (b"ADIF", "raw AAC of one header (ADIF)"),
    (b"\x56\xe0", "raw AAC (LOAS)"),
    (b"TTA1", "True Audio (TTA)"),
    (b"tBaK", "TAK"),
    (b"OFR ", "OptimFROG"),
    (b"MPCK", "Musepack"),
    (b"MP+", "Musepack"),
    (b"ajkg", "Shorten"),
    (b".ra\xfd", "RealAudio"),
    (b".RMF", "RealMedia"),
    (b"Creative Voice File", "Creative Voice (VOC)"),
    (b"FLV\x01", "Flash video"),
    (b"\x47\x40", "an MPEG transport stream"),
    (b"\0\0\x01\xba", "an MPEG program stream"),
];

/// Starts of files that are no recordings, and what they are.
const OTHER: [(&[u8], &str); 18] = [
    (b"MThd", "MIDI, which holds notes and no sound"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"II*\0", "a picture (TIFF)"),
    (b"MM\0*", "a picture (TIFF)"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive: unpack it first"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "compressed by gzip: unpack it first"),
    (b"BZh", "compressed by bzip2: unpack it first"),
    (b"\xfd7zXZ\0", "compressed by xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (
        b"\0\x05\x16\x07",
        "what macOS keeps beside a file: leave out files that start with ._",
    ),
    (b"version https://git", "a pointer of Git LFS: fetch the file itself"),
    (b"PAR1", "a Parquet table"),
];

/// What starts in `magic` at byte `offset` of a file and cannot be demuxed, where that is known.
fn foreign(magic: &[u8], offset: u64) -> Option<Reject> {
    let named = |names: &[(&[u8], &'static str)]| {
        let found = names.iter().find(|(start, _)| {
            let compared = start.len().min(16);
            magic.get(..compared) == start.get(..compared)
        });
        found.map(|&(_, what)| what)
    };
    if let Some(what) = named(&UNSUPPORTED) {
        return Some(Reject::Unsupported { what: what.to_owned() });
    }
    if let Some(what) = named(&OTHER) {
        return Some(not_a_recording(what));
    }
    if offset > 0 {
        // The rest of a tag is text, too.
        return None;
    }
    let text = magic.strip_prefix(b"\xef\xbb\xbf").unwrap_or(magic).trim_ascii_start();
    let is_text = |byte: &u8| (b' '..=b'~').contains(byte) || byte.is_ascii_whitespace() || *byte >= 0x80;
    if text.starts_with(b"<") && text.iter().all(is_text) {
        return Some(not_a_recording("a web page or other text (a download that failed?)"));
    }
    let is_written = text.len() > 3
        && text
            .iter()
            .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    is_written.then(|| not_a_recording("text (a download that failed?)"))
}

/// Whether all bytes from `offset` on are zero.
fn is_zero<R: Read + Seek>(source: &mut R, offset: u64) -> Result<bool, Reject> {
    source.seek(SeekFrom::Start(offset))?;
    let mut block = vec![0; 1 << 16];
    loop {
        match read_up_to(source, &mut block)? {
            0 => return Ok(true),
            read if block.iter().take(read).any(|&byte| byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

fn not_a_recording(what: &'static str) -> Reject {
    Reject::NotARecording { what }
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
    fn what_is_not_supported_or_no_recording_is_named() {
        for (bytes, expected) in [
            (&b""[..], "not a recording, but an empty file"),
            (
                b"<!DOCTYPE html>",
                "not a recording, but a web page or other text (a download that failed?)",
            ),
            (
                b"\xef\xbb\xbf\n <?xml version",
                "not a recording, but a web page or other text (a download that failed?)",
            ),
            (
                b"Too many requests",
                "not a recording, but text (a download that failed?)",
            ),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "not a recording, but a picture (JPEG)"),
            (
                b"PK\x03\x04\x14\0",
                "not a recording, but a ZIP archive: unpack it first",
            ),
            (
                b"MThd\0\0\0\x06",
                "not a recording, but MIDI, which holds notes and no sound",
            ),
            (
                &[0; 100_000],
                "not a recording, but only zeros, as a recorder leaves that lost its power or its card",
            ),
            (b"NIST_1A\n   1024\n", "NIST SPHERE is not supported"),
            (
                b"RIFX\0\0\0\0WAVE",
                "RIFX (WAV of the other byte order) is not supported",
            ),
            (b"\x0b\x77\x12\x34\x14\x40", "AC-3 is not supported"),
            (b"Creative Voice File\x1a", "Creative Voice (VOC) is not supported"),
            (b"DSD \x1c\0\0\0", "DSF (DSD) is not supported"),
            (b"RIFF\0\0\0\0AVI LIST", "AVI is not supported"),
            // A RIFF header with one flipped bit must not become something else.
            (
                b"RIFG\0\0\0\0WAVEfmt ",
                "not a known audio container: the file starts with 524946470000000057415645",
            ),
            (
                b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x",
                "not a known audio container: the file starts with 000000000000000000000000",
            ),
        ] {
            let error = identify(&mut Cursor::new(bytes)).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.stage(), "open");
        }
    }
}
