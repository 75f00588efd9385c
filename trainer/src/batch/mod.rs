//! Defines a batch: the host memory it is loaded into, and on the device its stored values as images the model takes,
//! and what is known of them.

mod buffer;
mod ring;
mod sizes;
mod upload;

use loader::Labels;
use shardfmt::{Dtype, ValueScale};
use tch::{Device, Kind, Tensor};

pub use buffer::Buffer;
pub use ring::{Loaded, Ring, Stream, stream};
pub use sizes::{SCORING_BUFFERS, THREADS, TRAINING_BUFFERS, unread_steps};
pub(crate) use upload::upload;

use crate::error::Result;
use crate::model::Normalisation;

/// Decibels that a level runs over where clips are stored as decibels: 0 dB is 1, -80 dB is 0, as in stored bytes.
const LEVEL_RANGE_DB: f64 = 80.0;

/// Turns stored values into normalised images in one multiplication and one addition.
#[derive(Debug)]
pub struct Scaling {
    /// `[1, channels, 1, 1]`.
    factor: Tensor,
    /// `[1, channels, 1, 1]`.
    shift: Tensor,
}

impl Scaling {
    /// Stored values, of type `dtype` and meaning `values` -> levels from 0 to 1 (bytes over 255; decibels over 80) -> (level - mean) / deviation.
    ///
    /// # Errors
    /// Errors of libtorch, such as a lack of memory; the same in all of this module.
    pub fn new(dtype: Dtype, values: &ValueScale, normalisation: &Normalisation, device: Device) -> Result<Self> {
        let (step, offset) = match dtype {
            Dtype::U8 => (1.0 / 255.0, 0.0),
            Dtype::F16 | Dtype::F32 => (values.step / LEVEL_RANGE_DB, values.offset / LEVEL_RANGE_DB + 1.0),
        };
        let channels = normalisation.mean.iter().zip(&normalisation.std);
        let (factor, shift): (Vec<f32>, Vec<f32>) = channels
            .map(|(mean, deviation)| ((step / deviation) as f32, ((offset - mean) / deviation) as f32))
            .unzip();
        let shape = [1, factor.len() as i64, 1, 1];
        let on_device = |values: &[f32]| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(values)?.f_view(shape)?.f_to_device(device)?)
        };
        Ok(Self {
            factor: on_device(&factor)?,
            shift: on_device(&shift)?,
        })
    }

    /// `[B, 1 or channels, H, W]` stored values as `[B, channels, H, W]` normalised ones; one channel is used for all.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn images(&self, stored: &Tensor) -> Result<Tensor> {
        Ok(stored.f_mul(&self.factor)?.f_add(&self.shift)?)
    }
}

/// Labels and masks of the training rows, kept as short lists: those of a batch are written out and uploaded.
#[derive(Debug)]
pub struct Known {
    labels: Labels,
    device: Device,
}

impl Known {
    /// What is known of the rows of `labels`, for batches on `device`.
    #[must_use]
    pub fn new(labels: &Labels, device: Device) -> Self {
        let labels = labels.clone();
        Self { labels, device }
    }

    /// Labels and masks of `rows`, `[B, classes]` f32 each.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn gather(&self, rows: &[u32]) -> Result<[Tensor; 2]> {
        let classes = self.labels.classes();
        let mut entries = vec![0_u8; 2 * rows.len() * classes];
        let (labels, mask) = entries.split_at_mut(rows.len() * classes);
        let matrices = labels
            .chunks_exact_mut(classes.max(1))
            .zip(mask.chunks_exact_mut(classes.max(1)));
        for (&row, (labels, mask)) in rows.iter().zip(matrices) {
            self.labels.write(row as usize, labels, mask);
        }
        // A byte each crosses the bus, in one piece.
        let there = upload(&entries, self.device)?.f_view([2, rows.len() as i64, classes as i64])?;
        let there = there.f_to_kind(Kind::Float)?;
        Ok([there.f_select(0, 0)?, there.f_select(0, 1)?])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn labels_and_masks_of_a_batch_are_those_of_its_rows() {
        let (labels, mask) = ([1, 0, 0, 0, 1, 0], [1, 1, 0, 0, 1, 1]);
        let labels = Labels::from_matrices(3, &labels, &mask).unwrap();
        let known = Known::new(&labels, Device::Cpu);
        let [labels, mask] = known.gather(&[1, 0, 1]).unwrap();
        assert_eq!(
            (labels.kind(), labels.size(), mask.size()),
            (Kind::Float, vec![3, 3], vec![3, 3])
        );
        let values = |tensor: &Tensor| Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap();
        assert_eq!(values(&labels), [0., 1., 0., 1., 0., 0., 0., 1., 0.]);
        assert_eq!(values(&mask), [0., 1., 1., 1., 1., 0., 0., 1., 1.]);
        let [none, _] = known.gather(&[]).unwrap();
        assert_eq!(none.size(), [0, 3]);
    }
}
