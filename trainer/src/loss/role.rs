//! Defines ROLE: every training clip has logits of its own, learned together with the model's.
//!
//! g: N x C learned logits. l = 1/2 \[y softplus(-x) + y softplus(-g) + BCE(x, sigmoid(g)) + BCE(g, sigmoid(x))\], no
//! gradient through the targets; reg = lambda (R(x) + R(g))/2, R(t) = ((sum sigmoid(t)/B - k)/C)^2 with k positives
//! expected in a clip: all that sing in it, known or not. Source: Cole et al. 2021, "Multi-Label Learning from Single
//! Positive Labels" (arXiv 2106.09708). g starts in U(logit .4, logit .6), known positives at logit .995, known
//! negatives at logit .005 (the method's code; the published benchmark leaves the latter out: `known_negatives =
//! "published"`). g learns ten times as fast, without weight decay; of clips that are mixed, it is mixed in the same
//! shares. The regulariser is added to the mean loss
//! (`role_reg = "paper"`) or, published, to each entry already divided by their number.

use loader::random::{Purpose, keyed};
use rand::RngExt;
use tch::Tensor;

use super::terms::{bce, positive};
use super::{Declared, Domain, Loss, LossBatch, Method, Output, Parameters, Setup};
use crate::augment::Mixing;
use crate::error::Result;
use crate::memory;
use crate::optim::Group;
use crate::state::{Named, adopt};

/// Probabilities that a known positive, a known negative and an unknown entry start at (the method's code).
const KNOWN: f64 = 0.995;
const UNKNOWN: [f64; 2] = [0.4, 0.6];
/// Bytes of an entry: two f64 and an f32 while it is made, then an f32 with its gradient and two of Adam's moments.
const ENTRY_BYTES: usize = 20;

pub(super) const METHOD: Method = Method {
    name: "role",
    summary: "regularised online label estimation: every clip's own logits are learned beside the model's",
    parameters: &[
        Declared::word(
            "role_reg",
            &["paper", "published"],
            "published: the regulariser weighs 1/(B C) of the method's",
        ),
        Declared::word(
            "known_negatives",
            &["initialised", "published"],
            "published: known negatives start like unknown entries",
        ),
        Declared::number("lambda", 1.0, [0.0, 1e9], "weight of the regulariser"),
        Declared {
            name: "k",
            domain: Domain::Derived {
                value: |setup: &Setup| {
                    let (mean, of) = setup.mean_positives;
                    (mean, format!("the mean positives of {of}"))
                },
                min: 0.0,
                max: 1e9,
            },
            summary: "positives expected in a clip",
        },
        Declared::number(
            "lr_multiplier",
            10.0,
            [0.0, 1e6],
            "learning rate of the clips' logits over the model's",
        ),
    ],
    build: |parameters, setup: &Setup| {
        Ok(Box::new(OnlineEstimation {
            published_reg: parameters.is("role_reg", "published")?,
            lambda: parameters.number("lambda")?,
            k: parameters.number("k")?,
            lr_multiplier: parameters.number("lr_multiplier")?,
            logits: start(setup, !parameters.is("known_negatives", "published")?)?,
        }))
    },
    prior_is_inert: |parameters: &Parameters| parameters.is("known_negatives", "published"),
};

struct OnlineEstimation {
    published_reg: bool,
    lambda: f64,
    k: f64,
    lr_multiplier: f64,
    logits: Tensor,
}

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

/// The clips' logits before training, \[N, C\], keyed by seed and row.
fn start(setup: &Setup, negatives: bool) -> Result<Tensor> {
    let [low, high] = UNKNOWN.map(logit);
    let (rows, classes) = (setup.labels.rows(), setup.labels.classes());
    memory::check(
        "loss.name",
        "ROLE's logits of the training clips",
        [rows, classes],
        ENTRY_BYTES,
    )?;
    let mut values = Vec::with_capacity(rows * classes);
    let [mut labels, mut mask] = [(); 2].map(|()| vec![0_u8; classes]);
    for row in 0..rows {
        setup.labels.write(row, &mut labels, &mut mask);
        let mut random = keyed(setup.seed, Purpose::RoleLogits, &[row as u64]);
        values.extend(labels.iter().zip(&mask).map(|(label, mask)| {
            // Drawn for each entry, so that what is known does not shift the others.
            let drawn = low + (high - low) * random.random::<f64>();
            match (mask, label) {
                (0, _) => drawn,
                (_, 0) if negatives => logit(1.0 - KNOWN),
                (_, 0) => drawn,
                _ => logit(KNOWN),
            }
        }));
    }
    let logits = Tensor::f_from_slice(&values)?.f_reshape(setup.shape())?;
    Ok(logits
        .f_to_device(setup.device)?
        .f_to_kind(setup.kind)?
        .f_requires_grad_(true)?)
}

impl OnlineEstimation {
    /// R(t): how far the mean number of expected positives is from k, in classes, squared.
    fn count_penalty(&self, t: &Tensor) -> Result<Tensor> {
        let (rows, classes) = t.size2().map(|(rows, classes)| (rows as f64, classes as f64))?;
        let expected = t.f_sigmoid()?.f_sum(None)?.f_div_scalar(rows)?;
        Ok(expected.f_sub_scalar(self.k)?.f_div_scalar(classes)?.f_square()?)
    }
}

impl Loss for OnlineEstimation {
    fn forward(&mut self, batch: &LossBatch) -> Result<Output> {
        let (x, y) = (batch.logits, batch.labels);
        let g = self.logits.f_index_select(0, batch.rows)?;
        let g = batch.mixed.map_or(Ok(g.shallow_clone()), |mixed| mixed.in_shares(&g))?;
        let present = y.f_mul(&positive(x)?.f_add(&positive(&g)?)?)?;
        let agree = bce(x, &g.f_detach()?.f_sigmoid()?)?.f_add(&bce(&g, &x.f_detach()?.f_sigmoid()?)?)?;
        let matrix = present.f_add(&agree)?.f_mul_scalar(0.5)?;
        let reg = self
            .count_penalty(x)?
            .f_add(&self.count_penalty(&g)?)?
            .f_mul_scalar(self.lambda / 2.0)?;
        if self.published_reg {
            let share = reg.f_div_scalar(x.numel() as f64)?;
            return Ok(matrix.f_add(&share)?.into());
        }
        Ok(Output {
            matrix,
            extra: Some(reg),
            flipped: None,
        })
    }

    fn trained(&self) -> Option<Group> {
        let tensors = vec![("role.logits".to_owned(), self.logits.shallow_clone())];
        Some(Group {
            tensors,
            lr_multiplier: self.lr_multiplier,
            decays: false,
        })
    }

    fn mixing(&self) -> Mixing {
        Mixing::Any
    }

    fn state(&self) -> Vec<Named> {
        vec![("logits".to_owned(), self.logits.shallow_clone())]
    }

    fn load_state(&mut self, state: &[Named]) -> Result<()> {
        adopt("logits of role", &self.state(), state)
    }
}
