//! Provides the target that takes a recording through decoding, resampling, cutting and the log-mel image.

use std::path::Path;

use frontend::AudioSettings;
use frontend::audio::{Channel, Decoder, probe, resampled_frames};
use frontend::recordings::{RecordingReader, Waveform};
use frontend::source::AssetReader;
use frontend::spectrogram::{Frames, LogMel, SpectrogramConfig};
use frontend::window::{Decimal, Tail, Windowing};

use crate::ogg;

const RATE_HZ: u32 = 8000;
/// Clips read of one recording: a small file of silence may hold days, which is no hang.
const MAX_CLIPS: usize = 400;
/// Images made of one recording.
const MAX_IMAGES: usize = 4;

/// Reads `data` as a recording; an Ogg file also with the checksums of its pages put right.
pub fn decode_clip(data: &[u8]) {
    let folder = tempfile::tempdir();
    let Some(folder) = folder.ok() else { return };
    let file = folder.path().join("recording");
    if std::fs::write(&file, data).is_err() {
        return;
    }
    read(&file);
    if data.starts_with(b"OggS") {
        let mut data = data.to_vec();
        ogg::put_checksums_right(&mut data);
        if std::fs::write(&file, data).is_ok() {
            read(&file);
        }
    }
}

fn read(file: &Path) {
    let _ = probe(file);
    // Half a second, half overlapping, the last one padded.
    let half = || "0.5".parse::<Decimal>();
    let (Ok(duration_s), Ok(hop_s)) = (half(), "0.25".parse::<Decimal>()) else {
        return;
    };
    let config = SpectrogramConfig {
        n_fft: 256,
        win_length: 256,
        hop_length: 128,
        n_mels: 24,
        fmax_hz: 4000.0,
        frames: Frames::First(32),
        ..SpectrogramConfig::default()
    };
    let windowing = Windowing::new(duration_s, hop_s, RATE_HZ, Tail::Pad);
    let Ok(windowing) = windowing else { return };
    let log_mel = LogMel::new(&config, RATE_HZ, windowing.duration_samples() as usize);
    assert!(log_mel.is_ok(), "{log_mel:?}");
    let Ok(log_mel) = log_mel else { return };

    let audio = AudioSettings {
        sample_rate_hz: RATE_HZ,
        ..AudioSettings::default()
    };
    let (Ok(decoder), Ok(mut reader)) = (
        Decoder::open(file, Channel::Mean),
        RecordingReader::open(file, &audio, windowing),
    ) else {
        return;
    };
    let (mut scratch, mut image) = (log_mel.scratch(), vec![0; log_mel.bytes()]);
    let (mut clip, mut clips) = (Waveform::default(), 0);
    loop {
        match reader.next(&mut clip) {
            Ok(true) if clips == MAX_CLIPS => return,
            Ok(true) => clips += 1,
            Ok(false) => break,
            Err(_) => return,
        }
        assert_eq!(clip.samples.len() as u64, windowing.duration_samples());
        assert!(
            clip.samples.iter().all(|sample| sample.is_finite()),
            "a sample of clip {clips}"
        );
        if clips <= MAX_IMAGES {
            let rendered = log_mel.render(&clip.samples, &mut scratch, &mut image);
            assert!(rendered.ref_db.is_finite(), "level {} of clip {clips}", rendered.ref_db);
        }
    }
    // Accepted whole: as long as it declared, and every clip where it belongs.
    let facts = reader.facts();
    let declared = decoder.header().declared_frames;
    assert_eq!(declared.unwrap_or(facts.frames), facts.frames, "{:?}", decoder.header());
    let total = resampled_frames(facts.frames, facts.rate_hz, RATE_HZ);
    assert_eq!(windowing.clip_count(total), clips as u64);
    for (index, extent) in (0..).zip(&facts.clips) {
        let start = windowing.start(index);
        assert_eq!((u64::from(extent.clip_index), extent.start_sample), (index, start));
        assert_eq!(
            extent.valid_samples,
            windowing.duration_samples().min(total - start),
            "clip {index}"
        );
    }
}
