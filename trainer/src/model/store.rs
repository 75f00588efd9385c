//! Defines the tensors of a model under torchvision's names, and how they start.
//!
//! Starts are drawn on the CPU by keyed random numbers, each tensor by its own, so that they depend on the seed alone.

use loader::random::{Purpose, keyed};
use rand::{Rng, RngExt};
use tch::{Device, Kind, Tensor};

use super::layer::{Conv, LayerNorm, Linear, Norm};
use crate::error::Result;
use crate::state::Named;

/// Deviation of the weights, and scale of a block's path, that torchvision's ConvNeXt starts with.
const NARROW: f64 = 0.02;
const LAYER_SCALE: f64 = 1e-6;

/// Tensors of a model in the order they were made, which is torchvision's.
pub(super) struct Store {
    seed: u64,
    device: Device,
    compute: Kind,
    /// Trained tensors, f32.
    pub trained: Vec<Named>,
    /// All tensors, statistics of batch norms included.
    pub all: Vec<Named>,
}

impl Store {
    /// A store on `device`; convolutions compute in `compute`.
    pub(super) fn new(seed: u64, device: Device, compute: Kind) -> Self {
        Self {
            seed,
            device,
            compute,
            trained: Vec::new(),
            all: Vec::new(),
        }
    }

    fn trained(&mut self, name: String, start: Tensor) -> Result<Tensor> {
        let start = start.f_to_device(self.device)?;
        // cuDNN wants weights in the layout of the images.
        let mut start = if start.dim() == 4 && self.device.is_cuda() {
            channels_last(&start)?
        } else {
            start
        };
        let tensor = start.f_requires_grad_(true)?;
        self.trained.push((name.clone(), tensor.shallow_clone()));
        self.all.push((name, tensor.shallow_clone()));
        Ok(tensor)
    }

    fn statistic(&mut self, name: String, start: Tensor) -> Tensor {
        self.all.push((name, start.shallow_clone()));
        start
    }

    fn random(&self) -> impl Rng + use<> {
        keyed(self.seed, Purpose::Weights, &[self.all.len() as u64])
    }

    /// A square convolution without bias: normal with deviation sqrt(2 / fan out), as torchvision's residual networks
    /// start.
    pub(super) fn conv(&mut self, name: &str, [input, output]: [i64; 2], size: i64, stride: i64) -> Result<Conv> {
        let shape = [output, input, size, size];
        let deviation = (2.0 / (output * size * size) as f64).sqrt();
        let values = normal(&mut self.random(), shape.iter().product(), deviation);
        let weight = self.trained(
            format!("{name}.weight"),
            Tensor::f_from_slice(&values)?.f_reshape(shape)?,
        )?;
        Ok(Conv {
            weight,
            bias: None,
            stride,
            padding: size / 2,
            groups: 1,
            compute: self.compute,
        })
    }

    /// Weights of mean 0 and deviation .02 and biases of 0, as torchvision's ConvNeXt starts. (`trunc_normal_` cuts
    /// normal numbers at -2 and 2, a hundred deviations away.)
    fn narrow(&mut self, name: &str, shape: &[i64], outputs: i64) -> Result<[Tensor; 2]> {
        let values = normal(&mut self.random(), shape.iter().product(), NARROW);
        let weight = Tensor::f_from_slice(&values)?.f_reshape(shape)?;
        let weight = self.trained(format!("{name}.weight"), weight)?;
        let bias = Tensor::f_zeros(outputs, (Kind::Float, self.device))?;
        Ok([weight, self.trained(format!("{name}.bias"), bias)?])
    }

    /// A square convolution with bias in `groups`, padded to keep the size of images unless it has a stride.
    pub(super) fn narrow_conv(
        &mut self,
        name: &str,
        [input, output]: [i64; 2],
        size: i64,
        stride: i64,
        groups: i64,
    ) -> Result<Conv> {
        let [weight, bias] = self.narrow(name, &[output, input / groups.max(1), size, size], output)?;
        Ok(Conv {
            weight,
            bias: Some(bias),
            stride,
            padding: if stride == 1 { size / 2 } else { 0 },
            groups,
            compute: self.compute,
        })
    }

    /// A fully connected layer that computes in `compute`.
    pub(super) fn narrow_linear(&mut self, name: &str, [input, output]: [i64; 2], compute: Kind) -> Result<Linear> {
        let [weight, bias] = self.narrow(name, &[output, input], output)?;
        Ok(Linear { weight, bias, compute })
    }

    /// A layer norm: scale 1, shift 0.
    pub(super) fn layer_norm(&mut self, name: &str, channels: i64) -> Result<LayerNorm> {
        let options = (Kind::Float, self.device);
        Ok(LayerNorm {
            weight: self.trained(format!("{name}.weight"), Tensor::f_ones(channels, options)?)?,
            bias: self.trained(format!("{name}.bias"), Tensor::f_zeros(channels, options)?)?,
        })
    }

    /// The scale of a block's path, \[channels, 1, 1\].
    pub(super) fn layer_scale(&mut self, name: &str, channels: i64) -> Result<Tensor> {
        let start = Tensor::f_full([channels, 1, 1], LAYER_SCALE, (Kind::Float, self.device))?;
        self.trained(name.to_owned(), start)
    }

