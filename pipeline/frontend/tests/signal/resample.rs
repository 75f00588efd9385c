//! The resampler against its reference and its quality limits, at every rate of the fixture.

use std::f64::consts::PI;

use frontend::audio::{Resampler, resampled_frames};
use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

use crate::fixtures::{Tensors, rms};

const TO_HZ: u32 = 22_050;
/// Dropped at both ends before measuring: 0.1 s.
const EDGE: usize = 2205;

/// Resamples in pieces of 1,000 samples.
pub(crate) fn resample(input: &[f32], from_hz: u32) -> Vec<f32> {
    let mut resampler = Resampler::new(from_hz, TO_HZ).unwrap();
    let mut out = Vec::new();
    for piece in input.chunks(1000) {
        resampler.push(piece, &mut out).unwrap();
    }
    resampler.finish(&mut out).unwrap();
    out
}

fn rates(inputs: &Tensors) -> Vec<u32> {
    let mut rates: Vec<u32> = inputs
        .names()
        .iter()
        .map(|name| {
            name.strip_prefix("noise_")
                .and_then(|name| name.strip_suffix("_i16"))
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    rates.sort_unstable();
    assert!(!rates.is_empty());
    rates
}

fn tone(rate_hz: u32, hz: f64) -> Vec<f32> {
    (0..rate_hz)
        .map(|i| (0.5 * (2.0 * PI * hz * f64::from(i) / f64::from(rate_hz)).sin()) as f32)
        .collect()
}

/// Least-squares fit of A sin + B cos + C at `hz` to the middle of the output.
struct Fit {
    amplitude: f64,
    /// Delay in output samples.
    delay: f64,
    snr_db: f64,
}

fn fit(output: &[f32], hz: f64) -> Fit {
    let middle = EDGE..output.len() - EDGE;
    let basis = |n: usize| {
        let phase = 2.0 * PI * hz * n as f64 / f64::from(TO_HZ);
        [phase.sin(), phase.cos(), 1.0]
    };
    // Normal equations, solved by Cramer's rule.
    let (mut matrix, mut right) = ([[0.0; 3]; 3], [0.0; 3]);
    for n in middle.clone() {
        let row = basis(n);
        for i in 0..3 {
            right[i] += row[i] * f64::from(output[n]);
            for j in 0..3 {
                matrix[i][j] += row[i] * row[j];
            }
        }
    }
    let determinant = |m: [[f64; 3]; 3]| {
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
            + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    };
    let whole = determinant(matrix);
    let solution: Vec<f64> = (0..3)
        .map(|column| {
            let mut replaced = matrix;
            (0..3).for_each(|row| replaced[row][column] = right[row]);
            determinant(replaced) / whole
        })
        .collect();
    let (a, b, c) = (solution[0], solution[1], solution[2]);
    let residual: f64 = middle
        .clone()
        .map(|n| {
            let [sin, cos, one] = basis(n);
            (f64::from(output[n]) - a * sin - b * cos - c * one).powi(2)
        })
        .sum::<f64>()
        / middle.len() as f64;
    let amplitude = a.hypot(b);
    Fit {
        amplitude,
        delay: -b.atan2(a) * f64::from(TO_HZ) / (2.0 * PI * hz),
        snr_db: 10.0 * (amplitude * amplitude / 2.0 / residual).log10(),
    }
}

/// Highest frequency that must pass: 0.9 of the lower Nyquist frequency.
fn edge_hz(rate_hz: u32) -> f64 {
    0.45 * f64::from(rate_hz.min(TO_HZ))
}

fn high_hz(rate_hz: u32) -> f64 {
    if rate_hz == 16_000 { 7000.0 } else { 9000.0 }
}

#[test]
fn tones_keep_their_level_time_and_purity() {
    for rate_hz in rates(&Tensors::open("resample/inputs.safetensors")) {
        for hz in [1000.0, high_hz(rate_hz), edge_hz(rate_hz)] {
            let output = resample(&tone(rate_hz, hz), rate_hz);
            assert_eq!(
                output.len() as u64,
                resampled_frames(u64::from(rate_hz), rate_hz, TO_HZ)
            );
            let fit = fit(&output, hz);
            let gain_db = 20.0 * (fit.amplitude / 0.5).log10();
            assert!(fit.snr_db >= 110.0, "{rate_hz} Hz, tone {hz}: SNR {:.1} dB", fit.snr_db);
            assert!(gain_db.abs() <= 0.05, "{rate_hz} Hz, tone {hz}: gain {gain_db:.4} dB");
            if hz == 1000.0 {
                assert!(fit.delay.abs() < 0.01, "{rate_hz} Hz: delay {:.5} samples", fit.delay);
            }
            println!(
                "{rate_hz} Hz, tone {hz}: SNR {:.1} dB, gain {gain_db:.5} dB, delay {:.6}",
                fit.snr_db, fit.delay
            );
        }
    }
}

#[test]
fn an_impulse_stays_where_it_was() {
    for rate_hz in rates(&Tensors::open("resample/inputs.safetensors")) {
        let at = rate_hz as usize / 2 + 7;
        let mut input = vec![0.0; rate_hz as usize];
        input[at] = 1.0;
        let output = resample(&input, rate_hz);
        let expected = at as f64 * f64::from(TO_HZ) / f64::from(rate_hz);
        let around = expected.round() as usize - 64..=expected.round() as usize + 64;
        let energy = |n: usize| f64::from(output[n]).powi(2);
        let centroid = around.clone().map(|n| n as f64 * energy(n)).sum::<f64>() / around.map(energy).sum::<f64>();
        let error = centroid - expected;
        println!("{rate_hz} Hz: impulse {error:.5} samples off");
        assert!(error.abs() < 0.1, "{rate_hz} Hz: impulse {error:.3} samples off");
    }
}

#[test]
fn what_does_not_fit_is_removed() {
    for rate_hz in rates(&Tensors::open("resample/inputs.safetensors")) {
        for hz in [12_000.0, 15_000.0] {
            if f64::from(rate_hz) / 2.0 <= hz {
                continue;
            }
            let input = tone(rate_hz, hz);
            let output = resample(&input, rate_hz);
            let alias_db = 20.0 * (rms(&output[EDGE..output.len() - EDGE]) / rms(&input)).log10();
            println!("{rate_hz} Hz: tone {hz} leaves {alias_db:.1} dB");
            assert!(alias_db <= -100.0, "{rate_hz} Hz: tone {hz} leaves {alias_db:.1} dB");
        }
    }
}

#[test]
fn noise_and_tones_match_the_reference() {
    let inputs = Tensors::open("resample/inputs.safetensors");
    let reference = Tensors::open("resample/reference.safetensors");
    for rate_hz in rates(&inputs) {
        let noise: Vec<f32> = inputs
            .get(&format!("noise_{rate_hz}_i16"))
            .values
            .iter()
            .map(|v| v / 32_768.0)
            .collect();
        let expected = reference.get(&format!("noise_{rate_hz}")).values;
        let output = resample(&noise, rate_hz);
        assert_eq!(output.len(), expected.len());
        let in_band_db = in_band_snr_db(&expected, &output, edge_hz(rate_hz));
        assert!(in_band_db >= 70.0, "{rate_hz} Hz: noise {in_band_db:.1} dB");

        let expected = reference.get(&format!("tone_hi_{rate_hz}")).values;
        let output = resample(&tone(rate_hz, high_hz(rate_hz)), rate_hz);
        let middle = EDGE..expected.len() - EDGE;
        let error: Vec<f32> = middle.clone().map(|n| output[n] - expected[n]).collect();
        let snr_db = 20.0 * (rms(&expected[middle]) / rms(&error)).log10();
        println!("{rate_hz} Hz: noise in band {in_band_db:.1} dB, high tone {snr_db:.1} dB against the reference");
        assert!(snr_db >= 65.0, "{rate_hz} Hz: high tone {snr_db:.1} dB");
    }
}

/// Reference power over difference power up to `edge_hz`, of Hann-windowed spectra.
fn in_band_snr_db(expected: &[f32], got: &[f32], edge_hz: f64) -> f64 {
    let middle = EDGE..expected.len() - EDGE;
    let length = middle.len();
    let spectrum = |value: &dyn Fn(usize) -> f64| {
        let window = |i: usize| 0.5 - 0.5 * (2.0 * PI * i as f64 / length as f64).cos();
        let mut buffer: Vec<_> = middle
            .clone()
            .enumerate()
            .map(|(i, n)| Complex::new(window(i) * value(n), 0.0))
            .collect();
        FftPlanner::new().plan_fft_forward(length).process(&mut buffer);
        let bins = (edge_hz * length as f64 / f64::from(TO_HZ)).floor() as usize;
        buffer[..=bins].iter().map(Complex::norm_sqr).sum::<f64>()
    };
    let signal = spectrum(&|n| f64::from(expected[n]));
    let difference = spectrum(&|n| f64::from(got[n]) - f64::from(expected[n]));
    10.0 * (signal / difference).log10()
}
