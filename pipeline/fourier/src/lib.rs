//! Provides plans of the Fourier transforms that come from libraries.
//!
//! Whoever plans one has every kernel of the library compiled, a megabyte of them. That is why this is a crate and not
//! a module: no change of `pipeline` compiles them again. What runs a plan is small.

use std::sync::Arc;

use realfft::RealFftPlanner;
pub use realfft::RealToComplex;
pub use realfft::num_complex::Complex;
pub use rustfft::Fft;
use rustfft::FftPlanner;

/// The transform of `samples` real values into `samples / 2 + 1` bins, unscaled.
#[must_use]
pub fn real_forward(samples: usize) -> Arc<dyn RealToComplex<f32>> {
    RealFftPlanner::new().plan_fft_forward(samples)
}

/// The transform of `points` complex values, unscaled.
#[must_use]
pub fn complex_forward(points: usize) -> Arc<dyn Fft<f32>> {
    FftPlanner::new().plan_fft_forward(points)
}

/// The transform back, unscaled.
#[must_use]
pub fn complex_inverse(points: usize) -> Arc<dyn Fft<f32>> {
    FftPlanner::new().plan_fft_inverse(points)
}
