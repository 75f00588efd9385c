//! Defines the network ConvNeXt-Tiny as torchvision has it.
//!
//! Source: Liu et al. 2022 (arXiv 2201.03545), with names as in `torchvision.models.convnext`. In training, the path of
//! block i of n is left out of a clip with probability .1 i/(n - 1), and else weighs 1/(1 - that probability)
//! (stochastic depth, Huang et al. 2016, arXiv 1603.09382). Images are kept \[B, H, W, C\], as layer norms and fully
//! connected layers want them, so that only convolutions see them as \[B, C, H, W\].

use loader::random::{Purpose, keyed};
use rand::RngExt;
use tch::{Kind, Tensor};

use super::layer::{Conv, LayerNorm, Linear};
use super::store::Store;
use crate::error::{Error, Result};

/// Width and blocks of each stage.
const STAGES: [(i64, usize); 4] = [(96, 3), (192, 3), (384, 9), (768, 3)];
/// Blocks of all stages.
const BLOCKS: usize = 18;
/// Probability that the last block's path is left out.
const DEPTH_DROPPED: f64 = 0.1;
/// Each side is divided by this, so there is nothing left of a smaller image.
const LEAST_SIDE: i64 = 32;

struct Block {
    scale: Tensor,
    conv: Conv,
    norm: LayerNorm,
    wider: Linear,
    narrower: Linear,
}

/// Norm and convolution between two stages.
struct Halving(LayerNorm, Conv);

pub(super) struct ConvNext {
    stem: (Conv, LayerNorm),
    stages: Vec<(Option<Halving>, Vec<Block>)>,
    norm: LayerNorm,
    pub(super) fc: Linear,
    compute: Kind,
}

impl ConvNext {
    pub(super) fn new(store: &mut Store, channels: i64, classes: i64, compute: Kind) -> Result<Self> {
        let [(first, _), ..] = STAGES;
        let stem = (
            store.narrow_conv("features.0.0", [channels, first], 4, 4, 1)?,
            store.layer_norm("features.0.1", first)?,
        );
        let (mut input, mut stages) = (first, Vec::new());
        for ((width, count), stage) in STAGES.into_iter().zip((1..).step_by(2)) {
            let halving = if stage > 1 {
                let name = format!("features.{}", stage - 1);
                let norm = store.layer_norm(&format!("{name}.0"), input)?;
                Some(Halving(
                    norm,
                    store.narrow_conv(&format!("{name}.1"), [input, width], 2, 2, 1)?,
                ))
            } else {
                None
            };
            let blocks =
                (0..count).map(|number| Block::new(store, &format!("features.{stage}.{number}"), width, compute));
            stages.push((halving, blocks.collect::<Result<_>>()?));
            input = width;
        }
        Ok(Self {
            stem,
            stages,
            norm: store.layer_norm("classifier.0", input)?,
            fc: store.narrow_linear("classifier.2", [input, classes], Kind::Float)?,
            compute,
        })
    }

    /// Features f32 of `x` \[B, C, H, W\]; `paths` f32 \[blocks, B\] is what the path of each block weighs.
    pub(super) fn features(&self, x: &Tensor, paths: Option<&Tensor>) -> Result<Tensor> {
        let (_, _, height, width) = x.size4()?;
        if height.min(width) < LEAST_SIDE {
            let reason = format!(
                "convnext-tiny makes images {LEAST_SIDE} times smaller, so both sides must be at least that, not \
                 {height} x {width}; use another network"
            );
            return Err(Error::setting("model.arch", reason));
        }
        let (conv, norm) = &self.stem;
        let mut x = norm.forward(&self.convolved(conv, &x.f_permute([0, 2, 3, 1])?)?)?;
        let mut paths = (0..).map(|block| paths.map(|paths| paths.f_select(0, block)).transpose());
        for (halving, blocks) in &self.stages {
            if let Some(Halving(norm, conv)) = halving {
                x = self.convolved(conv, &norm.forward(&x)?)?;
            }
            for block in blocks {
                let path = block.path(&x, |x| self.convolved(&block.conv, x), self.compute)?;
                x = match paths.next().transpose()?.flatten() {
                    Some(weights) => x.f_add(&path.f_mul(&weights.f_reshape([-1, 1, 1, 1])?)?)?,
                    None => x.f_add(&path)?,
                };
            }
        }
        self.norm.forward(&x.f_mean_dim([1, 2].as_slice(), false, Kind::Float)?)
    }

