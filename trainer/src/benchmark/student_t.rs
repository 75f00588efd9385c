//! Computes quantiles of Student's t distribution.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// Halvings of the interval that holds the quantile's angle: more than an f64 has bits.
const HALVINGS: u32 = 64;

/// The t for which a value of Student's t distribution lies within ± t with probability `level`, from 0 to below 1; for
/// 1 degree of freedom or more.
pub(super) fn two_sided_quantile(level: f64, degrees: usize) -> f64 {
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if probability_within(middle, degrees) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
    (degrees as f64).sqrt() * low.tan()
}

/// Probability of a value within ± √degrees · tan(angle): a finite sum (Abramowitz and Stegun 1964, *Handbook of
/// Mathematical Functions*, 26.7.3 and 26.7.4).
fn probability_within(angle: f64, degrees: usize) -> f64 {
    let (sine, cosine) = angle.sin_cos();
    let odd = degrees % 2;
    // The term with this power of the cosine.
    let (mut term, mut power) = (if odd == 1 { cosine } else { 1.0 }, odd);
    let mut sum = 0.0;
    while power + 2 <= degrees {
        sum += term;
        term *= cosine * cosine * (power as f64 + 1.0) / (power as f64 + 2.0);
        power += 2;
    }
    if odd == 1 {
        FRAC_2_PI * (angle + sine * sum)
    } else {
        sine * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of the NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2; the one at 99.5 %, which it lacks, is
    /// of larger tables.
    #[test]
    fn quantiles_are_those_of_printed_tables() {
        for (level, degrees, printed) in [
            (0.95, 1, 12.706),
            (0.95, 2, 4.303),
            (0.95, 3, 3.182),
            (0.95, 4, 2.776),
            (0.95, 7, 2.365),
            (0.95, 20, 2.086),
            (0.95, 100, 1.984),
            (0.99, 1, 63.657),
            (0.99, 4, 4.604),
            (0.99, 30, 2.750),
            (0.998, 5, 5.893),
            (0.998, 10, 4.144),
            (0.995, 4, 5.598),
            (0.5, 1, 1.0),
            (0.0, 4, 0.0),
        ] {
            let t = two_sided_quantile(level, degrees);
            assert!((t - printed).abs() < 6e-4, "{level} {degrees}: {t}, printed {printed}");
        }
        // Two degrees have a closed form, level = t/√(2 + t²).
        let level: f64 = 1.0 - 0.05 / 6.0;
        let closed = level * (2.0 / (1.0 - level * level)).sqrt();
        assert!((two_sided_quantile(level, 2) - closed).abs() < 1e-9);
        // Many approach the normal distribution.
        assert!((two_sided_quantile(0.95, 100_000) - 1.959_988).abs() < 1e-5);
    }
}
