//! Every recording of the decode fixture against its lengths, checksums and excerpts.

use std::path::Path;

use frontend::audio::{Channel, Decoder, Reject, probe};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::fixtures::{Tensors, json, recordings, rms};

/// Decodes all channels, one after the other.
pub(crate) fn decode(path: &Path) -> Result<(u32, Vec<Vec<f32>>), Reject> {
    let header = Decoder::open(path, Channel::Mean)?.header().clone();
    let channels = 0..header.channels;
    let planes = channels.map(|channel| decode_mono(path, Channel::Index(channel)));
    Ok((header.rate_hz, planes.collect::<Result<_, _>>()?))
}

/// Decodes one channel or the mean.
pub(crate) fn decode_mono(path: &Path, channel: Channel) -> Result<Vec<f32>, Reject> {
    let mut decoder = Decoder::open(path, channel)?;
    let mut samples = Vec::new();
    while decoder.read(&mut samples)? > 0 {}
    Ok(samples)
}

/// Files for which the fixture also allows a clean error: a file without one whole frame, six-channel AAC.
fn may_be_refused(truth: &Value) -> bool {
    truth["n_samples"] == 0 || (truth["codec"] == "aac" && truth["channels"].as_u64() > Some(2))
}

#[test]
fn every_recording_meets_its_truth() {
    let Some(folder) = recordings("every_recording_meets_its_truth") else {
        return;
    };
    let truth = json("decode/truth.json");
    let excerpts = Tensors::open("decode/lossy_excerpts.safetensors");
    let files = truth["files"].as_object().unwrap();
    assert!(!files.is_empty());
    for (name, truth) in files {
        let (rate_hz, channels) = match decode(&folder.join(name)) {
            Ok(decoded) => decoded,
            Err(error) => {
                assert!(may_be_refused(truth), "{name}: {error}");
                assert!(
                    !error.to_string().contains('\n') && error.to_string().len() > 8,
                    "{name}: {error:?}"
                );
                continue;
            }
        };
        assert_eq!(
            u64::from(rate_hz),
            truth["sample_rate"].as_u64().unwrap(),
            "{name}: rate"
        );
        assert_eq!(
            channels.len() as u64,
            truth["channels"].as_u64().unwrap(),
            "{name}: channels"
        );
        let frames = truth["n_samples"].as_u64().unwrap();
        for (index, channel) in channels.iter().enumerate() {
            assert_eq!(channel.len() as u64, frames, "{name}: frames of channel {index}");
            let expected = truth["rms"][index].as_f64().unwrap();
            let got = rms(channel);
            assert!(
                (got - expected).abs() <= 1e-4 * expected,
                "{name}: rms {got}, expected {expected}"
            );
        }
        match truth["kind"].as_str().unwrap() {
            "lossless" => assert_lossless(name, truth, &channels),
            _ => assert_lossy(name, truth, &channels, &excerpts),
        }
    }
}

fn assert_lossless(name: &str, truth: &Value, channels: &[Vec<f32>]) {
    for (at, expected) in truth["probe_index"]
        .as_array()
        .unwrap()
        .iter()
        .zip(truth["probe_ch0"].as_array().unwrap())
    {
        let at = at.as_u64().unwrap() as usize;
        assert_eq!(
            f64::from(channels[0][at]),
            expected.as_f64().unwrap(),
            "{name}: sample {at}"
        );
    }
    if let Some(expected) = truth["pcm_s16le_sha256"].as_str() {
        let mut hash = Sha256::new();
        for frame in 0..channels[0].len() {
            for channel in channels {
                let value = channel[frame] * 32_768.0;
                assert_eq!(value, value.round(), "{name}: frame {frame} is not a 16-bit value");
                hash.update((value as i16).to_le_bytes());
            }
        }
        let got: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(got, expected, "{name}: SHA-256 of the samples");
    }
}

fn assert_lossy(name: &str, truth: &Value, channels: &[Vec<f32>], excerpts: &Tensors) {
    let excerpt = excerpts.get(truth["excerpt"]["tensor"].as_str().unwrap());
    let start = truth["excerpt"]["start"].as_u64().unwrap() as usize;
    for (index, channel) in channels.iter().enumerate() {
        let expected = excerpt.row(index);
        if expected.iter().all(|&sample| sample == 0.0) {
            continue;
        }
        // 1,152 is the largest shift that a known decoder makes.
        let reach = 1_300.min(start).min(channel.len() - start - expected.len());
        let correlation = |lag: isize| {
            let from = start.checked_add_signed(lag).unwrap();
            let got = &channel[from..from + expected.len()];
            let product =
                |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
            product(got, expected) / product(got, got).max(f64::MIN_POSITIVE).sqrt()
        };
        let lags = -(reach as isize)..=reach as isize;
        let lag = lags.max_by(|&a, &b| correlation(a).total_cmp(&correlation(b))).unwrap();
        assert_eq!(lag, 0, "{name}: lag of channel {index}");
        let error: Vec<f32> = channel[start..]
            .iter()
            .zip(expected)
            .map(|(got, expected)| got - expected)
            .collect();
        let snr_db = 20.0 * (rms(expected) / rms(&error).max(1e-30)).log10();
        assert!(snr_db >= 100.0, "{name}: SNR {snr_db:.1} dB of channel {index}");
    }
}

