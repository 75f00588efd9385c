//! Defines weak assumed negatives: unknown entries count less.
//!
//! l = BCE, times gamma where the label is unknown; gamma = 1/(C - 1). Source: Mac Aodha et al. 2019; Cole et al. 2021
//! (arXiv 2106.09708).

use super::terms::{bce, complement};
use super::{Declared, Domain, Loss, LossBatch, Method, Output, Parameters, Setup};
use crate::error::Result;

pub(super) const METHOD: Method = Method {
    name: "wan",
    summary: "weak assumed negatives: unknown entries weighted down",
    parameters: &[Declared {
        name: "gamma",
        domain: Domain::Derived {
            value: |setup: &Setup| {
                let others = setup.labels.classes().saturating_sub(1).max(1) as f64;
                (1.0 / others, "1/(classes - 1)".to_owned())
            },
            min: 0.0,
            max: 1e6,
        },
        summary: "weight of an unknown entry",
    }],
    build: |parameters: &Parameters, _: &Setup| {
        Ok(Box::new(WeakAssumeNegative {
            gamma: parameters.number("gamma")?,
        }))
    },
    prior_is_inert: |_: &Parameters| Ok(false),
};

struct WeakAssumeNegative {
    gamma: f64,
}

impl Loss for WeakAssumeNegative {
    fn forward(&mut self, batch: &LossBatch) -> Result<Output> {
        let weight = batch.mask.f_add(&complement(batch.mask)?.f_mul_scalar(self.gamma)?)?;
        Ok(bce(batch.logits, batch.labels)?.f_mul(&weight)?.into())
    }
}
