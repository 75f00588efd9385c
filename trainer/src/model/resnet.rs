//! Defines the residual networks ResNet-18 and ResNet-50 as torchvision has them.
//!
//! Source: He et al. 2016 (arXiv 1512.03385), with the stride of a bottleneck in its 3 x 3 convolution, and names as in
//! `torchvision.models.resnet`.

use tch::{Kind, Tensor};

use super::layer::{ConvNorm, Linear};
use super::store::Store;
use crate::error::Result;

/// How deep a residual network is, and of which blocks.
pub(super) struct Depth {
    /// Blocks in each of the four layers.
    pub blocks: [usize; 4],
    /// Whether blocks are 1 x 1, 3 x 3, 1 x 1 with four times the width at the end; else two 3 x 3.
    pub bottleneck: bool,
}

struct Block {
    path: Vec<ConvNorm>,
    shortcut: Option<ConvNorm>,
}

pub(super) struct ResNet {
    stem: ConvNorm,
    blocks: Vec<Block>,
    pub(super) fc: Linear,
}

impl ResNet {
    pub(super) fn new(store: &mut Store, depth: &Depth, channels: i64, classes: i64) -> Result<Self> {
        let stem = ConvNorm(store.conv("conv1", [channels, 64], 7, 2)?, store.norm("bn1", 64)?);
        let (mut input, mut blocks) = (64, Vec::new());
        for ((layer, count), width) in (1..).zip(depth.blocks).zip([64, 128, 256, 512]) {
            for number in 0..count {
                let stride = if layer > 1 && number == 0 { 2 } else { 1 };
                let block = Block::new(
                    store,
                    &format!("layer{layer}.{number}"),
                    depth.bottleneck,
                    [input, width],
                    stride,
                )?;
                input = if depth.bottleneck { 4 * width } else { width };
                blocks.push(block);
            }
        }
        Ok(Self {
            stem,
            blocks,
            fc: store.linear("fc", [input, classes])?,
        })
    }

    /// Features f32 of `x` \[B, C, H, W\], which is of the kind that convolutions compute in.
    pub(super) fn features(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = self
            .stem
            .forward(x, train)?
            .f_relu_()?
            .f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        for block in &self.blocks {
            x = block.forward(&x, train)?;
        }
        Ok(x.f_mean_dim([2, 3].as_slice(), false, Kind::Float)?)
    }
}

impl Block {
    fn new(store: &mut Store, name: &str, bottleneck: bool, [input, width]: [i64; 2], stride: i64) -> Result<Self> {
        let output = if bottleneck { 4 * width } else { width };
        // (input, output, size, stride) of each convolution
        let plan = if bottleneck {
            vec![(input, width, 1, 1), (width, width, 3, stride), (width, output, 1, 1)]
        } else {
            vec![(input, width, 3, stride), (width, width, 3, 1)]
        };
        let mut path = Vec::new();
        for (number, (input, output, size, stride)) in (1..).zip(plan) {
            let conv = store.conv(&format!("{name}.conv{number}"), [input, output], size, stride)?;
            path.push(ConvNorm(conv, store.norm(&format!("{name}.bn{number}"), output)?));
        }
        let shortcut = if stride != 1 || input != output {
            let conv = store.conv(&format!("{name}.downsample.0"), [input, output], 1, stride)?;
            Some(ConvNorm(conv, store.norm(&format!("{name}.downsample.1"), output)?))
        } else {
            None
        };
        Ok(Self { path, shortcut })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut out = x.shallow_clone();
        for (number, step) in self.path.iter().enumerate() {
            out = step.forward(&out, train)?;
            if number + 1 < self.path.len() {
                out = out.f_relu_()?;
            }
        }
        let identity = match &self.shortcut {
            Some(shortcut) => shortcut.forward(x, train)?,
            None => x.shallow_clone(),
        };
        Ok(out.f_add_(&identity)?.f_relu_()?)
    }
}
