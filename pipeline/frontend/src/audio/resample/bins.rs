//! Defines `Bins`, a spectrum of real values, and how it comes from a transform of pairs of these and goes back to one.
//!
//! Real values are transformed as half as many complex ones; what that mixes is told apart in [`Bins::split`] and mixed
//! again in [`Bins::join`] (Press et al., Numerical Recipes, section 12.3). Real and imaginary parts lie apart, so that
//! several bins are one vector.

use std::f64::consts::PI;
use std::ops::Range;

use fourier::Complex;

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

    /// `re cos(pi k / points)` and `im sin(pi k / points)`, for `k` up to half of `points`.
    pub(super) fn rotations(points: usize, [re, im]: [f32; 2]) -> Self {
        let angle = |k: usize| 2.0 * PI / (2 * points) as f64 * k as f64;
        Self {
            re: (0..=points / 2).map(|k| angle(k).cos() as f32 * re).collect(),
            im: (0..=points / 2).map(|k| angle(k).sin() as f32 * im).collect(),
        }
    }

    /// The first `count` of them.
    pub(super) fn first(mut self, count: usize) -> Self {
        self.re.truncate(count);
        self.im.truncate(count);
        self
    }

    /// Takes over `numbers`.
    #[inline(always)]
    pub(super) fn take(&mut self, numbers: &[Complex<f32>]) {
        for (number, (re, im)) in numbers.iter().zip(self.re.iter_mut().zip(&mut self.im)) {
            (*re, *im) = (number.re, number.im);
        }
    }

    /// Fills as many of the first bins as `filter` has with the filtered spectrum of the real values that, in pairs,
    /// have the transform `pairs`. `turns` are half of each rotation.
    #[inline(always)]
    pub(super) fn split(&mut self, pairs: &Bins, turns: &Bins, filter: &Bins) {
        let (points, used) = (pairs.re.len(), filter.re.len());
        let mut keep = |at: usize, re: f32, im: f32| {
            if at < used {
                [self.re[at], self.im[at]] = times([re, im], [filter.re[at], filter.im[at]]);
            }
        };
        keep(0, pairs.re[0] + pairs.im[0], 0.0);
        keep(points, pairs.re[0] - pairs.im[0], 0.0);
        if points.is_multiple_of(2) {
            keep(points / 2, pairs.re[points / 2], -pairs.im[points / 2]);
        }
        // Bins below the middle, and those above it, each with its mirror image.
        let below = 1..points.div_ceil(2).min(used);
        let (bins, mirrored) = (pairs.part(&below), pairs.part(&mirror(&below, points)));
        let (turn, weight) = (turns.part(&below), filter.part(&below));
        let (re, im) = (&mut self.re[below.clone()], &mut self.im[below.clone()]);
        for at in 0..below.len() {
            let (sum, difference, turned) = mix(bins.at(at), mirrored.from_end(at), turn.at(at));
            let bin = [0.5 * sum + turned[0], 0.5 * difference + turned[1]];
            [re[at], im[at]] = times(bin, weight.at(at));
        }
        let above = points / 2 + 1..points.min(used);
        if above.is_empty() {
            return;
        }
        let image = mirror(&above, points);
        let (bins, mirrored) = (pairs.part(&above), pairs.part(&image));
        let (turn, weight) = (turns.part(&image), filter.part(&above));
        let (re, im) = (&mut self.re[above.clone()], &mut self.im[above.clone()]);
        for at in 0..above.len() {
            let (sum, difference, turned) = mix(mirrored.from_end(at), bins.at(at), turn.from_end(at));
            let bin = [0.5 * sum - turned[0], turned[1] - 0.5 * difference];
            [re[at], im[at]] = times(bin, weight.at(at));
        }
    }

    /// Fills `pairs`, an even number, with what transforms back to the real values, in pairs, that have this spectrum.
    #[inline(always)]
    pub(super) fn join(&self, turns: &Bins, pairs: &mut [Complex<f32>]) {
        let points = pairs.len();
        let (middle, last) = (points / 2, points);
        let (sum, difference) = (
            [self.re[0] + self.re[last], self.im[0] + self.im[last]],
            [self.re[0] - self.re[last], self.im[0] - self.im[last]],
        );
        pairs[0] = complex(sum[0] - sum[1], difference[0] - difference[1]);
        pairs[middle] = complex(self.re[middle] + self.re[middle], -(self.im[middle] + self.im[middle]));
        let (below, above) = (1..middle, middle + 1..points);
        let (low, high, turn) = (self.part(&below), self.part(&above), turns.part(&below));
        let out = &mut pairs[below.clone()];
        for at in 0..below.len() {
            let (sum, difference, turned) = mix(low.at(at), high.from_end(at), turn.at(at));
            out[at] = complex(sum - turned[0], difference - turned[1]);
        }
        let out = &mut pairs[above.clone()];
        for at in 0..above.len() {
            let (sum, difference, turned) = mix(low.from_end(at), high.at(at), turn.from_end(at));
            out[at] = complex(sum + turned[0], -turned[1] - difference);
        }
    }

    #[inline(always)]
    fn part(&self, range: &Range<usize>) -> Part<'_> {
        Part {
            re: &self.re[range.clone()],
            im: &self.im[range.clone()],
        }
    }
}

impl Part<'_> {
    #[inline(always)]
    fn at(&self, at: usize) -> [f32; 2] {
        [self.re[at], self.im[at]]
    }

    #[inline(always)]
    fn from_end(&self, at: usize) -> [f32; 2] {
        [self.re[self.re.len() - 1 - at], self.im[self.im.len() - 1 - at]]
    }
}

/// The bins `points - k` of the bins `k`, in their own order.
#[inline(always)]
fn mirror(bins: &Range<usize>, points: usize) -> Range<usize> {
    points + 1 - bins.end..points + 1 - bins.start
}

/// Of a bin and its mirror image: the sum's real part, the difference's imaginary part, and the other two turned.
#[inline(always)]
fn mix(bin: [f32; 2], mirrored: [f32; 2], turn: [f32; 2]) -> (f32, f32, [f32; 2]) {
    let sum = [bin[0] + mirrored[0], bin[1] + mirrored[1]];
    let difference = [bin[0] - mirrored[0], bin[1] - mirrored[1]];
    let turned = [
        sum[1] * turn[0] + difference[0] * turn[1],
        sum[1] * turn[1] - difference[0] * turn[0],
    ];
    (sum[0], difference[1], turned)
}

#[inline(always)]
fn times(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0] * b[0] - a[1] * b[1], a[1] * b[0] + a[0] * b[1]]
}

#[inline(always)]
fn complex(re: f32, im: f32) -> Complex<f32> {
    Complex { re, im }
}
