//! Defines `Blocks`, the block transform of a resampler; it is kept for recordings to come.
//!
//! Rubato's FFT resampler works in blocks and is late by half an output block. A block of an odd
//! number of output samples would leave half a sample that cannot be cut off, so blocks are chosen
//! even. The filter's transition band is inversely proportional to the block at the lower rate; that
//! sets the block's size.

use std::sync::{Mutex, PoisonError};

use fourier::block_resampler;
use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, Resampler as _};

use super::reject::Reject;

/// Samples of a block at the lower of the two rates, at least. At 2,048 the band is flat to 0.45 of
/// the lower rate within 0.001 dB.
const MIN_BLOCK: u64 = 2048;

/// Samples of a block at either rate, at most: 4 MiB of samples, and a few times that of spectra.
/// Rates with no common factor reach it; all usual rates need less than a hundredth.
const MAX_BLOCK: u64 = 1 << 20;

/// Transforms that no recording uses now, the latest last. To plan one takes as long as to resample some seconds of sound,
/// and the recordings of a dataset have few rates.
static IDLE: Mutex<Vec<Blocks>> = Mutex::new(Vec::new());

/// Transforms that are kept at most.
const MAX_IDLE: usize = 16;

/// Samples of a block that is kept, at most: half a megabyte with its spectra. Those of usual rates are smaller.
const MAX_IDLE_BLOCK: usize = 1 << 13;

/// The block transform between two rates, and the block being filled.
pub(super) struct Blocks {
    rates_hz: (u32, u32),
    fft: Fft<f32>,
    input: Vec<f32>,
    filled: usize,
    output: Vec<f32>,
    /// Output samples still to be dropped: the transform's delay.
    late: usize,
}

impl Blocks {
    /// A transform from one rate to another one: an idle one, or else a new one.
    ///
    /// # Errors
    ///
    /// [`Reject::Rate`] if the rates have so small a common factor that a block would exceed 2^20 samples.
    pub(super) fn new(from_hz: u32, to_hz: u32) -> Result<Self, Reject> {
        if let Some(idle) = Self::idle((from_hz, to_hz)) {
            return Ok(idle);
        }
        let refuse = |reason: String| Reject::Rate { from_hz, to_hz, reason };
        let divisor = u64::from(gcd(from_hz, to_hz));
        let (unit_in, unit_out) = (u64::from(from_hz) / divisor, u64::from(to_hz) / divisor);
        let mut units = MIN_BLOCK.div_ceil(unit_in.min(unit_out));
        if units * unit_out % 2 == 1 {
            units += 1;
        }
        let (block_in, block_out) = (units * unit_in, units * unit_out);
        if block_in.max(block_out) > MAX_BLOCK {
            let needed = block_in.max(block_out);
            return Err(refuse(format!(
                "blocks of {needed} samples would be needed, the limit is {MAX_BLOCK}"
            )));
        }
        let fft = block_resampler(from_hz, to_hz, block_in as usize).map_err(|error| refuse(error.to_string()))?;
        if (fft.fft_size_in() as u64, fft.fft_size_out() as u64) != (block_in, block_out) {
            return Err(refuse(format!(
                "the resampler chose blocks of {} samples",
                fft.fft_size_out()
            )));
        }
        Ok(Self {
            rates_hz: (from_hz, to_hz),
            late: fft.output_delay(),
            fft,
            input: vec![0.0; block_in as usize],
            filled: 0,
            output: vec![0.0; block_out as usize],
        })
    }

    /// A transform of these rates that is not in use.
    fn idle(rates_hz: (u32, u32)) -> Option<Self> {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().rposition(|blocks| blocks.rates_hz == rates_hz)?;
        Some(idle.remove(at))
    }

    /// Keeps the transform as new for the next recording of these rates.
    pub(super) fn keep(mut self) {
        if self.input.len().max(self.output.len()) > MAX_IDLE_BLOCK {
            return;
        }
        self.fft.reset();
        (self.filled, self.late) = (0, self.fft.output_delay());
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= MAX_IDLE {
            idle.remove(0);
        }
        idle.push(self);
    }

