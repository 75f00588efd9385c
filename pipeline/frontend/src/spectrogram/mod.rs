//! Makes log-mel pictures of clips, several frames abreast.
//!
//! The picture is that of librosa's `melspectrogram` with centred frames and zero padding, in dB
//! relative to the clip's maximum or to a fixed level. It differs in one point: a clip without any
//! power above 1e-10 is stored as the floor everywhere and flagged, where librosa's formula makes it
//! all maximum.

mod axis;
mod config;
mod decibel;
mod frames;
mod mel;
mod octaves;
mod spectrum;

use pulp::{Arch, Simd, WithSimd};

pub use self::axis::FrequencyAxis;
pub use self::config::{
    AllKeyword, ClipKeyword, ConfigError, Dtype, Frames, MelNorm, MelScale, NoneKeyword, Reference, SpectrogramConfig,
    TopDb,
};
use self::decibel::Levels;
use self::frames::{FrameSource, GROUPS};
use self::mel::{MelBank, filter};
use self::spectrum::{Spectrum, SpectrumScratch, aligned};

/// Power below which nothing is told apart: librosa's `amin`, -100 dB.
const MIN_POWER: f32 = 1e-10;

/// The widest vectors of any instruction set, in `f32` lanes.
const MAX_LANES: usize = 16;

/// Makes pictures of clips of one length, at one rate. It is immutable: share one between threads,
/// each with its own [`Scratch`].
#[derive(Debug)]
pub struct LogMel {
    arch: Arch,
    frames: FrameSource,
    spectrum: Spectrum,
    bank: MelBank,
    axis: FrequencyAxis,
    levels: Levels,
    height: usize,
    width: usize,
    clip_samples: usize,
}

/// Buffers of one thread.
#[derive(Debug)]
pub struct Scratch {
    spectrum: SpectrumScratch,
    /// Samples of the lanes at the clip's ends, with zeros around them.
    edge: Vec<f32>,
    /// Samples of a block of frames.
    samples: Vec<f32>,
    /// Mel power: for each band the vectors of all blocks.
    mel: Vec<f32>,
}

/// What is known of a picture besides its pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImageLevel {
    /// The level that 0 dB stands for: `10 log10` of the clip's maximal mel power, at least -100, or
    /// the fixed reference.
    pub ref_db: f32,
    /// No mel power exceeds 1e-10: every value is the floor.
    pub silent: bool,
}

impl LogMel {
    /// Plans pictures of clips of `clip_samples` samples at `rate_hz`.
    ///
    /// # Errors
    ///
    /// The setting that cannot work, and what to change.
    pub fn new(config: &SpectrogramConfig, rate_hz: u32, clip_samples: usize) -> Result<Self, ConfigError> {
        let width = config.validate(rate_hz, clip_samples)?;
        Ok(Self {
            arch: Arch::new(),
            frames: FrameSource::new(config, width),
            spectrum: Spectrum::new(config.n_fft, config.win_length),
            bank: MelBank::new(config, rate_hz)?,
            axis: FrequencyAxis::mel(config.mel_scale, config.fmin_hz, config.fmax_hz, config.n_mels),
            levels: Levels::new(config),
            height: config.n_mels,
            width,
            clip_samples,
        })
    }

    /// Rows: mel bands, the lowest first.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns: frames.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Bytes of a picture.
    pub fn bytes(&self) -> usize {
        self.height * self.width * self.levels.dtype().bytes()
    }

    /// The vertical axis of the picture.
    pub fn axis(&self) -> &FrequencyAxis {
        &self.axis
    }

    /// What 0 dB is (of the clip: its maximum; fixed: a level), and `(offset, step)` of
    /// `dB = offset + step * stored`.
    pub fn value_scale(&self) -> (shardfmt::ValueReference, f64, f64) {
        self.levels.value_scale()
    }

    /// Mean of the values of a picture as it is stored; exact for whole numbers.
    pub fn mean_stored(&self, stored: &[u8]) -> f64 {
        self.levels.mean_stored(stored)
    }

    /// Makes the buffers of one thread.
    pub fn scratch(&self) -> Scratch {
        let lanes = dispatch(self.arch, Lanes);
        let samples = self.frames.block_vectors(lanes) * lanes;
        Scratch {
            spectrum: self.spectrum.scratch(lanes),
            edge: vec![0.0; samples],
            samples: vec![0.0; samples + MAX_LANES],
            mel: vec![0.0; self.height * self.stride(lanes) + MAX_LANES],
        }
    }

