//! Pictures from given waveforms, and from recordings through the whole path, against librosa's.

use std::path::Path;

use frontend::audio::{Channel, Decoder, Resampler};
use frontend::spectrogram::{
    AllKeyword, Dtype, Frames, ImageLevel, LogMel, MelNorm, MelScale, NoneKeyword, Reference, SpectrogramConfig, TopDb,
};
use frontend::window::{Cutter, Tail, Windowing};
use half::f16;

use crate::fixtures::{Tensors, json, recordings};

const RATE_HZ: u32 = 22_050;
const CLIP_SAMPLES: usize = 66_150;

/// The largest power error allowed, relative to the clip's maximum.
const POWER: f64 = 2e-6;
/// The largest error allowed in dB.
const DB: f32 = 0.02;
/// The share of pixels that may be one level off.
const U8_SHARE: f64 = 5e-4;

/// Set B of the fixture: 32 kHz, HTK scale, fixed reference, no limit.
fn set_b() -> SpectrogramConfig {
    SpectrogramConfig {
        n_fft: 1024,
        win_length: 1024,
        hop_length: 320,
        n_mels: 128,
        fmin_hz: 0.0,
        fmax_hz: 16_000.0,
        frames: Frames::All(AllKeyword::All),
        mel_scale: MelScale::Htk,
        mel_norm: MelNorm::None,
        reference: Reference::FixedDb(0.0),
        top_db: TopDb::Unlimited(NoneKeyword::None),
        dtype: Dtype::F32,
    }
}

fn render(config: &SpectrogramConfig, rate_hz: u32, waveform: &[f32]) -> (Vec<u8>, ImageLevel) {
    let plan = LogMel::new(config, rate_hz, waveform.len()).unwrap();
    let mut out = vec![0; plan.bytes()];
    let rendered = plan.render(waveform, &mut plan.scratch(), &mut out);
    (out, rendered)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

fn assert_db(name: &str, got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len());
    let worst = got
        .iter()
        .zip(expected)
        .map(|(got, expected)| (got - expected).abs())
        .fold(0.0, f32::max);
    println!("{name}: dB at most {worst:e} off");
    assert!(worst <= DB, "{name}: {worst} dB off");
}

/// Compares power, recovered from dB relative to one.
fn assert_power(name: &str, db: &[f32], expected: &[f32]) {
    let max = f64::from(expected.iter().copied().fold(0.0, f32::max));
    let error = |(&db, &expected): (&f32, &f32)| {
        let power = 10f64.powf(f64::from(db) / 10.0);
        (power - f64::from(expected).max(1e-10)).abs() / max
    };
    let worst = db.iter().zip(expected).map(error).fold(0.0, f64::max);
    println!("{name}: power at most {worst:e} of the maximum off");
    assert!(worst <= POWER, "{name}: power {worst:e} off");
}

/// Whether a clip has no power: librosa makes it all maximum, this crate all floor.
fn is_silent(waveform: &[f32]) -> bool {
    waveform.iter().all(|&sample| sample == 0.0)
}

