//! Schedules of the learning rate and clipping against PyTorch's, and the average of weights against its formula.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::HashMap;
use std::path::Path;

use tch::{Device, Kind, Tensor};
use trainer::model::{Arch, Average, Model, ModelSpec, Precision};
use trainer::optim::{Algorithm, Decay, Optimizer, Schedule};
use trainer::state::snapshot;

use crate::model::u;
use crate::optim::Layer;

const STEPS: u64 = 50;

fn oracle() -> HashMap<String, Tensor> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/recipe.safetensors");
    Tensor::read_safetensors(path).unwrap().into_iter().collect()
}

fn schedules() -> impl Iterator<Item = (String, Schedule)> {
    [("constant", Decay::Constant), ("cosine", Decay::Cosine)]
        .into_iter()
        .flat_map(|(name, decay)| [0, 10].map(|warmup| (format!("{name}.{warmup}"), decay, warmup)))
        .map(|(name, decay, warmup)| (name, Schedule::new(decay, warmup, STEPS).unwrap()))
}

#[test]
fn rates_are_pytorchs() {
    let oracle = oracle();
    for (name, schedule) in schedules() {
        let expected: Vec<f64> = (&oracle[&format!("{name}.lr")]).try_into().unwrap();
        assert_eq!(expected.len() as u64, STEPS);
        for (step, expected) in (1..).zip(expected) {
            let off = (schedule.factor(step) - expected).abs();
            assert!(off < 1e-13, "{name} step {step}: off by {off:e}");
        }
    }
}

#[test]
fn fifty_steps_with_schedule_and_clipping_are_pytorchs() {
    let oracle = oracle();
    let algorithms = [
        ("adamw", Algorithm::AdamW, 0.1),
        ("sgd", Algorithm::Sgd { momentum: 0.0 }, 0.0),
    ];
    let mut compared = 0;
    for (algorithm, rule, decay) in algorithms {
        for (name, schedule) in schedules() {
            for norm in [None, Some(1.2)] {
                let mut layer = Layer::new(rule, decay, Kind::Double);
                layer.optimizer = layer.optimizer.with(schedule, norm);
                (1..=50).for_each(|step| layer.step(step));
                let clip = if norm.is_some() { "1.2" } else { "0.0" };
                for (tensor, got) in [("weight", &layer.weight), ("bias", &layer.bias)] {
                    let key = format!("{algorithm}.{name}.{clip}.{tensor}");
                    let off = (got.detach() - &oracle[&key]).abs().max().double_value(&[]);
                    assert!(off < 1e-13, "{key}: {off:e}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 32);
}

#[test]
fn a_warm_up_longer_than_the_run_is_refused() {
    for (warmup, steps) in [(10, 10), (11, 10)] {
        let message = Schedule::new(Decay::Cosine, warmup, steps).unwrap_err().to_string();
        assert!(
            message.contains("optimiser.warmup_steps") && message.contains("only 10 steps"),
            "{message}"
        );
    }
    Schedule::new(Decay::Cosine, 0, 0).unwrap();
}

#[test]
fn the_average_follows_its_formula() {
    let spec = ModelSpec {
        arch: Arch::Tiny,
        classes: 3,
        clip_channels: 1,
        precision: Precision::F32,
    };
    let trained = Model::new(&spec, 1, Device::Cpu).unwrap();
    let mut optimizer = Optimizer::new(Algorithm::Adam, 0.01, 0.0, trained.groups(1.0)).unwrap();
    let values = |model: &Model| -> Vec<Vec<f64>> {
        let state = snapshot(&model.state()).unwrap();
        let numbers = |tensor: &Tensor| tensor.to_kind(Kind::Double).flatten(0, -1).try_into().unwrap();
        state.iter().map(|(_, tensor)| numbers(tensor)).collect()
    };
    // Above and below (1 + t)/(10 + t) within 20 steps.
    let decay = 0.6;
    let mut average = Average::of(&trained, decay).unwrap();
    let mut expected = values(&trained);
    assert_eq!(values(average.model()), expected);
    for step in 1..=20_u32 {
        let images = u(step as usize, 4 * 32 * 32)
            .to_kind(Kind::Float)
            .reshape([4, 1, 32, 32]);
        let loss = trained.forward(&images, true).unwrap().square().mean(None);
        optimizer.zero_grad().unwrap();
        loss.backward();
        optimizer.step().unwrap();
        average.update(step.into()).unwrap();
        let kept = f64::min(decay, (1.0 + f64::from(step)) / (10.0 + f64::from(step)));
        let names = trained.state().into_iter().map(|(name, _)| name);
        for ((name, expected), now) in names.zip(&mut expected).zip(values(&trained)) {
            for (expected, now) in expected.iter_mut().zip(now) {
                let count = name.ends_with("num_batches_tracked");
                *expected = if count {
                    now
                } else {
                    kept * *expected + (1.0 - kept) * now
                };
            }
        }
    }
    let pairs = values(average.model())
        .into_iter()
        .flatten()
        .zip(expected.into_iter().flatten());
    let off = pairs.map(|(got, expected)| (got - expected).abs()).fold(0.0, f64::max);
    assert!(off < 1e-6, "{off:e}");
    assert_ne!(values(average.model()), values(&trained));
}
