//! The networks: torchvision's names, shapes and outputs; bf16; strict loading; and that the tiny one learns.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test, which prints its case"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};
use trainer::model::{Arch, Head, Model, ModelSpec, Precision, read_weights};
use trainer::optim::{Algorithm, Optimizer};
use trainer::state::{Named, snapshot};

fn oracle(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles").join(name)
}

const RESNETS: [(Arch, &str); 2] = [(Arch::Resnet18, "resnet18"), (Arch::Resnet50, "resnet50")];

fn config(arch: Arch, classes: usize) -> ModelSpec {
    ModelSpec {
        arch,
        classes,
        clip_channels: 1,
        precision: Precision::F32,
    }
}

fn model(arch: Arch, classes: usize) -> Model {
    Model::new(&config(arch, classes), 1, Device::Cpu).unwrap()
}

/// The numbers of `oracles/resnet.py`.
pub(crate) fn u(t: usize, n: usize) -> Tensor {
    let of =
        |i: usize| ((2_654_435_761 * i + 40503 * t + 12345) % (1 << 32)) as f64 / f64::from(2.0_f32.powi(32)) - 0.5;
    Tensor::from_slice(&(0..n).map(of).collect::<Vec<f64>>())
}

/// The weights of `oracles/resnet.py`, for the tensors of `model` in their order.
fn filled(model: &Model) -> Vec<Named> {
    let fill = |(t, (name, tensor)): (usize, Named)| {
        let size = tensor.size();
        let value = u(t, tensor.numel());
        let value = match size.as_slice() {
            [] => return (name, tensor),
            [output, _, height, width] => value * (24.0 / (output * height * width) as f64).sqrt(),
            [_] if name.ends_with(".running_var") || name.ends_with(".weight") => value * 0.5 + 1.0,
            _ => value * 0.2,
        };
        (name, value.to_kind(Kind::Float).reshape(size))
    };
    model.state().into_iter().enumerate().map(fill).collect()
}

/// Largest difference, relative to the largest value.
pub(crate) fn off(got: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(got.size(), expected.size());
    let scale = expected.abs().max().double_value(&[]);
    (got.to_kind(Kind::Float) - expected).abs().max().double_value(&[]) / scale
}

