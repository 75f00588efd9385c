//! Defines LL-Cp: unknown entries of large loss become positives of the training set, for good.
//!
//! From `start_epoch` on, k = ceil(B C delta) in each batch; unknown entries with at least the k-th largest loss get
//! BCE as positives, and label and mask 1 from then on. Source: Kim et al. 2022 (arXiv 2206.03740), whose code leaves
//! epoch 1 alone (`start_epoch` 2); the published benchmark flips from the first batch, with a random head (1). `delta`
//! is a fraction: the method's own .1 (percent) is .001. A mix of two clips has the corrections of both; what looks like
//! a missing positive in it becomes one in this batch only, since either clip may have it.

use tch::{Kind, Tensor};

use super::large_loss::{corrected, entries, largest, places};
use super::terms::bce;
use super::{Declared, Loss, LossBatch, Method, Output, Parameters, Setup};
use crate::augment::Mixing;
use crate::error::Result;
use crate::state::{Named, adopt};

pub(super) const METHOD: Method = Method {
    name: "ll-cp",
    summary: "large loss corrected for good: unknown entries that look like missing positives become positive",
    parameters: &[
        Declared::number(
            "delta",
            0.001,
            [0.0, 1.0],
            "share of a batch's entries that becomes positive",
        ),
        Declared::number(
            "start_epoch",
            2.0,
            [1.0, 1e9],
            "first epoch that corrects: 2 (the method's code) or 1 (published)",
        ),
    ],
    build: |parameters, setup: &Setup| {
        let corrections = Tensor::f_zeros(setup.shape(), (Kind::Uint8, setup.device))?;
        let (delta, start_epoch) = (parameters.number("delta")?, parameters.number("start_epoch")?);
        Ok(Box::new(PermanentCorrection {
            delta,
            start_epoch,
            corrections,
        }))
    },
    prior_is_inert: |_: &Parameters| Ok(false),
};

struct PermanentCorrection {
    delta: f64,
    start_epoch: f64,
    /// 1 where an entry of the training set was made positive, u8 \[N, C\].
    corrections: Tensor,
}

impl Loss for PermanentCorrection {
    fn known(&self, batch: &LossBatch) -> Result<Option<[Tensor; 2]>> {
        let made = self
            .corrections
            .f_index_select(0, batch.rows)?
            .f_to_kind(batch.labels.f_kind()?)?;
        let made = batch
            .mixed
            .map_or(Ok(made.shallow_clone()), |mixed| mixed.either(&made))?;
        Ok(Some([batch.labels.f_maximum(&made)?, batch.mask.f_maximum(&made)?]))
    }

    fn forward(&mut self, batch: &LossBatch) -> Result<Output> {
        let k = if f64::from(batch.epoch) < self.start_epoch {
            0
        } else {
            entries(batch, self.delta)
        };
        let Some(chosen) = largest(batch, k)? else {
            return Ok(bce(batch.logits, batch.labels)?.into());
        };
        let for_good = match batch.mixed {
            Some(mixed) => chosen.f_mul(&mixed.is_alone()?)?,
            None => chosen.shallow_clone(),
        };
        let flipped = places(&for_good)?;
        let rows = batch.rows.f_index_select(0, &flipped.f_select(1, 0)?)?;
        let classes = flipped.f_select(1, 1)?;
        // Every entry written is the same 1, so a row that is in a batch twice causes no race.
        let one = Tensor::f_ones(1, (Kind::Uint8, self.corrections.device()))?;
        let _ = self
            .corrections
            .f_index_put_(&[Some(rows), Some(classes)], &one, false)?;
        let matrix = bce(batch.logits, &corrected(batch.labels, Some(&chosen))?)?;
        Ok(Output {
            matrix,
            extra: None,
            flipped: Some(flipped),
        })
    }

    fn mixing(&self) -> Mixing {
        Mixing::SomeAlone
    }

    fn state(&self) -> Vec<Named> {
        vec![("corrections".to_owned(), self.corrections.shallow_clone())]
    }

    fn load_state(&mut self, state: &[Named]) -> Result<()> {
        adopt("corrections of ll-cp", &self.state(), state)
    }
}
