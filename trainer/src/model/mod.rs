//! Defines the networks: from images to logits, weights under torchvision's names.
//!
//! On the CPU everything is f32. In bf16 the convolutions (and ConvNeXt's layers between them) compute in bf16 from f32
//! weights; norms, pooling to features, the last layer and logits are f32. On CUDA images and weights are
//! channels-last.

mod arch;
mod average;
mod convnext;
mod layer;
mod resnet;
mod store;
mod tiny;

use std::path::Path;

use loader::block_mean_spec;
use shardfmt::ClipSpec;
use tch::{Device, Tensor};

pub use self::arch::{Arch, Precision};
pub use self::average::Average;
use self::convnext::ConvNext;
use self::resnet::{Depth, ResNet};
use self::store::{Store, channels_last};
use self::tiny::Tiny;
use crate::error::{Error, Result};
use crate::optim::Group;
use crate::state::{Named, adopt};

/// Which network, for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelSpec {
    /// The network.
    pub arch: Arch,
    /// Classes, the logits of a clip.
    pub classes: usize,
    /// Channels of a clip as stored.
    pub clip_channels: usize,
    /// The number type that convolutions compute in.
    pub precision: Precision,
}

/// Mean and deviation of each channel, by which levels from 0 to 1 are normalised.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalisation {
    /// Mean of each channel.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel.
    pub std: Vec<f64>,
}

/// Mean and deviation of ImageNet's images, which torchvision's weights were trained with (torchvision.transforms
/// documentation).
const IMAGENET: [[f64; 3]; 2] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];

/// The state of the last layer after weights were loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// Loaded with the rest.
    Loaded,
    /// Still random: the weights have none, or one of other classes.
    Fresh {
        /// Classes in the weights' own last layer, if there is one.
        classes: Option<i64>,
    },
}

enum Net {
    ResNet(ResNet),
    ConvNext(ConvNext),
    Tiny(Tiny),
}

/// A network with its weights.
pub struct Model {
    spec: ModelSpec,
    seed: u64,
    device: Device,
    net: Net,
    trained: Vec<Named>,
    all: Vec<Named>,
}

impl Model {
    /// A network whose initial weights `seed` decides.
    ///
    /// # Errors
    /// [`Error::Setting`] for no classes or channels; errors of libtorch.
    pub fn new(spec: &ModelSpec, seed: u64, device: Device) -> Result<Self> {
        let count = |name: &str, n: usize| match i64::try_from(n) {
            Ok(n) if n > 0 => Ok(n),
            _ => Err(Error::setting(name, format!("must be at least 1, not {n}"))),
        };
        let (classes, clip_channels) = (count("classes", spec.classes)?, count("channels", spec.clip_channels)?);
        let compute = spec.precision.kind();
        let mut store = Store::new(seed, device, compute);
        let net = match spec.arch {
            Arch::Resnet50 => {
                let depth = Depth {
                    blocks: [3, 4, 6, 3],
                    bottleneck: true,
                };
                Net::ResNet(ResNet::new(&mut store, &depth, 3, classes)?)
            }
            Arch::Resnet18 => {
                let depth = Depth {
                    blocks: [2, 2, 2, 2],
                    bottleneck: false,
                };
                Net::ResNet(ResNet::new(&mut store, &depth, 3, classes)?)
            }
            Arch::ConvnextTiny => Net::ConvNext(ConvNext::new(&mut store, 3, classes, compute)?),
            Arch::Tiny => Net::Tiny(Tiny::new(&mut store, clip_channels, classes, compute)?),
        };
        let Store { trained, all, .. } = store;
        Ok(Self {
            spec: *spec,
            seed,
            device,
            net,
            trained,
            all,
        })
    }

    /// Where its weights lie.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// Channels that images must have: 3 for torchvision's networks, the clips' own for the tiny one.
    #[must_use]
    pub fn channels(&self) -> usize {
        match self.spec.arch {
            Arch::Resnet50 | Arch::Resnet18 | Arch::ConvnextTiny => 3,
            Arch::Tiny => self.spec.clip_channels,
        }
    }

    /// The form in which clips may be loaded: as stored, or already pooled where the network would begin with that.
    #[must_use]
    pub fn loaded(&self, stored: ClipSpec) -> ClipSpec {
        match self.spec.arch {
            Arch::Resnet50 | Arch::Resnet18 | Arch::ConvnextTiny => stored,
            Arch::Tiny => {
                let [height, width] = tiny::POOLED.map(|size| u32::try_from(size).unwrap_or_default());
                block_mean_spec(stored, height, width).unwrap_or(stored)
            }
        }
    }

    /// How images must be normalised: as ImageNet's for torchvision's networks, to about -1..=1 for the tiny one.
    #[must_use]
    pub fn normalisation(&self) -> Normalisation {
        let [mean, std] = match self.spec.arch {
            Arch::Resnet50 | Arch::Resnet18 | Arch::ConvnextTiny => IMAGENET.map(|values| values.to_vec()),
            Arch::Tiny => [vec![0.5; self.channels()], vec![0.5; self.channels()]],
        };
        Normalisation { mean, std }
    }

    /// Logits f32 \[B, classes\] of normalised images f32 \[B, channels, H, W\]. With `train`, batch norms use and
    /// learn the batch's statistics.
    ///
    /// # Errors
    /// [`Error::Shape`] for images of other channels; errors of libtorch, such as a lack of memory.
    pub fn forward(&self, images: &Tensor, train: bool) -> Result<Tensor> {
        self.logits(&self.features(images, train)?)
    }

