//! Tests of the picture against slow definitions, and of every setting that cannot work.

use fourier::real_forward;
use half::f16;

use super::octaves::Octaves;
use super::*;

fn noise(samples: usize) -> Vec<f32> {
    // A linear congruential generator (Numerical Recipes).
    let mut state = 1u32;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    })
    .take(samples)
    .collect()
}

fn small() -> SpectrogramConfig {
    SpectrogramConfig {
        n_fft: 256,
        win_length: 200,
        hop_length: 50,
        n_mels: 12,
        fmin_hz: 0.0,
        fmax_hz: 4000.0,
        frames: Frames::All(AllKeyword::All),
        reference: Reference::FixedDb(0.0),
        top_db: TopDb::Unlimited(NoneKeyword::None),
        dtype: Dtype::F32,
        ..Default::default()
    }
}

fn render_on(arch: Arch, config: &SpectrogramConfig, waveform: &[f32]) -> (Vec<u8>, ImageLevel) {
    let mut plan = LogMel::new(config, 8000, waveform.len()).unwrap();
    plan.arch = arch;
    let mut out = vec![0; plan.bytes()];
    let rendered = plan.render(waveform, &mut plan.scratch(), &mut out);
    (out, rendered)
}

fn render(config: &SpectrogramConfig, waveform: &[f32]) -> (Vec<u8>, ImageLevel) {
    render_on(Arch::new(), config, waveform)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

/// The definition in f64: a discrete Fourier transform term by term, filters as dense triangles.
fn slow_db(config: &SpectrogramConfig, rate_hz: f64, waveform: &[f32], frames: usize) -> Vec<f64> {
    let (n_fft, length) = (config.n_fft, config.win_length);
    let edge = |index: usize| {
        let (low, high) = (
            config.mel_scale.mel(config.fmin_hz),
            config.mel_scale.mel(config.fmax_hz),
        );
        config
            .mel_scale
            .hz(low + (high - low) * index as f64 / (config.n_mels + 1) as f64)
    };
    let mut db = vec![0.0; config.n_mels * frames];
    for frame in 0..frames {
        let sample = |n: usize| {
            let at = (frame * config.hop_length + n) as isize - (n_fft / 2) as isize;
            let value = usize::try_from(at)
                .ok()
                .and_then(|at| waveform.get(at))
                .map_or(0.0, |&value| f64::from(value));
            let in_window = n as isize - ((n_fft - length) / 2) as isize;
            let inside = (0..length as isize).contains(&in_window);
            let window = 0.5 - 0.5 * (std::f64::consts::TAU * in_window as f64 / length as f64).cos();
            if inside { value * window } else { 0.0 }
        };
        let samples: Vec<f64> = (0..n_fft).map(sample).collect();
        let power: Vec<f64> = (0..=n_fft / 2)
            .map(|bin| {
                let angle = |n: usize| std::f64::consts::TAU * ((bin * n) % n_fft) as f64 / n_fft as f64;
                let real: f64 = samples.iter().enumerate().map(|(n, x)| x * angle(n).cos()).sum();
                let imaginary: f64 = samples.iter().enumerate().map(|(n, x)| x * angle(n).sin()).sum();
                real * real + imaginary * imaginary
            })
            .collect();
        for band in 0..config.n_mels {
            let (low, centre, high) = (edge(band), edge(band + 1), edge(band + 2));
            let area = if config.mel_norm == MelNorm::Slaney {
                2.0 / (high - low)
            } else {
                1.0
            };
            let sum: f64 = power
                .iter()
                .enumerate()
                .map(|(bin, power)| {
                    let hz = bin as f64 * rate_hz / n_fft as f64;
                    power
                        * ((hz - low) / (centre - low))
                            .min((high - hz) / (high - centre))
                            .max(0.0)
                        * area
                })
                .sum();
            db[band * frames + frame] = 10.0 * sum.max(1e-10).log10();
        }
    }
    db
}

#[test]
fn every_transform_size_matches_the_definition() {
    let waveform = noise(700);
    // Powers of two with the window in the first half or not, sizes that are none, odd windows.
    for (n_fft, win_length) in [
        (256, 256),
        (256, 128),
        (512, 100),
        (16, 16),
        (32, 7),
        (250, 200),
        (300, 77),
        (1024, 1000),
    ] {
        let bands = if n_fft < 64 { 2 } else { 12 };
        let config = SpectrogramConfig {
            n_fft,
            win_length,
            n_mels: bands,
            ..small()
        };
        let (out, _) = render(&config, &waveform);
        let frames = 1 + waveform.len() / 50;
        for (got, expected) in floats(&out)
            .into_iter()
            .zip(slow_db(&config, 8000.0, &waveform, frames))
        {
            // Noise has no band far below the others; f32 sums of 1,024 values leave 1e-5 relative,
            // 4e-5 dB, and the edges, where few samples are not zero, some times that.
            assert!(
                (f64::from(got) - expected).abs() < 1e-3,
                "n_fft {n_fft}, window {win_length}: {got} and {expected}"
            );
        }
    }
}

#[test]
fn spectra_of_all_octaves_match_a_library() {
    struct Power<'a> {
        octaves: &'a Octaves,
        frame: &'a [f32],
        half: bool,
    }
    impl WithSimd for Power<'_> {
        type Output = Vec<f32>;
        fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
            let n_fft = self.frame.len();
            let zero = simd.splat_f32s(0.0);
            let mut signal: Vec<S::f32s> = self.frame.iter().map(|&sample| simd.splat_f32s(sample)).collect();
            signal.truncate(self.octaves.signal_vectors(if self.half { n_fft / 2 } else { n_fft }));
            let (mut work, mut power) = (vec![zero; self.octaves.work_vectors()], vec![zero; n_fft / 2 + 1]);
            self.octaves.power(simd, &mut signal, &mut work, &mut power);
            power.into_iter().map(|vector| simd.reduce_max_f32s(vector)).collect()
        }
    }
    for exponent in 4..=13 {
        let n_fft = 1 << exponent;
        for half in [false, true] {
            let mut frame = noise(n_fft);
            if half {
                frame[n_fft / 2..].fill(0.0);
            }
            let got = dispatch(
                Arch::new(),
                Power {
                    octaves: &Octaves::new(n_fft),
                    frame: &frame,
                    half,
                },
            );
            let fft = real_forward(n_fft);
            let mut spectrum = fft.make_output_vec();
            fft.process(&mut frame, &mut spectrum).unwrap();
            let max = spectrum.iter().map(|bin| bin.norm_sqr()).fold(0.0, f32::max);
            for (bin, (got, expected)) in got.into_iter().zip(spectrum).enumerate() {
                // Both transforms err by about log2(n) units of 6e-8 of the largest amplitude.
                assert!(
                    (got - expected.norm_sqr()).abs() < 4e-6 * max,
                    "n_fft {n_fft}, bin {bin}"
                );
            }
        }
    }
}

