//! Recognises samples that are not those of the recording: silence that an AudioMoth left out, and sound that only its
//! maker's program decodes.

use std::io;
use std::ops::Range;
use std::path::Path;

use super::metadata::{MetadataKind, RecorderMetadata};
use crate::audio::ranged::{RangedRead, fill_at};

/// Bytes of the block that stands for silence, and of those that it counts. Blocks are aligned within the file
/// (AudioMoth-Utils, expander.js).
const BLOCK_BYTES: u64 = 512;

/// Samples of such a block that are the bits of the count, 1 or -1, the lowest first; the others are 0.
const COUNT_BITS: usize = 32;

/// Bytes that are searched at a time.
const READ_BYTES: u64 = 1 << 16;

/// How the name of a triggered recording ends.
const TRIGGERED_END: &str = "t.wav";

/// Whether a recording's name says that it is one of an AudioMoth that waited for a trigger: `20240501_043000T.WAV`.
pub(in crate::audio) fn is_named_triggered(path: &Path) -> bool {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    let stem = name.strip_suffix(TRIGGERED_END).unwrap_or_default();
    stem.bytes().last().is_some_and(|byte| byte.is_ascii_digit())
}

/// Whether a recording's comment says so: that of every AudioMoth with a trigger names its threshold.
pub(super) fn says_triggered(metadata: &RecorderMetadata) -> bool {
    let has = |text: &[u8], word: &[u8]| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    let items = || metadata.items().into_iter();
    metadata.kind == MetadataKind::Info
        && items().any(|(_, text)| has(text, b"AudioMoth"))
        && items().any(|(id, text)| id.0 == *b"ICMT" && has(text, b"threshold"))
}

/// The compression that GUANO names, where it is one of Wildlife Acoustics' own (`W4V-6`): such samples are not PCM,
/// whatever the header says.
pub(super) fn own_compression(metadata: &RecorderMetadata) -> Option<String> {
    if metadata.kind != MetadataKind::Guano {
        return None;
    }
    let text = String::from_utf8_lossy(&metadata.bytes);
    let values = text.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim()
            .ends_with("Compression")
            .then(|| value.trim_matches(['\0', ' ', '\t', '\r']).to_owned())
    });
    values.into_iter().find(|value| value.starts_with("W4V"))
}

/// The first byte of the first block that stands for silence among samples of 16 bits in `data`.
///
/// # Errors
///
/// Any of the source.
pub(super) fn left_out_silence(source: &mut dyn RangedRead, data: Range<u64>) -> io::Result<Option<u64>> {
    let mut at = data.start.next_multiple_of(BLOCK_BYTES);
    while at + BLOCK_BYTES <= data.end {
        let wanted = (data.end - at).min(READ_BYTES) / BLOCK_BYTES * BLOCK_BYTES;
        let mut bytes = vec![0; wanted as usize];
        fill_at(source, at, &mut bytes)?;
        let found = bytes
            .chunks(BLOCK_BYTES as usize)
            .position(|block| blocks_left_out(block).is_some());
        if let Some(block) = found {
            return Ok(Some(at + block as u64 * BLOCK_BYTES));
        }
        at += wanted;
    }
    Ok(None)
}

/// How many blocks of silence a block stands for; `None` for one of samples.
fn blocks_left_out(block: &[u8]) -> Option<u32> {
    let (samples, _) = block.as_chunks::<2>();
    let mut samples = samples.iter().map(|sample| i16::from_le_bytes(*sample));
    let mut count = 0;
    for bit in 0..COUNT_BITS {
        match samples.next()? {
            1 => count |= 1 << bit,
            -1 => {}
            _ => return None,
        }
    }
    (count > 0 && samples.all(|sample| sample == 0)).then_some(count)
}

/// Whether all bytes of `data` are zeros, as a recorder leaves them that made room for sound and never wrote it.
///
/// # Errors
///
/// Any of the source.
pub(super) fn are_all_zeros(source: &mut dyn RangedRead, data: Range<u64>) -> io::Result<bool> {
    // A look is enough of almost every recording.
    let mut wanted = 1 << 10;
    let mut at = data.start;
    while at < data.end {
        let mut bytes = vec![0; (data.end - at).min(wanted) as usize];
        fill_at(source, at, &mut bytes)?;
        if bytes.iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
        at += bytes.len() as u64;
        wanted = READ_BYTES;
    }
    Ok(true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::audio::ranged::Seekable;

    fn marker(count: u32) -> Vec<u8> {
        let bit = |bit: u32| if count >> bit & 1 == 1 { 1_i16 } else { -1 };
        let mut samples: Vec<i16> = (0..32).map(bit).collect();
        samples.resize(256, 0);
        samples.into_iter().flat_map(i16::to_le_bytes).collect()
    }

    #[test]
    fn a_marker_is_found_on_the_files_own_raster_only() {
        assert_eq!(blocks_left_out(&marker(0x8000_0001)), Some(0x8000_0001));
        assert_eq!(blocks_left_out(&marker(0)), None);
        for (offset, expected) in [(512 * 300, Some(512 * 300)), (512 * 300 + 2, None)] {
            let mut bytes: Vec<u8> = (0..512_u64 * 400).map(|i| (i * i % 241) as u8).collect();
            bytes.splice(offset as usize..offset as usize + 512, marker(640));
            let mut source = Seekable::new(Cursor::new(bytes)).unwrap();
            assert_eq!(left_out_silence(&mut source, 488..512 * 400).unwrap(), expected);
            assert_eq!(left_out_silence(&mut source, 512 * 301..512 * 400).unwrap(), None);
        }
    }

    #[test]
    fn names_of_triggered_recordings() {
        for (name, expected) in [
            ("20240501_043000T.WAV", true),
            ("a/24F319046035D3B1_20240501_043000T.wav", true),
            ("20240501_043000.WAV", false),
            ("forest.wav", false),
            ("WEST.WAV", false),
            ("T.WAV", false),
        ] {
            assert_eq!(is_named_triggered(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn compressions_and_zeros() {
        let guano = |text: &str| RecorderMetadata {
            kind: MetadataKind::Guano,
            bytes: text.as_bytes().to_vec(),
        };
        let named = own_compression(&guano("GUANO|Version: 1.0\nWA|Song Meter|Compression: W4V-6\0\0"));
        assert_eq!(named.as_deref(), Some("W4V-6"));
        assert_eq!(
            own_compression(&guano("GUANO|Version: 1.0\nNote: Compression W4V-6")),
            None
        );
        let mut bytes = vec![0; 200_000];
        let zeros = |bytes: &[u8]| {
            let mut source = Seekable::new(Cursor::new(bytes.to_vec())).unwrap();
            are_all_zeros(&mut source, 44..200_000).unwrap()
        };
        assert!(zeros(&bytes));
        bytes[150_000] = 1;
        assert!(!zeros(&bytes));
    }
}