    /// What the paths of the network's blocks weigh for the clips of `rows` in `epoch`, f32 \[blocks x rows\], keyed by
    /// seed, epoch and row; `None` for a network of which no path is left out in training.
    #[must_use]
    pub fn drawn_paths(&self, rows: &[u32], epoch: u32) -> Option<Vec<f32>> {
        match self.net {
            Net::ConvNext(_) => Some(convnext::drawn_paths(self.seed, epoch, rows)),
            Net::ResNet(_) | Net::Tiny(_) => None,
        }
    }

    /// [`Model::forward`] in training, with paths that weigh as in `paths`, the numbers of [`Model::drawn_paths`].
    ///
    /// # Errors
    /// As [`Model::forward`].
    pub fn forward_along(&self, images: &Tensor, paths: Option<&Tensor>) -> Result<Tensor> {
        self.logits(&self.features_along(images, true, paths)?)
    }

    /// What the last layer sees of normalised images: f32 \[B, features\], pooled over each image.
    ///
    /// # Errors
    /// As [`Model::forward`].
    pub fn features(&self, images: &Tensor, train: bool) -> Result<Tensor> {
        self.features_along(images, train, None)
    }

    fn features_along(&self, images: &Tensor, train: bool, paths: Option<&Tensor>) -> Result<Tensor> {
        let (batch, channels, height, width) = images.size4()?;
        let expected = i64::try_from(self.channels()).unwrap_or(i64::MAX);
        if channels != expected {
            let (expected, got) = (vec![batch, expected, height, width], images.size());
            return Err(Error::Shape {
                what: "images",
                expected,
                got,
            });
        }
        let images = if self.device.is_cuda() {
            channels_last(images)?
        } else {
            images.shallow_clone()
        };
        match &self.net {
            Net::ResNet(net) => net.features(&images.f_to_kind(self.spec.precision.kind())?, train),
            Net::ConvNext(net) => {
                let paths = paths.map(|paths| paths.f_reshape([-1, batch])).transpose()?;
                net.features(&images, paths.as_ref())
            }
            Net::Tiny(net) => net.features(&images, train),
        }
    }

    /// Logits f32 \[B, classes\] of [`Model::features`].
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn logits(&self, features: &Tensor) -> Result<Tensor> {
        match &self.net {
            Net::ResNet(net) => net.fc.forward(features),
            Net::ConvNext(net) => net.fc.forward(features),
            Net::Tiny(net) => net.fc.forward(features),
        }
    }

    /// Trained tensors in two groups, the body and the last layer; the latter with its own learning-rate multiplier.
    #[must_use]
    pub fn groups(&self, last_layer_lr_multiplier: f64) -> Vec<Group> {
        let (mut body, mut last) = (Vec::new(), Vec::new());
        for (name, tensor) in &self.trained {
            let group = if name.starts_with(self.spec.arch.last_layer()) {
                &mut last
            } else {
                &mut body
            };
            group.push((name.clone(), tensor.shallow_clone()));
        }
        vec![
            Group {
                tensors: body,
                lr_multiplier: 1.0,
                decays: true,
            },
            Group {
                tensors: last,
                lr_multiplier: last_layer_lr_multiplier,
                decays: true,
            },
        ]
    }

    /// All tensors with torchvision's names, in torchvision's order; later steps change them.
    #[must_use]
    pub fn state(&self) -> Vec<Named> {
        self.all
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
            .collect()
    }

    /// Restores a [`Model::state`].
    ///
    /// # Errors
    /// [`Error::State`] naming all tensors that are missing, unexpected or of another shape; nothing is loaded then.
    pub fn load(&mut self, state: &[Named]) -> Result<()> {
        adopt("model", &self.all, state)
    }

    /// Loads weights trained for something else: all but a last layer of other classes, which stays random.
    ///
    /// Counts of batches, which old files lack and nothing depends on, may be missing.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load_backbone(&mut self, weights: &[Named]) -> Result<Head> {
        let find = |name: &str| {
            weights
                .iter()
                .find(|(other, _)| other == name)
                .map(|(_, tensor)| tensor)
        };
        let last_layer = self.spec.arch.last_layer();
        let is_head = |name: &str| name.starts_with(last_layer);
        let head = find(&format!("{last_layer}weight"));
        let file_classes = head.and_then(|tensor| tensor.size().first().copied());
        let fresh = file_classes != i64::try_from(self.spec.classes).ok();
        let wanted = |(name, _): &&Named| {
            !(fresh && is_head(name)) && (find(name).is_some() || !name.ends_with(".num_batches_tracked"))
        };
        let clone = |(name, tensor): &Named| (name.clone(), tensor.shallow_clone());
        let targets: Vec<_> = self.all.iter().filter(wanted).map(clone).collect();
        let source: Vec<_> = weights
            .iter()
            .filter(|(name, _)| !(fresh && is_head(name)))
            .map(clone)
            .collect();
        adopt("model", &targets, &source)?;
        Ok(if fresh {
            Head::Fresh { classes: file_classes }
        } else {
            Head::Loaded
        })
    }
}

/// Reads weights with torchvision's names from a safetensors file.
///
/// # Errors
/// [`Error::Setting`] with the reason and how to convert, for a file that is not safetensors.
pub fn read_weights(path: &Path) -> Result<Vec<Named>> {
    Tensor::read_safetensors(path).map_err(|cause| {
        let reason = format!(
            "{cause}; weights are safetensors with torchvision's names: docs/training.md shows how to convert a .pth"
        );
        Error::setting("weights", reason)
    })
}