    /// A batch norm: scale 1, shift 0.
    pub(super) fn norm(&mut self, name: &str, channels: i64) -> Result<Norm> {
        let options = (Kind::Float, self.device);
        let weight = self.trained(format!("{name}.weight"), Tensor::f_ones(channels, options)?)?;
        let bias = self.trained(format!("{name}.bias"), Tensor::f_zeros(channels, options)?)?;
        let mean = self.statistic(format!("{name}.running_mean"), Tensor::f_zeros(channels, options)?);
        let variance = self.statistic(format!("{name}.running_var"), Tensor::f_ones(channels, options)?);
        // A count that no kernel reads stays on the CPU.
        let batches = Tensor::f_zeros([] as [i64; 0], (Kind::Int64, Device::Cpu))?;
        let batches = self.statistic(format!("{name}.num_batches_tracked"), batches);
        Ok(Norm {
            weight,
            bias,
            mean,
            variance,
            batches,
        })
    }

    /// A fully connected layer, f32, as PyTorch's `nn.Linear` starts: weight and bias uniform within 1/sqrt(inputs).
    pub(super) fn linear(&mut self, name: &str, [input, output]: [i64; 2]) -> Result<Linear> {
        let bound = 1.0 / (input.max(1) as f64).sqrt();
        let start =
            |mut random: _, count| -> Result<Tensor> { Ok(Tensor::f_from_slice(&uniform(&mut random, count, bound))?) };
        let weight = start(self.random(), input * output)?.f_reshape([output, input])?;
        let weight = self.trained(format!("{name}.weight"), weight)?;
        let bias = start(self.random(), output)?;
        let bias = self.trained(format!("{name}.bias"), bias)?;
        let compute = Kind::Float;
        Ok(Linear { weight, bias, compute })
    }
}

/// The same tensor \[N, C, H, W\] with its channels next to each other in memory.
pub(super) fn channels_last(tensor: &Tensor) -> Result<Tensor> {
    Ok(tensor
        .f_permute([0, 2, 3, 1])?
        .f_contiguous()?
        .f_permute([0, 3, 1, 2])?)
}

fn uniform(random: &mut impl Rng, count: i64, bound: f64) -> Vec<f32> {
    (0..count).map(|_| random.random_range(-bound..bound) as f32).collect()
}

/// Normal numbers of mean 0, by Box and Muller 1958.
fn normal(random: &mut impl Rng, count: i64, deviation: f64) -> Vec<f32> {
    let pair = |_| {
        // 1 - u is never 0.
        let radius = deviation * (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * random.random::<f64>()).sin_cos();
        [(radius * cosine) as f32, (radius * sine) as f32]
    };
    let mut values: Vec<f32> = (0..(count + 1) / 2).flat_map(pair).collect();
    values.truncate(usize::try_from(count).unwrap_or(0));
    values
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::cast_precision_loss,
        reason = "a failed unwrap is a failed test"
    )]

    use super::*;

    fn moments(values: &[f32]) -> (f64, f64) {
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64;
        let square = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / values.len() as f64;
        (mean, square.sqrt())
    }

    #[test]
    fn starts_have_the_spread_of_torchvision() {
        let mut store = Store::new(1, Device::Cpu, Kind::Float);
        let conv = store.conv("conv1", [16, 64], 3, 1).unwrap();
        let values: Vec<f32> = conv.weight.flatten(0, -1).try_into().unwrap();
        let (mean, deviation) = moments(&values);
        let expected = (2.0_f64 / (64.0 * 9.0)).sqrt();
        assert!(
            mean.abs() < 0.002 && (deviation / expected - 1.0).abs() < 0.03,
            "{mean} {deviation} {expected}"
        );
        let third = values.iter().filter(|v| f64::from(v.abs()) < expected).count() as f64 / values.len() as f64;
        assert!((third - 0.6827).abs() < 0.02, "normal, not uniform: {third}");

        let linear = store.linear("fc", [400, 30]).unwrap();
        let values: Vec<f32> = linear.weight.flatten(0, -1).try_into().unwrap();
        let (mean, deviation) = moments(&values);
        assert!(
            mean.abs() < 0.002 && (deviation / (0.05 / 3.0_f64.sqrt()) - 1.0).abs() < 0.03,
            "{mean} {deviation}"
        );
        assert!(values.iter().all(|v| v.abs() <= 0.05));
    }

    #[test]
    fn seeds_and_tensors_differ() {
        let first = |seed, name: &str| {
            let mut store = Store::new(seed, Device::Cpu, Kind::Float);
            let _ = store.conv("conv1", [1, 2], 3, 1).unwrap();
            let conv = store.conv(name, [1, 2], 3, 1).unwrap();
            (
                store.all[0].1.double_value(&[0, 0, 0, 0]),
                conv.weight.double_value(&[0, 0, 0, 0]),
            )
        };
        assert_eq!(first(1, "conv2"), first(1, "conv2"));
        assert_ne!(first(1, "conv2").0, first(2, "conv2").0);
        assert_ne!(first(1, "conv2").0, first(1, "conv2").1);
    }
}