#[test]
fn mono_is_the_mean_or_one_channel() {
    let Some(folder) = recordings("mono_is_the_mean_or_one_channel") else {
        return;
    };
    let truth = json("decode/truth.json");
    let stereo = truth["files"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, truth)| truth["channels"] == 2 && !may_be_refused(truth));
    for (name, _) in stereo {
        let path = folder.join(name);
        let (_, channels) = decode(&path).unwrap();
        assert_eq!(decode_mono(&path, Channel::Index(1)).unwrap(), channels[1], "{name}");
        let mean: Vec<f32> = channels[0]
            .iter()
            .zip(&channels[1])
            .map(|(a, b)| (a + b) / 2.0)
            .collect();
        assert_eq!(decode_mono(&path, Channel::Mean).unwrap(), mean, "{name}");
        let error = decode_mono(&path, Channel::Index(2)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "channel 2 was asked for, but the recording has 2 (counted from 0)"
        );
    }
}

#[test]
fn probing_agrees_with_decoding() {
    let Some(folder) = recordings("probing_agrees_with_decoding") else {
        return;
    };
    let truth = json("decode/truth.json");
    for (name, truth) in truth["files"].as_object().unwrap() {
        let Ok(header) = probe(&folder.join(name)) else {
            assert!(may_be_refused(truth), "{name}");
            continue;
        };
        if may_be_refused(truth) {
            continue;
        }
        assert_eq!(
            u64::from(header.rate_hz),
            truth["sample_rate"].as_u64().unwrap(),
            "{name}"
        );
        assert_eq!(
            u64::from(header.channels),
            truth["channels"].as_u64().unwrap(),
            "{name}"
        );
        // An MP3 without a tag is estimated from its first frames: within a tenth.
        let (got, expected) = (
            header.declared_frames.unwrap() as f64,
            truth["n_samples"].as_f64().unwrap(),
        );
        assert!(
            (got - expected).abs() <= 0.1 * expected,
            "{name}: {got} frames, expected {expected}"
        );
    }
}

#[test]
fn the_file_name_does_not_matter() {
    let Some(folder) = recordings("the_file_name_does_not_matter") else {
        return;
    };
    let truth = json("decode/truth.json");
    let scratch = tempfile::tempdir().unwrap();
    for (name, truth) in truth["files"].as_object().unwrap() {
        for extension in ["wav", "mp3", "txt"] {
            let lying = scratch.path().join(format!("recording.{extension}"));
            std::fs::copy(folder.join(name), &lying).unwrap();
            match decode(&lying) {
                Ok((_, channels)) => {
                    assert_eq!(channels[0].len() as u64, truth["n_samples"].as_u64().unwrap(), "{name}")
                }
                Err(error) => assert!(may_be_refused(truth), "{name} as {extension}: {error}"),
            }
            std::fs::remove_file(&lying).unwrap();
        }
    }
}

#[test]
fn what_cannot_be_decoded_is_refused_by_name() {
    let Some(folder) = recordings("what_cannot_be_decoded_is_refused_by_name") else {
        return;
    };
    let truth = json("decode/truth.json");
    for (name, truth) in truth["files"].as_object().unwrap() {
        let reason = match truth["codec"].as_str().unwrap() {
            "aac" if truth["channels"].as_u64() > Some(2) => "aac too complex",
            "pcm_s16le" if truth["n_samples"] == 0 => "truncated: the data chunk needs 116 bytes, 1 are present",
            _ => continue,
        };
        let error = decode(&folder.join(name)).unwrap_err();
        assert!(error.to_string().contains(reason), "{name}: {error}");
    }
}

#[test]
fn what_is_not_a_file_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    assert!(matches!(decode(scratch.path()), Err(Reject::NotAFile)));
    let error = decode(&scratch.path().join("missing.wav")).unwrap_err();
    assert_eq!(error.stage(), "open");
    assert!(error.to_string().starts_with("cannot be read: "), "{error}");
}
