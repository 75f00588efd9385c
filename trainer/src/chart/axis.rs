//! Defines an axis with round numbers.

/// Numbers wanted on an axis.
const TICKS: f64 = 6.0;

/// An axis: its ends, and the distance and decimals of its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    begin: f64,
    end: f64,
    step: f64,
    decimals: usize,
}

impl Axis {
    /// Round numbers from 0 up to `end` at least; `whole` for numbers that count something, and then the axis ends at
    /// `end`.
    pub(super) fn new(end: f64, whole: bool) -> Self {
        let end = if end.is_finite() && end > 0.0 { end } else { 1.0 };
        let step = round_step(end);
        let step = if whole { step.max(1.0).round() } else { step };
        Self {
            begin: 0.0,
            end: if whole { end } else { (end / step - 1e-9).ceil() * step },
            step,
            decimals: decimals(step),
        }
    }

    /// Round numbers that hold all from `low` to `high`.
    pub(super) fn spanning(low: f64, high: f64) -> Self {
        let (low, high) = if low.is_finite() && high.is_finite() {
            (low, high)
        } else {
            (0.0, 1.0)
        };
        // A single value is in the middle.
        let (low, high) = if low < high {
            (low, high)
        } else {
            (low - 0.5, low + 0.5)
        };
        let step = round_step(high - low);
        Self {
            begin: (low / step + 1e-9).floor() * step,
            end: (high / step - 1e-9).ceil() * step,
            step,
            decimals: decimals(step),
        }
    }

    /// Where a value lies, from 0 at its begin to 1 at its end.
    pub(super) fn share(self, value: f64) -> f64 {
        (value - self.begin) / (self.end - self.begin)
    }

    /// Each number with its share of the axis.
    pub(super) fn ticks(self) -> impl Iterator<Item = (String, f64)> {
        let count = ((self.end - self.begin) / self.step + 1e-9).floor() as u32;
        let values = (0..=count).map(move |number| self.begin + f64::from(number) * self.step);
        values.map(move |value| (format!("{value:.*}", self.decimals), self.share(value)))
    }
}

/// The distance of round numbers over a span above 0 (after Heckbert 1990, "Nice numbers for graph labels", *Graphics
/// Gems*).
fn round_step(span: f64) -> f64 {
    let rough = span / TICKS;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let factor = factors.into_iter().find(|factor| rough <= factor * magnitude);
    factor.unwrap_or(10.0) * magnitude
}

fn decimals(step: f64) -> usize {
    (-step.log10().floor()).clamp(0.0, 12.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers_and_hold_their_end() {
        let numbers = |end, whole| {
            let numbers = Axis::new(end, whole).ticks().map(|(number, _)| number);
            numbers.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(numbers(0.57, false), "0.0 0.1 0.2 0.3 0.4 0.5 0.6");
        assert_eq!(numbers(0.021, false), "0.000 0.005 0.010 0.015 0.020 0.025");
        assert_eq!(numbers(11.5, false), "0 2 4 6 8 10 12");
        assert_eq!(numbers(3.0, true), "0 1 2 3");
        assert_eq!(numbers(25.0, true), "0 5 10 15 20 25");
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Axis::new(odd, false), Axis::new(1.0, false));
        }
    }

    #[test]
    fn an_axis_between_two_values_has_round_numbers_about_them() {
        let numbers = |low, high| {
            let numbers = Axis::spanning(low, high).ticks().map(|(number, _)| number);
            numbers.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(numbers(-7.2, 3.1), "-8 -6 -4 -2 0 2 4");
        assert_eq!(numbers(61.3, 88.0), "60 65 70 75 80 85 90");
        assert_eq!(numbers(-0.3, 0.6), "-0.4 -0.2 0.0 0.2 0.4 0.6");
        assert_eq!(numbers(70.0, 70.0), "69.4 69.6 69.8 70.0 70.2 70.4 70.6");
        assert_eq!(numbers(f64::NAN, 1.0), numbers(0.0, 1.0));
        let axis = Axis::spanning(-7.2, 3.1);
        assert_eq!((axis.share(-8.0), axis.share(-2.0), axis.share(4.0)), (0.0, 0.5, 1.0));
    }
}
