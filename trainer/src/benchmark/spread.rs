//! Defines how values over seeds are summed up: mean, deviation, an interval, and how they are written in percentage
//! points.

use super::student_t::two_sided_quantile;

/// Mean, sample standard deviation and number of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) mean: f64,
    /// Not a number for a single value.
    pub(super) deviation: f64,
    pub(super) count: usize,
}

impl Spread {
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        if count == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (squares / (count as f64 - 1.0)).sqrt();
        Some(Self { mean, deviation, count })
    }

    /// Interval of the mean by Student's t, at a level from 0 to below 1; `None` for a single value.
    pub(super) fn interval(&self, level: f64) -> Option<[f64; 2]> {
        let degrees = self.count.checked_sub(1).filter(|&degrees| degrees > 0)?;
        let half = two_sided_quantile(level, degrees) * self.deviation / (self.count as f64).sqrt();
        Some([self.mean - half, self.mean + half])
    }

    /// In percentage points: `52.2 ± 0.4`, or the mean alone.
    pub(super) fn percent(&self, sign: bool) -> String {
        let mean = if sign {
            signed(self.mean)
        } else {
            format!("{:.1}", 100.0 * self.mean)
        };
        if self.deviation.is_finite() {
            format!("{mean} ± {:.1}", 100.0 * self.deviation)
        } else {
            mean
        }
    }
}

/// A difference in percentage points, with its sign.
pub(super) fn signed(difference: f64) -> String {
    format!("{:+.1}", 100.0 * difference)
}

/// A level in percent, with two digits of what it lacks to 100: 95, 99.5, 99.17.
pub(super) fn level_percent(level: f64) -> String {
    let lacking = 100.0 * (1.0 - level);
    let decimals = if lacking > 0.0 {
        (1.0 - lacking.log10().floor()).clamp(0.0, 12.0)
    } else {
        0.0
    };
    let digits = format!("{:.*}", decimals as usize, 100.0 * level);
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        &digits
    };
    format!("{digits} %")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_single_value_has_no_deviation_and_no_interval() {
        let one = Spread::of(&[0.5]).unwrap();
        assert_eq!(one.percent(true), "+50.0");
        assert_eq!(one.interval(0.95), None);
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn the_interval_is_student_s() {
        // Mean 2, deviation 1, three values: 2 ± 4.303 / √3.
        let [low, high] = Spread::of(&[1.0, 2.0, 3.0]).unwrap().interval(0.95).unwrap();
        assert!(
            (low + 0.484).abs() < 1e-3 && (high - 4.484).abs() < 1e-3,
            "{low} {high}"
        );
        let many = Spread::of(&[1.0; 50]).unwrap().interval(0.95).unwrap();
        assert_eq!(many, [1.0, 1.0]);
        // At 99.5 %, five values of mean 0 and deviation 1: ± 5.598 / √5.
        let five = [-1.0, -1.0, 0.0, 1.0, 1.0];
        let [low, high] = Spread::of(&five).unwrap().interval(0.995).unwrap();
        assert!((high - 2.5035).abs() < 1e-3 && low == -high, "{low} {high}");
    }

    #[test]
    fn levels_are_told_as_finely_as_they_differ_from_certainty() {
        let told = [0.5, 0.95, 0.995, 1.0 - 0.05 / 6.0, 1.0 - 0.05 / 7.0, 0.999_975, 1.0].map(level_percent);
        let percent = ["50 %", "95 %", "99.5 %", "99.17 %", "99.29 %", "99.9975 %", "100 %"];
        assert_eq!(told, percent);
    }
}