#[test]
fn default_pictures_match_librosa() {
    let fixture = Tensors::open("logmel/clips_22050_448.safetensors");
    let (waveforms, pictures, db) = (fixture.get("waveform"), fixture.get("u8"), fixture.get("db"));
    assert_eq!(waveforms.rows(), pictures.rows());
    let mut silent = 0;
    for clip in 0..waveforms.rows() {
        let (got, rendered) = render(&SpectrogramConfig::default(), RATE_HZ, waveforms.row(clip));
        assert_eq!(rendered.silent, is_silent(waveforms.row(clip)), "clip {clip}");
        if rendered.silent {
            silent += 1;
            assert!(pictures.row(clip).iter().all(|&level| level == 255.0));
            assert!(
                got.iter().all(|&level| level == 0),
                "clip {clip}: silence must be the floor"
            );
            assert_eq!(rendered.ref_db, -100.0);
            continue;
        }
        let off = |(&got, &expected): (&u8, &f32)| (f32::from(got) - expected).abs();
        let differences: Vec<f32> = got.iter().zip(pictures.row(clip)).map(off).collect();
        let worst = differences.iter().copied().fold(0.0, f32::max);
        let share = differences.iter().filter(|&&difference| difference > 0.0).count() as f64 / got.len() as f64;
        println!("clip {clip}: at most {worst} levels off, in {share:e} of the pixels");
        assert!(worst <= 1.0, "clip {clip}: {worst} levels off");
        assert!(share <= U8_SHARE, "clip {clip}: {share:e} of the pixels off");

        if clip < db.rows() {
            let config = SpectrogramConfig {
                dtype: Dtype::F32,
                ..Default::default()
            };
            assert_db(
                &format!("clip {clip}"),
                &floats(&render(&config, RATE_HZ, waveforms.row(clip)).0),
                db.row(clip),
            );
        }
    }
    assert!(silent > 0, "the fixture has a silent clip");
}

#[test]
fn reference_level_and_power_match_librosa() {
    let fixture = Tensors::open("logmel/clips_22050_448.safetensors");
    let waveforms = fixture.get("waveform");
    let summary = json("logmel/summary.json");
    let power = fixture.find("power_mel");
    let config = SpectrogramConfig {
        dtype: Dtype::F32,
        reference: Reference::FixedDb(0.0),
        top_db: TopDb::Unlimited(NoneKeyword::None),
        ..Default::default()
    };
    for (clip, truth) in summary["clips_a"].as_array().unwrap().iter().enumerate() {
        let (_, rendered) = render(&SpectrogramConfig::default(), RATE_HZ, waveforms.row(clip));
        let expected = 10.0 * truth["power_max"].as_f64().unwrap().max(1e-10).log10();
        // The power's tolerance, 2e-6, is 8.7e-6 dB; f32 stores dB up to 100 to 4e-6.
        assert!(
            (f64::from(rendered.ref_db) - expected).abs() < 1.3e-5,
            "clip {clip}: {} dB",
            rendered.ref_db
        );
        if let Some(power) = &power
            && !rendered.silent
        {
            let (db, _) = render(&config, RATE_HZ, waveforms.row(clip));
            assert_power(&format!("clip {clip}"), &floats(&db), power.row(clip));
        }
    }
}

#[test]
fn htk_pictures_with_a_fixed_reference_match_librosa() {
    let fixture = Tensors::open("logmel/clips_32000_128.safetensors");
    let (waveforms, power, db) = (fixture.get("waveform_i16"), fixture.get("power_mel"), fixture.get("db"));
    for clip in 0..waveforms.rows() {
        let waveform: Vec<f32> = waveforms.row(clip).iter().map(|sample| sample / 32_768.0).collect();
        let (got, rendered) = render(&set_b(), 32_000, &waveform);
        assert_eq!((rendered.ref_db, rendered.silent), (0.0, false));
        let got = floats(&got);
        assert_db(&format!("clip {clip}"), &got, db.row(clip));
        assert_power(&format!("clip {clip}"), &got, power.row(clip));

        let (half, _) = render(
            &SpectrogramConfig {
                dtype: Dtype::F16,
                ..set_b()
            },
            32_000,
            &waveform,
        );
        let half = half.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]));
        assert!(
            half.eq(got.iter().map(|&db| f16::from_f32(db))),
            "clip {clip}: f16 is f32, rounded"
        );
    }
}

