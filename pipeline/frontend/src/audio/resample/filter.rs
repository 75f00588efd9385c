//! Provides the low-pass filter of a change of rate: a windowed sinc.
//!
//! Its values, and the order in which they are computed, are those of Rubato 5: datasets made with that stay the same,
//! byte for byte.

use std::f32::consts::PI;

/// Terms of the Blackman-Harris window (Harris 1978, "On the use of windows for harmonic analysis", table 1, -92 dB).
const BLACKMAN_HARRIS: [f64; 4] = [0.35875, 0.48829, 0.14128, 0.01168];

/// Rubato's fit of how far below the band's edge a sinc under the square of that window has to be cut off, by powers of
/// its length.
const CUTOFF_FIT: [f64; 3] = [13.745202940783823, 121.73532586374934, 5964.163279612051];

/// The filter's `block_in` values, of which the sum is `1 / (2 block_in)`, for blocks of `block_out` samples behind it.
pub(super) fn low_pass(block_in: usize, block_out: usize) -> Vec<f32> {
    let cutoff = if block_in > block_out {
        cutoff(block_out) * block_out as f32 / block_in as f32
    } else {
        cutoff(block_in)
    };
    let centre = (block_in / 2) as f32;
    let mut values: Vec<f32> = (0..block_in)
        .map(|n| {
            let window = window(n, block_in);
            window * window * sinc((n as f32 - centre) * cutoff)
        })
        .collect();
    let sum = values.iter().fold(0.0, |sum: f32, value| sum + value);
    let points = (2 * block_in) as f32;
    values.iter_mut().for_each(|value| *value = *value / sum / points);
    values
}

/// Where a filter of so many values begins to cut off, as a share of the rate's half.
fn cutoff(length: usize) -> f32 {
    let [first, second, third] = CUTOFF_FIT.map(|term| term as f32);
    let length = length as f32;
    1.0 / (first / length + second / (length * length) + third / (length * length * length) + 1.0)
}

/// Value `n` of a periodic Blackman-Harris window.
fn window(n: usize, length: usize) -> f32 {
    let [a, b, c, d] = BLACKMAN_HARRIS;
    let cosine = |turns: f64| (turns * std::f64::consts::PI * n as f64 / length as f64).cos();
    (a - b * cosine(2.0) + c * cosine(4.0) - d * cosine(6.0)) as f32
}

fn sinc(x: f32) -> f32 {
    if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) }
}
