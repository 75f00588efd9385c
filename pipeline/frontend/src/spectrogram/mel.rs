//! Provides mel scales and the sparse bank of triangular filters on them.
//!
//! Reference: librosa 0.11 `filters.mel`, `hz_to_mel`; Slaney, Auditory Toolbox (1998); Young et al.,
//! The HTK Book, section 5.4.

use pulp::Simd;

use super::config::{ConfigError, MelNorm, MelScale, SpectrogramConfig};
use super::frames::GROUPS;

/// Slaney's scale: 200/3 Hz a mel up to 1 kHz (15 mel), then 27 steps for a factor of 6.4.
const SLANEY_HZ_A_MEL: f64 = 200.0 / 3.0;
const SLANEY_BREAK_HZ: f64 = 1000.0;
const SLANEY_BREAK_MEL: f64 = SLANEY_BREAK_HZ / SLANEY_HZ_A_MEL;

fn slaney_log_step() -> f64 {
    6.4f64.ln() / 27.0
}

impl MelScale {
    /// Converts Hz to mel.
    pub fn mel(self, hz: f64) -> f64 {
        match self {
            Self::Slaney if hz < SLANEY_BREAK_HZ => hz / SLANEY_HZ_A_MEL,
            Self::Slaney => SLANEY_BREAK_MEL + (hz / SLANEY_BREAK_HZ).ln() / slaney_log_step(),
            Self::Htk => 2595.0 * (hz / 700.0).ln_1p() / std::f64::consts::LN_10,
        }
    }

    /// Converts mel to Hz.
    pub fn hz(self, mel: f64) -> f64 {
        match self {
            Self::Slaney if mel < SLANEY_BREAK_MEL => mel * SLANEY_HZ_A_MEL,
            Self::Slaney => SLANEY_BREAK_HZ * ((mel - SLANEY_BREAK_MEL) * slaney_log_step()).exp(),
            Self::Htk => 700.0 * (10f64.powf(mel / 2595.0) - 1.0),
        }
    }
}

/// One band: consecutive weights from a bin on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    /// The first bin with a weight.
    pub(super) first_bin: usize,
    /// Where its weights lie in [`MelBank::weights`].
    weights_start: usize,
    weights_end: usize,
}

/// Triangular filters, lowest band first, without their zeros.
#[derive(Debug)]
pub(super) struct MelBank {
    bands: Vec<Band>,
    weights: Vec<f32>,
}

impl MelBank {
    /// Builds the bank for a validated configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError::EmptyBand`].
    pub(super) fn new(config: &SpectrogramConfig, rate_hz: u32) -> Result<Self, ConfigError> {
        let scale = config.mel_scale;
        let low_mel = scale.mel(config.fmin_hz);
        let step_mel = (scale.mel(config.fmax_hz) - low_mel) / (config.n_mels + 1) as f64;
        let edge_hz = |index: usize| scale.hz(low_mel + step_mel * index as f64);
        let bin_hz = |bin: usize| bin as f64 * f64::from(rate_hz) / config.n_fft as f64;

        let mut bank = Self {
            bands: Vec::new(),
            weights: Vec::new(),
        };
        for band in 0..config.n_mels {
            let (low_hz, centre_hz, high_hz) = (edge_hz(band), edge_hz(band + 1), edge_hz(band + 2));
            let area = match config.mel_norm {
                MelNorm::Slaney => 2.0 / (high_hz - low_hz),
                MelNorm::None => 1.0,
            };
            let weight = |bin: usize| {
                let rising = (bin_hz(bin) - low_hz) / (centre_hz - low_hz);
                let falling = (high_hz - bin_hz(bin)) / (high_hz - centre_hz);
                (rising.min(falling).max(0.0) * area) as f32
            };
            let weights_start = bank.weights.len();
            let bins = (0..=config.n_fft / 2).skip_while(|&bin| weight(bin) <= 0.0);
            let first_bin = bins.clone().next().unwrap_or(0);
            bank.weights.extend(bins.map(weight).take_while(|&weight| weight > 0.0));
            let weights_end = bank.weights.len();
            if weights_start == weights_end {
                let (n_fft, n_mels) = (config.n_fft, config.n_mels);
                return Err(ConfigError::EmptyBand {
                    band,
                    low_hz,
                    high_hz,
                    n_fft,
                    n_mels,
                });
            }
            bank.bands.push(Band {
                first_bin,
                weights_start,
                weights_end,
            });
        }
        Ok(bank)
    }

    /// The bands, each with its weights.
    #[inline(always)]
    pub(super) fn bands(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.bands
            .iter()
            .map(|band| (band.first_bin, &self.weights[band.weights_start..band.weights_end]))
    }
}

/// The power in the band with these `weights` from `first_bin` on, of spectra side by side.
#[inline(always)]
pub(super) fn filter<S: Simd>(
    simd: S,
    (first_bin, weights): (usize, &[f32]),
    mut power: [&[S::f32s]; GROUPS],
) -> [S::f32s; GROUPS] {
    for bins in &mut power {
        *bins = &bins[first_bin..][..weights.len()];
    }
    let mut sums = [simd.splat_f32s(0.0); GROUPS];
    for (n, &weight) in weights.iter().enumerate() {
        let weight = simd.splat_f32s(weight);
        for (sum, bins) in sums.iter_mut().zip(power) {
            *sum = simd.mul_add_e_f32s(weight, bins[n], *sum);
        }
    }
    sums
}