/// Decodes, resamples and cuts a recording, in small pieces, and hands every clip to `visit`.
fn clips_of(path: &Path, hop_s: &str, mut visit: impl FnMut(u64, u64, &[f32])) {
    let mut decoder = Decoder::open(path, Channel::Mean).unwrap();
    let mut resampler = Resampler::new(decoder.header().rate_hz, RATE_HZ).unwrap();
    let windowing = Windowing::new("3".parse().unwrap(), hop_s.parse().unwrap(), RATE_HZ, Tail::Pad).unwrap();
    let mut cutter = Cutter::new(windowing);
    let (mut native, mut resampled) = (Vec::new(), Vec::new());
    let mut waveform = Vec::new();
    let mut drain = |cutter: &mut Cutter| {
        while let Some(clip) = cutter.next_clip(&mut waveform) {
            visit(clip.start_sample, clip.valid_samples, &waveform);
        }
    };
    while decoder.read(&mut native).unwrap() > 0 {
        resampler.push(&native, &mut resampled).unwrap();
        cutter.push(&resampled);
        drain(&mut cutter);
        native.clear();
        resampled.clear();
    }
    resampler.finish(&mut resampled).unwrap();
    cutter.push(&resampled);
    cutter.finish();
    drain(&mut cutter);
}

#[test]
fn recordings_make_the_pictures_of_the_fixture() {
    let Some(folder) = recordings("recordings_make_the_pictures_of_the_fixture") else {
        return;
    };
    let pictures = Tensors::open("logmel/clips_22050_448.safetensors").get("u8");
    let summary = json("logmel/summary.json");
    // 430 of 448 bands end below 9,630 Hz, where every good resampler is flat.
    let flat_bands = 430 * 448;
    for (index, truth) in summary["clips_a"].as_array().unwrap().iter().enumerate() {
        let Some(name) = truth["file"].as_str() else {
            continue;
        };
        let start = truth["start_sample"].as_u64().unwrap();
        let mut found = false;
        clips_of(&folder.join(name), "1", |start_sample, valid_samples, waveform| {
            if start_sample != start {
                return;
            }
            found = true;
            assert_eq!(valid_samples, truth["real_samples"].as_u64().unwrap(), "{name}");
            let (got, _) = render(&SpectrogramConfig::default(), RATE_HZ, waveform);
            let off = |(&got, &expected): (&u8, &f32)| (f32::from(got) - expected).abs();
            let differences: Vec<f32> = got.iter().zip(pictures.row(index)).map(off).collect();
            let worst = differences[..flat_bands].iter().copied().fold(0.0, f32::max);
            let share =
                |part: &[f32], limit: f32| part.iter().filter(|&&off| off > limit).count() as f64 / part.len() as f64;
            let (flat, whole) = (share(&differences[..flat_bands], 0.0), share(&differences, 1.0));
            println!("{name}: flat bands at most {worst} levels off in {flat:e}; {whole:e} of all off by more than 1");
            assert!(worst <= 1.0, "{name}: {worst} levels off");
            assert!(flat <= 0.002, "{name}: {flat:e} of the flat bands off");
            assert!(whole <= 0.03, "{name}: {whole:e} of the picture off by more than one");
        });
        assert!(found, "{name} has no clip at sample {start}");
    }
}

#[test]
fn every_thread_makes_the_same_picture() {
    let waveform = Tensors::open("logmel/clips_22050_448.safetensors").get("waveform");
    let plan = LogMel::new(&SpectrogramConfig::default(), RATE_HZ, CLIP_SAMPLES).unwrap();
    let alone: Vec<Vec<u8>> = (0..waveform.rows())
        .map(|clip| render(&SpectrogramConfig::default(), RATE_HZ, waveform.row(clip)).0)
        .collect();
    std::thread::scope(|scope| {
        for reversed in [false, true] {
            let (plan, waveform, alone) = (&plan, &waveform, &alone);
            scope.spawn(move || {
                let (mut scratch, mut out) = (plan.scratch(), vec![0; plan.bytes()]);
                for clip in 0..waveform.rows() {
                    // Another order: nothing may stay in the scratch.
                    let clip = if reversed { waveform.rows() - 1 - clip } else { clip };
                    plan.render(waveform.row(clip), &mut scratch, &mut out);
                    assert!(out == alone[clip], "clip {clip}");
                }
            });
        }
    });
}
