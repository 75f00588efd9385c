//! Defines the layers that the networks are made of.
//!
//! Weights are f32. A convolution casts its weight to the kind it computes in; a batch norm keeps parameters and
//! statistics in f32, whatever its images are.

use tch::{Kind, Tensor};

use crate::error::{Error, Result};

/// Weight of the newest batch in running statistics, and what is added to a variance: PyTorch's defaults.
const MOMENTUM: f64 = 0.1;
const EPS: f64 = 1e-5;

/// A convolution without bias.
pub(super) struct Conv {
    pub weight: Tensor,
    pub stride: i64,
    pub padding: i64,
    pub compute: Kind,
}

impl Conv {
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (weight, stride, padding) = (
            self.weight.f_to_kind(self.compute)?,
            [self.stride; 2],
            [self.padding; 2],
        );
        Ok(x.f_conv2d(&weight, None::<Tensor>, stride, padding, [1, 1], 1)?)
    }
}

/// A batch norm over \[B, C, H, W\].
pub(super) struct Norm {
    pub weight: Tensor,
    pub bias: Tensor,
    pub mean: Tensor,
    pub variance: Tensor,
    pub batches: Tensor,
}

impl Norm {
    pub(super) fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        if train {
            let (batch, _, height, width) = x.size4()?;
            if batch * height * width < 2 {
                let reason = "a batch of one value a channel has no variance: use larger batches or images";
                return Err(Error::setting("batch", reason));
            }
            let _ = self.batches.shallow_clone().f_add_scalar_(1)?;
        }
        let [weight, bias, mean, variance] = [&self.weight, &self.bias, &self.mean, &self.variance].map(Some);
        Ok(x.f_batch_norm(weight, bias, mean, variance, train, MOMENTUM, EPS, true)?)
    }
}

/// A fully connected layer, f32.
pub(super) struct Linear {
    pub weight: Tensor,
    pub bias: Tensor,
}

impl Linear {
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.f_linear(&self.weight, Some(&self.bias))?)
    }
}

/// A convolution and its batch norm.
pub(super) struct ConvNorm(pub Conv, pub Norm);

impl ConvNorm {
    pub(super) fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.1.forward(&self.0.forward(x)?, train)
    }
}
