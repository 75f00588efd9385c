//! Provides the prior that the loss sees: added to the logits of each batch of training rows.

use loader::Supervision;
use tch::{Device, Tensor};

use super::offsets::PriorOffsets;
use super::stated::Stated;
use crate::batch::upload;
use crate::error::Result;

/// What is added to the logits of training rows.
#[derive(Debug)]
pub struct TrainingPrior {
    offsets: PriorOffsets,
    stated: Stated,
    /// The recording of each training row.
    asset_ids: Vec<i64>,
}

impl TrainingPrior {
    /// `offsets` of what is `stated` of the recordings of `training`.
    #[must_use]
    pub fn new(offsets: PriorOffsets, stated: Stated, training: &Supervision) -> Self {
        let asset_ids = training.asset_ids();
        Self {
            offsets,
            stated,
            asset_ids,
        }
    }

    /// `logits` of `rows`, `[B, classes]`, with what the prior adds.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn add(&self, logits: &Tensor, rows: &[u32]) -> Result<Tensor> {
        let classes = self.stated.classes();
        let mut added = vec![0.0_f32; rows.len() * classes];
        for (row, into) in rows.iter().zip(added.chunks_exact_mut(classes.max(1))) {
            if let Some(asset_id) = self.asset_ids.get(*row as usize) {
                self.offsets.write(&self.stated, *asset_id, into);
            }
        }
        let device: Device = logits.device();
        let added = upload(&added, device)?.f_view([rows.len() as i64, classes as i64])?;
        Ok(logits.f_add(&added)?)
    }
}
