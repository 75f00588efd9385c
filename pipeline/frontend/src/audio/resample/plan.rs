//! Defines `BlockPlan`: how a block of samples changes its rate by way of its spectrum.
//!
//! A block, followed by as many zeros, is transformed; its spectrum is filtered, cut or filled up to the other rate, and
//! transformed back. The second half of that is added to the first half of the next block's. Each value is computed by
//! the same operations in the same order as by Rubato 5 and realfft 3, which datasets were made with; but bins that are
//! not used are not computed, several are at once, and recordings share a plan.

use std::sync::Arc;

use fourier::{Complex, Fft, complex_forward, complex_inverse};
use pulp::{Arch, Simd, WithSimd};

use super::bins::Bins;
use super::filter::low_pass;

/// What all blocks of one pair of rates share.
pub(super) struct BlockPlan {
    arch: Arch,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    /// The filter's spectrum, as far as a block's is used.
    filter: Bins,
    /// Rotations of the transforms of real values.
    forward_turns: Bins,
    inverse_turns: Bins,
}

/// Working memory of one recording, and what its last block leaves to the next.
pub(super) struct BlockMemory {
    /// Pairs of samples, which a transform spoils.
    pairs: Vec<Complex<f32>>,
    transformed: Vec<Complex<f32>>,
    parts: Bins,
    spectrum: Bins,
    /// The mirror image of either.
    mirrored: Bins,
    joined: Bins,
    /// What the transform back spoils.
    mixed: Vec<Complex<f32>>,
    output: Vec<Complex<f32>>,
    overlap: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl BlockPlan {
    /// Plans blocks of so many samples before and behind; `block_out` is even.
    pub(super) fn new(block_in: usize, block_out: usize) -> Self {
        let used = if block_in < block_out { block_in + 1 } else { block_out };
        let mut plan = Self {
            arch: Arch::new(),
            forward: complex_forward(block_in),
            inverse: complex_inverse(block_out),
            filter: Bins::all(used, [1.0, 0.0]),
            forward_turns: Bins::rotations(block_in, [0.5, -0.5]),
            inverse_turns: Bins::rotations(block_out, [1.0, 1.0]),
        };
        let mut memory = plan.memory();
        plan.transform(&low_pass(block_in, block_out), &mut memory);
        plan.filter = memory.spectrum.first(used);
        plan
    }

    /// Samples of a block before the change.
    pub(super) fn block_in(&self) -> usize {
        self.forward.len()
    }

    /// Samples of a block behind it.
    pub(super) fn block_out(&self) -> usize {
        self.inverse.len()
    }

    /// Samples by which the output is late: half of the filter.
    pub(super) fn delay(&self) -> usize {
        self.block_out() / 2
    }

    /// Memory for one recording.
    pub(super) fn memory(&self) -> BlockMemory {
        let (block_in, block_out) = (self.block_in(), self.block_out());
        let scratch = self.forward.get_outofplace_scratch_len();
        let scratch = scratch.max(self.inverse.get_outofplace_scratch_len());
        let zeros = |count| vec![Complex::default(); count];
        BlockMemory {
            pairs: zeros(block_in),
            transformed: zeros(block_in),
            parts: Bins::all(block_in, [0.0; 2]),
            spectrum: Bins::all(block_out + 1, [0.0; 2]),
            mirrored: Bins::all(block_in.max(block_out), [0.0; 2]),
            joined: Bins::all(block_out, [0.0; 2]),
            mixed: zeros(block_out),
            output: zeros(block_out),
            overlap: zeros(block_out / 2),
            scratch: zeros(scratch),
        }
    }

    /// Appends the change of one whole block to `out`, without its first `dropped` samples.
    pub(super) fn process(&self, block: &[f32], memory: &mut BlockMemory, dropped: usize, out: &mut Vec<f32>) {
        self.transform(block, memory);
        let BlockMemory {
            spectrum,
            mirrored,
            joined,
            mixed,
            output,
            overlap,
            scratch,
            ..
        } = memory;
        self.arch.dispatch(Join {
            spectrum,
            mirrored,
            turns: &self.inverse_turns,
            joined,
            mixed,
        });
        self.inverse.process_outofplace_with_scratch(mixed, output, scratch);
        let (now, later) = output.split_at(overlap.len());
        let start = out.len();
        out.resize(start + self.block_out(), 0.0);
        let (sums, _) = out[start..].as_chunks_mut::<2>();
        for (sum, (now, before)) in sums.iter_mut().zip(now.iter().zip(&*overlap)) {
            *sum = [now.re + before.re, now.im + before.im];
        }
        overlap.copy_from_slice(later);
        out.drain(start..start + dropped);
    }

    /// Leaves the filtered spectrum of a block in the memory's.
    fn transform(&self, block: &[f32], memory: &mut BlockMemory) {
        let BlockMemory {
            pairs,
            transformed,
            parts,
            spectrum,
            mirrored,
            scratch,
            ..
        } = memory;
        let (whole, odd) = block.as_chunks::<2>();
        let (filled, zeros) = pairs.split_at_mut(whole.len());
        for (pair, &[re, im]) in filled.iter_mut().zip(whole) {
            *pair = Complex { re, im };
        }
        zeros.fill(Complex::default());
        if let (Some(pair), Some(&re)) = (zeros.first_mut(), odd.first()) {
            pair.re = re;
        }
        self.forward
            .process_outofplace_with_scratch(pairs, transformed, scratch);
        self.arch.dispatch(Split {
            transformed,
            parts,
            mirrored,
            plan: self,
            spectrum,
        });
    }
}

/// From the transform of pairs of samples to the filtered spectrum of the samples.
struct Split<'a> {
    transformed: &'a [Complex<f32>],
    parts: &'a mut Bins,
    mirrored: &'a mut Bins,
    plan: &'a BlockPlan,
    spectrum: &'a mut Bins,
}

