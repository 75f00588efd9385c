//! Provides the fit of a logistic to scores with labels.

use serde::{Deserialize, Serialize};

use crate::detect::sigmoid;

/// Steps of Newton's method; a handful are enough.
const STEPS: u32 = 100;
/// The fit is at its best where no parameter would move further than this.
const CLOSE: f64 = 1e-9;
/// Weight of a pull towards no slope, which keeps scores that separate the labels from an infinite one.
const RIDGE: f64 = 1e-9;

/// p = sigmoid(slope x + intercept).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// What logits are multiplied by.
    pub slope: f64,
    /// What is added then.
    pub intercept: f64,
}

impl Logistic {
    /// That of logits that are right already.
    pub const IDENTITY: Self = Self {
        slope: 1.0,
        intercept: 0.0,
    };

    fn at(self, x: f64) -> f64 {
        self.slope * x + self.intercept
    }
}

/// The logistic of the highest likelihood for scores with labels, by Newton's method with halved steps (Lin, Lin and
/// Weng 2007, "A note on Platt's probabilistic outputs for support vector machines"). As there, positives count as
/// (n + 1)/(n + 2) and negatives as 1/(m + 2), of n and m of them, so that a few scores are not taken for certain.
/// `None` where one of the labels does not occur, or a score is not a finite number.
#[must_use]
pub fn fit_logistic(scores: impl Iterator<Item = (f64, bool)> + Clone) -> Option<Logistic> {
    fit_beside(scores.map(|(x, label)| (x, 0.0, label)))
}

/// The weight of x beside a term z that is taken as it is: the slope of [`fit_logistic`] where p = sigmoid(slope x +
/// intercept + z), of scores (x, z) with labels.
#[must_use]
pub fn fit_weight(scores: impl Iterator<Item = (f64, f64, bool)> + Clone) -> Option<f64> {
    fit_beside(scores).map(|fit| fit.slope)
}

