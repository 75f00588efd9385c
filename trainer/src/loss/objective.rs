//! Defines the objective: the mean of a method's losses, with known negatives weighted and unknown entries left out on
//! request.

use tch::Tensor;
use toml::Table;

use super::terms::{bce, complement};
use super::{Loss, LossBatch, Method, Output, Parameters, Setup};
use crate::augment::Mixing;
use crate::error::{Error, Result};
use crate::optim::Group;
use crate::state::Named;

/// How known negatives count: l becomes a l + b BCE on them, with a target (a + b) BCE with the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownNegatives {
    /// Weight of the method's loss.
    pub a: f64,
    /// Weight of the binary cross-entropy.
    pub b: f64,
    /// Probability that they are pulled to by binary cross-entropy, in place of the method's loss.
    pub target: Option<f64>,
}

impl Default for KnownNegatives {
    fn default() -> Self {
        Self {
            a: 1.0,
            b: 0.0,
            target: None,
        }
    }
}

/// The objective as configured.
#[derive(Clone, Debug, Default)]
pub struct ObjectiveConfig {
    /// Name of the method.
    pub method: String,
    /// Parameters of the method; the others keep their defaults.
    pub parameters: Table,
    /// Weights of known negatives.
    pub known_negatives: KnownNegatives,
    /// Whether unknown entries are left out altogether (full mode, `full_unknown = "masked"`).
    pub mask_unknown: bool,
}

/// A method ready to train, with its learned state.
pub struct Objective {
    method: &'static Method,
    parameters: Parameters,
    known_negatives: KnownNegatives,
    mask_unknown: bool,
    loss: Box<dyn Loss>,
    notes: Vec<String>,
}

impl Objective {
    /// The configured method for a training set.
    ///
    /// # Errors
    /// [`Error::Setting`] for an unknown method or parameter, or a value out of range.
    pub fn new(config: &ObjectiveConfig, setup: &Setup) -> Result<Self> {
        let method = Method::named(&config.method)?;
        let (parameters, notes) = method.parameters(&config.parameters)?.derived(setup);
        let KnownNegatives { a, b, target } = config.known_negatives;
        if let Some(target) = target.filter(|target| !(0.0..=1.0).contains(target)) {
            let reason = format!("must be from 0 to 1, not {target}");
            return Err(Error::setting("loss.negatives_target", reason));
        }
        for (name, weight) in [("a", a), ("b", b)] {
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(Error::setting(
                    format!("known negatives, {name}"),
                    format!("must be a number of 0 or more, not {weight}"),
                ));
            }
        }
        let loss = (method.build)(&parameters, setup)?;
        let (known_negatives, mask_unknown) = (config.known_negatives, config.mask_unknown);
        Ok(Self {
            method,
            parameters,
            known_negatives,
            mask_unknown,
            loss,
            notes,
        })
    }

    /// The parameters that were worked out, a sentence each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The value to minimise: mean over B C of the entries, and what the method adds.
    ///
    /// # Errors
    /// As [`Objective::parts`].
    pub fn forward(&mut self, batch: &LossBatch) -> Result<Tensor> {
        let Output { matrix, extra, .. } = self.parts(batch)?;
        let mean = matrix.f_mean(None)?;
        Ok(match extra {
            Some(extra) => mean.f_add(&extra)?,
            None => mean,
        })
    }

    /// The loss of each entry, known negatives weighted and unknown entries left out, and the rest of the method's
    /// output.
    ///
    /// # Errors
    /// [`Error::Shape`] if the tensors of the batch do not fit each other; errors of libtorch.
    pub fn parts(&mut self, batch: &LossBatch) -> Result<Output> {
        check(batch)?;
        let known = self.loss.known(batch)?;
        let batch = match &known {
            Some([labels, mask]) => &LossBatch { labels, mask, ..*batch },
            None => batch,
        };
        let mut output = self.loss.forward(batch)?;
        if self.known_negatives != KnownNegatives::default() {
            let KnownNegatives { a, b, target } = self.known_negatives;
            let weighed = match target {
                Some(target) => bce(batch.logits, &batch.labels.f_full_like(target)?)?.f_mul_scalar(a + b)?,
                None => output
                    .matrix
                    .f_mul_scalar(a)?
                    .f_add(&bce(batch.logits, batch.labels)?.f_mul_scalar(b)?)?,
            };
            let negatives = batch.mask.f_mul(&complement(batch.labels)?)?.f_gt(0.0)?;
            output.matrix = weighed.f_where_self(&negatives, &output.matrix)?;
        }
        if self.mask_unknown {
            output.matrix = output.matrix.f_mul(batch.mask)?;
        }
        Ok(output)
    }

    /// A sentence for the user if known negatives count no more than assumed ones, so that a prior changes only which
    /// rows are kept.
    ///
    /// # Errors
    /// None in practice: a parameter the method asks for and does not declare.
    pub fn inert_prior(&self) -> Result<Option<String>> {
        let inert =
            self.known_negatives == KnownNegatives::default() && (self.method.prior_is_inert)(&self.parameters)?;
        Ok(inert.then(|| {
            format!(
                "the prior is inert: {} with a = 1 and b = 0 treats a known negative like an assumed one, so the \
                 mode changes only \
                 which rows are trained on; compare over the same rows, or set a and b",
                self.method.name
            )
        }))
    }

    /// The parameters in force, for the record of the run.
    #[must_use]
    pub fn parameters(&self) -> Table {
        self.parameters.table()
    }

    /// Tensors of the method that the optimiser trains.
    #[must_use]
    pub fn trained(&self) -> Option<Group> {
        self.loss.trained()
    }

    /// What the method makes of clips that are mixed.
    #[must_use]
    pub fn mixing(&self) -> Mixing {
        self.loss.mixing()
    }

    /// The state that a resumed run needs.
    #[must_use]
    pub fn state(&self) -> Vec<Named> {
        self.loss.state()
    }

    /// Restores an [`Objective::state`].
    ///
    /// # Errors
    /// [`Error::State`] if it is another method's or another training set's.
    pub fn load_state(&mut self, state: &[Named]) -> Result<()> {
        self.loss.load_state(state)
    }
}

fn check(batch: &LossBatch) -> Result<()> {
    let (rows, classes) = batch.logits.size2()?;
    for (what, tensor, expected) in [
        ("labels of a batch", batch.labels, vec![rows, classes]),
        ("mask of a batch", batch.mask, vec![rows, classes]),
        ("rows of a batch", batch.rows, vec![rows]),
    ] {
        if tensor.size() != expected {
            return Err(Error::Shape {
                what,
                expected,
                got: tensor.size(),
            });
        }
    }
    Ok(())
}
