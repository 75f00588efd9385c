//! Provides spectrogram pictures of clips with a linear frequency axis, as the L48 data set has them: 750 x 236, row 0
//! highest.

use std::sync::Arc;

use fourier::{Complex, RealToComplex, real_forward};

use super::plan::RATE_HZ;
use crate::presence::CLIP_S;
use pipeline::labels::ImageAxes;

/// Columns of a picture.
pub(super) const WIDTH: usize = 750;

/// Rows of a picture.
pub(super) const HEIGHT: usize = 236;

/// Transform size whose bins are as far apart as rows are high: half of it is the number of rows.
const N_FFT: usize = 2 * HEIGHT;

/// What lies so far below a clip's maximum is black.
const TOP_DB: f64 = 80.0;

/// Samples of a clip.
pub(super) const CLIP_SAMPLES: usize = CLIP_S as usize * RATE_HZ as usize;

/// Where times and frequencies lie in a picture.
pub(super) struct SonogramAxes;

impl ImageAxes for SonogramAxes {
    fn x_of_s(&self, time_s: f64) -> f64 {
        time_s / CLIP_S
    }

    fn y_of_hz(&self, hz: f64) -> f64 {
        1.0 - hz / self.range_hz().1
    }

    fn range_hz(&self) -> (f64, f64) {
        (0.0, f64::from(RATE_HZ) / 2.0)
    }
}

/// Draws sonograms; immutable, to be shared between threads.
pub(super) struct Sonograph {
    fft: Arc<dyn RealToComplex<f32>>,
    /// Periodic Hann window.
    window: Vec<f32>,
}

impl Sonograph {
    pub(super) fn new() -> Self {
        let hann = |n: usize| 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / N_FFT as f64).cos();
        Self {
            fft: real_forward(N_FFT),
            window: (0..N_FFT).map(|n| hann(n) as f32).collect(),
        }
    }

    /// The picture of a clip of [`CLIP_SAMPLES`], row by row: 255 is its maximum, 0 is 80 dB below; black if it is
    /// silent.
    ///
    /// Column `c` is centred on its own stretch of time, row `r` holds the mean power of the bins at its two edges.
    pub(super) fn draw(&self, clip: &[f32]) -> Vec<u8> {
        let mut power = vec![0.0_f32; WIDTH * HEIGHT];
        let mut frame = self.fft.make_input_vec();
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        for column in 0..WIDTH {
            let centre = (2 * column + 1) * CLIP_SAMPLES / (2 * WIDTH);
            for (n, (sample, weight)) in frame.iter_mut().zip(&self.window).enumerate() {
                let at = (centre + n).checked_sub(N_FFT / 2);
                *sample = weight * at.and_then(|at| clip.get(at)).unwrap_or(&0.0);
            }
            // Fails only for buffers of another size; these were made by the same plan.
            if self
                .fft
                .process_with_scratch(&mut frame, &mut spectrum, &mut scratch)
                .is_err()
            {
                spectrum.fill(Complex::default());
            }
            for (row, edges) in spectrum.windows(2).rev().enumerate() {
                power[row * WIDTH + column] = edges.iter().map(Complex::norm_sqr).sum::<f32>() / 2.0;
            }
        }
        let peak = f64::from(power.iter().copied().fold(0.0, f32::max));
        let level = |power: f32| {
            let below_db = 10.0 * (f64::from(power) / peak).log10();
            (255.0 * (1.0 + below_db / TOP_DB)).round() as u8
        };
        if peak > 0.0 {
            power.into_iter().map(level).collect()
        } else {
            vec![0; WIDTH * HEIGHT]
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{CLIP_SAMPLES, HEIGHT, SonogramAxes, Sonograph, WIDTH};
    use crate::oscillator::sin_turns;
    use pipeline::labels::ImageAxes;

    #[test]
    fn a_tone_lies_where_the_axes_say() {
        let (hz, from_s, until_s) = (3000.0, 1.0, 2.0);
        let samples: Vec<f32> = (0..CLIP_SAMPLES)
            .map(|n| n as f64 / 22_050.0)
            .map(|time_s| {
                if (from_s..until_s).contains(&time_s) {
                    sin_turns(hz * time_s) as f32
                } else {
                    0.0
                }
            })
            .collect();
        let picture = Sonograph::new().draw(&samples);
        assert_eq!(picture.len(), WIDTH * HEIGHT);
        let row = (SonogramAxes.y_of_hz(hz) * HEIGHT as f64) as usize;
        let column = |time_s: f64| (SonogramAxes.x_of_s(time_s) * WIDTH as f64) as usize;
        // 255 is the loudest point, and a steady tone is that loud in its row but for a thousandth.
        let loud = &picture[row * WIDTH..][column(1.05)..column(1.95)];
        assert!(loud.iter().all(|&level| level >= 254), "{loud:?}");
        // Half a window, 11 ms, before and after the tone, all is silent.
        assert!(
            picture
                .chunks(WIDTH)
                .all(|row| row[column(0.98)] == 0 && row[column(2.02)] == 0)
        );
        assert!(picture[(HEIGHT - row) * WIDTH + column(1.5)] < 128, "the mirrored row");
        assert!(
            Sonograph::new()
                .draw(&vec![0.0; CLIP_SAMPLES])
                .iter()
                .all(|&level| level == 0)
        );
    }
}
