//! Puts windowed frames of a clip abreast: sample `n` of frame `t` into lane `t` of vector `n`.

use pulp::Simd;

use super::MAX_LANES;
use super::config::SpectrogramConfig;

/// Where the frames of a clip lie, and their window.
#[derive(Debug)]
pub(super) struct FrameSource {
    /// The periodic Hann window.
    window: Vec<f32>,
    hop: usize,
    /// Samples by which frame 0's window begins before the clip.
    lead: usize,
    width: usize,
}

impl FrameSource {
    pub(super) fn new(config: &SpectrogramConfig, width: usize) -> Self {
        let length = config.win_length;
        let window = (0..length)
            .map(|n| (0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / length as f64).cos()) as f32)
            .collect();
        // The window is centred in the transform by an integer division, and the transform at the
        // frame's sample: librosa's `pad_center` and `center=True`.
        let lead = config.n_fft / 2 - (config.n_fft - length) / 2;
        Self {
            window,
            hop: config.hop_length,
            lead,
            width,
        }
    }

    /// Samples of a frame that are not always zero.
    pub(super) fn window_length(&self) -> usize {
        self.window.len()
    }

    /// Samples of the buffer for frames that reach beyond the clip.
    pub(super) fn edge_samples(&self) -> usize {
        (MAX_LANES - 1) * self.hop + self.window.len()
    }

    /// Fills `signal[n * lanes + lane]`, for `n` below the window's length, with the frames from
    /// `first` on. Frames beyond the picture are zero.
    #[inline(always)]
    pub(super) fn fill<S: Simd>(&self, first: usize, clip: &[f32], edge: &mut [f32], signal: &mut [f32]) {
        let lanes = S::F32_LANES;
        let needed = (lanes - 1) * self.hop + self.window.len();
        let begin = (first * self.hop) as isize - self.lead as isize;
        let inside = usize::try_from(begin)
            .ok()
            .and_then(|begin| clip.get(begin..begin + needed));
        let source = match inside {
            Some(source) => source,
            None => {
                let edge = &mut edge[..needed];
                edge.fill(0.0);
                let skip = begin.min(0).unsigned_abs().min(needed);
                let from = (begin.max(0) as usize).min(clip.len());
                let count = (needed - skip).min(clip.len() - from);
                edge[skip..skip + count].copy_from_slice(&clip[from..from + count]);
                &*edge
            }
        };
        match lanes {
            16 => self.transpose::<16>(source, signal),
            8 => self.transpose::<8>(source, signal),
            4 => self.transpose::<4>(source, signal),
            _ => self.transpose_slowly(lanes, source, signal),
        }
        for lane in self.width.saturating_sub(first)..lanes {
            signal
                .iter_mut()
                .skip(lane)
                .step_by(lanes)
                .for_each(|sample| *sample = 0.0);
        }
    }

    #[inline(always)]
    fn transpose<const L: usize>(&self, source: &[f32], signal: &mut [f32]) {
        const BLOCK: usize = 8;
        let rows: [&[f32]; L] = std::array::from_fn(|lane| &source[lane * self.hop..][..self.window.len()]);
        let (windows, _) = self.window.as_chunks::<BLOCK>();
        let (signal, _) = signal.as_chunks_mut::<L>();
        for (at, (window, out)) in windows.iter().zip(signal.chunks_exact_mut(BLOCK)).enumerate() {
            let mut tile = [[0.0f32; BLOCK]; L];
            for (tile, row) in tile.iter_mut().zip(rows) {
                let (samples, _) = row.as_chunks::<BLOCK>();
                for n in 0..BLOCK {
                    tile[n] = samples[at][n] * window[n];
                }
            }
            for n in 0..BLOCK {
                for lane in 0..L {
                    out[n][lane] = tile[lane][n];
                }
            }
        }
        let done = windows.len() * BLOCK;
        for n in done..self.window.len() {
            for lane in 0..L {
                signal[n][lane] = rows[lane][n] * self.window[n];
            }
        }
    }

    fn transpose_slowly(&self, lanes: usize, source: &[f32], signal: &mut [f32]) {
        for (n, (&window, out)) in self.window.iter().zip(signal.chunks_exact_mut(lanes)).enumerate() {
            for (lane, out) in out.iter_mut().enumerate() {
                *out = source[lane * self.hop + n] * window;
            }
        }
    }
}
