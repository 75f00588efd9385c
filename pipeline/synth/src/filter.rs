//! Provides the second-order filters that shape noise and measure the power of a band.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Second-order section in transposed direct form II.
///
/// Designs follow R. Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter
/// coefficients".
#[derive(Clone, Copy, Debug)]
pub struct Biquad {
    numerator: [f64; 3],
    denominator: [f64; 2],
    state: [f64; 2],
}

impl Biquad {
    /// Butterworth low-pass with its -3 dB point at `hz`.
    pub fn low_pass(rate_hz: u32, hz: f64) -> Self {
        let (cosine, alpha) = angle(rate_hz, hz, FRAC_1_SQRT_2);
        let edge = (1.0 - cosine) / 2.0;
        Self::normalised([edge, 2.0 * edge, edge], cosine, alpha)
    }

    /// Butterworth high-pass with its -3 dB point at `hz`.
    pub fn high_pass(rate_hz: u32, hz: f64) -> Self {
        let (cosine, alpha) = angle(rate_hz, hz, FRAC_1_SQRT_2);
        let edge = f64::midpoint(1.0, cosine);
        Self::normalised([edge, -2.0 * edge, edge], cosine, alpha)
    }

    /// Band-pass of unit gain at `hz`, `quality` = centre over -3 dB bandwidth.
    pub fn band_pass(rate_hz: u32, hz: f64, quality: f64) -> Self {
        let (cosine, alpha) = angle(rate_hz, hz, quality);
        Self::normalised([alpha, 0.0, -alpha], cosine, alpha)
    }

    /// Peaking equaliser: `gain_db` at `hz`, unit gain far from it.
    pub fn peaking(rate_hz: u32, hz: f64, quality: f64, gain_db: f64) -> Self {
        let (cosine, alpha) = angle(rate_hz, hz, quality);
        let gain = 10.0_f64.powf(gain_db / 40.0);
        let numerator = [1.0 + alpha * gain, -2.0 * cosine, 1.0 - alpha * gain];
        Self::normalised(numerator, cosine, alpha / gain)
    }

    fn normalised(numerator: [f64; 3], cosine: f64, alpha: f64) -> Self {
        let scale = 1.0 + alpha;
        Self {
            numerator: numerator.map(|value| value / scale),
            denominator: [-2.0 * cosine / scale, (1.0 - alpha) / scale],
            state: [0.0; 2],
        }
    }

    /// Forgets all input, so that a long silence does not leave it with denormal numbers.
    pub fn clear(&mut self) {
        self.state = [0.0; 2];
    }

    /// The next output sample.
    #[inline]
    pub fn step(&mut self, input: f64) -> f64 {
        let output = self.numerator[0] * input + self.state[0];
        self.state[0] = self.numerator[1] * input - self.denominator[0] * output + self.state[1];
        self.state[1] = self.numerator[2] * input - self.denominator[1] * output;
        output
    }
}

/// Cosine of the design angle and the cookbook's alpha; `hz` is kept inside (0, 0.49 rate).
fn angle(rate_hz: u32, hz: f64, quality: f64) -> (f64, f64) {
    let rate = f64::from(rate_hz);
    let omega = 2.0 * PI * hz.clamp(1.0, 0.49 * rate) / rate;
    (omega.cos(), omega.sin() / (2.0 * quality))
}

/// Mean square of `samples` between `low_hz` and `high_hz` (12 dB per octave outside).
pub fn band_power(samples: &[f32], rate_hz: u32, low_hz: f64, high_hz: f64) -> f64 {
    let mut high_pass = Biquad::high_pass(rate_hz, low_hz);
    let mut low_pass = Biquad::low_pass(rate_hz, high_hz);
    let sum: f64 = samples
        .iter()
        .map(|&sample| low_pass.step(high_pass.step(f64::from(sample))).powi(2))
        .sum();
    sum / samples.len().max(1) as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Biquad, band_power};
    use crate::oscillator::sin_turns;

    fn tone(hz: f64, rate_hz: u32) -> Vec<f32> {
        (0..rate_hz)
            .map(|frame| sin_turns(hz * f64::from(frame) / f64::from(rate_hz)) as f32)
            .collect()
    }

    fn power_after(mut filter: Biquad, hz: f64) -> f64 {
        // The first half lets the transient die.
        let output: Vec<f64> = tone(hz, 24_000)
            .iter()
            .map(|&sample| filter.step(f64::from(sample)))
            .collect();
        output[12_000..].iter().map(|sample| sample * sample).sum::<f64>() / 12_000.0
    }

    #[test]
    fn corner_and_centre_gains_match_the_design() {
        // A unit sine has power 1/2; Butterworth halves it at the corner. 12,000 samples hold whole
        // periods of 1 kHz, so only the sine's 6e-8 and rounding remain: 1e-6 is ample.
        for filter in [Biquad::low_pass(24_000, 1000.0), Biquad::high_pass(24_000, 1000.0)] {
            assert!((power_after(filter, 1000.0) - 0.25).abs() < 1e-6);
        }
        let centre = power_after(Biquad::band_pass(24_000, 1000.0, 5.0), 1000.0);
        assert!((centre - 0.5).abs() < 1e-6);
        // Three dB are a factor of 1.9953 in power.
        let raised = power_after(Biquad::peaking(24_000, 1000.0, 1.0, 3.0), 1000.0);
        assert!((raised - 0.5 * 10.0_f64.powf(0.3)).abs() < 1e-6);
    }

    #[test]
    fn band_power_sees_only_its_band() {
        let samples = tone(3000.0, 24_000);
        // Inside, at least an octave from both edges: the cascade loses under 1/16 + 1/16 of 1/2,
        // plus the transient. Two octaves above the upper edge: -24 dB.
        assert!(band_power(&samples, 24_000, 1000.0, 7000.0) > 0.43);
        assert!(band_power(&samples, 24_000, 200.0, 750.0) < 0.5 / 200.0);
    }
}
