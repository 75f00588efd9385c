//! ConvNeXt-Tiny: torchvision's names, shapes, start, outputs and gradients, and paths that are left out.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test, which prints its case"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};
use trainer::model::{Arch, Head, Model, ModelSpec, Precision, read_weights};
use trainer::state::{Named, snapshot};

use crate::model::{off, u};

/// (block, clip) whose path `oracles/convnext.py` leaves out.
const LEFT_OUT: [(usize, usize); 2] = [(5, 0), (17, 1)];

fn oracle(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles").join(name)
}

fn model(classes: usize, precision: Precision) -> Model {
    let spec = ModelSpec {
        arch: Arch::ConvnextTiny,
        classes,
        clip_channels: 1,
        precision,
    };
    Model::new(&spec, 1, Device::Cpu).unwrap()
}

/// The weights of `oracles/convnext.py`.
fn filled(model: &Model) -> Vec<Named> {
    let fill = |(t, (name, tensor)): (usize, Named)| {
        let (size, value) = (tensor.size(), u(t, tensor.numel()));
        let scale = name.ends_with("layer_scale");
        let value = if size.len() > 1 && !scale {
            value * (12.0 / size[1..].iter().product::<i64>() as f64).sqrt()
        } else if scale || name.ends_with(".weight") {
            value * 0.5 + 1.0
        } else {
            value * 0.2
        };
        (name, value.to_kind(Kind::Float).reshape(size))
    };
    model.state().into_iter().enumerate().map(fill).collect()
}

fn images() -> Tensor {
    let values = u(1000, 2 * 3 * 64 * 96) * 4.0;
    values.to_kind(Kind::Float).reshape([2, 3, 64, 96])
}

#[test]
fn names_and_shapes_are_torchvisions() {
    let line = |(name, tensor): &Named| {
        let size: Vec<_> = tensor.size().iter().map(ToString::to_string).collect();
        format!("{name} {}\n", size.join("x"))
    };
    let got: String = model(1000, Precision::F32).state().iter().map(line).collect();
    assert_eq!(got, std::fs::read_to_string(oracle("convnext_tiny.txt")).unwrap());
}

#[test]
fn the_start_outputs_and_gradients_are_torchvisions() {
    let expected: HashMap<String, Tensor> = read_weights(&oracle("convnext.safetensors"))
        .unwrap()
        .into_iter()
        .collect();
    let mut model = model(5, Precision::F32);
    let state: HashMap<String, Tensor> = model.state().into_iter().collect();
    assert_eq!(state["features.7.2.layer_scale"], expected["start.layer_scale"]);
    let starts = expected.iter().filter_map(|(name, numbers)| {
        let name = name.strip_prefix("start.").filter(|name| *name != "layer_scale")?;
        Some((name, numbers.double_value(&[0]), numbers.double_value(&[1])))
    });
    for (name, theirs, bias) in starts {
        let ours = state[&format!("{name}.weight")].std(true).double_value(&[]);
        // Deviations of different random numbers.
        assert!((ours / theirs - 1.0).abs() < 0.06, "{name}: {ours} and {theirs}");
        assert_eq!(state[&format!("{name}.bias")].abs().max().double_value(&[]), bias);
    }

    let weights = filled(&model);
    model.load(&weights).unwrap();
    let check = |what: &str, got: &Tensor, tolerance: f64| {
        let off = off(got, &expected[what]);
        println!("{what} {off:e}");
        assert!(off < tolerance, "{what} {off:e}");
    };
    check("eval", &tch::no_grad(|| model.forward(&images(), false)).unwrap(), 1e-5);
    let features = tch::no_grad(|| model.features(&images(), false)).unwrap();
    check("features", &features, 1e-5);
    // Torchvision's own probabilities, where ours leaves no path out.
    let mut paths: Vec<f32> = (0..36)
        .map(|n| (1.0 / (1.0 - 0.1 * f64::from(n / 2) / 17.0)) as f32)
        .collect();
    LEFT_OUT.iter().for_each(|(block, clip)| paths[2 * block + clip] = 0.0);
    let logits = model
        .forward_along(&images(), Some(&Tensor::from_slice(&paths)))
        .unwrap();
    (&logits * u(2000, logits.numel()).to_kind(Kind::Float).reshape(logits.size()))
        .sum(None)
        .backward();
    check("train", &logits.detach(), 1e-5);
    let gradients = expected.keys().filter_map(|key| key.strip_prefix("grad."));
    for name in gradients {
        check(&format!("grad.{name}"), &state[name].grad(), 1e-4);
    }
}

#[test]
fn loading_is_strict_and_the_last_layer_is_the_classifier() {
    let source = model(7, Precision::F32);
    let weights = snapshot(&source.state()).unwrap();
    let mut target = model(5, Precision::F32);
    assert_eq!(
        target.load_backbone(&weights).unwrap(),
        Head::Fresh { classes: Some(7) }
    );
    let of = |model: &Model, name: &str| {
        let mut state = model.state().into_iter();
        state.find(|(other, _)| other == name).unwrap().1.copy()
    };
    assert_eq!(of(&target, "classifier.0.weight"), of(&source, "classifier.0.weight"));
    assert_eq!(of(&target, "classifier.2.weight").size(), [5, 768]);
    let message = target.load_backbone(&weights[1..]).unwrap_err().to_string();
    assert!(message.contains("missing: features.0.0.weight"), "{message}");
    let [body, last] = target.groups(10.0).try_into().unwrap();
    let names: Vec<_> = last.tensors.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["classifier.2.weight", "classifier.2.bias"]);
    assert_eq!(body.tensors.len() + 2, target.state().len());
}

#[test]
fn bf16_is_close_and_small_images_are_refused() {
    let [mut exact, mut rough] = [Precision::F32, Precision::Bf16].map(|precision| model(5, precision));
    for model in [&mut exact, &mut rough] {
        let weights = filled(model);
        model.load(&weights).unwrap();
    }
    let logits = |model: &Model| tch::no_grad(|| model.forward(&images(), false)).unwrap();
    let off = off(&logits(&rough), &logits(&exact));
    assert!(off > 0.0 && off < 0.05, "{off}");
    assert_eq!(logits(&rough).kind(), Kind::Float);
    assert!(rough.state().iter().all(|(_, tensor)| tensor.kind() == Kind::Float));
    let small = Tensor::zeros([2, 3, 31, 64], (Kind::Float, Device::Cpu));
    let message = exact.forward(&small, false).unwrap_err().to_string();
    assert!(message.contains("31 x 64") && message.contains("32"), "{message}");
}
