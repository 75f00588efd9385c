//! Defines the loss of what was heard in recordings: in one of a recording's clips it must be.
//!
//! Over the clips i of a recording in a batch, P = 1 - prod (1 - p_i) (noisy-or). The loss is weight times the mean of
//! -ln P over the recordings of the batch and the classes heard in them. By the logits: the logit of P is
//! ln(e^a + e^b + e^(a + b)) for two clips of logits a and b, and so on with each further one. Source: Maron and
//! Lozano-Perez 1998, "A Framework for Multiple-Instance Learning".

use std::collections::HashMap;

use loader::Labels;
use tch::Tensor;

use super::terms::positive;
use crate::batch::upload;
use crate::error::Result;

/// The loss of what was heard in the training recordings.
pub struct HeardLoss {
    weight: f64,
    /// Recording of each training row.
    asset_ids: Vec<i64>,
    /// Classes heard in each recording in which any was.
    heard: HashMap<i64, Vec<u32>>,
}

impl HeardLoss {
    /// The loss with `weight` for training rows with `labels`, of the recordings `asset_ids`.
    #[must_use]
    pub fn new(weight: f64, asset_ids: &[i64], labels: &Labels) -> Self {
        let heard = asset_ids.iter().zip(0..).filter_map(|(asset_id, row)| {
            let heard = labels.heard(row).filter(|heard| !heard.is_empty())?;
            Some((*asset_id, heard.to_vec()))
        });
        Self {
            weight,
            heard: heard.collect(),
            asset_ids: asset_ids.to_vec(),
        }
    }

    /// The loss of `logits`, \[B, C\], of training rows `rows`; `None` where nothing was heard in their recordings.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn forward(&self, logits: &Tensor, rows: &[u32]) -> Result<Option<Tensor>> {
        let mut recordings: Vec<(i64, Vec<i64>)> = Vec::new();
        for (position, row) in (0..).zip(rows) {
            let Some(asset_id) = self.asset_ids.get(*row as usize) else {
                continue;
            };
            match recordings.iter_mut().find(|(other, _)| other == asset_id) {
                Some((_, positions)) => positions.push(position),
                None if self.heard.contains_key(asset_id) => recordings.push((*asset_id, vec![position])),
                None => {}
            }
        }
        if recordings.is_empty() {
            return Ok(None);
        }
        let any = in_any(logits, &recordings)?;
        let classes = logits.size2()?.1;
        let entries = (0..).zip(&recordings).flat_map(|(place, (asset_id, _))| {
            let heard = self.heard.get(asset_id).into_iter().flatten();
            heard.map(move |class| place * classes + i64::from(*class))
        });
        let entries = upload(&entries.collect::<Vec<i64>>(), logits.device())?;
        let any = any.f_flatten(0, -1)?.f_index_select(0, &entries)?;
        Ok(Some(positive(&any)?.f_mean(None)?.f_mul_scalar(self.weight)?))
    }
}

/// Logits of the classes being in any of a recording's clips, \[R, C\].
fn in_any(logits: &Tensor, recordings: &[(i64, Vec<i64>)]) -> Result<Tensor> {
    let device = logits.device();
    // The number-th clip of each recording that has so many, beside the recording's place.
    let clips = |number: usize| -> (Vec<i64>, Vec<i64>) {
        let clip = |(place, (_, positions)): (i64, &(i64, Vec<i64>))| Some((place, *positions.get(number)?));
        (0..).zip(recordings).filter_map(clip).unzip()
    };
    let mut any = logits.f_index_select(0, &upload(&clips(0).1, device)?)?;
    for number in 1.. {
        let (places, positions) = clips(number);
        if places.is_empty() {
            break;
        }
        let (places, positions) = (upload(&places, device)?, upload(&positions, device)?);
        let before = any.f_index_select(0, &places)?;
        let clip = logits.f_index_select(0, &positions)?;
        let both = before.f_add(&clip)?;
        let either = Tensor::f_stack(&[&before, &clip, &both], 0)?.f_logsumexp([0], false)?;
        any = any.f_index_copy(0, &places, &either)?;
    }
    Ok(any)
}
