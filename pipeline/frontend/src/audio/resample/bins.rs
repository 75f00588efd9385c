//! Defines `Bins`, a spectrum of real values, and how it comes from a transform of pairs of these and goes back to one.
//!
//! Real values are transformed as half as many complex ones; what that mixes is told apart in [`Bins::split`] and mixed
//! again in [`Bins::join`] (Press et al., Numerical Recipes, section 12.3). Real and imaginary parts lie apart, so that
//! several bins are one vector.

use std::f64::consts::PI;
use std::ops::Range;

use fourier::Complex;
use pulp::{Scalar, Simd};

/// Complex numbers by their parts.
pub(super) struct Bins {
    re: Vec<f32>,
    im: Vec<f32>,
}

/// Some of them.
#[derive(Clone, Copy)]
struct Part<'a> {
    re: &'a [f32],
    im: &'a [f32],
}

impl Bins {
    /// So many bins, all of one value.
    pub(super) fn all(count: usize, [re, im]: [f32; 2]) -> Self {
        Self {
            re: vec![re; count],
            im: vec![im; count],
        }
    }

    /// `re cos(pi k / points)` and `im sin(pi k / points)` for `k` up to half of `points`, and the same backwards for the
    /// bins above, of which those are the mirror images.
    pub(super) fn rotations(points: usize, [re, im]: [f32; 2]) -> Self {
        let angle = |k: usize| 2.0 * PI / (2 * points) as f64 * k.min(points - k) as f64;
        Self {
            re: (0..=points).map(|k| angle(k).cos() as f32 * re).collect(),
            im: (0..=points).map(|k| angle(k).sin() as f32 * im).collect(),
        }
    }

    /// The first `count` of them.
    pub(super) fn first(mut self, count: usize) -> Self {
        self.re.truncate(count);
        self.im.truncate(count);
        self
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.re.len()
    }

    /// Takes over `numbers`.
    #[inline(always)]
    pub(super) fn take(&mut self, numbers: &[Complex<f32>]) {
        for (number, (re, im)) in numbers.iter().zip(self.re.iter_mut().zip(&mut self.im)) {
            (*re, *im) = (number.re, number.im);
        }
    }

    /// Hands its numbers on.
    #[inline(always)]
    pub(super) fn give(&self, numbers: &mut [Complex<f32>]) {
        for (number, (&re, &im)) in numbers.iter_mut().zip(self.re.iter().zip(&self.im)) {
            *number = Complex { re, im };
        }
    }

    /// Multiplies as many of the first bins as `filter` has.
    #[inline(always)]
    pub(super) fn filter(&mut self, filter: &Bins) {
        let bins = self.re.iter_mut().zip(&mut self.im);
        for ((re, im), (&filter_re, &filter_im)) in bins.zip(filter.re.iter().zip(&filter.im)) {
            (*re, *im) = (*re * filter_re - *im * filter_im, *im * filter_re + *re * filter_im);
        }
    }

    /// Takes over the mirror images `points - k` of the first bins of `bins`, for `k` from 1 on.
    #[inline(always)]
    pub(super) fn mirror(&mut self, bins: &Bins, points: usize) {
        let image = bins.part(&(1..points));
        for (out, &re) in self.re.iter_mut().skip(1).zip(image.re.iter().rev()) {
            *out = re;
        }
        for (out, &im) in self.im.iter_mut().skip(1).zip(image.im.iter().rev()) {
            *out = im;
        }
    }

    /// Fills the first `used` bins with the spectrum of the real values that, in pairs, have the transform `pairs`, and
    /// `mirrored` as its mirror image. `turns` are half of each rotation.
    #[inline(always)]
    pub(super) fn split<S: Simd>(&mut self, simd: S, used: usize, [pairs, mirrored, turns]: [&Bins; 3]) {
        let points = pairs.re.len();
        let mut keep = |at: usize, re: f32, im: f32| {
            if at < used {
                (self.re[at], self.im[at]) = (re, im);
            }
        };
        keep(0, pairs.re[0] + pairs.im[0], 0.0);
        keep(points, pairs.re[0] - pairs.im[0], 0.0);
        if points.is_multiple_of(2) {
            keep(points / 2, pairs.re[points / 2], -pairs.im[points / 2]);
        }
        let below = 1..points.div_ceil(2).min(used);
        self.combine::<S, SplitBelow>(simd, below, [pairs, mirrored, turns]);
        let above = points / 2 + 1..points.min(used);
        self.combine::<S, SplitAbove>(simd, above, [pairs, mirrored, turns]);
    }

    /// Fills itself, an even number, with what transforms back to the real values, in pairs, of which `spectrum`, one
    /// longer, is the spectrum.
    #[inline(always)]
    pub(super) fn join<S: Simd>(&mut self, simd: S, [spectrum, mirrored, turns]: [&Bins; 3]) {
        let points = self.re.len();
        let (middle, last) = (points / 2, points);
        let Bins { re, im } = spectrum;
        (self.re[0], self.im[0]) = (
            (re[0] + re[last]) - (im[0] + im[last]),
            (re[0] - re[last]) - (im[0] - im[last]),
        );
        (self.re[middle], self.im[middle]) = (re[middle] + re[middle], -(im[middle] + im[middle]));
        self.combine::<S, JoinBelow>(simd, 1..middle, [spectrum, mirrored, turns]);
        self.combine::<S, JoinAbove>(simd, middle + 1..points, [spectrum, mirrored, turns]);
    }

