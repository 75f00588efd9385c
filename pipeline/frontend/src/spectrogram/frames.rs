//! Lays out the frames of a clip for vectors: a frame a lane, several vectors a block.

use pulp::Simd;

use super::MAX_LANES;
use super::config::SpectrogramConfig;

/// Vectors of frames in a block.
pub(super) const GROUPS: usize = 4;

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

/// Consecutive frames. Lane `l` of vector `g` is frame `first + spacing * l + g`, so that the samples of a vector are
/// those of the one before, `hop` later: they are brought together once for all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) first: usize,
    /// Frames of the picture in it.
    pub(super) frames: usize,
    /// Vectors it takes.
    pub(super) spacing: usize,
}

impl Block {
    /// Whether each lane of each vector is a frame of the picture.
    pub(super) fn is_whole(self, lanes: usize) -> bool {
        self.frames == GROUPS * lanes
    }

    /// Calls `put` with each frame of the picture, from 0 in this block, and its value in `vectors`.
    #[inline(always)]
    pub(super) fn each<V: pulp::bytemuck::Pod>(self, vectors: &[V; GROUPS], mut put: impl FnMut(usize, f32)) {
        let values: &[f32] = pulp::bytemuck::cast_slice(vectors);
        for (group, lanes) in values
            .chunks_exact(values.len() / GROUPS)
            .take(self.spacing)
            .enumerate()
        {
            for (lane, &value) in lanes.iter().enumerate() {
                let frame = lane * self.spacing + group;
                if frame < self.frames {
                    put(frame, value);
                }
            }
        }
    }
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

    /// Frames of the picture.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Samples of a frame that are not always zero.
    pub(super) fn window_length(&self) -> usize {
        self.window.len()
    }

    /// The blocks of a picture, for vectors of so many lanes.
    pub(super) fn blocks(&self, lanes: usize) -> impl Iterator<Item = Block> + use<> {
        let width = self.width;
        (0..width).step_by(GROUPS * lanes).map(move |first| {
            let frames = (width - first).min(GROUPS * lanes);
            let spacing = frames.div_ceil(lanes);
            Block { first, frames, spacing }
        })
    }

    /// Vectors that the samples of the largest block take.
    pub(super) fn block_vectors(&self, lanes: usize) -> usize {
        let spacing = self.width.div_ceil(lanes).min(GROUPS);
        (spacing - 1) * self.hop + self.window.len()
    }

    /// Puts sample `n` of the vectors of a block at `samples[n * lanes + lane]`, zero beyond the clip; vector `g`
    /// begins at `n = g * hop`.
    #[inline(always)]
    pub(super) fn interleave<S: Simd>(&self, block: Block, clip: &[f32], edge: &mut [f32], samples: &mut [f32]) {
        let lanes = S::F32_LANES;
        let length = (block.spacing - 1) * self.hop + self.window.len();
        let mut rest = edge;
        let mut rows: [&[f32]; MAX_LANES] = [&[]; MAX_LANES];
        for (lane, row) in rows[..lanes].iter_mut().enumerate() {
            let begin = ((block.first + lane * block.spacing) * self.hop) as isize - self.lead as isize;
            let inside = usize::try_from(begin)
                .ok()
                .and_then(|begin| clip.get(begin..begin + length));
            *row = match inside {
                Some(row) => row,
                None => {
                    let (edge, others) = std::mem::take(&mut rest).split_at_mut(length);
                    rest = others;
                    edge.fill(0.0);
                    let skip = begin.min(0).unsigned_abs().min(length);
                    let from = (begin.max(0) as usize).min(clip.len());
                    let count = (length - skip).min(clip.len() - from);
                    edge[skip..skip + count].copy_from_slice(&clip[from..from + count]);
                    edge
                }
            };
        }
        match lanes {
            16 => transpose::<16>(&rows, length, samples),
            8 => transpose::<8>(&rows, length, samples),
            4 => transpose::<4>(&rows, length, samples),
            _ => transpose_slowly(&rows[..lanes], length, samples),
        }
    }

    /// Fills `signal` with the windowed samples of vector `group` of a block.
    #[inline(always)]
    pub(super) fn windowed<S: Simd>(&self, simd: S, group: usize, samples: &[S::f32s], signal: &mut [S::f32s]) {
        let samples = &samples[group * self.hop..];
        for ((out, &sample), &window) in signal.iter_mut().zip(samples).zip(&self.window) {
            *out = simd.mul_f32s(sample, simd.splat_f32s(window));
        }
    }
}

#[inline(always)]
fn transpose<const L: usize>(rows: &[&[f32]; MAX_LANES], length: usize, samples: &mut [f32]) {
    const TILE: usize = 8;
    let rows: [&[f32]; L] = std::array::from_fn(|lane| &rows[lane][..length]);
    let (samples, _) = samples.as_chunks_mut::<L>();
    let tiles = length / TILE;
    for (at, out) in samples.chunks_exact_mut(TILE).take(tiles).enumerate() {
        let mut tile = [[0.0f32; TILE]; L];
        for (tile, row) in tile.iter_mut().zip(rows) {
            let (samples, _) = row.as_chunks::<TILE>();
            *tile = samples[at];
        }
        for n in 0..TILE {
            for lane in 0..L {
                out[n][lane] = tile[lane][n];
            }
        }
    }
    for n in tiles * TILE..length {
        for lane in 0..L {
            samples[n][lane] = rows[lane][n];
        }
    }
}

fn transpose_slowly(rows: &[&[f32]], length: usize, samples: &mut [f32]) {
    for (n, out) in samples.chunks_exact_mut(rows.len()).take(length).enumerate() {
        for (out, row) in out.iter_mut().zip(rows) {
            *out = row[n];
        }
    }
}
