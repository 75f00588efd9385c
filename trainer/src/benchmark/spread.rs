//! Defines how values over seeds are summed up: mean, deviation, an interval, and how they are written in percentage
//! points.

/// Mean, sample standard deviation and number of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) mean: f64,
    /// Not a number for a single value.
    pub(super) deviation: f64,
    pub(super) count: usize,
}

/// 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom (NIST/SEMATECH e-Handbook of Statistical Methods,
/// 1.3.6.7.2). Beyond the last one it is used on, which makes intervals a little too wide.
const T_975: [f64; 20] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086,
];

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

    /// 95 % interval of the mean by Student's t; `None` for a single value.
    pub(super) fn interval(&self) -> Option<[f64; 2]> {
        let degrees = self.count.checked_sub(2)?;
        let t = T_975.get(degrees).or(T_975.last())?;
        let half = t * self.deviation / (self.count as f64).sqrt();
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_single_value_has_no_deviation_and_no_interval() {
        let one = Spread::of(&[0.5]).unwrap();
        assert_eq!(one.percent(true), "+50.0");
        assert_eq!(one.interval(), None);
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn the_interval_is_student_s() {
        // Mean 2, deviation 1, three values: 2 ± 4.303 / √3.
        let [low, high] = Spread::of(&[1.0, 2.0, 3.0]).unwrap().interval().unwrap();
        assert!(
            (low + 0.484).abs() < 1e-3 && (high - 4.484).abs() < 1e-3,
            "{low} {high}"
        );
        let many = Spread::of(&[1.0; 50]).unwrap().interval().unwrap();
        assert_eq!(many, [1.0, 1.0]);
    }
}
