//! Turns mel power into stored levels: logarithm, reference, floor and rounding in one pass.

use half::f16;
use shardfmt::ValueReference;

use super::config::{Dtype, Reference, SpectrogramConfig, TopDb};
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

    /// Stores the first `width` values of each row of `stride` values of mel power, whose maximum is
    /// `max`.
    #[inline(always)]
    pub(super) fn store(&self, mel: &[f32], stride: usize, width: usize, max: f32, out: &mut [u8]) -> ImageLevel {
        let max_db = 10.0 * f64::from(max.max(MIN_POWER)).log10();
        let reference_db = self.reference_db.unwrap_or(max_db);
        let silent = max <= MIN_POWER;
        let floor_db = self.floor_db();
        let rows = mel
            .chunks_exact(stride)
            .zip(out.chunks_exact_mut(width * self.dtype.bytes()));
        match self.dtype {
            Dtype::U8 => {
                let scale = 255.0 / -floor_db;
                let (slope, offset) = (
                    (DB_PER_OCTAVE * scale) as f32,
                    (-(floor_db + reference_db) * scale) as f32,
                );
                for (mel, out) in rows {
                    for (out, &power) in out.iter_mut().zip(mel) {
                        let level = (log2(power.max(MIN_POWER)) * slope + offset).clamp(0.0, 255.0);
                        // Adding 2^23 leaves the nearest integer, ties to even, in the low bits.
                        let level = if silent { 0.0 } else { level } + 8_388_608.0;
                        *out = level.to_bits() as u8;
                    }
                }
            }
            Dtype::F16 | Dtype::F32 => {
                let (slope, offset, floor) = (DB_PER_OCTAVE as f32, -reference_db as f32, floor_db as f32);
                let db = |power: f32| {
                    let db = (log2(power.max(MIN_POWER)) * slope + offset).max(floor);
                    if silent { floor } else { db }
                };
                for (mel, out) in rows {
                    if self.dtype == Dtype::F16 {
                        let (out, _) = out.as_chunks_mut();
                        out.iter_mut()
                            .zip(mel)
                            .for_each(|(out, &power)| *out = f16::from_f32(db(power)).to_le_bytes());
                    } else {
                        let (out, _) = out.as_chunks_mut();
                        out.iter_mut()
                            .zip(mel)
                            .for_each(|(out, &power)| *out = db(power).to_le_bytes());
                    }
                }
            }
        }
        ImageLevel {
            ref_db: reference_db as f32,
            silent,
        }
    }
}

/// Binary logarithm of a positive, normal number.
#[inline(always)]
fn log2(x: f32) -> f32 {
    // The exponent that leaves a mantissa in [2/3, 4/3), where the polynomial is centred.
    const TWO_THIRDS: u32 = (2.0f32 / 3.0).to_bits();
    let bits = x.to_bits();
    let exponent = (bits.wrapping_sub(TWO_THIRDS) as i32) >> 23;
    let fraction = f32::from_bits(bits.wrapping_sub((exponent << 23) as u32)) - 1.0;
    let mut sum = LOG2[8];
    for &coefficient in LOG2[..8].iter().rev() {
        sum = sum * fraction + coefficient;
    }
    sum * fraction + exponent as f32
}

#[cfg(test)]
mod tests {
    use super::log2;

    #[test]
    fn logarithm_is_exact_to_rounding() {
        // The polynomial's 1.7e-8 and nine roundings of values below 0.6 leave at most 3e-7 next to
        // the rounding of the sum, half a unit of a number up to 64: 2e-6.
        let mut worst = 0.0f64;
        for exponent in -40..60 {
            for step in 0..997 {
                let x = (1.0 + step as f32 / 997.0) * 2f32.powi(exponent);
                worst = worst.max((f64::from(log2(x)) - f64::from(x).log2()).abs());
            }
        }
        assert!(worst < 2.3e-6, "{worst:e}");
        assert_eq!(log2(1.0), 0.0);
    }
}