#[test]
fn the_baseline_instruction_set_makes_the_same_picture() {
    let waveform = noise(4000);
    let config = small();
    let (fast, slow) = (
        render(&config, &waveform).0,
        render_on(Arch::Scalar, &config, &waveform).0,
    );
    for (fast, slow) in floats(&fast).into_iter().zip(floats(&slow)) {
        // Fused and separate roundings differ by a few units of 6e-8, here of -60..20 dB.
        assert!((fast - slow).abs() < 1e-3, "{fast} and {slow}");
    }
}

#[test]
fn frames_of_a_block_are_those_of_the_picture() {
    // Each frame alone is the same as among others, wherever in a block it lies.
    let config = SpectrogramConfig {
        hop_length: 10,
        ..small()
    };
    let waveform = noise(2000);
    let (whole, _) = render(&config, &waveform);
    let (whole, width) = (floats(&whole), 201);
    for frame in [0, 1, 7, 31, 32, 63, 64, 100, 199, 200] {
        // The frame's own samples, as the only frame of a clip.
        let begin = (frame * 10) as isize - 128;
        let sample = |n: isize| {
            usize::try_from(n)
                .ok()
                .and_then(|n| waveform.get(n))
                .copied()
                .unwrap_or(0.0)
        };
        let own: Vec<f32> = (0..256).map(|n| sample(begin + n)).collect();
        let alone = SpectrogramConfig {
            hop_length: 128,
            frames: Frames::First(2),
            ..config.clone()
        };
        let (alone, _) = render(&alone, &own);
        for (band, alone) in floats(&alone).chunks(2).enumerate() {
            assert_eq!(
                alone[1].to_bits(),
                whole[band * width + frame].to_bits(),
                "frame {frame}, band {band}"
            );
        }
    }
}

