//! Defines the average of a model's weights over the steps of a run, which is itself a model.
//!
//! After step t, A <- d A + (1 - d) w with d = min(decay, (1 + t)/(10 + t)), so that the first steps are soon forgotten
//! (the rule of TensorFlow's `ExponentialMovingAverage`). It covers trained weights and the statistics of batch norms.

use tch::{Kind, Tensor};

use super::Model;
use crate::error::Result;
use crate::state::Named;

/// A model whose weights follow those of another.
pub struct Average {
    decay: f64,
    model: Model,
    /// (average, what it follows)
    followed: Vec<[Tensor; 2]>,
}

impl Average {
    /// An average that starts as `trained`, whose later steps it follows.
    ///
    /// # Errors
    /// Errors of libtorch, such as a lack of memory.
    pub fn of(trained: &Model, decay: f64) -> Result<Self> {
        let mut model = Model::new(&trained.spec, trained.seed, trained.device)?;
        model.load(&trained.state())?;
        let pairs = model.state().into_iter().zip(trained.state());
        let followed = pairs.map(|((_, average), (_, value))| [average, value]).collect();
        Ok(Self { decay, model, followed })
    }

    /// The averaged model, to evaluate it.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Follows step `step` of the run, from 1.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn update(&mut self, step: u64) -> Result<()> {
        let kept = self.decay.min((1.0 + step as f64) / (10.0 + step as f64));
        tch::no_grad(|| {
            self.followed.iter_mut().try_for_each(|[average, value]| {
                // A count of batches is no weight.
                if average.f_kind()? == Kind::Float {
                    let _ = average.f_lerp_(value, 1.0 - kept)?;
                    return Ok(());
                }
                Ok(average.f_copy_(value)?)
            })
        })
    }

    /// Restores the [`Model::state`] of an averaged model.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load(&mut self, state: &[Named]) -> Result<()> {
        self.model.load(state)
    }
}
