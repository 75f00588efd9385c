//! Provides the scores that a model gives to clips.

use loader::{Clip, ClipReader};
use tch::{Device, TchError, Tensor, no_grad};

use crate::batch::{Ring, SCORING_BUFFERS, Scaling, THREADS, stream};
use crate::error::Result;
use crate::model::Model;

/// Clips in a batch when no gradient is kept; more than in training, since little memory is needed.
pub const BATCH: usize = 64;

/// A ring for scoring clips by `model`.
#[must_use]
pub fn ring(clips: &ClipReader, model: &Model) -> Ring {
    Ring::new(model.loaded(clips.spec()), BATCH, SCORING_BUFFERS, model.device())
}

/// Gives `take` the scores of `places`, batch by batch in their order: a slice of `classes` probabilities a clip.
///
/// # Errors
/// Those of reading clips, of libtorch, and of `take`.
pub fn scores(
    model: (&Model, &Scaling),
    clips: &ClipReader,
    places: &[Clip],
    ring: &mut Ring,
    take: impl FnMut(&[u32], &[f32]) -> Result<()>,
) -> Result<()> {
    outputs(model, clips, places, ring, Tensor::f_sigmoid, take)
}

/// As [`scores`], but gives the logits.
///
/// # Errors
/// As [`scores`].
pub fn logits(
    model: (&Model, &Scaling),
    clips: &ClipReader,
    places: &[Clip],
    ring: &mut Ring,
    take: impl FnMut(&[u32], &[f32]) -> Result<()>,
) -> Result<()> {
    outputs(model, clips, places, ring, |logits| Ok(logits.shallow_clone()), take)
}

fn outputs(
    (model, scaling): (&Model, &Scaling),
    clips: &ClipReader,
    places: &[Clip],
    ring: &mut Ring,
    of_logits: impl Fn(&Tensor) -> std::result::Result<Tensor, TchError>,
    mut take: impl FnMut(&[u32], &[f32]) -> Result<()>,
) -> Result<()> {
    let device = model.device();
    let batches = |number: u64| {
        let first = usize::try_from(number).ok()?.checked_mul(BATCH)?;
        clips.expect_in_order(places.get(first..).unwrap_or_default());
        let rows = first..places.len().min(first.saturating_add(BATCH));
        (!rows.is_empty()).then(|| rows.map(|row| row as u32).collect())
    };
    stream(clips, places, &batches, ring, THREADS, |stream| {
        while let Some(batch) = stream.next_batch()? {
            let scores = no_grad(|| -> Result<Vec<f32>> {
                let images = scaling.images(&batch.memory.upload(batch.rows.len(), device)?)?;
                let scores = of_logits(&model.forward(&images, false)?)?.f_flatten(0, -1)?;
                // Waits for the device, so the buffer is free afterwards.
                Ok(Vec::try_from(scores.f_to_device(Device::Cpu)?)?)
            })?;
            take(&batch.rows, &scores)?;
            stream.recycle(batch);
        }
        Ok(())
    })
}