#[test]
fn silence_is_the_floor_in_every_type() {
    let silence = vec![0.0; 1000];
    let clip = Reference::Clip(ClipKeyword::Clip);
    for (reference, top_db, floor) in [
        (clip, TopDb::Below(80.0), -80.0),
        (clip, TopDb::Unlimited(NoneKeyword::None), -100.0),
        (Reference::FixedDb(-30.0), TopDb::Below(60.0), -60.0),
        (Reference::FixedDb(-30.0), TopDb::Unlimited(NoneKeyword::None), -70.0),
    ] {
        let config = SpectrogramConfig {
            reference,
            top_db,
            ..small()
        };
        let (out, rendered) = render(&config, &silence);
        assert!(floats(&out).iter().all(|&db| db == floor), "{reference:?} {top_db:?}");
        assert_eq!(
            (rendered.silent, rendered.ref_db),
            (true, if reference == clip { -100.0 } else { -30.0 })
        );
        let (out, _) = render(
            &SpectrogramConfig {
                dtype: Dtype::F16,
                ..config.clone()
            },
            &silence,
        );
        assert!(
            out.chunks_exact(2)
                .all(|b| f16::from_le_bytes([b[0], b[1]]).to_f32() == floor)
        );
        if let TopDb::Below(_) = top_db {
            let (out, _) = render(
                &SpectrogramConfig {
                    dtype: Dtype::U8,
                    ..config
                },
                &silence,
            );
            assert!(out.iter().all(|&level| level == 0));
        }
    }
}

#[test]
fn bytes_span_the_range_below_a_fixed_reference() {
    let waveform = noise(2000);
    let db = floats(&render(&small(), &waveform).0);
    // A range inside that of the picture, so that both ends clamp.
    let reference = db.iter().copied().fold(f32::MIN, f32::max) - 3.0;
    let config = SpectrogramConfig {
        reference: Reference::FixedDb(f64::from(reference)),
        top_db: TopDb::Below(10.0),
        dtype: Dtype::U8,
        ..small()
    };
    let (levels, rendered) = render(&config, &waveform);
    let ref_db = reference;
    assert_eq!(rendered, ImageLevel { ref_db, silent: false });
    assert!(levels.contains(&255) && levels.contains(&0));
    assert!(levels.iter().any(|&level| level % 255 != 0));
    for (&level, db) in levels.iter().zip(db) {
        let expected = ((db - reference + 10.0) / 10.0 * 255.0).clamp(0.0, 255.0);
        assert!(
            (f32::from(level) - expected).abs() <= 0.501,
            "{db} dB is {level}, not {expected}"
        );
    }
}

#[test]
fn a_frequency_lies_in_the_middle_of_its_band() {
    let plan = LogMel::new(&SpectrogramConfig::default(), 22_050, 66_150).unwrap();
    let scale = MelScale::Slaney;
    let (low, high) = (scale.mel(50.0), scale.mel(11_025.0));
    for band in [0, 1, 100, 447] {
        let centre_hz = scale.hz(low + (high - low) * f64::from(band + 1) / 449.0);
        let expected = (f64::from(band) + 0.5) / 448.0;
        assert!((plan.axis().y_of_hz(centre_hz) - expected).abs() < 1e-12);
        // Half a mel step up is the boundary of two rows.
        let edge_hz = scale.hz(low + (high - low) * (f64::from(band) + 1.5) / 449.0);
        assert!((plan.axis().y_of_hz(edge_hz) - (f64::from(band) + 1.0) / 448.0).abs() < 1e-12);
    }
    assert_eq!(plan.axis().y_of_hz(-5.0), 0.0);
    assert_eq!(plan.axis().y_of_hz(0.0), 0.0);
    assert_eq!(plan.axis().y_of_hz(24_000.0), 1.0);
    // A tone's brightest row is the one its position names.
    let tone: Vec<f32> = (0..66_150)
        .map(|n| (std::f64::consts::TAU * 3000.0 * f64::from(n) / 22_050.0).sin() as f32)
        .collect();
    let mut out = vec![0; plan.bytes()];
    plan.render(&tone, &mut plan.scratch(), &mut out);
    let brightest = (0..448).max_by_key(|row| out[row * 448 + 200]).unwrap();
    let row = plan.axis().y_of_hz(3000.0) * 448.0;
    assert!(
        (row - (brightest as f64 + 0.5)).abs() <= 2.0,
        "row {brightest}, expected {row}"
    );
}