impl WithSimd for Split<'_> {
    type Output = ();

    // Not a closure: its code would not be inlined to where the vectors are.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let BlockPlan {
            filter, forward_turns, ..
        } = self.plan;
        self.parts.take(self.transformed);
        self.mirrored.mirror(self.parts, self.parts.len());
        let bins = [&*self.parts, &*self.mirrored, forward_turns];
        self.spectrum.split(simd, filter.len(), bins);
        self.spectrum.filter(filter);
    }
}

/// From the spectrum of samples to what transforms back to pairs of them.
struct Join<'a> {
    spectrum: &'a Bins,
    mirrored: &'a mut Bins,
    turns: &'a Bins,
    joined: &'a mut Bins,
    mixed: &'a mut [Complex<f32>],
}

impl WithSimd for Join<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.mirrored.mirror(self.spectrum, self.joined.len());
        self.joined.join(simd, [self.spectrum, &*self.mirrored, self.turns]);
        self.joined.give(self.mixed);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rubato::audioadapter_buffers::direct::SequentialSlice;
    use rubato::{FixedSync, Resampler as _, WindowFunction};

    use super::*;

    /// Rubato's blocks of the same samples.
    fn rubato(input: &[f32], [from_hz, to_hz]: [usize; 2], block_in: usize) -> Vec<f32> {
        let window = WindowFunction::BlackmanHarris2;
        let made = rubato::Fft::<f32>::new_custom(from_hz, to_hz, block_in, 1, 1, window, FixedSync::Both);
        let mut resampler = made.unwrap();
        assert_eq!(resampler.fft_size_in(), block_in);
        let mut output = vec![0.0; resampler.fft_size_out()];
        let mut all = Vec::new();
        for block in input.chunks_exact(block_in) {
            let block = SequentialSlice::new(block, 1, block_in).unwrap();
            let frames = output.len();
            let mut out = SequentialSlice::new_mut(&mut output[..], 1, frames).unwrap();
            resampler.process_into_buffer(&block, &mut out, None).unwrap();
            all.extend_from_slice(&output);
        }
        all
    }

    #[test]
    fn samples_are_those_of_rubato_bit_for_bit() {
        // Down and up, odd and even blocks, below and above half of the bins.
        for [from_hz, to_hz, units] in [
            [48_000, 22_050, 14],
            [44_100, 22_050, 2048],
            [32_000, 22_050, 6],
            [24_000, 22_050, 14],
            [16_000, 22_050, 8],
            [8_000, 22_050, 14],
            [11_025, 22_050, 2049],
            [96_000, 22_050, 14],
            [250_000, 22_050, 6],
            [22_051, 22_050, 1],
            [9, 2, 1],
            [3, 4, 1],
            [1, 2, 1],
        ] {
            let divisor = (1..=from_hz.min(to_hz))
                .rev()
                .find(|d| from_hz % d == 0 && to_hz % d == 0)
                .unwrap();
            let (block_in, block_out) = (units * from_hz / divisor, units * to_hz / divisor);
            let plan = BlockPlan::new(block_in, block_out);
            let mut memory = plan.memory();
            let input: Vec<f32> = (0..5 * block_in)
                .map(|i| ((i * i % 9973) as f32 * 0.37).sin())
                .collect();
            let mut output = Vec::new();
            for block in input.chunks_exact(block_in) {
                plan.process(block, &mut memory, 0, &mut output);
            }
            let expected = rubato(&input, [from_hz, to_hz], block_in);
            assert_eq!(output.len(), expected.len());
            let differ = output
                .iter()
                .zip(&expected)
                .filter(|(a, b)| a.to_bits() != b.to_bits() && **a != **b);
            assert_eq!(differ.count(), 0, "{from_hz} to {to_hz}");
            assert!(output.iter().any(|sample| sample.abs() > 0.01));
        }
    }
}
