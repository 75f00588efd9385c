//! Turns mel power into stored levels: logarithm, reference, floor and rounding in one pass.

use half::f16;
use pulp::Simd;
use shardfmt::ValueReference;

use super::config::{Dtype, Reference, SpectrogramConfig, TopDb};
use super::frames::{Block, FrameSource, GROUPS};
use super::{ImageLevel, MIN_POWER};

/// dB of a factor of two.
const DB_PER_OCTAVE: f64 = 3.010_299_956_639_812;

/// `log2(1 + f) / f` for `f` from -1/3 to 1/3: Chebyshev interpolation of degree 8, lowest power
/// first. Its largest error of log2 is 1.7e-8, below the rounding of `f32`.
const LOG2: [f32; 9] = [
    std::f32::consts::LOG2_E,
    -0.721_346_56,
    0.480_897_46,
    -0.360_788_2,
    0.288_643_36,
    -0.236_811_47,
    0.202_782_51,
    -0.222_092_39,
    0.198_346_17,
];

/// How mel power becomes stored levels.
#[derive(Debug)]
pub(super) struct Levels {
    /// `None` is the clip's maximum.
    reference_db: Option<f64>,
    top_db: Option<f64>,
    dtype: Dtype,
}

impl Levels {
    pub(super) fn new(config: &SpectrogramConfig) -> Self {
        let reference_db = match config.reference {
            Reference::Clip(_) => None,
            Reference::FixedDb(db) => Some(db),
        };
        let top_db = match config.top_db {
            TopDb::Below(db) => Some(db),
            TopDb::Unlimited(_) => None,
        };
        Self {
            reference_db,
            top_db,
            dtype: config.dtype,
        }
    }

    pub(super) fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The lowest value, relative to the reference. Without a limit it is that of the power itself,
    /// and for a silent clip that is its own reference, -100 dB.
    fn floor_db(&self) -> f64 {
        match (self.top_db, self.reference_db) {
            (Some(top_db), _) => -top_db,
            (None, Some(reference_db)) => -100.0 - reference_db,
            (None, None) => -100.0,
        }
    }

    /// What 0 dB is, and `(offset, step)` of `dB = offset + step * stored`.
    pub(super) fn value_scale(&self) -> (ValueReference, f64, f64) {
        let reference = match self.reference_db {
            Some(_) => ValueReference::Fixed,
            None => ValueReference::Clip,
        };
        match self.dtype {
            Dtype::U8 => (reference, self.floor_db(), -self.floor_db() / 255.0),
            Dtype::F16 | Dtype::F32 => (reference, 0.0, 1.0),
        }
    }

    /// Mean of stored values; exact for whole numbers.
    pub(super) fn mean_stored(&self, stored: &[u8]) -> f64 {
        let sum = match self.dtype {
            Dtype::U8 => stored.iter().map(|&value| u64::from(value)).sum::<u64>() as f64,
            Dtype::F16 => {
                let (values, _) = stored.as_chunks();
                values.iter().map(|value| f16::from_le_bytes(*value).to_f64()).sum()
            }
            Dtype::F32 => {
                let (values, _) = stored.as_chunks();
                values.iter().map(|value| f64::from(f32::from_le_bytes(*value))).sum()
            }
        };
        sum / (stored.len() / self.dtype.bytes()).max(1) as f64
    }

