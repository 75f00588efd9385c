//! Defines `Choice`, which classes of a window's scores count as detected.

use crate::calibration::Calibration;

/// A class that was detected in a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Class index.
    pub class: u32,
    /// What the model says.
    pub logit: f32,
    /// Its sigmoid, calibrated where there is a calibration.
    pub probability: f32,
}

/// Decides what is detected: the classes whose probability reaches their threshold, and of those the most probable.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The least probability of each class, 0 to 1.
    pub thresholds: Vec<f64>,
    /// At most so many classes of a window.
    pub top_k: Option<usize>,
    /// What makes probabilities of logits, instead of their sigmoid.
    pub calibration: Option<Calibration>,
}

impl Choice {
    /// What is detected in a window with these logits, the most probable first.
    #[must_use]
    pub fn of(&self, logits: &[f32]) -> Vec<Found> {
        let mut found = Vec::new();
        for ((class, &logit), &threshold) in (0..).zip(logits).zip(&self.thresholds) {
            let probability = match &self.calibration {
                Some(calibration) => calibration.probability(class, f64::from(logit)),
                None => sigmoid(f64::from(logit)),
            };
            if probability >= threshold {
                found.push(Found {
                    class,
                    logit,
                    probability: probability as f32,
                });
            }
        }
        found.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.class.cmp(&b.class)));
        found.truncate(self.top_k.unwrap_or(usize::MAX));
        found
    }
}

/// The probability whose logit is `x`.
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(choice: &Choice, logits: &[f32]) -> Vec<u32> {
        choice.of(logits).iter().map(|found| found.class).collect()
    }

    #[test]
    fn classes_reach_their_own_threshold_and_the_most_probable_come_first() {
        let mut choice = Choice {
            thresholds: vec![0.5, 0.5, 0.9, 0.0],
            top_k: None,
            calibration: None,
        };
        // A probability of exactly .5 reaches .5.
        assert_eq!(classes(&choice, &[0.0, 2.0, 2.0, -9.0]), [1, 0, 3]);
        assert_eq!(classes(&choice, &[-0.1, -0.1, 2.2, -9.0]), [2, 3]);
        choice.top_k = Some(1);
        assert_eq!(classes(&choice, &[1.0, 1.0, 0.0, 0.0]), [0]);
        let found = choice.of(&[3.0, -1.0, 0.0, 0.0]);
        assert!((found[0].probability - 0.952_574_1).abs() < 1e-6, "{found:?}");
    }
}