#[test]
fn names_and_shapes_are_torchvisions() {
    for (arch, name) in RESNETS {
        let line = |(name, tensor): &Named| {
            let size: Vec<_> = tensor.size().iter().map(ToString::to_string).collect();
            format!(
                "{name} {}\n",
                if size.is_empty() {
                    "scalar".to_owned()
                } else {
                    size.join("x")
                }
            )
        };
        let got: String = model(arch, 1000).state().iter().map(line).collect();
        assert_eq!(
            got,
            std::fs::read_to_string(oracle(&format!("{name}.txt"))).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn outputs_statistics_and_gradients_are_torchvisions() {
    let expected: HashMap<String, Tensor> = read_weights(&oracle("resnet.safetensors"))
        .unwrap()
        .into_iter()
        .collect();
    for (arch, name) in RESNETS {
        let mut model = model(arch, 5);
        let filled = filled(&model);
        model.load(&filled).unwrap();
        let images = (u(1000, 2 * 3 * 64 * 64) * 4.0)
            .to_kind(Kind::Float)
            .reshape([2, 3, 64, 64]);
        let of = |field: &str| &expected[&format!("{name}.{field}")];
        let logits = tch::no_grad(|| model.forward(&images, false)).unwrap();
        let logits_off = off(&logits, of("eval"));
        println!("{name} eval {logits_off:e}");
        assert!(logits_off < 1e-5, "{name} eval {logits_off:e}");

        let logits = model.forward(&images, true).unwrap();
        (&logits * u(2000, logits.numel()).to_kind(Kind::Float).reshape(logits.size()))
            .sum(None)
            .backward();
        let state: HashMap<String, Tensor> = model.state().into_iter().collect();
        for (field, got) in [
            ("train", logits.detach()),
            ("running_mean", state["layer4.1.bn2.running_mean"].shallow_clone()),
            ("running_var", state["layer4.1.bn2.running_var"].shallow_clone()),
            ("grad_conv1", state["conv1.weight"].grad().narrow(0, 0, 4)),
            ("grad_fc", state["fc.weight"].grad().narrow(1, 0, 64)),
        ] {
            let off = off(&got, of(field));
            println!("{name} {field} {off:e}");
            // Holds for the kernels that the oracle was computed with: see .cargo/config.toml.
            assert!(off < 1e-4, "{name} {field} {off:e}");
        }
        assert_eq!(state["bn1.num_batches_tracked"].int64_value(&[]), 1);
    }
}

#[test]
fn bf16_is_close_and_keeps_weights_and_statistics_in_f32() {
    let images = u(7, 4 * 3 * 64 * 64).to_kind(Kind::Float).reshape([4, 3, 64, 64]) * 3.0;
    for (arch, channels) in [(Arch::Resnet18, 3), (Arch::Tiny, 1)] {
        let images = images.narrow(1, 0, channels);
        let run = |precision| {
            let model = Model::new(
                &ModelSpec {
                    precision,
                    ..config(arch, 5)
                },
                1,
                Device::Cpu,
            )
            .unwrap();
            // Running statistics for the comparison: those of so small a batch amplify rounding.
            let logits = model.forward(&images, false).unwrap();
            logits.square().sum(None).backward();
            let _ = tch::no_grad(|| model.forward(&images, true)).unwrap();
            assert_eq!(logits.kind(), Kind::Float);
            let float = |(name, tensor): &Named| tensor.kind() == Kind::Float || name.ends_with("num_batches_tracked");
            assert!(model.state().iter().all(float));
            let state: HashMap<String, Tensor> = model.state().into_iter().collect();
            (
                logits.detach(),
                state["bn1.running_var"].copy(),
                state["conv1.weight"].grad(),
            )
        };
        let (f32, bf16) = (run(Precision::F32), run(Precision::Bf16));
        assert_eq!(bf16.2.kind(), Kind::Float);
        let offs = [off(&bf16.0, &f32.0), off(&bf16.1, &f32.1), off(&bf16.2, &f32.2)];
        println!("{arch:?} {offs:?}");
        assert!(offs[0] > 0.0, "bf16 is used");
        assert!(offs[0] < 0.05 && offs[1] < 0.01 && offs[2] < 0.2, "{arch:?} {offs:?}");
    }
}

#[test]
fn loading_is_strict_and_names_what_is_wrong() {
    let mut model = model(Arch::Tiny, 5);
    let before = snapshot(&model.state()).unwrap();
    let mut state = snapshot(&self::model(Arch::Tiny, 5).state()).unwrap();
    state.retain(|(name, _)| name != "bn2.bias");
    state.push(("bn9.bias".to_owned(), Tensor::zeros(3, (Kind::Float, Device::Cpu))));
    state[0].1 = Tensor::zeros([1, 2], (Kind::Float, Device::Cpu));
    let message = model.load(&state).unwrap_err().to_string();
    for part in [
        "missing: bn2.bias",
        "unexpected: bn9.bias",
        "conv1.weight [1, 2] instead of [16, 2, 5, 5]",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(model.state(), before);
    let message = read_weights(&oracle("resnet.py")).unwrap_err().to_string();
    assert!(
        message.contains("resnet.py") && message.contains("safetensors"),
        "{message}"
    );
}

#[test]
fn weights_of_other_classes_bring_all_but_the_last_layer() {
    let mut source = Model::new(&config(Arch::Tiny, 7), 2, Device::Cpu).unwrap();
    let weights = snapshot(&source.state()).unwrap();
    let mut model = model(Arch::Tiny, 5);
    let at = |model: &Model, name: &str| {
        model
            .state()
            .into_iter()
            .find(|(other, _)| other == name)
            .unwrap()
            .1
            .copy()
    };
    let fresh = at(&model, "fc.weight");
    // Old files have no counts of batches.
    let old: Vec<Named> = snapshot(&weights)
        .unwrap()
        .into_iter()
        .filter(|(name, _)| !name.ends_with("num_batches_tracked"))
        .collect();
    assert_eq!(model.load_backbone(&old).unwrap(), Head::Fresh { classes: Some(7) });
    assert_eq!(at(&model, "conv2.weight"), at(&source, "conv2.weight"));
    assert_eq!(at(&model, "fc.weight"), fresh);
    assert_eq!(source.load_backbone(&weights).unwrap(), Head::Loaded);
    let without: Vec<Named> = old.into_iter().filter(|(name, _)| !name.starts_with("fc.")).collect();
    assert_eq!(model.load_backbone(&without).unwrap(), Head::Fresh { classes: None });
    let message = model.load_backbone(&without[1..]).unwrap_err().to_string();
    assert!(message.contains("missing: conv1.weight"), "{message}");
}

#[test]
fn the_last_layer_is_a_group_of_its_own() {
    let [body, last] = model(Arch::Resnet18, 5).groups(10.0).try_into().unwrap();
    let names: Vec<_> = last.tensors.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        (names, last.lr_multiplier, body.lr_multiplier),
        (vec!["fc.weight", "fc.bias"], 10.0, 1.0)
    );
    assert_eq!(body.tensors.len(), 60);
}

/// Images of short calls: class 0 low, 1 high, 2 low and rising; anywhere in time, in noise.
fn calls(seed: usize) -> (Tensor, Tensor) {
    let (clips, size) = (24_usize, 128_i64);
    let images = u(seed, clips * 128 * 128)
        .to_kind(Kind::Float)
        .reshape([24, 1, size, size]);
    let places: Vec<f64> = u(seed + 1, clips).try_into().unwrap();
    let mut classes = Vec::new();
    for (clip, place) in places.iter().enumerate() {
        let (class, start) = (clip % 3, ((place + 0.5) * 80.0) as i64);
        for column in 0..40 {
            let row = [20, 90, 10 + column][class];
            let image = images.get(i64::try_from(clip).unwrap()).get(0);
            let _ = image.narrow(0, row, 4).narrow(1, start + column, 1).fill_(2.0);
        }
        classes.push(i64::try_from(class).unwrap());
    }
    (images, Tensor::from_slice(&classes))
}

#[test]
fn the_tiny_network_learns_calls_and_repeats_bit_for_bit() {
    let train = |steps| {
        let model = model(Arch::Tiny, 3);
        let mut optimizer = Optimizer::new(Algorithm::Adam, 3e-3, 0.0, model.groups(1.0)).unwrap();
        for step in 0..steps {
            let (images, classes) = calls(10 * step);
            let loss = model.forward(&images, true).unwrap().cross_entropy_for_logits(&classes);
            optimizer.zero_grad().unwrap();
            loss.backward();
            optimizer.step().unwrap();
        }
        let (images, classes) = calls(5);
        let logits = tch::no_grad(|| model.forward(&images, false)).unwrap();
        let right = logits
            .argmax(1, false)
            .eq_tensor(&classes)
            .to_kind(Kind::Float)
            .mean(None)
            .double_value(&[]);
        (logits, right)
    };
    let (_, right) = train(40);
    println!("{right} right");
    assert!(right > 0.9, "{right} right, a third by chance");
    let ((logits, _), (again, _)) = (train(4), train(4));
    assert_eq!(logits, again);
}

#[test]
fn impossible_models_and_images_are_refused() {
    assert!(Model::new(&config(Arch::Tiny, 0), 1, Device::Cpu).is_err());
    let zeros = |size: [i64; 4]| Tensor::zeros(size, (Kind::Float, Device::Cpu));
    let message = model(Arch::Resnet18, 5)
        .forward(&zeros([2, 1, 64, 64]), false)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("[2, 1, 64, 64]") && message.contains("[2, 3, 64, 64]"),
        "{message}"
    );
    let message = model(Arch::Resnet18, 5)
        .forward(&zeros([1, 3, 32, 32]), true)
        .unwrap_err()
        .to_string();
    assert!(message.contains("batch"), "{message}");
    assert!(model(Arch::Tiny, 5).forward(&zeros([1, 1, 1, 1]), false).is_ok());
}

/// Doubles every number and saves it under the same name.
const DOUBLE: &str = "
import sys
from safetensors.torch import load_file, save_file
weights = load_file(sys.argv[1])
assert weights['conv1.weight'].shape == (64, 3, 7, 7), weights['conv1.weight'].shape
save_file({name: tensor * 2 for name, tensor in weights.items()}, sys.argv[2])
";

#[test]
fn weights_go_to_python_and_back() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv-torch/bin/python");
    if !python.is_file() {
        println!("SKIPPED: run `make libtorch`, which installs a Python with safetensors");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (
        folder.path().join("ours.safetensors"),
        folder.path().join("theirs.safetensors"),
    );
    let mut model = model(Arch::Resnet18, 5);
    let before = snapshot(&model.state()).unwrap();
    Tensor::write_safetensors(&before, &ours).unwrap();
    let output = std::process::Command::new(python)
        .args(["-c", DOUBLE])
        .arg(&ours)
        .arg(&theirs)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        model.load_backbone(&read_weights(&theirs).unwrap()).unwrap(),
        Head::Loaded
    );
    for ((name, old), (_, new)) in before.iter().zip(model.state()) {
        assert_eq!(&(old * 2), &new, "{name}");
    }
}
