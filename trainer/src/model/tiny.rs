//! Defines a small network for the CPU: images are pooled first, time more than frequency, and the head knows where in
//! frequency things are.
//!
//! A bird is recognised by the pitch of its song as much as by its shape, so a coordinate of frequency goes in beside
//! the image, and the head pools over time but keeps bands of frequency apart.

use tch::{Device, Kind, Tensor};

use super::layer::{ConvNorm, Linear};
use super::store::{Store, channels_last};
use crate::error::Result;

/// Rows and columns that images are pooled to, if they have more.
pub(super) const POOLED: [i64; 2] = [112, 56];
/// Channels of the blocks.
const WIDTHS: [i64; 4] = [16, 24, 32, 64];
/// Bands of frequency that the head keeps apart.
const BANDS: i64 = 7;

pub(super) struct Tiny {
    blocks: Vec<ConvNorm>,
    pub(super) fc: Linear,
    compute: Kind,
}

impl Tiny {
    pub(super) fn new(store: &mut Store, channels: i64, classes: i64, compute: Kind) -> Result<Self> {
        let (mut input, mut blocks) = (channels + 1, Vec::new());
        for (number, width) in (1..).zip(WIDTHS) {
            let (size, stride) = if number == 1 { (5, 2) } else { (3, 1) };
            let conv = store.conv(&format!("conv{number}"), [input, width], size, stride)?;
            blocks.push(ConvNorm(conv, store.norm(&format!("bn{number}"), width)?));
            input = width;
        }
        Ok(Self {
            blocks,
            fc: store.linear("fc", [2 * BANDS * input, classes])?,
            compute,
        })
    }

    /// Features f32 of `x` \[B, C, H, W\].
    pub(super) fn features(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let (batch, _, height, width) = x.size4()?;
        let pooled = [height.min(POOLED[0]), width.min(POOLED[1])];
        let mut x = x.f_to_kind(Kind::Float)?;
        if pooled != [height, width] {
            x = x.f_adaptive_avg_pool2d(pooled)?;
        }
        let place = coordinate(pooled, x.device())?.f_expand([batch, 1, pooled[0], pooled[1]], false)?;
        // On a CPU too, few channels are faster side by side: by a third here, with pooling and batch norms (libtorch
        // 2.11, AVX-512).
        let mut x = channels_last(&Tensor::f_cat(&[x, place], 1)?.f_to_kind(self.compute)?)?;
        for (number, block) in self.blocks.iter().enumerate() {
            x = block.forward(&x, train)?.f_relu_()?;
            let (_, _, height, width) = x.size4()?;
            // The first block halves by its stride, which is far cheaper than to compute all of it.
            if number > 0 && number + 1 < self.blocks.len() && height > 1 && width > 1 {
                x = x.f_max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false)?;
            }
        }
        let x = x.f_to_kind(Kind::Float)?;
        let mean = x
            .f_mean_dim([3].as_slice(), true, None)?
            .f_adaptive_avg_pool2d([BANDS, 1])?;
        let most = x.f_amax([3], true)?.f_adaptive_avg_pool2d([BANDS, 1])?;
        Ok(Tensor::f_cat(&[mean, most], 1)?.f_flatten(1, -1)?)
    }
}

/// -1 in the lowest row to 1 in the highest, \[1, 1, H, W\].
fn coordinate([height, width]: [i64; 2], device: Device) -> Result<Tensor> {
    let rows = Tensor::f_linspace(-1.0, 1.0, height, (Kind::Float, device))?.f_reshape([1, 1, height, 1])?;
    Ok(rows.f_expand([1, 1, height, width], false)?)
}