fn fit_beside(scores: impl Iterator<Item = (f64, f64, bool)> + Clone) -> Option<Logistic> {
    let count = |label| scores.clone().filter(|score| score.2 == label).count() as f64;
    let (positives, negatives) = (count(true), count(false));
    let mut finite = scores.clone().map(|(x, beside, _)| x.is_finite() && beside.is_finite());
    if positives == 0.0 || negatives == 0.0 || !finite.all(|finite| finite) {
        return None;
    }
    let target = |positive| {
        if positive {
            (positives + 1.0) / (positives + 2.0)
        } else {
            1.0 / (negatives + 2.0)
        }
    };
    let loss = |fit: Logistic| {
        let of_one = |(x, beside, positive): (f64, f64, bool)| {
            let at = fit.at(x) + beside;
            softplus(at) - target(positive) * at
        };
        scores.clone().map(of_one).sum::<f64>() + 0.5 * RIDGE * fit.slope * fit.slope
    };
    let mut fit = Logistic {
        slope: 0.0,
        intercept: ((positives + 1.0) / (negatives + 1.0)).ln(),
    };
    let mut best = loss(fit);
    for _ in 0..STEPS {
        let (mut gradient, mut hessian) = ([RIDGE * fit.slope, 0.0], [RIDGE, 0.0, RIDGE]);
        for (x, beside, positive) in scores.clone() {
            let p = sigmoid(fit.at(x) + beside);
            let (error, weight) = (p - target(positive), p * (1.0 - p));
            gradient = [gradient[0] + error * x, gradient[1] + error];
            hessian = [
                hessian[0] + weight * x * x,
                hessian[1] + weight * x,
                hessian[2] + weight,
            ];
        }
        let determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1];
        if determinant <= 0.0 {
            break;
        }
        let step = [
            (hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant,
            (hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant,
        ];
        let mut share = 1.0;
        let moved = loop {
            let next = Logistic {
                slope: fit.slope - share * step[0],
                intercept: fit.intercept - share * step[1],
            };
            let value = loss(next);
            if value < best {
                (fit, best) = (next, value);
                break true;
            }
            share *= 0.5;
            if share < CLOSE {
                break false;
            }
        };
        if !moved || step.iter().all(|step| step.abs() < CLOSE) {
            break;
        }
    }
    Some(fit)
}

/// ln(1 + exp(x)) for any x.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Scores whose labels are as probable as sigmoid(slope x + intercept) says, by expectation: of `copies` at each
    /// score the nearest number is positive.
    fn drawn(slope: f64, intercept: f64, copies: u32) -> Vec<(f64, bool)> {
        let score = |step: i32| f64::from(step) / 8.0;
        let of_one = |x: f64| {
            let positive = (sigmoid(slope * x + intercept) * f64::from(copies)).round() as u32;
            (0..copies).map(move |copy| (x, copy < positive))
        };
        (-32..=32).flat_map(|step| of_one(score(step))).collect()
    }

    #[test]
    fn the_parameters_that_made_the_labels_are_found() {
        for (slope, intercept) in [(1.0, 0.0), (0.5, -1.0), (2.0, 1.5), (-1.0, 0.5)] {
            let fit = fit_logistic(drawn(slope, intercept, 10_000).into_iter()).unwrap();
            let close = (fit.slope - slope).abs() < 0.01 && (fit.intercept - intercept).abs() < 0.01;
            assert!(close, "{slope}, {intercept}: {fit:?}");
        }
    }

    #[test]
    fn the_weight_beside_another_term_is_found() {
        // As probable as sigmoid(.5 x + z - 1), at every x and z of a grid.
        let copies = 500;
        let of_one = |x: f64, z: f64| {
            let positive = (sigmoid(0.5 * x + z - 1.0) * f64::from(copies)).round() as u32;
            (0..copies).map(move |copy| (x, z, copy < positive))
        };
        let grid = (-2..=2).flat_map(|x| (-3..=3).map(move |z| (f64::from(x), f64::from(z))));
        let drawn: Vec<_> = grid.flat_map(|(x, z)| of_one(x, z)).collect();
        let weight = fit_weight(drawn.iter().copied()).unwrap();
        assert!((weight - 0.5).abs() < 0.01, "{weight}");
        // A term that is too large leaves less to x.
        let doubled = drawn.iter().map(|(x, z, label)| (*x, 2.0 * z, *label));
        assert!(fit_weight(doubled.collect::<Vec<_>>().into_iter()).unwrap() != weight);
        assert_eq!(fit_weight([(1.0, f64::NAN, true), (1.0, 0.0, false)].into_iter()), None);
    }

    #[test]
    fn labels_that_scores_separate_have_a_finite_slope() {
        let scores: Vec<(f64, bool)> = (-20..20).map(|x| (f64::from(x) + 0.5, x >= 0)).collect();
        let fit = fit_logistic(scores.into_iter()).unwrap();
        assert!(fit.slope > 0.2 && fit.slope < 3.0, "{fit:?}");
        assert!(sigmoid(fit.at(15.0)) < 1.0 - 1e-3, "{fit:?}");
    }

    #[test]
    fn nothing_is_fitted_to_labels_of_one_kind() {
        assert_eq!(fit_logistic([(1.0, true), (2.0, true)].into_iter()), None);
        assert_eq!(fit_logistic([(1.0, false)].into_iter()), None);
        assert_eq!(fit_logistic(std::iter::empty()), None);
        assert_eq!(fit_logistic([(f64::NAN, true), (2.0, false)].into_iter()), None);
        // Scores that say nothing give the share of positives, not a division by 0.
        let same = fit_logistic([(1.0, true), (1.0, false), (1.0, false)].into_iter()).unwrap();
        assert!(same.slope.is_finite() && sigmoid(same.at(1.0)) < 0.5, "{same:?}");
    }
}
