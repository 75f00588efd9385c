//! The optimisers against PyTorch's, and their state.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::HashMap;
use std::path::Path;

use tch::{Device, Kind, Tensor};
use trainer::optim::{Algorithm, Group, Optimizer};
use trainer::state::snapshot;

/// sin(a i + b), i below n, as in `oracles/optim.py`.
fn wave(n: i64, a: f64, b: f64, kind: Kind) -> Tensor {
    (Tensor::arange(n, (Kind::Double, Device::Cpu)) * a + b)
        .sin()
        .to_kind(kind)
}

/// The layer of `oracles/optim.py`.
pub(crate) struct Layer {
    pub(crate) weight: Tensor,
    pub(crate) bias: Tensor,
    pub(crate) optimizer: Optimizer,
}

impl Layer {
    pub(crate) fn new(algorithm: Algorithm, weight_decay: f64, kind: Kind) -> Self {
        let weight = wave(12, 0.7, 0.3, kind).reshape([4, 3]).set_requires_grad(true);
        let bias = wave(4, 1.1, 0.2, kind).set_requires_grad(true);
        let group = |name: &str, tensor: &Tensor, lr_multiplier| Group {
            tensors: vec![(name.to_owned(), tensor.shallow_clone())],
            lr_multiplier,
            decays: true,
        };
        let groups = vec![group("weight", &weight, 1.0), group("bias", &bias, 10.0)];
        let optimizer = Optimizer::new(algorithm, 0.01, weight_decay, groups).unwrap();
        Self {
            weight,
            bias,
            optimizer,
        }
    }

    pub(crate) fn step(&mut self, step: i32) {
        let kind = self.weight.kind();
        let x = wave(15, 0.5, 1.3 * f64::from(step), kind).reshape([5, 3]);
        let y = wave(20, 0.9, 0.4 * f64::from(step), kind).reshape([5, 4]);
        let loss = (x.matmul(&self.weight.tr()) + &self.bias - y).square().mean(None);
        self.optimizer.zero_grad().unwrap();
        loss.backward();
        self.optimizer.step().unwrap();
    }
}

const ALGORITHMS: [(&str, Algorithm); 4] = [
    ("adam", Algorithm::Adam),
    ("adamw", Algorithm::AdamW),
    ("sgd", Algorithm::Sgd { momentum: 0.0 }),
    ("momentum", Algorithm::Sgd { momentum: 0.9 }),
];

#[test]
fn fifty_steps_are_pytorchs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/optim.safetensors");
    let oracle: HashMap<String, Tensor> = Tensor::read_safetensors(path).unwrap().into_iter().collect();
    let mut compared = 0;
    for (name, algorithm) in ALGORITHMS {
        for decay in ["0.0", "0.1"] {
            for (kind, label, tolerance) in [(Kind::Double, "f64", 1e-14), (Kind::Float, "f32", 3e-7)] {
                let mut layer = Layer::new(algorithm, decay.parse().unwrap(), kind);
                for step in 1..=50 {
                    layer.step(step);
                    for (tensor, got) in [("weight", &layer.weight), ("bias", &layer.bias)] {
                        let Some(expected) = oracle.get(&format!("{name}.{decay}.{label}.{step}.{tensor}")) else {
                            continue;
                        };
                        let off = (got.detach() - expected).abs().max().double_value(&[]);
                        assert!(off <= tolerance, "{name} {decay} {label} {step} {tensor}: {off:e}");
                        compared += 1;
                    }
                }
            }
        }
    }
    assert_eq!(compared, oracle.len());
}

#[test]
fn a_saved_state_goes_on_to_the_same_bits() {
    for (_, algorithm) in ALGORITHMS {
        let mut whole = Layer::new(algorithm, 0.1, Kind::Float);
        (1..=10).for_each(|step| whole.step(step));
        let weights = [
            ("weight".to_owned(), whole.weight.shallow_clone()),
            ("bias".to_owned(), whole.bias.shallow_clone()),
        ];
        let (weights, state) = (
            snapshot(&weights).unwrap(),
            snapshot(&whole.optimizer.state().unwrap()).unwrap(),
        );
        (11..=20).for_each(|step| whole.step(step));

        let mut resumed = Layer::new(algorithm, 0.1, Kind::Float);
        tch::no_grad(|| {
            resumed.weight.copy_(&weights[0].1);
            resumed.bias.copy_(&weights[1].1);
        });
        resumed.optimizer.load_state(&state).unwrap();
        (11..=20).for_each(|step| resumed.step(step));
        assert_eq!(resumed.weight, whole.weight, "{algorithm:?}");
        assert_eq!(resumed.bias, whole.bias, "{algorithm:?}");
    }
}

#[test]
fn strided_tensors_keep_their_strides() {
    // As weights are on CUDA: channels next to each other.
    let last = |t: Tensor| t.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    let start = || wave(2 * 3 * 2 * 2, 0.3, 0.1, Kind::Float).reshape([2, 3, 2, 2]);
    let step = |weight: Tensor| {
        let weight = weight.set_requires_grad(true);
        let tensors = vec![("weight".to_owned(), weight.shallow_clone())];
        let groups = vec![Group {
            tensors,
            lr_multiplier: 1.0,
            decays: true,
        }];
        let mut optimizer = Optimizer::new(Algorithm::Adam, 0.1, 0.0, groups).unwrap();
        for _ in 0..3 {
            optimizer.zero_grad().unwrap();
            (weight.square() * start()).sum(None).backward();
            optimizer.step().unwrap();
        }
        weight
    };
    let (strided, plain) = (step(last(start())), step(start()));
    assert_eq!(strided.stride(), [12, 1, 6, 3]);
    assert_eq!(strided.contiguous(), plain);
    assert_ne!(plain, start());
}

#[test]
fn only_groups_that_decay_are_pulled_to_zero() {
    for (name, algorithm) in ALGORITHMS {
        let moved = |decays: bool| {
            let weight = wave(12, 0.7, 0.3, Kind::Float).set_requires_grad(true);
            let groups = vec![Group {
                tensors: vec![("weight".to_owned(), weight.shallow_clone())],
                lr_multiplier: 1.0,
                decays,
            }];
            let mut optimizer = Optimizer::new(algorithm, 0.1, 0.1, groups).unwrap();
            for _ in 0..3 {
                optimizer.zero_grad().unwrap();
                (weight.sum(None) * 0.0).backward();
                optimizer.step().unwrap();
            }
            weight.detach() != wave(12, 0.7, 0.3, Kind::Float)
        };
        assert!(moved(true) && !moved(false), "{name}");
    }
}

#[test]
fn another_state_and_senseless_rates_are_refused() {
    let state = Layer::new(Algorithm::Sgd { momentum: 0.9 }, 0.0, Kind::Float)
        .optimizer
        .state()
        .unwrap();
    let message = Layer::new(Algorithm::Adam, 0.0, Kind::Float)
        .optimizer
        .load_state(&state)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("exp_avg.weight") && message.contains("momentum_buffer.bias"),
        "{message}"
    );
    for (algorithm, lr, name) in [
        (Algorithm::Adam, f64::NAN, "lr"),
        (Algorithm::Sgd { momentum: -1.0 }, 0.1, "momentum"),
        (Algorithm::Adam, -1.0, "lr"),
    ] {
        let message = Optimizer::new(algorithm, lr, 0.0, Vec::new())
            .err()
            .unwrap()
            .to_string();
        assert!(message.contains(name), "{message}");
    }
}
