//! Provides plans of the Fourier transforms that come from libraries.
//!
//! Whoever plans one has every kernel of the library compiled, a megabyte of them. That is why this is a crate and not
//! a module: no change of `pipeline` compiles them again. What runs a plan is small.

use std::sync::Arc;

use realfft::RealFftPlanner;
pub use realfft::RealToComplex;
pub use realfft::num_complex::Complex;
use rubato::{Fft, FixedSync, ResamplerConstructionError, WindowFunction};

/// The transform of `samples` real values into `samples / 2 + 1` bins, unscaled.
#[must_use]
pub fn real_forward(samples: usize) -> Arc<dyn RealToComplex<f32>> {
    RealFftPlanner::new().plan_fft_forward(samples)
}

/// Rubato's resampler of one channel in blocks of `block` input samples, by a Blackman-Harris window squared.
///
/// # Errors
/// Rubato's, for rates or blocks it cannot do.
pub fn block_resampler(from_hz: u32, to_hz: u32, block: usize) -> Result<Fft<f32>, ResamplerConstructionError> {
    let window = WindowFunction::BlackmanHarris2;
    Fft::new_custom(from_hz as usize, to_hz as usize, block, 1, 1, window, FixedSync::Both)
}
