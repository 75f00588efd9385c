//! Defines the networks by name, and what each of them asks of its images.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// ResNet-50, 25.6 million weights.
    Resnet50,
    /// ResNet-18, 11.7 million weights.
    Resnet18,
    /// ConvNeXt-Tiny, 28.6 million weights.
    #[serde(rename = "convnext-tiny")]
    ConvnextTiny,
    /// A few convolutions that train on a CPU.
    Tiny,
}

impl Arch {
    /// What the names of the last layer's tensors begin with.
    pub(super) fn last_layer(self) -> &'static str {
        match self {
            Self::Resnet50 | Self::Resnet18 | Self::Tiny => "fc.",
            Self::ConvnextTiny => "classifier.2.",
        }
    }
}

/// The number type that convolutions compute in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// bfloat16, weights and statistics kept in f32.
    Bf16,
}

impl Precision {
    /// The default on `device`: bf16 on a GPU, f32 on the CPU.
    #[must_use]
    pub fn usual(device: Device) -> Self {
        if device.is_cuda() { Self::Bf16 } else { Self::F32 }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
        }
    }
}
