//! Files of real encoders for formats without a recording, against the formula their signal was made from.
//!
//! The files and the formula are in `tests/fixtures/encoded`; they do not change with `L48_FIXTURES`.

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

use frontend::audio::{Channel, Decoder};

use crate::decode::decode;

const FRAMES: usize = 18_137;
const RATE_HZ: f64 = 24_000.0;

/// One of the files.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures/encoded")
        .join(name)
}

/// The two channels that were encoded, full scale 1.
fn original() -> [Vec<f32>; 2] {
    let time = |frame: usize| frame as f64 / RATE_HZ;
    let sample = |value: f64| ((value * 32_767.0).round() / 32_768.0) as f32;
    let left = |t: f64| sample(0.4 * (TAU * (400.0 * t + 900.0 * t * t)).sin());
    let right = |t: f64| sample(0.3 * (TAU * 1700.0 * t).sin());
    [
        (0..FRAMES).map(|frame| left(time(frame))).collect(),
        (0..FRAMES).map(|frame| right(time(frame))).collect(),
    ]
}

fn decoded(name: &str) -> Vec<Vec<f32>> {
    let decoder = Decoder::open(&file(name), Channel::Mean).unwrap();
    assert_eq!(decoder.header().declared_frames, Some(FRAMES as u64), "{name}");
    decode(&file(name)).unwrap().1
}

#[test]
fn alac_is_bit_exact() {
    for (channel, (got, expected)) in decoded("alac.m4a").iter().zip(original()).enumerate() {
        assert_eq!(got.len(), FRAMES);
        // The formula's sine may round to the neighbouring 16-bit step on another platform.
        let off = got
            .iter()
            .zip(&expected)
            .filter(|(a, b)| (*a - *b).abs() > 1.5 / 32_768.0)
            .count();
        assert_eq!(off, 0, "channel {channel}");
    }
}

/// Level of the difference below the signal, in dB, with `got` moved `lag` frames to the left.
fn snr_db(got: &[f32], expected: &[f32], lag: isize) -> f64 {
    let pairs = (1000..FRAMES - 1000).map(|i| (f64::from(got[i.strict_add_signed(lag)]), f64::from(expected[i])));
    let (mut signal, mut error) = (0.0, 0.0);
    for (got, expected) in pairs {
        signal += expected * expected;
        error += (got - expected) * (got - expected);
    }
    10.0 * (signal / error).log10()
}

#[test]
fn aac_loses_its_encoder_delay_and_padding() {
    let (decoded, original) = (decoded("aac.m4a"), original());
    let snr = |channel: usize, lag| snr_db(&decoded[channel], &original[channel], lag);
    assert!(decoded.iter().all(|plane| plane.len() == FRAMES));
    // Only the sweep tells one lag from another; the steady tone repeats.
    let best = (-600..=600).max_by(|a, b| snr(0, *a).total_cmp(&snr(0, *b)));
    assert_eq!(best, Some(0), "the decoded signal is shifted");
    // 96 kbit/s for two pure tones: well above 25 dB; a shift by one frame would leave less than 15.
    for channel in 0..2 {
        assert!(snr(channel, 0) > 25.0, "channel {channel}: {}", snr(channel, 0));
    }
}

#[test]
fn aac_cut_anywhere_is_refused() {
    let bytes = std::fs::read(file("aac.m4a")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.m4a");
    for cut in (0..bytes.len()).step_by(317) {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let read = Decoder::open(&path, Channel::Mean).and_then(|mut decoder| {
            let mut samples = Vec::new();
            while decoder.read(&mut samples)? > 0 {}
            Ok(samples.len())
        });
        assert!(read.is_err(), "{cut} of {} bytes gave {read:?}", bytes.len());
    }
}
