//! Provides power spectra of several frames abreast, for any even transform size.

use std::sync::Arc;

use fourier::{Complex, RealToComplex, real_forward};
use pulp::Simd;

use super::frames::{FrameSource, GROUPS};
use super::octaves::Octaves;

/// Cache line size in `f32` values: vectors must not straddle lines.
const LINE: usize = 16;

/// The transform.
pub(super) struct Spectrum {
    n_fft: usize,
    /// Vectors that the windowed frames take.
    signal_vectors: usize,
    transform: Transform,
}

enum Transform {
    /// A power of two: all frames at once.
    Octaves(Octaves),
    /// Any other size: frame by frame.
    General(Arc<dyn RealToComplex<f32>>),
}

impl std::fmt::Debug for Spectrum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spectrum")
            .field("n_fft", &self.n_fft)
            .finish_non_exhaustive()
    }
}

/// Buffers of the transform.
#[derive(Debug)]
pub(super) struct SpectrumScratch {
    signal: Vec<f32>,
    work: Vec<f32>,
    power: Vec<f32>,
    frame: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    transform: Vec<Complex<f32>>,
}

impl Spectrum {
    pub(super) fn new(n_fft: usize, window_length: usize) -> Self {
        if n_fft.is_power_of_two() {
            let octaves = Octaves::new(n_fft);
            let signal_vectors = octaves.signal_vectors(window_length);
            return Self {
                n_fft,
                signal_vectors,
                transform: Transform::Octaves(octaves),
            };
        }
        let transform = Transform::General(real_forward(n_fft));
        Self {
            n_fft,
            signal_vectors: window_length,
            transform,
        }
    }

    pub(super) fn scratch(&self, lanes: usize) -> SpectrumScratch {
        let vectors = |count: usize| vec![0.0; count * lanes + LINE];
        let (work, frame, spectrum, transform) = match &self.transform {
            Transform::Octaves(octaves) => (vectors(octaves.work_vectors()), Vec::new(), Vec::new(), Vec::new()),
            Transform::General(fft) => (
                Vec::new(),
                fft.make_input_vec(),
                fft.make_output_vec(),
                fft.make_scratch_vec(),
            ),
        };
        let (signal, power) = (vectors(self.signal_vectors), vectors(GROUPS * self.power_vectors()));
        SpectrumScratch {
            signal,
            work,
            power,
            frame,
            spectrum,
            transform,
        }
    }

    /// Vectors from one power spectrum to the next: they lie apart in the cache's sets.
    fn power_vectors(&self) -> usize {
        (self.n_fft / 2 + 1).next_multiple_of(LINE)
    }

    /// The power spectra of the last block: one vector a bin, one frame a lane.
    #[inline(always)]
    pub(super) fn powers<'a, S: Simd>(&self, scratch: &'a mut SpectrumScratch) -> [&'a [S::f32s]; GROUPS] {
        let (power, _) = S::as_simd_f32s(aligned(&mut scratch.power));
        std::array::from_fn(|group| &power[group * self.power_vectors()..][..self.n_fft / 2 + 1])
    }

    /// Makes the power spectra of vector `group` of a block, whose frames lie in `samples`.
    #[inline(always)]
    pub(super) fn transform<S: Simd>(
        &self,
        simd: S,
        frames: &FrameSource,
        group: usize,
        samples: &[S::f32s],
        scratch: &mut SpectrumScratch,
    ) {
        let SpectrumScratch {
            signal,
            work,
            power,
            frame,
            spectrum,
            transform,
        } = scratch;
        let signal = &mut aligned(signal)[..self.signal_vectors * S::F32_LANES];
        frames.windowed(simd, group, samples, S::as_mut_simd_f32s(signal).0);
        let power = &mut aligned(power)[group * self.power_vectors() * S::F32_LANES..];
        match &self.transform {
            Transform::Octaves(octaves) => {
                signal[frames.window_length() * S::F32_LANES..].fill(0.0);
                let (signal, _) = S::as_mut_simd_f32s(signal);
                let (work, _) = S::as_mut_simd_f32s(aligned(work));
                let (power, _) = S::as_mut_simd_f32s(power);
                octaves.power(simd, signal, work, &mut power[..self.n_fft / 2 + 1]);
            }
            Transform::General(fft) => {
                let lanes = S::F32_LANES;
                for lane in 0..lanes {
                    frame.fill(0.0);
                    for (sample, &value) in frame.iter_mut().zip(signal.iter().skip(lane).step_by(lanes)) {
                        *sample = value;
                    }
                    // Fails only for buffers of another size; these were made by the same plan.
                    if fft.process_with_scratch(frame, spectrum, transform).is_err() {
                        spectrum.fill(Complex::default());
                    }
                    for (bin, out) in spectrum.iter().zip(power.iter_mut().skip(lane).step_by(lanes)) {
                        *out = bin.norm_sqr();
                    }
                }
            }
        }
    }
}

/// The part of a buffer that begins at a cache line.
#[inline(always)]
pub(super) fn aligned(buffer: &mut [f32]) -> &mut [f32] {
    let offset = buffer
        .as_ptr()
        .align_offset(LINE * size_of::<f32>())
        .min(LINE)
        .min(buffer.len());
    &mut buffer[offset..]
}
