//! Defines the losses of single-positive multi-label learning, one file a method, and their register.
//!
//! A further method is one new file with a `METHOD`, and one line in [`METHODS`]. Everywhere x = logits \[B, C\], p =
//! sigmoid(x), mask 1 = known, y = label, 0 where the mask is.

mod heard;
mod objective;
mod parameters;
mod terms;

mod large_loss;

pub use heard::HeardLoss;
pub use objective::{KnownNegatives, Objective, ObjectiveConfig};
pub use parameters::{Declared, Domain, Parameters};
pub use recording_evidence::NAME as RECORDING_EVIDENCE;
pub(crate) use terms::{bce, complement};

use loader::Labels;
use tch::{Device, Kind, Tensor};
use toml::Table;

use crate::augment::{Mixed, Mixing};
use crate::error::{Error, Result};
use crate::optim::Group;
use crate::state::Named;

/// Declares the modules of the methods and registers them, in the order that help shows.
macro_rules! methods {
    ($($module:ident)*) => {
        $(mod $module;)*
        /// Every method.
        pub const METHODS: &[Method] = &[$($module::METHOD),*];
    };
}

methods! {
    an
    an_stable
    ls
    wan
    em
    ll_r
    ll_ct
    ll_cp
    role
    gr
    asl
    recording_evidence
}

/// Names of all methods.
pub fn names() -> impl Iterator<Item = &'static str> {
    METHODS.iter().map(|method| method.name)
}

/// A batch as a loss sees it. The tensors are on one device; labels and mask are of the logits' kind.
#[derive(Clone, Copy, Debug)]
pub struct LossBatch<'a> {
    /// Logits \[B, C\].
    pub logits: &'a Tensor,
    /// Labels \[B, C\], 0 or 1, 0 where the mask is 0.
    pub labels: &'a Tensor,
    /// Mask, \[B, C\], 1 where the label is known.
    pub mask: &'a Tensor,
    /// Training row numbers, i64 \[B\].
    pub rows: &'a Tensor,
    /// Epoch, from 1.
    pub epoch: u32,
    /// Epochs of the whole run.
    pub epochs: u32,
    /// How clips were mixed, if any were.
    pub mixed: Option<&'a Mixed>,
}

/// The output of a method for a batch.
#[derive(Debug)]
pub struct Output {
    /// Loss of each entry, \[B, C\].
    pub matrix: Tensor,
    /// Added to the mean of the matrix, a scalar.
    pub extra: Option<Tensor>,
    /// (row of the batch, class) of each entry that became a positive of the training set, i64 \[n, 2\], row by row.
    pub flipped: Option<Tensor>,
}

impl From<Tensor> for Output {
    fn from(matrix: Tensor) -> Self {
        Self {
            matrix,
            extra: None,
            flipped: None,
        }
    }
}

/// A method: from logits and what is known, a loss for each entry.
pub trait Loss {
    /// Labels and mask with what the method has learned about them; `None` if it learns nothing.
    ///
    /// # Errors
    /// Errors of libtorch.
    fn known(&self, _batch: &LossBatch) -> Result<Option<[Tensor; 2]>> {
        Ok(None)
    }

    /// The loss of each entry. Labels and mask of `batch` are those of [`Loss::known`].
    ///
    /// # Errors
    /// Errors of libtorch.
    fn forward(&mut self, batch: &LossBatch) -> Result<Output>;

    /// Tensors of the method that the optimiser trains.
    fn trained(&self) -> Option<Group> {
        None
    }

    /// The state that a resumed run needs, trained tensors included; later steps change the tensors.
    fn state(&self) -> Vec<Named> {
        Vec::new()
    }

    /// What the method makes of clips that are mixed; unless it says so, it refuses them if it keeps state of each.
    fn mixing(&self) -> Mixing {
        if self.state().is_empty() {
            Mixing::Any
        } else {
            Mixing::Refused
        }
    }

    /// Restores a [`Loss::state`].
    ///
    /// # Errors
    /// [`Error::State`] if it is another method's or another training set's.
    fn load_state(&mut self, state: &[Named]) -> Result<()> {
        crate::state::adopt("loss", &self.state(), state)
    }
}

/// The training set, for a method to be made for it.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// Labels and masks of the N training rows and C classes.
    pub labels: Labels,
    /// Recording of each training row.
    pub asset_ids: Vec<i64>,
    /// Mean positives of a training clip, and of which clips that is the mean.
    pub mean_positives: (f64, &'a str),
    /// Seed of the run.
    pub seed: u64,
    /// Where batches are.
    pub device: Device,
    /// Kind of the logits.
    pub kind: Kind,
}

impl Setup<'_> {
    /// \[N, C\].
    fn shape(&self) -> [i64; 2] {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        [count(self.labels.rows()), count(self.labels.classes())]
    }
}

/// A registered method.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Name in the configuration.
    pub name: &'static str,
    /// Description in one line.
    pub summary: &'static str,
    /// Its parameters.
    pub parameters: &'static [Declared],
    build: fn(&Parameters, &Setup) -> Result<Box<dyn Loss>>,
    prior_is_inert: fn(&Parameters) -> Result<bool>,
}

impl Method {
    /// The method called `name`.
    ///
    /// # Errors
    /// [`Error::Setting`] listing the known methods.
    pub fn named(name: &str) -> Result<&'static Self> {
        METHODS.iter().find(|method| method.name == name).ok_or_else(|| {
            let names: Vec<_> = names().collect();
            Error::setting("loss", format!("unknown method {name}; known: {}", names.join(", ")))
        })
    }

    /// The method's parameters, from what was given.
    ///
    /// # Errors
    /// As [`Parameters::read`].
    pub fn parameters(&self, given: &Table) -> Result<Parameters> {
        Parameters::read(self.name, self.parameters, given)
    }
}
