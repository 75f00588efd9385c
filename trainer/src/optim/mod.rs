//! Defines the optimisers, Adam, AdamW and SGD as PyTorch computes them, with groups of tensors and a state that can be
//! saved.
//!
//! Every element is updated by itself, in operations that are the same for any number of threads, but for the norm of
//! all gradients where that is clipped.

mod flat;
mod schedule;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use self::flat::Flat;
pub use self::schedule::{Decay, Schedule};
use crate::error::{Error, Result};
use crate::state::{Named, adopt};

/// Decay of the running mean and of the running square of gradients, and what is added to a denominator: PyTorch's
/// defaults, of Kingma and Ba 2015 (arXiv 1412.6980).
const BETA: [f64; 2] = [0.9, 0.999];
const EPS: f64 = 1e-8;
/// What is added to a norm that gradients are divided by (`torch.nn.utils.clip_grad_norm_`).
const NORM_EPS: f64 = 1e-6;

/// How a step is computed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Adam; weight decay is added to the gradient.
    Adam,
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101).
    AdamW,
    /// Gradient descent; weight decay is added to the gradient.
    Sgd {
        /// Share of the last step that is kept; 0 for none.
        momentum: f64,
    },
}

/// Tensors that are trained alike.
#[derive(Debug)]
pub struct Group {
    /// Dense leaf tensors that require a gradient, by the names their state is saved under.
    pub tensors: Vec<Named>,
    /// Learning rate over that of the run.
    pub lr_multiplier: f64,
    /// Whether weight decay acts on them: on a network's weights, but not on a loss's logits of single clips, which
    /// every step would pull towards "undecided", however rarely the clip is seen.
    pub decays: bool,
}

struct Trained {
    flat: Flat,
    lr_multiplier: f64,
    decays: bool,
    /// Running mean of gradients, or momentum; and running mean of their squares.
    moments: Vec<(&'static str, Tensor)>,
}

/// An optimiser over groups of tensors, which live in its buffers from then on.
pub struct Optimizer {
    algorithm: Algorithm,
    lr: f64,
    weight_decay: f64,
    schedule: Schedule,
    clip_norm: Option<f64>,
    steps: i64,
    groups: Vec<Trained>,
}

impl Optimizer {
    /// An optimiser that has taken no step. The groups' tensors become views of its buffers: whoever holds them sees
    /// every step.
    ///
    /// # Errors
    /// [`Error::Setting`] for a rate that is negative or not finite, or a group of several kinds or devices; errors of
    /// libtorch.
    pub fn new(algorithm: Algorithm, lr: f64, weight_decay: f64, groups: Vec<Group>) -> Result<Self> {
        let momentum = if let Algorithm::Sgd { momentum } = algorithm {
            momentum
        } else {
            0.0
        };
        let multipliers = groups.iter().map(|group| ("lr_multiplier", group.lr_multiplier));
        for (name, value) in [("lr", lr), ("weight_decay", weight_decay), ("momentum", momentum)]
            .into_iter()
            .chain(multipliers)
        {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::setting(
                    name,
                    format!("must be a number of 0 or more, not {value}"),
                ));
            }
        }
        let names: &[&str] = match algorithm {
            Algorithm::Adam | Algorithm::AdamW => &["exp_avg", "exp_avg_sq"],
            Algorithm::Sgd { momentum } if momentum > 0.0 => &["momentum_buffer"],
            Algorithm::Sgd { .. } => &[],
        };
        let trained = groups.into_iter().map(
            |Group {
                 tensors,
                 lr_multiplier,
                 decays,
             }| {
                let flat = Flat::new(tensors)?;
                let moments = names
                    .iter()
                    .map(|name| Ok((*name, flat.zeros()?)))
                    .collect::<Result<_>>()?;
                Ok(Trained {
                    flat,
                    lr_multiplier,
                    decays,
                    moments,
                })
            },
        );
        Ok(Self {
            algorithm,
            lr,
            weight_decay,
            schedule: Schedule::default(),
            clip_norm: None,
            steps: 0,
            groups: trained.collect::<Result<_>>()?,
        })
    }

    /// The optimiser with a learning rate that follows `schedule`, and gradients scaled so that the norm of all of them
    /// together is at most `clip_norm`, if there is one.
    #[must_use]
    pub fn with(self, schedule: Schedule, clip_norm: Option<f64>) -> Self {
        Self {
            schedule,
            clip_norm,
            ..self
        }
    }

    /// Steps taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps.try_into().unwrap_or_default()
    }

    /// Sets every gradient to zero.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn zero_grad(&mut self) -> Result<()> {
        for group in &mut self.groups {
            let _ = group.flat.gradients.f_zero_()?;
        }
        Ok(())
    }

    /// Moves every tensor by its gradient.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn step(&mut self) -> Result<()> {
        self.steps += 1;
        let (algorithm, weight_decay, steps) = (self.algorithm, self.weight_decay, self.steps);
        let lr = self.lr * self.schedule.factor(self.steps());
        tch::no_grad(|| {
            if let Some(clip_norm) = self.clip_norm {
                self.clip(clip_norm)?;
            }
            self.groups
                .iter_mut()
                .try_for_each(|group| group.step(algorithm, lr, weight_decay, steps))
        })
    }

    /// Multiplies every gradient by min(1, `most` / (norm of all + 1e-6)), as `torch.nn.utils.clip_grad_norm_` does,
    /// without waiting for the device.
    fn clip(&mut self, most: f64) -> Result<()> {
        let gradients = self.groups.iter().map(|group| group.flat.gradients.shallow_clone());
        let gradients: Vec<Tensor> = gradients.filter(|gradients| gradients.numel() > 0).collect();
        let norms = gradients.iter().map(|gradients| Ok(gradients.f_norm()?));
        let norms = norms.collect::<Result<Vec<_>>>()?;
        if norms.is_empty() {
            return Ok(());
        }
        let norm = Tensor::f_stack(&norms, 0)?.f_norm()?.f_add_scalar(NORM_EPS)?;
        let factor = norm.f_reciprocal()?.f_mul_scalar(most)?.f_clamp_max(1.0)?;
        for mut gradients in gradients {
            let _ = gradients.f_mul_(&factor)?;
        }
        Ok(())
    }

    /// The state that a resumed run needs, by the names of the tensors; later steps change the tensors.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn state(&self) -> Result<Vec<Named>> {
        let mut state = vec![("step".to_owned(), Tensor::f_from_slice(&[self.steps])?)];
        for group in &self.groups {
            for (moment, buffer) in &group.moments {
                let views = group.flat.views(buffer)?;
                state.extend(views.into_iter().map(|(name, view)| (format!("{moment}.{name}"), view)));
            }
        }
        Ok(state)
    }

    /// Restores a [`Optimizer::state`].
    ///
    /// # Errors
    /// [`Error::State`] if it is another algorithm's or another model's.
    pub fn load_state(&mut self, state: &[Named]) -> Result<()> {
        let targets = self.state()?;
        adopt("optimiser", &targets, state)?;
        if let Some((_, step)) = targets.first() {
            self.steps = step.f_to_kind(Kind::Int64)?.f_int64_value(&[0])?;
        }
        Ok(())
    }
}

