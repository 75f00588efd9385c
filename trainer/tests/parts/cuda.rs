//! The networks on a GPU beside the CPU; says so and does nothing where there is none.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test, which prints what it skips"
)]

use tch::{Cuda, Device, Kind, Tensor};
use trainer::model::{Arch, Model, ModelSpec, Precision};
use trainer::optim::{Algorithm, Optimizer};

fn model(arch: Arch, precision: Precision, device: Device) -> Model {
    let config = ModelSpec {
        arch,
        classes: 5,
        clip_channels: 1,
        precision,
    };
    Model::new(&config, 1, device).unwrap()
}

#[test]
fn a_gpu_agrees_with_the_cpu_and_learns() {
    if !Cuda::is_available() {
        println!("skipped: no CUDA device");
        return;
    }
    let gpu = Device::Cuda(0);
    for (arch, channels) in [(Arch::Resnet50, 3), (Arch::ConvnextTiny, 3), (Arch::Tiny, 1)] {
        let pixels = Tensor::arange(8 * channels * 96 * 96, (Kind::Float, Device::Cpu)) * 0.37;
        let images = pixels.sin().reshape([8, channels, 96, 96]);
        let expected = tch::no_grad(|| model(arch, Precision::F32, Device::Cpu).forward(&images, false)).unwrap();
        for (precision, tolerance) in [(Precision::F32, 0.02), (Precision::Bf16, 0.1)] {
            let model = model(arch, precision, gpu);
            let mut optimizer = Optimizer::new(Algorithm::Adam, 1e-3, 0.0, model.groups(1.0)).unwrap();
            let images = images.to_device(gpu);
            let logits = tch::no_grad(|| model.forward(&images, false)).unwrap();
            assert_eq!((logits.kind(), logits.device()), (Kind::Float, gpu));
            let scale = expected.abs().max().double_value(&[]);
            let off = (logits.to_device(Device::Cpu) - &expected)
                .abs()
                .max()
                .double_value(&[])
                / scale;
            println!("{arch:?} {precision:?} {off:e}");
            assert!(off < tolerance, "{arch:?} {precision:?} {off:e}");

            let classes = Tensor::arange(8, (Kind::Int64, gpu)).remainder(5);
            let mut losses = Vec::new();
            for _ in 0..10 {
                let loss = model.forward(&images, true).unwrap().cross_entropy_for_logits(&classes);
                optimizer.zero_grad().unwrap();
                loss.backward();
                optimizer.step().unwrap();
                losses.push(loss.double_value(&[]));
            }
            assert!(losses[9] < losses[0], "{arch:?} {precision:?} {losses:?}");
            for (name, tensor) in model.state() {
                let float = tensor.kind() == Kind::Float || name.ends_with("num_batches_tracked");
                let layout = tensor.dim() != 4 || tensor.permute([0, 2, 3, 1]).is_contiguous();
                assert!(float && layout, "{name}");
            }
        }
    }
}