    /// Stores mel power, whose maximum is `max`: for each band the vectors of all blocks.
    #[inline(always)]
    pub(super) fn store<S: Simd>(
        &self,
        simd: S,
        mel: &[f32],
        frames: &FrameSource,
        max: f32,
        out: &mut [u8],
    ) -> ImageLevel {
        let max_db = 10.0 * f64::from(max.max(MIN_POWER)).log10();
        let reference_db = self.reference_db.unwrap_or(max_db);
        let silent = max <= MIN_POWER;
        let level = ImageLevel {
            ref_db: reference_db as f32,
            silent,
        };
        let floor_db = self.floor_db();
        if silent {
            self.fill(floor_db as f32, out);
            return level;
        }
        // What the logarithm is multiplied by, what is added to it, and the range of the sum.
        let (slope, offset, least, most) = match self.dtype {
            Dtype::U8 => {
                let scale = 255.0 / -floor_db;
                (DB_PER_OCTAVE * scale, -(floor_db + reference_db) * scale, 0.0, 255.0)
            }
            Dtype::F16 | Dtype::F32 => (DB_PER_OCTAVE, -reference_db, floor_db, f64::INFINITY),
        };
        let [slope, offset, least, most] = [slope, offset, least, most].map(|value| simd.splat_f32s(value as f32));
        let bytes = self.dtype.bytes();
        let row_bytes = frames.width() * bytes;
        let stride = mel.len() / (out.len() / row_bytes);
        for (mel, out) in mel.chunks_exact(stride).zip(out.chunks_exact_mut(row_bytes)) {
            let (blocks, _) = S::as_simd_f32s(mel).0.as_chunks::<GROUPS>();
            for (block, &power) in frames.blocks(S::F32_LANES).zip(blocks) {
                let mut levels = log2(simd, power);
                for level in &mut levels {
                    let sum = simd.add_f32s(simd.mul_f32s(*level, slope), offset);
                    *level = simd.min_f32s(simd.max_f32s(sum, least), most);
                }
                let out = &mut out[block.first * bytes..][..block.frames * bytes];
                match self.dtype {
                    Dtype::U8 => store_bytes(simd, block, levels, out),
                    Dtype::F16 => {
                        let (out, _) = out.as_chunks_mut();
                        block.each(&levels, |frame, db| out[frame] = f16::from_f32(db).to_le_bytes());
                    }
                    Dtype::F32 => {
                        let (out, _) = out.as_chunks_mut();
                        block.each(&levels, |frame, db| out[frame] = db.to_le_bytes());
                    }
                }
            }
        }
        level
    }

    /// Stores the floor everywhere.
    fn fill(&self, floor_db: f32, out: &mut [u8]) {
        match self.dtype {
            Dtype::U8 => out.fill(0),
            Dtype::F16 => out.as_chunks_mut().0.fill(f16::from_f32(floor_db).to_le_bytes()),
            Dtype::F32 => out.as_chunks_mut().0.fill(floor_db.to_le_bytes()),
        }
    }
}

/// Stores the levels of a block, from 0 to 255, as the nearest integers, ties to even.
#[inline(always)]
fn store_bytes<S: Simd>(simd: S, block: Block, mut levels: [S::f32s; GROUPS], out: &mut [u8]) {
    for level in &mut levels {
        // Adding 2^23 leaves the integer in the low byte.
        *level = simd.add_f32s(*level, simd.splat_f32s(8_388_608.0));
    }
    if !block.is_whole(S::F32_LANES) {
        block.each(&levels, |frame, level| out[frame] = level.to_bits() as u8);
        return;
    }
    // A lane's frames follow each other: its four bytes are one number.
    let [a, b, c, d] = levels;
    let byte = simd.splat_u32s(0xff);
    let low = |vector| simd.and_u32s(simd.transmute_u32s_f32s(vector), byte);
    let left = |vector, bits| simd.wrapping_dyn_shl_u32s(vector, simd.splat_u32s(bits));
    let numbers = [simd.or_u32s(
        simd.or_u32s(low(a), left(low(b), 8)),
        simd.or_u32s(left(low(c), 16), left(low(d), 24)),
    )];
    let (out, _) = out.as_chunks_mut::<GROUPS>();
    for (out, number) in out.iter_mut().zip(pulp::bytemuck::cast_slice::<_, u32>(&numbers)) {
        *out = number.to_le_bytes();
    }
}

