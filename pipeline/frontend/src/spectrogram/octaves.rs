//! Computes power spectra of several frames abreast, one frame in each lane of a vector.
//!
//! Nothing is moved between lanes, and the spectrum comes out as `[bin][lane]`, the order that the mel
//! filters read.
//!
//! A real transform of `M` points splits into its odd and its even bins. With `h = M / 2`,
//! `d[n] = x[n] - x[n + h]` and `s[n] = x[n] + x[n + h]`, the even bins are the transform of the `h`
//! values `s`, and the odd ones are
//!
//! ```text
//! X[4 m + 1] = sum over n < M/4 of (d[n] - i d[n + M/4]) w^n v^(m n),  w = e^(-2 pi i / M), v = w^4
//! ```
//!
//! a complex transform of `M / 4` points, whose bins above `M / 2` mirror those at `4 k + 3`: their
//! powers are the same. So the spectrum is one such transform for each octave of bins, without the
//! recombination that a packed real transform needs. (The split is that of the real split-radix
//! transform: Sorensen et al. 1987, "Real-valued fast Fourier transform algorithms".)

use std::f64::consts::TAU;

use pulp::Simd;

/// The transforms of all octaves of one size.
#[derive(Debug)]
pub(super) struct Octaves {
    n_fft: usize,
    octaves: Vec<Octave>,
}

/// The odd multiples of one power of two.
#[derive(Debug)]
struct Octave {
    /// Points of the real transform that is split.
    points: usize,
    /// `w^n`, as real and imaginary part.
    rotations: Vec<[f32; 2]>,
    passes: Vec<Pass>,
    last_radix: usize,
    /// The spectrum's bin for each output of the complex transform.
    bins: Vec<u32>,
}

/// One pass of radix 4, decimation in frequency.
#[derive(Debug)]
struct Pass {
    /// A quarter of the pass's block.
    quarter: usize,
    /// `e^(-2 pi i k j / block)` for j = 1, 2, 3: real, imaginary.
    twiddles: Vec<[f32; 6]>,
}

/// A complex number in each lane.
type Pair<S> = [<S as Simd>::f32s; 2];

impl Octaves {
    /// Plans transforms of `n_fft` points, a power of two of at least 16.
    pub(super) fn new(n_fft: usize) -> Self {
        let mut octaves = Vec::new();
        let mut points = n_fft;
        while points >= 4 {
            octaves.push(Octave::new(points, n_fft));
            points /= 2;
        }
        Self { n_fft, octaves }
    }

    /// Vectors of the signal buffer, if only the first `support` samples of a frame are not zero.
    pub(super) fn signal_vectors(&self, support: usize) -> usize {
        if support <= self.n_fft / 2 {
            self.n_fft / 2
        } else {
            self.n_fft
        }
    }

    /// Vectors of the work buffer.
    pub(super) fn work_vectors(&self) -> usize {
        self.n_fft / 2
    }

    /// Replaces `power`, of `n_fft / 2 + 1` vectors, by the power spectrum of `signal`, of
    /// [`signal_vectors`](Self::signal_vectors); both buffers are overwritten.
    #[inline(always)]
    pub(super) fn power<S: Simd>(&self, simd: S, signal: &mut [S::f32s], work: &mut [S::f32s], power: &mut [S::f32s]) {
        let (work, _) = work.as_chunks_mut::<2>();
        for octave in &self.octaves {
            octave.split(simd, signal, work);
            for pass in &octave.passes {
                pass.run(simd, &mut work[..octave.points / 4]);
            }
            octave.last_pass(simd, &work[..octave.points / 4], power);
        }
        let (dc, nyquist) = (simd.add_f32s(signal[0], signal[1]), simd.sub_f32s(signal[0], signal[1]));
        power[0] = simd.mul_f32s(dc, dc);
        power[self.n_fft / 2] = simd.mul_f32s(nyquist, nyquist);
    }
}