    /// Makes the picture of one clip.
    ///
    /// # Panics
    ///
    /// If `waveform` has not `clip_samples` samples, or `out` not [`bytes`](Self::bytes) bytes, or
    /// `scratch` belongs to another configuration.
    pub fn render(&self, waveform: &[f32], scratch: &mut Scratch, out: &mut [u8]) -> ImageLevel {
        assert_eq!(waveform.len(), self.clip_samples, "samples of the clip");
        assert_eq!(out.len(), self.bytes(), "bytes of the picture");
        let render = Render {
            plan: self,
            waveform,
            scratch,
            out,
        };
        dispatch(self.arch, render)
    }

    /// Length of a row of mel power.
    fn stride(&self, lanes: usize) -> usize {
        self.width.next_multiple_of(GROUPS * lanes)
    }
}

/// Tells how many lanes vectors have.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// Runs `op` with the vectors of `arch`.
fn dispatch<Op: WithSimd>(arch: Arch, op: Op) -> Op::Output {
    match arch {
        // Without extensions, four lanes are what every 64-bit processor has.
        Arch::Scalar => op.with_simd(pulp::Scalar128b),
        arch => arch.dispatch(op),
    }
}

struct Render<'a> {
    plan: &'a LogMel,
    waveform: &'a [f32],
    scratch: &'a mut Scratch,
    out: &'a mut [u8],
}

impl WithSimd for Render<'_> {
    type Output = ImageLevel;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> ImageLevel {
        let Self {
            plan,
            waveform,
            scratch,
            out,
        } = self;
        let Scratch {
            spectrum,
            edge,
            samples,
            mel,
        } = scratch;
        let stride = plan.stride(S::F32_LANES);
        assert_eq!(
            mel.len(),
            plan.height * stride + MAX_LANES,
            "the scratch of another configuration"
        );
        let (samples, mel) = (aligned(samples), &mut aligned(mel)[..plan.height * stride]);
        // The maximum of whole blocks, and that of the last one, not all of which need be picture.
        let (mut max, mut max_of_rest) = (simd.splat_f32s(0.0), 0.0f32);
        for block in plan.frames.blocks(S::F32_LANES) {
            plan.frames.interleave::<S>(block, waveform, edge, samples);
            for group in 0..block.spacing {
                plan.spectrum
                    .transform(simd, &plan.frames, group, S::as_simd_f32s(samples).0, spectrum);
            }
            let whole = block.is_whole(S::F32_LANES);
            let power = plan.spectrum.powers::<S>(spectrum);
            for (band, row) in plan.bank.bands().zip(mel.chunks_exact_mut(stride)) {
                let sums = filter(simd, band, power);
                let (row, _) = S::as_mut_simd_f32s(&mut row[block.first..]);
                row[..GROUPS].copy_from_slice(&sums);
                if whole {
                    for sum in sums {
                        max = simd.max_f32s(max, sum);
                    }
                } else {
                    block.each(&sums, |_, power: f32| max_of_rest = max_of_rest.max(power));
                }
            }
        }
        let max = simd.reduce_max_f32s(max).max(max_of_rest);
        plan.levels.store(simd, mel, &plan.frames, max, out)
    }
}

/// Level of a waveform in dB relative to a full-scale square wave; `None` if it is all zeros.
pub fn rms_dbfs(waveform: &[f32]) -> Option<f32> {
    // Sums of 64 in f32, then f64: exact enough. Several sums are taken side by side, each in the order of its samples.
    const BLOCK: usize = 64;
    const ABREAST: usize = 8;
    let (groups, rest) = waveform.as_chunks::<{ ABREAST * BLOCK }>();
    let mut sum = 0.0;
    for group in groups {
        let (blocks, _) = group.as_chunks::<BLOCK>();
        let mut sums = [0.0f32; ABREAST];
        for at in 0..BLOCK {
            for (sum, block) in sums.iter_mut().zip(blocks) {
                *sum += block[at] * block[at];
            }
        }
        sum = sums.iter().fold(sum, |sum, &block| sum + f64::from(block));
    }
    for block in rest.chunks(BLOCK) {
        sum += f64::from(block.iter().map(|&sample| sample * sample).sum::<f32>());
    }
    (sum > 0.0).then(|| (10.0 * (sum / waveform.len() as f64).log10()) as f32)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