    /// A convolution of images f32 \[B, H, W, C\].
    fn convolved(&self, conv: &Conv, x: &Tensor) -> Result<Tensor> {
        let x = conv.forward(&x.f_permute([0, 3, 1, 2])?.f_to_kind(self.compute)?)?;
        Ok(x.f_permute([0, 2, 3, 1])?.f_to_kind(Kind::Float)?)
    }
}

impl Block {
    fn new(store: &mut Store, name: &str, width: i64, compute: Kind) -> Result<Self> {
        Ok(Self {
            scale: store.layer_scale(&format!("{name}.layer_scale"), width)?,
            conv: store.narrow_conv(&format!("{name}.block.0"), [width, width], 7, 1, width)?,
            norm: store.layer_norm(&format!("{name}.block.2"), width)?,
            wider: store.narrow_linear(&format!("{name}.block.3"), [width, 4 * width], compute)?,
            narrower: store.narrow_linear(&format!("{name}.block.5"), [4 * width, width], compute)?,
        })
    }

    /// What the block adds to `x` \[B, H, W, C\], f32.
    fn path(&self, x: &Tensor, conv: impl Fn(&Tensor) -> Result<Tensor>, compute: Kind) -> Result<Tensor> {
        let x = self.norm.forward(&conv(x)?)?.f_to_kind(compute)?;
        let x = self.narrower.forward(&self.wider.forward(&x)?.f_gelu("none")?)?;
        Ok(x.f_to_kind(Kind::Float)?.f_mul(&self.scale.f_flatten(0, -1)?)?)
    }
}

/// What the path of each block weighs for the clips of `rows` in `epoch`, \[blocks, rows\], block after block: 0 where
/// it is left out.
pub(super) fn drawn_paths(seed: u64, epoch: u32, rows: &[u32]) -> Vec<f32> {
    let mut weights = vec![0.0; BLOCKS * rows.len()];
    for (clip, row) in rows.iter().enumerate() {
        let mut random = keyed(seed, Purpose::StochasticDepth, &[epoch.into(), (*row).into()]);
        for (block, of_block) in weights.chunks_exact_mut(rows.len()).enumerate() {
            let kept = 1.0 - DEPTH_DROPPED * block as f64 / (BLOCKS - 1) as f64;
            // Drawn for every block, so that each has numbers of its own.
            let weight = if random.random::<f64>() < kept { 1.0 / kept } else { 0.0 };
            of_block
                .iter_mut()
                .skip(clip)
                .take(1)
                .for_each(|place| *place = weight as f32);
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_left_out_as_often_as_torchvision_leaves_them_out() {
        let rows: Vec<u32> = (0..4000).collect();
        let paths = drawn_paths(1, 1, &rows);
        for (block, weights) in paths.chunks_exact(rows.len()).enumerate() {
            let dropped = 0.1 * block as f64 / 17.0;
            let kept = 1.0 / (1.0 - dropped);
            let of = weights.iter().filter(|weight| **weight == 0.0).count() as f64 / rows.len() as f64;
            // Five standard deviations.
            let tolerance = 5.0 * (dropped * (1.0 - dropped) / rows.len() as f64).sqrt();
            assert!((of - dropped).abs() <= tolerance, "block {block}: {of}, not {dropped}");
            assert!(weights.iter().all(|w| *w == 0.0 || (f64::from(*w) - kept).abs() < 1e-6));
        }
    }

    #[test]
    fn paths_depend_on_seed_epoch_and_row_alone() {
        let all = drawn_paths(1, 2, &(0..40).collect::<Vec<_>>());
        let one: Vec<f32> = all.chunks_exact(40).filter_map(|block| block.get(7).copied()).collect();
        assert_eq!(drawn_paths(1, 2, &[7]), one);
        assert_ne!(drawn_paths(1, 3, &(0..40).collect::<Vec<_>>()), all);
        assert_ne!(drawn_paths(2, 2, &(0..40).collect::<Vec<_>>()), all);
    }
}