#[test]
fn settings_that_cannot_work_are_named() {
    let error = |change: &dyn Fn(&mut SpectrogramConfig)| {
        let mut config = SpectrogramConfig::default();
        change(&mut config);
        LogMel::new(&config, 22_050, 66_150).unwrap_err().to_string()
    };
    type Change<'a> = &'a dyn Fn(&mut SpectrogramConfig);
    let cases: [(Change<'_>, &str); 12] = [
        (&|c| c.n_fft = 2047, "n_fft is 2047; it must be even"),
        (&|c| c.n_fft = 8, "n_fft is 8; 16 to 1048576 is possible"),
        (&|c| c.win_length = 4096, "win_length is 4096; 2 to 2048 is possible"),
        (&|c| c.hop_length = 0, "hop_length is 0"),
        (&|c| c.n_mels = 0, "n_mels is 0"),
        (
            &|c| c.fmax_hz = 12_000.0,
            "fmax_hz is 12000; 0 <= fmin_hz < fmax_hz <= 11025 is needed",
        ),
        (&|c| c.fmin_hz = f64::NAN, "fmin_hz is NaN"),
        (
            &|c| c.frames = Frames::First(452),
            "frames is 452, but a clip of 66150 samples has 451",
        ),
        (
            &|c| c.top_db = TopDb::Below(0.0),
            "top_db is 0; a positive number of dB is needed",
        ),
        (
            &|c| c.top_db = TopDb::Unlimited(NoneKeyword::None),
            "dtype u8 needs a number for top_db",
        ),
        (&|c| c.reference = Reference::FixedDb(f64::INFINITY), "reference is inf"),
        (
            &|c| c.mel_scale = MelScale::Htk,
            "holds no bin of the transform: raise n_fft (now 2048) or lower n_mels (now 448)",
        ),
    ];
    for (change, expected) in cases {
        let message = error(change);
        assert!(message.contains(expected), "{message:?} should contain {expected:?}");
    }
}

#[test]
fn settings_read_back_as_written() {
    let text = r#"{"n_fft":1024,"frames":"all","mel_scale":"htk","mel_norm":"none","reference":-20.0,"top_db":"none","dtype":"f16"}"#;
    let config: SpectrogramConfig = serde_json::from_str(text).unwrap();
    assert_eq!(config.frames, Frames::All(AllKeyword::All));
    assert_eq!(config.reference, Reference::FixedDb(-20.0));
    assert_eq!((config.win_length, config.dtype), (1024, Dtype::F16));
    for config in [config, SpectrogramConfig::default()] {
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<SpectrogramConfig>(&text).unwrap(), config);
    }
    let error = serde_json::from_str::<SpectrogramConfig>(r#"{"frames":"some"}"#)
        .unwrap_err()
        .to_string();
    assert!(error.contains("expected a number of frames, or \"all\""), "{error}");
    assert!(serde_json::from_str::<SpectrogramConfig>(r#"{"n_ftt":3}"#).is_err());
}

#[test]
fn rms_is_relative_to_full_scale() {
    assert_eq!(rms_dbfs(&[0.0; 100]), None);
    assert_eq!(rms_dbfs(&[]), None);
    assert_eq!(rms_dbfs(&[1.0, -1.0, 1.0]), Some(0.0));
    assert!((rms_dbfs(&[0.1; 1000]).unwrap() + 20.0).abs() < 1e-5);
}

#[test]
fn levels_are_summed_in_the_order_of_the_samples() {
    for samples in [1, 63, 64, 511, 512, 513, 66_150] {
        let waveform: Vec<f32> = (0..samples)
            .map(|i| (i as f32 * 0.7).sin() / (1.0 + (i % 997) as f32))
            .collect();
        let mut sum = 0.0f64;
        for block in waveform.chunks(64) {
            sum += f64::from(block.iter().fold(0.0f32, |sum, sample| sum + sample * sample));
        }
        let expected = (sum > 0.0).then(|| (10.0 * (sum / samples as f64).log10()) as f32);
        assert_eq!(rms_dbfs(&waveform), expected, "{samples} samples");
    }
}
