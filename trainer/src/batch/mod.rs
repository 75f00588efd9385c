//! Defines a batch: the host memory it is loaded into, and on the device its stored values as images the model takes, and
//! what is known of them.

mod buffer;
mod ring;
mod sizes;
mod upload;

use loader::Supervision;
use shardfmt::{DatasetHead, Dtype};
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
    /// Stored values -> levels from 0 to 1 (bytes over 255; decibels over 80) -> (level - mean) / deviation.
    ///
    /// # Errors
    /// Errors of libtorch, such as a lack of memory; the same in all of this module.
    pub fn new(head: &DatasetHead, normalisation: &Normalisation, device: Device) -> Result<Self> {
        let (step, offset) = match head.clips.dtype {
            Dtype::U8 => (1.0 / 255.0, 0.0),
            Dtype::F16 | Dtype::F32 => (
                head.values.step / LEVEL_RANGE_DB,
                head.values.offset / LEVEL_RANGE_DB + 1.0,
            ),
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

/// Labels and masks of all rows on the device, a byte each; batches are gathered there.
#[derive(Debug)]
pub struct Known {
    /// `[rows, classes]`, 0 where the mask is 0.
    labels: Tensor,
    /// `[rows, classes]`, 1 where the label is known.
    mask: Tensor,
}

impl Known {
    /// Uploads the matrices of `supervision`.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn new(supervision: &Supervision, device: Device) -> Result<Self> {
        let shape = [supervision.clips.len() as i64, supervision.classes as i64];
        let on_device =
            |values: &[u8]| -> Result<Tensor> { Ok(Tensor::f_from_slice(values)?.f_view(shape)?.f_to_device(device)?) };
        Ok(Self {
            labels: on_device(&supervision.labels)?,
            mask: on_device(&supervision.mask)?,
        })
    }

    /// Labels and masks of `rows`, `[B, classes]` f32 each.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn gather(&self, rows: &Tensor) -> Result<[Tensor; 2]> {
        let of = |matrix: &Tensor| -> Result<Tensor> { Ok(matrix.f_index_select(0, rows)?.f_to_kind(Kind::Float)?) };
        Ok([of(&self.labels)?, of(&self.mask)?])
    }
}
