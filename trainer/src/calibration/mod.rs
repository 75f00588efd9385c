//! Makes probabilities of a run's logits: a logistic for each class, fitted on val.
//!
//! A network that was trained with absent labels assumed, or stopped early, ranks well and is wrong about how often it
//! is right. Platt's method (Platt 1999, "Probabilistic outputs for support vector machines") fits p = sigmoid(a x + b)
//! to the logits x of clips whose label is known; ranks stay, so mAP does too.

mod file;
mod logistic;
mod reliability;

use loader::Supervision;

pub use file::{CalibrationFile, CalibrationRecord, ClassRecord};
pub use logistic::{Logistic, fit_logistic, fit_weight};
pub use reliability::{Bin, reliability, reliability_svg};

use crate::detect::sigmoid;
use crate::error::{Error, Result};

/// Known positives, and known negatives, that a class needs for a fit of its own.
pub const LEAST_OF_EACH: u64 = 10;

/// A logistic for each class.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// In class order.
    pub classes: Vec<Logistic>,
}

impl Calibration {
    /// The probability of `class` where its logit is `logit`.
    #[must_use]
    pub fn probability(&self, class: u32, logit: f64) -> f64 {
        let logistic = self.classes.get(class as usize).copied().unwrap_or(Logistic::IDENTITY);
        sigmoid(logistic.slope * logit + logistic.intercept)
    }
}

/// A fitted class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FittedClass {
    /// Its own logistic, or that of all classes.
    pub logistic: Logistic,
    /// Clips that are known to have it.
    pub positives: u64,
    /// Clips that are known not to.
    pub negatives: u64,
    /// Whether the logistic is that of all classes together.
    pub pooled: bool,
}

/// Fits every class to `logits`, row-major `[clips, classes]`, of the clips of `supervision`. A class with fewer than
/// [`LEAST_OF_EACH`] known positives or negatives, or whose logits fall where it is present, gets the fit to all classes
/// together, which comes last.
///
/// # Errors
/// [`Error::Calibration`] if all classes together have too few known labels or logits that say nothing.
pub fn fit_classes(logits: &[f32], supervision: &Supervision) -> Result<(Vec<FittedClass>, Logistic)> {
    let classes = supervision.classes();
    let [labels, mask] = supervision.labels.matrices();
    // Of one class, or of all.
    let known = |first: usize, step: usize| {
        let entries = logits.iter().zip(&labels).zip(&mask).skip(first).step_by(step.max(1));
        let known = entries.filter(|(_, known)| **known != 0);
        known.map(|((&x, &y), _)| (f64::from(x), y != 0))
    };
    let counts = |entries: &mut dyn Iterator<Item = (f64, bool)>| {
        entries.fold((0_u64, 0_u64), |(positives, negatives), (_, label)| {
            (positives + u64::from(label), negatives + u64::from(!label))
        })
    };
    let (positives, negatives) = counts(&mut known(0, 1));
    let pooled = fit_logistic(known(0, 1)).filter(|_| positives.min(negatives) >= LEAST_OF_EACH);
    let pooled = pooled
        .filter(|pooled| pooled.slope > 0.0)
        .ok_or(Error::Calibration { positives, negatives })?;
    let fit = |class| {
        let (positives, negatives) = counts(&mut known(class, classes));
        let enough = positives.min(negatives) >= LEAST_OF_EACH;
        let own = fit_logistic(known(class, classes)).filter(|own| enough && own.slope > 0.0);
        FittedClass {
            logistic: own.unwrap_or(pooled),
            positives,
            negatives,
            pooled: own.is_none(),
        }
    };
    Ok(((0..classes).map(fit).collect(), pooled))
}
