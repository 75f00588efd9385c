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

/// Bins that are computed at once.
const LANES: usize = 8;

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

    /// Fills the first `used` bins with the spectrum of the real values that, in pairs, have the transform `pairs`.
    /// `turns` are half of each rotation.
    #[inline(always)]
    pub(super) fn split(&mut self, used: usize, pairs: &Bins, turns: &Bins) {
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
        self.combine(1..points.div_ceil(2).min(used), points, pairs, turns, |bin, mirrored, turn| {
            let (sum, difference, turned) = mix(bin, mirrored, turn);
            [0.5 * sum + turned[0], 0.5 * difference + turned[1]]
        });
        self.combine(points / 2 + 1..points.min(used), points, pairs, turns, |bin, mirrored, turn| {
            let (sum, difference, turned) = mix(mirrored, bin, turn);
            [0.5 * sum - turned[0], turned[1] - 0.5 * difference]
        });
    }

    /// Fills itself, an even number, with what transforms back to the real values, in pairs, of which `spectrum`, one
    /// longer, is the spectrum.
    #[inline(always)]
    pub(super) fn join(&mut self, spectrum: &Bins, turns: &Bins) {
        let points = self.re.len();
        let (middle, last) = (points / 2, points);
        let Bins { re, im } = spectrum;
        (self.re[0], self.im[0]) = (
            (re[0] + re[last]) - (im[0] + im[last]),
            (re[0] - re[last]) - (im[0] - im[last]),
        );
        (self.re[middle], self.im[middle]) = (re[middle] + re[middle], -(im[middle] + im[middle]));
        self.combine(1..middle, points, spectrum, turns, |bin, mirrored, turn| {
            let (sum, difference, turned) = mix(bin, mirrored, turn);
            [sum - turned[0], difference - turned[1]]
        });
        self.combine(middle + 1..points, points, spectrum, turns, |bin, mirrored, turn| {
            let (sum, difference, turned) = mix(mirrored, bin, turn);
            [sum + turned[0], -turned[1] - difference]
        });
    }

    /// Sets the bins of a range to what `number` makes of those of `source`, of their mirror images `points - k`, and of
    /// their turns.
    #[inline(always)]
    fn combine(
        &mut self,
        range: Range<usize>,
        points: usize,
        source: &Bins,
        turns: &Bins,
        number: impl Fn([f32; 2], [f32; 2], [f32; 2]) -> [f32; 2],
    ) {
        if range.is_empty() {
            return;
        }
        let image = points + 1 - range.end..points + 1 - range.start;
        let (bins, mirrored, turns) = (source.part(&range), source.part(&image), turns.part(&range));
        let (re, im) = (&mut self.re[range.clone()], &mut self.im[range.clone()]);
        let (re_lanes, _) = re.as_chunks_mut::<LANES>();
        let (im_lanes, _) = im.as_chunks_mut::<LANES>();
        let lanes = bins.lanes().zip(mirrored.lanes_from_end()).zip(turns.lanes());
        for ((out_re, out_im), ((bins, mirrored), turns)) in re_lanes.iter_mut().zip(im_lanes).zip(lanes) {
            let mut out = [[0.0; LANES]; 2];
            for lane in 0..LANES {
                let image = LANES - 1 - lane;
                [out[0][lane], out[1][lane]] = number(
                    [bins[0][lane], bins[1][lane]],
                    [mirrored[0][image], mirrored[1][image]],
                    [turns[0][lane], turns[1][lane]],
                );
            }
            [*out_re, *out_im] = out;
        }
        for at in range.len() / LANES * LANES..range.len() {
            [re[at], im[at]] = number(bins.at(at), mirrored.at(range.len() - 1 - at), turns.at(at));
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

impl<'a> Part<'a> {
    #[inline(always)]
    fn at(&self, at: usize) -> [f32; 2] {
        [self.re[at], self.im[at]]
    }

    /// Several at once, from the first on.
    #[inline(always)]
    fn lanes(&self) -> impl Iterator<Item = [&'a [f32; LANES]; 2]> {
        let ((re, _), (im, _)) = (self.re.as_chunks(), self.im.as_chunks());
        re.iter().zip(im).map(|(re, im)| [re, im])
    }

    /// Several at once, those at the end first.
    #[inline(always)]
    fn lanes_from_end(&self) -> impl Iterator<Item = [&'a [f32; LANES]; 2]> {
        let ((_, re), (_, im)) = (self.re.as_rchunks(), self.im.as_rchunks());
        re.iter().rev().zip(im.iter().rev()).map(|(re, im)| [re, im])
    }
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
