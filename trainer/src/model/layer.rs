//! Defines the layers that the networks are made of.
//!
//! Weights are f32. A convolution or fully connected layer casts them to the kind it computes in; a norm keeps
//! parameters and statistics in f32, whatever its images are.

use tch::{Kind, Tensor};

use crate::error::{Error, Result};

/// Weight of the newest batch in running statistics, and what is added to a variance: PyTorch's defaults.
const MOMENTUM: f64 = 0.1;
const EPS: f64 = 1e-5;
/// What a layer norm adds to a variance (`torchvision.models.convnext`).
const LAYER_EPS: f64 = 1e-6;

/// A convolution.
pub(super) struct Conv {
    pub weight: Tensor,
    pub bias: Option<Tensor>,
    pub stride: i64,
    pub padding: i64,
    pub groups: i64,
    pub compute: Kind,
}

impl Conv {
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (weight, stride, padding) = (
            self.weight.f_to_kind(self.compute)?,
            [self.stride; 2],
            [self.padding; 2],
        );
        let bias = self
            .bias
            .as_ref()
            .map(|bias| bias.f_to_kind(self.compute))
            .transpose()?;
        Ok(x.f_conv2d(&weight, bias, stride, padding, [1, 1], self.groups)?)
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

/// A layer norm over the last dimension, f32.
pub(super) struct LayerNorm {
    pub weight: Tensor,
    pub bias: Tensor,
}

impl LayerNorm {
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [weight, bias] = [&self.weight, &self.bias].map(Some);
        Ok(x.f_layer_norm(self.weight.size(), weight, bias, LAYER_EPS, true)?)
    }
}

/// A fully connected layer; it casts its weights to the kind it computes in.
pub(super) struct Linear {
    pub weight: Tensor,
    pub bias: Tensor,
    pub compute: Kind,
}

impl Linear {
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let bias = self.bias.f_to_kind(self.compute)?;
        Ok(x.f_linear(&self.weight.f_to_kind(self.compute)?, Some(&bias))?)
    }
}

/// A convolution and its batch norm.
pub(super) struct ConvNorm(pub Conv, pub Norm);

impl ConvNorm {
    pub(super) fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.1.forward(&self.0.forward(x)?, train)
    }
}