impl Octave {
    fn new(points: usize, n_fft: usize) -> Self {
        let size = points / 4;
        let rotations = (0..size)
            .map(|n| {
                let (sin, cos) = (TAU * n as f64 / points as f64).sin_cos();
                [cos as f32, -sin as f32]
            })
            .collect();
        let (mut passes, mut block) = (Vec::new(), size);
        while block > 8 {
            passes.push(Pass::new(block));
            block /= 4;
        }
        // Each pass leaves the frequency's next two bits to the block's quarter.
        let mut frequencies = vec![0usize];
        let (mut stride, mut split) = (1, size);
        while split > block {
            frequencies = frequencies
                .iter()
                .flat_map(|&f| (0..4).map(move |j| f + j * stride))
                .collect();
            stride *= 4;
            split /= 4;
        }
        let frequencies = frequencies
            .iter()
            .flat_map(|&f| (0..block).map(move |j| f + j * stride));
        let bins = frequencies
            .map(|m| {
                let bin = 4 * m + 1;
                (bin.min(points - bin) * (n_fft / points)) as u32
            })
            .collect();
        Self {
            points,
            rotations,
            passes,
            last_radix: block,
            bins,
        }
    }

    /// Leaves the sums in the first half of `signal` and the rotated differences in `work`.
    #[inline(always)]
    fn split<S: Simd>(&self, simd: S, signal: &mut [S::f32s], work: &mut [Pair<S>]) {
        let (half, quarter) = (self.points / 2, self.points / 4);
        let rotate = |real, imaginary, rotation: &[f32; 2]| {
            // (real - i imaginary) (cos + i sin)
            let (cos, sin) = (simd.splat_f32s(rotation[0]), simd.splat_f32s(rotation[1]));
            [
                simd.mul_add_e_f32s(real, cos, simd.mul_f32s(imaginary, sin)),
                simd.negate_mul_add_e_f32s(imaginary, cos, simd.mul_f32s(real, sin)),
            ]
        };
        let (low, high) = signal.split_at_mut(half);
        let (low_0, low_1) = low.split_at_mut(quarter);
        if high.is_empty() {
            // The frame's second half is zero: sums and differences are its first half.
            for (((out, rotation), &real), &imaginary) in work.iter_mut().zip(&self.rotations).zip(&*low_0).zip(&*low_1)
            {
                *out = rotate(real, imaginary, rotation);
            }
            return;
        }
        let (high_0, high_1) = high[..half].split_at(quarter);
        let parts = low_0.iter_mut().zip(low_1).zip(high_0).zip(high_1);
        for ((out, rotation), (((low_0, low_1), &high_0), &high_1)) in work.iter_mut().zip(&self.rotations).zip(parts) {
            *out = rotate(simd.sub_f32s(*low_0, high_0), simd.sub_f32s(*low_1, high_1), rotation);
            *low_0 = simd.add_f32s(*low_0, high_0);
            *low_1 = simd.add_f32s(*low_1, high_1);
        }
    }

    /// The last butterflies, with the squares of their outputs put into their bins.
    #[inline(always)]
    fn last_pass<S: Simd>(&self, simd: S, work: &[Pair<S>], power: &mut [S::f32s]) {
        match self.last_radix {
            8 => self.squares::<S, 8>(simd, work, power, |x| radix_8(simd, x)),
            4 => self.squares::<S, 4>(simd, work, power, |x| radix_4(simd, x)),
            2 => self.squares::<S, 2>(simd, work, power, |[a, b]| [add(simd, a, b), sub(simd, a, b)]),
            _ => self.squares::<S, 1>(simd, work, power, |x| x),
        }
    }

    #[inline(always)]
    fn squares<S: Simd, const R: usize>(
        &self,
        simd: S,
        work: &[Pair<S>],
        power: &mut [S::f32s],
        butterfly: impl Fn([Pair<S>; R]) -> [Pair<S>; R],
    ) {
        let (blocks, _) = work.as_chunks::<R>();
        let (bins, _) = self.bins.as_chunks::<R>();
        for (&block, bins) in blocks.iter().zip(bins) {
            for ([real, imaginary], &bin) in butterfly(block).into_iter().zip(bins) {
                power[bin as usize] = simd.mul_add_e_f32s(real, real, simd.mul_f32s(imaginary, imaginary));
            }
        }
    }
}