impl Trained {
    /// One step, in PyTorch's order of operations.
    fn step(&mut self, algorithm: Algorithm, lr: f64, weight_decay: f64, steps: i64) -> Result<()> {
        let lr = lr * self.lr_multiplier;
        let weight_decay = if self.decays { weight_decay } else { 0.0 };
        let values = &mut self.flat.values;
        let mut gradient = self.flat.gradients.shallow_clone();
        if algorithm == Algorithm::AdamW {
            let _ = values.f_mul_scalar_(1.0 - lr * weight_decay)?;
        } else if weight_decay != 0.0 {
            gradient = values.f_mul_scalar(weight_decay)?.f_add_(&gradient)?;
        }
        match (algorithm, self.moments.as_mut_slice()) {
            (Algorithm::Adam | Algorithm::AdamW, [(_, mean), (_, square)]) => {
                let corrections = BETA.map(|beta| 1.0 - beta.powf(steps as f64));
                let _ = mean.f_lerp_(&gradient, 1.0 - BETA[0])?;
                let scaled = gradient.f_mul_scalar(1.0 - BETA[1])?;
                let _ = square.f_mul_scalar_(BETA[1])?.f_addcmul_(&scaled, &gradient)?;
                let denominator = square
                    .f_sqrt()?
                    .f_div_scalar_(corrections[1].sqrt())?
                    .f_add_scalar_(EPS)?;
                let _ = values.f_addcdiv_(&mean.f_mul_scalar(-lr / corrections[0])?, &denominator)?;
            }
            (Algorithm::Sgd { momentum }, [(_, buffer)]) => {
                let _ = buffer.f_mul_scalar_(momentum)?.f_add_(&gradient)?;
                let _ = values.f_add_(&buffer.f_mul_scalar(-lr)?)?;
            }
            _ => {
                let _ = values.f_add_(&gradient.f_mul_scalar(-lr)?)?;
            }
        }
        Ok(())
    }
}