    /// Takes the next input samples and appends what the blocks that they complete become.
    ///
    /// # Errors
    ///
    /// [`Reject::Resample`].
    pub(super) fn push(&mut self, input: &[f32], out: &mut Vec<f32>) -> Result<(), Reject> {
        let mut rest = input;
        while !rest.is_empty() {
            let free = self.input.len() - self.filled;
            let (now, later) = rest.split_at(free.min(rest.len()));
            rest = later;
            if now.len() == self.input.len() {
                // A whole block needs no gathering.
                self.process(now, out)?;
                continue;
            }
            self.input[self.filled..][..now.len()].copy_from_slice(now);
            self.filled += now.len();
            if self.filled == self.input.len() {
                self.process_filled(out)?;
            }
        }
        Ok(())
    }

    /// Fills the block up with zeros and appends what it becomes.
    ///
    /// # Errors
    ///
    /// [`Reject::Resample`].
    pub(super) fn fill_up(&mut self, out: &mut Vec<f32>) -> Result<(), Reject> {
        self.input[self.filled..].fill(0.0);
        self.process_filled(out)
    }

    /// Transforms the filled block, which is then empty.
    fn process_filled(&mut self, out: &mut Vec<f32>) -> Result<(), Reject> {
        self.filled = 0;
        let input = std::mem::take(&mut self.input);
        let processed = self.process(&input, out);
        self.input = input;
        processed
    }

    /// Transforms a block and appends what lies behind the delay.
    fn process(&mut self, input: &[f32], out: &mut Vec<f32>) -> Result<(), Reject> {
        let failed = |reason: String| Reject::Resample { reason };
        let input = SequentialSlice::new(input, 1, input.len());
        let input = input.map_err(|error| failed(error.to_string()))?;
        let frames = self.output.len();
        let mut output =
            SequentialSlice::new_mut(&mut self.output[..], 1, frames).map_err(|error| failed(error.to_string()))?;
        self.fft
            .process_into_buffer(&input, &mut output, None)
            .map_err(|error| failed(error.to_string()))?;
        let dropped = self.late.min(frames);
        self.late -= dropped;
        out.extend_from_slice(&self.output[dropped..]);
        Ok(())
    }
}

fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Rates that no other test has, so that none of them takes the transform in between.
    const RATES_HZ: (u32, u32) = (44_000, 22_050);

    fn kept() -> usize {
        let idle = IDLE.lock().unwrap();
        idle.iter().filter(|blocks| blocks.rates_hz == RATES_HZ).count()
    }

    fn resample(input: &[f32]) -> Vec<f32> {
        let (mut blocks, mut out) = (Blocks::new(RATES_HZ.0, RATES_HZ.1).unwrap(), Vec::new());
        assert_eq!(kept(), 0);
        input
            .chunks(1000)
            .for_each(|input| blocks.push(input, &mut out).unwrap());
        blocks.fill_up(&mut out).unwrap();
        blocks.keep();
        out
    }

    #[test]
    fn transforms_are_kept_as_new_few_and_small() {
        let input: Vec<f32> = (0..30_011).map(|i| ((i * i) as f32 * 0.001).sin()).collect();
        let new = resample(&input);
        assert_eq!(kept(), 1);
        for _ in 0..3 {
            resample(&input[..20_001]);
            assert_eq!(resample(&input), new);
        }
        // One that is dropped half-way does not come back.
        let mut dropped = Blocks::new(RATES_HZ.0, RATES_HZ.1).unwrap();
        dropped.push(&input, &mut Vec::new()).unwrap();
        drop(dropped);
        assert_eq!(kept(), 0);

        // No more than threads need, and no large ones. In the same test: these drive out the others.
        let all: Vec<_> = (0..MAX_IDLE + 3).map(|_| Blocks::new(11_000, 8_000).unwrap()).collect();
        all.into_iter().for_each(Blocks::keep);
        let large = Blocks::new(44_101, 22_050).unwrap();
        assert!(large.input.len() > MAX_IDLE_BLOCK);
        large.keep();
        let idle = IDLE.lock().unwrap();
        assert!(idle.len() <= MAX_IDLE);
        assert!(idle.iter().all(|blocks| blocks.input.len() <= MAX_IDLE_BLOCK));
    }
}