impl Pass {
    fn new(block: usize) -> Self {
        let quarter = block / 4;
        let twiddles = (0..quarter)
            .map(|k| {
                let mut row = [0.0; 6];
                for j in 1..4 {
                    let (sin, cos) = (TAU * (j * k) as f64 / block as f64).sin_cos();
                    (row[2 * j - 2], row[2 * j - 1]) = (cos as f32, -sin as f32);
                }
                row
            })
            .collect();
        Self { quarter, twiddles }
    }

    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, work: &mut [Pair<S>]) {
        for block in work.chunks_exact_mut(4 * self.quarter) {
            let (a, rest) = block.split_at_mut(self.quarter);
            let (b, rest) = rest.split_at_mut(self.quarter);
            let (c, d) = rest.split_at_mut(self.quarter);
            let rows = a.iter_mut().zip(b).zip(c.iter_mut().zip(d));
            for (&[cos_1, sin_1, cos_2, sin_2, cos_3, sin_3], ((a, b), (c, d))) in self.twiddles.iter().zip(rows) {
                let [y0, y1, y2, y3] = radix_4(simd, [*a, *b, *c, *d]);
                *a = y0;
                *b = mul(simd, y1, cos_1, sin_1);
                *c = mul(simd, y2, cos_2, sin_2);
                *d = mul(simd, y3, cos_3, sin_3);
            }
        }
    }
}

#[inline(always)]
fn add<S: Simd>(simd: S, a: Pair<S>, b: Pair<S>) -> Pair<S> {
    [simd.add_f32s(a[0], b[0]), simd.add_f32s(a[1], b[1])]
}

#[inline(always)]
fn sub<S: Simd>(simd: S, a: Pair<S>, b: Pair<S>) -> Pair<S> {
    [simd.sub_f32s(a[0], b[0]), simd.sub_f32s(a[1], b[1])]
}

/// `a - i b` and `a + i b`.
#[inline(always)]
fn turn<S: Simd>(simd: S, a: Pair<S>, b: Pair<S>) -> (Pair<S>, Pair<S>) {
    (
        [simd.add_f32s(a[0], b[1]), simd.sub_f32s(a[1], b[0])],
        [simd.sub_f32s(a[0], b[1]), simd.add_f32s(a[1], b[0])],
    )
}

#[inline(always)]
fn mul<S: Simd>(simd: S, [real, imaginary]: Pair<S>, cos: f32, sin: f32) -> Pair<S> {
    let (cos, sin) = (simd.splat_f32s(cos), simd.splat_f32s(sin));
    [
        simd.negate_mul_add_e_f32s(imaginary, sin, simd.mul_f32s(real, cos)),
        simd.mul_add_e_f32s(imaginary, cos, simd.mul_f32s(real, sin)),
    ]
}

/// Four-point transform, in order.
#[inline(always)]
fn radix_4<S: Simd>(simd: S, [a, b, c, d]: [Pair<S>; 4]) -> [Pair<S>; 4] {
    let (t0, t1) = (add(simd, a, c), sub(simd, a, c));
    let (t2, t3) = (add(simd, b, d), sub(simd, b, d));
    let (y1, y3) = turn(simd, t1, t3);
    [add(simd, t0, t2), y1, sub(simd, t0, t2), y3]
}

/// Eight-point transform, in order.
#[inline(always)]
fn radix_8<S: Simd>(simd: S, x: [Pair<S>; 8]) -> [Pair<S>; 8] {
    let even = radix_4(simd, [x[0], x[2], x[4], x[6]]);
    let odd = radix_4(simd, [x[1], x[3], x[5], x[7]]);
    // odd[1] times e^(-i pi/4) = (1 - i) / sqrt 2, odd[3] times e^(-3 i pi/4) = (-1 - i) / sqrt 2.
    let half_root = simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2);
    let [r1, i1] = odd[1];
    let [r3, i3] = odd[3];
    let o1 = [
        simd.mul_f32s(simd.add_f32s(r1, i1), half_root),
        simd.mul_f32s(simd.sub_f32s(i1, r1), half_root),
    ];
    // Its negative, so that no sign has to be flipped.
    let o3 = [
        simd.mul_f32s(simd.sub_f32s(r3, i3), half_root),
        simd.mul_f32s(simd.add_f32s(i3, r3), half_root),
    ];
    let (y2, y6) = turn(simd, even[2], odd[2]);
    [
        add(simd, even[0], odd[0]),
        add(simd, even[1], o1),
        y2,
        sub(simd, even[3], o3),
        sub(simd, even[0], odd[0]),
        sub(simd, even[1], o1),
        y6,
        add(simd, even[3], o3),
    ]
}
