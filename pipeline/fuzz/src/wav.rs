//! Provides the target that reads WAV files of any bytes: as many frames as declared come out, or a refusal.

use std::path::Path;

use frontend::audio::{Channel, Decoder, OpenLength, recorder_metadata};

/// Samples read of one recording: a small file of compressed silence may hold days, which is no hang.
const MAX_SAMPLES: usize = 1 << 22;

/// The GUIDs that a Wave64 file starts with; the length of the whole lies between them.
const RIFF_GUID: [u8; 16] = *b"riff\x2E\x91\xCF\x11\xA5\xD6\x28\xDB\x04\xC1\x00\x00";
const WAVE_GUID: [u8; 16] = *b"wave\xF3\xAC\xD3\x11\x8C\xD1\x00\xC0\x4F\x8E\xDB\x8A";

/// Reads `data` as a WAV file. Its first byte says with which head, so that inputs get past it: none (the others are a
/// whole file), RIFF, RF64, BW64 or Wave64.
pub fn wav_reader(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    let length = (rest.len() as u64).saturating_add(4) as u32;
    let head = match choice % 5 {
        0 => Vec::new(),
        1 => [b"RIFF".as_slice(), &length.to_le_bytes(), b"WAVE"].concat(),
        2 => [b"RF64".as_slice(), &[0xFF; 4], b"WAVE"].concat(),
        3 => [b"BW64".as_slice(), &[0xFF; 4], b"WAVE"].concat(),
        _ => [
            RIFF_GUID.as_slice(),
            &(rest.len() as u64 + 40).to_le_bytes(),
            &WAVE_GUID,
        ]
        .concat(),
    };
    let Some(folder) = tempfile::tempdir().ok() else { return };
    let file = folder.path().join("recording.wav");
    if std::fs::write(&file, [&head, rest].concat()).is_err() {
        return;
    }
    let strict = read(&file, OpenLength::Refuse);
    let lenient = read(&file, OpenLength::ToEnd);
    // What has a length needs no leave to be taken to the end.
    if let Some(samples) = strict {
        let same = lenient.is_some_and(|lenient| {
            lenient
                .iter()
                .map(|s| s.to_bits())
                .eq(samples.iter().map(|s| s.to_bits()))
        });
        assert!(same, "{} samples with a length, other ones to the end", samples.len());
    }
    let metadata = recorder_metadata(&file).unwrap_or_default();
    assert!(metadata.iter().all(|found| found.items().len() <= data.len()));
}

/// The samples of a file that is accepted whole.
fn read(file: &Path, open_length: OpenLength) -> Option<Vec<f32>> {
    let mut decoder = Decoder::open_with(file, Channel::Mean, open_length).ok()?;
    let mut samples = Vec::new();
    while samples.len() < MAX_SAMPLES {
        if decoder.read(&mut samples).ok()? == 0 {
            let declared = decoder.header().declared_frames;
            assert_eq!(declared, Some(samples.len() as u64), "{:?}", decoder.header());
            return Some(samples);
        }
    }
    None
}
