//! Defines the learning rate over the steps of a run.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What the learning rate does after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// It stays, as published.
    #[default]
    Constant,
    /// It falls along half a cosine (Loshchilov and Hutter 2017, arXiv 1608.03983), without restarts.
    Cosine,
}

impl Decay {
    /// Whether it is what every run had before there was another.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The learning rate of each step over that of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    decay: Decay,
    warmup_steps: u64,
    steps: u64,
}

impl Schedule {
    /// The schedule of a run of `steps`, of which the first `warmup_steps` rise to the full rate.
    ///
    /// # Errors
    /// [`Error::Setting`] if the run is over before the warm-up is.
    pub fn new(decay: Decay, warmup_steps: u64, steps: u64) -> Result<Self> {
        if warmup_steps > 0 && warmup_steps >= steps {
            let reason = format!("is {warmup_steps}, but the run has only {steps} steps; warm up for fewer");
            return Err(Error::setting("optimiser.warmup_steps", reason));
        }
        Ok(Self {
            decay,
            warmup_steps,
            steps,
        })
    }

    /// The factor of step t of T, from 1, with W steps of warm-up: t/W up to W, then 1, or
    /// (1 + cos(pi (t - 1 - W)/(T - W)))/2.
    #[must_use]
    pub fn factor(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return step as f64 / self.warmup_steps as f64;
        }
        match self.decay {
            Decay::Constant => 1.0,
            Decay::Cosine => {
                let length = self.steps.saturating_sub(self.warmup_steps).max(1);
                // Measurements of speed may take more steps than the run has.
                let done = step.saturating_sub(1 + self.warmup_steps).min(length);
                f64::midpoint(1.0, (std::f64::consts::PI * done as f64 / length as f64).cos())
            }
        }
    }
}