/// Binary logarithms of powers, of [`MIN_POWER`] for lower ones.
#[inline(always)]
fn log2<S: Simd>(simd: S, power: [S::f32s; GROUPS]) -> [S::f32s; GROUPS] {
    // The exponent that leaves a mantissa in [2/3, 4/3), where the polynomial is centred.
    let two_thirds = simd.splat_u32s((2.0f32 / 3.0).to_bits());
    let exponent_bits = simd.splat_u32s(0xff80_0000);
    // 127 is added to the exponent, so that it is positive, and 2^23 to have it as a float.
    let (bias, float) = (simd.splat_u32s(127 << 23), simd.splat_u32s(8_388_608.0f32.to_bits()));
    let unbias = simd.splat_f32s(8_388_608.0 + 127.0);
    let (mut fractions, mut exponents) = (power, power);
    for ((fraction, exponent), power) in fractions.iter_mut().zip(&mut exponents).zip(power) {
        let bits = simd.transmute_u32s_f32s(simd.max_f32s(power, simd.splat_f32s(MIN_POWER)));
        let above = simd.sub_u32s(bits, two_thirds);
        let mantissa = simd.sub_u32s(bits, simd.and_u32s(above, exponent_bits));
        *fraction = simd.sub_f32s(simd.transmute_f32s_u32s(mantissa), simd.splat_f32s(1.0));
        let biased = simd.wrapping_dyn_shr_u32s(simd.add_u32s(above, bias), simd.splat_u32s(23));
        *exponent = simd.sub_f32s(simd.transmute_f32s_u32s(simd.or_u32s(biased, float)), unbias);
    }
    let mut sums = [simd.splat_f32s(LOG2[8]); GROUPS];
    for &coefficient in LOG2[..8].iter().rev() {
        let coefficient = simd.splat_f32s(coefficient);
        for (sum, &fraction) in sums.iter_mut().zip(&fractions) {
            *sum = simd.add_f32s(simd.mul_f32s(*sum, fraction), coefficient);
        }
    }
    for ((sum, fraction), exponent) in sums.iter_mut().zip(fractions).zip(exponents) {
        *sum = simd.add_f32s(simd.mul_f32s(*sum, fraction), exponent);
    }
    sums
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::super::dispatch;
    use super::*;

    /// Logarithms of the numbers as vectors have them.
    struct Logarithms<'a>(&'a [f32]);

    impl WithSimd for Logarithms<'_> {
        type Output = Vec<f32>;

        fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
            let of = |&x: &f32| simd.reduce_max_f32s(log2(simd, [simd.splat_f32s(x); GROUPS])[GROUPS - 1]);
            self.0.iter().map(of).collect()
        }
    }

    #[test]
    fn logarithm_is_exact_to_rounding() {
        // The polynomial's 1.7e-8 and nine roundings of values below 0.6 leave at most 3e-7 next to
        // the rounding of the sum, half a unit of a number up to 64: 2e-6.
        let numbers = (-33..60).flat_map(|exponent| (0..997).map(move |step| (exponent, step)));
        let numbers: Vec<f32> = numbers
            .map(|(exponent, step)| (1.0 + step as f32 / 997.0) * 2f32.powi(exponent))
            .collect();
        for arch in [Arch::new(), Arch::Scalar] {
            let mut worst = 0.0f64;
            for (x, log2) in numbers.iter().zip(dispatch(arch, Logarithms(&numbers))) {
                worst = worst.max((f64::from(log2) - f64::from(*x).log2()).abs());
            }
            assert!(worst < 2.3e-6, "{worst:e}");
            let least = f64::from(MIN_POWER).log2() as f32;
            let ends = dispatch(arch, Logarithms(&[1.0, 0.0, 1e-12]));
            assert_eq!(ends[0], 0.0);
            assert!(ends[1] == ends[2] && (ends[1] - least).abs() < 4e-6, "{ends:?}");
        }
    }
}