    /// Sets the bins of a range to what `C` makes of those of a source, of their mirror images, and of their turns.
    #[inline(always)]
    fn combine<S: Simd, C: Combine>(&mut self, simd: S, range: Range<usize>, [source, mirrored, turns]: [&Bins; 3]) {
        if range.is_empty() {
            return;
        }
        let [source, mirrored, turns] = [source, mirrored, turns].map(|bins| bins.part(&range));
        let (re, im) = (&mut self.re[range.clone()], &mut self.im[range]);
        let ((re, re_rest), (im, im_rest)) = (S::as_mut_simd_f32s(re), S::as_mut_simd_f32s(im));
        combine::<S, C>(
            simd,
            re,
            im,
            [source, mirrored, turns].map(|part| part.vectors::<S>().0),
        );
        combine::<Scalar, C>(
            Scalar,
            re_rest,
            im_rest,
            [source, mirrored, turns].map(|part| part.vectors::<S>().1),
        );
    }

    #[inline(always)]
    fn part(&self, range: &Range<usize>) -> Part<'_> {
        Part {
            re: &self.re[range.clone()],
            im: &self.im[range.clone()],
        }
    }
}

/// Real and imaginary parts, as vectors.
type Vectors<'a, V> = [&'a [V]; 2];

impl<'a> Part<'a> {
    /// As vectors, and what is left over.
    #[inline(always)]
    fn vectors<S: Simd>(&self) -> (Vectors<'a, S::f32s>, Vectors<'a, f32>) {
        let ((re, re_rest), (im, im_rest)) = (S::as_simd_f32s(self.re), S::as_simd_f32s(self.im));
        ([re, im], [re_rest, im_rest])
    }
}

#[inline(always)]
fn combine<S: Simd, C: Combine>(
    simd: S,
    out_re: &mut [S::f32s],
    out_im: &mut [S::f32s],
    [bins, mirrored, turns]: [Vectors<'_, S::f32s>; 3],
) {
    let numbers = (bins[0].iter().zip(bins[1])).zip(mirrored[0].iter().zip(mirrored[1]));
    let numbers = numbers.zip(turns[0].iter().zip(turns[1]));
    for ((out_re, out_im), (((&re, &im), (&image_re, &image_im)), (&turn_re, &turn_im))) in
        out_re.iter_mut().zip(out_im).zip(numbers)
    {
        [*out_re, *out_im] = C::number(simd, [re, im], [image_re, image_im], [turn_re, turn_im]);
    }
}

/// What becomes of bins, their mirror images and their turns.
trait Combine {
    fn number<S: Simd>(simd: S, bin: [S::f32s; 2], mirrored: [S::f32s; 2], turn: [S::f32s; 2]) -> [S::f32s; 2];
}

/// Bins below the middle of a spectrum that is told apart, and above.
struct SplitBelow;
struct SplitAbove;
/// Bins below the middle of a spectrum that is mixed again, and above.
struct JoinBelow;
struct JoinAbove;

impl Combine for SplitBelow {
    #[inline(always)]
    fn number<S: Simd>(simd: S, bin: [S::f32s; 2], mirrored: [S::f32s; 2], turn: [S::f32s; 2]) -> [S::f32s; 2] {
        let half = simd.splat_f32s(0.5);
        let ([sum, difference], turned) = mix(simd, bin, mirrored, turn);
        [
            simd.add_f32s(simd.mul_f32s(half, sum), turned[0]),
            simd.add_f32s(simd.mul_f32s(half, difference), turned[1]),
        ]
    }
}

impl Combine for SplitAbove {
    #[inline(always)]
    fn number<S: Simd>(simd: S, bin: [S::f32s; 2], mirrored: [S::f32s; 2], turn: [S::f32s; 2]) -> [S::f32s; 2] {
        let half = simd.splat_f32s(0.5);
        let ([sum, difference], turned) = mix(simd, mirrored, bin, turn);
        [
            simd.sub_f32s(simd.mul_f32s(half, sum), turned[0]),
            simd.sub_f32s(turned[1], simd.mul_f32s(half, difference)),
        ]
    }
}

impl Combine for JoinBelow {
    #[inline(always)]
    fn number<S: Simd>(simd: S, bin: [S::f32s; 2], mirrored: [S::f32s; 2], turn: [S::f32s; 2]) -> [S::f32s; 2] {
        let ([sum, difference], turned) = mix(simd, bin, mirrored, turn);
        [simd.sub_f32s(sum, turned[0]), simd.sub_f32s(difference, turned[1])]
    }
}

impl Combine for JoinAbove {
    #[inline(always)]
    fn number<S: Simd>(simd: S, bin: [S::f32s; 2], mirrored: [S::f32s; 2], turn: [S::f32s; 2]) -> [S::f32s; 2] {
        let ([sum, difference], turned) = mix(simd, mirrored, bin, turn);
        let negative = simd.neg_f32s(turned[1]);
        [simd.add_f32s(sum, turned[0]), simd.sub_f32s(negative, difference)]
    }
}

/// Of a bin and its mirror image: the sum's real part and the difference's imaginary part, and the other two turned.
#[inline(always)]
fn mix<S: Simd>(
    simd: S,
    bin: [S::f32s; 2],
    mirrored: [S::f32s; 2],
    turn: [S::f32s; 2],
) -> ([S::f32s; 2], [S::f32s; 2]) {
    let sum = [simd.add_f32s(bin[0], mirrored[0]), simd.add_f32s(bin[1], mirrored[1])];
    let difference = [simd.sub_f32s(bin[0], mirrored[0]), simd.sub_f32s(bin[1], mirrored[1])];
    // Products and sums are rounded apart.
    let turned = [
        simd.add_f32s(simd.mul_f32s(sum[1], turn[0]), simd.mul_f32s(difference[0], turn[1])),
        simd.sub_f32s(simd.mul_f32s(sum[1], turn[1]), simd.mul_f32s(difference[0], turn[0])),
    ];
    ([sum[0], difference[1]], turned)
}
