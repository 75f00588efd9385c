//! Known negatives pulled to a probability, with every method.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use tch::{Device, Kind, Tensor};
use trainer::loss::{KnownNegatives, LossBatch, METHODS, Objective, ObjectiveConfig};

use crate::loss_alone::{config, known, setup};

#[test]
fn they_are_pulled_to_the_target_and_nothing_else_changes() {
    let known = known(6, 5);
    let matrix = |values: &[u8]| Tensor::from_slice(values).reshape([6, 5]).to_kind(Kind::Double);
    let (labels, mask) = (matrix(&known.0), matrix(&known.1));
    let logits = (Tensor::arange(30, (Kind::Double, Device::Cpu)) * 0.7)
        .sin()
        .reshape([6, 5])
        * 4.0;
    let rows = Tensor::arange(6, (Kind::Int64, Device::Cpu));
    let losses = |method: &str, known_negatives| {
        let config = ObjectiveConfig {
            known_negatives,
            ..config(method)
        };
        let batch = LossBatch {
            logits: &logits,
            labels: &labels,
            mask: &mask,
            rows: &rows,
            epoch: 1,
            epochs: 2,
            mixed: None,
        };
        let mut objective = Objective::new(&config, &setup(5, &known, Kind::Double)).unwrap();
        Vec::<f64>::try_from(objective.parts(&batch).unwrap().matrix.detach().flatten(0, -1)).unwrap()
    };
    let x = Vec::<f64>::try_from(logits.flatten(0, -1)).unwrap();
    for method in METHODS {
        for (a, b, s) in [(1.0, 0.0, 0.1), (0.5, 0.25, 0.3), (2.0, 0.0, 0.0)] {
            let plain = losses(method.name, KnownNegatives::default());
            let target = Some(s);
            let pulled = losses(method.name, KnownNegatives { a, b, target });
            for entry in 0..30 {
                let is_negative = known.1[entry] == 1 && known.0[entry] == 0;
                let p = 1.0 / (1.0 + (-x[entry]).exp());
                let expected = if is_negative {
                    -(a + b) * (s * p.ln() + (1.0 - s) * (1.0 - p).ln())
                } else {
                    plain[entry]
                };
                let off = (pulled[entry] - expected).abs();
                assert!(off < 1e-9, "{} s = {s}, entry {entry}: off by {off}", method.name);
            }
        }
    }
}

#[test]
fn a_target_that_is_no_probability_is_refused_and_one_makes_a_prior_count() {
    let known = known(6, 5);
    let new = |target| {
        let config = ObjectiveConfig {
            known_negatives: KnownNegatives {
                target,
                ..KnownNegatives::default()
            },
            ..config("ls")
        };
        Objective::new(&config, &setup(5, &known, Kind::Float))
    };
    for wrong in [-0.1, 1.5, f64::NAN] {
        let message = new(Some(wrong)).err().unwrap().to_string();
        assert!(message.contains("loss.negatives_target"), "{message}");
    }
    assert!(new(None).unwrap().inert_prior().unwrap().is_some());
    assert!(new(Some(0.1)).unwrap().inert_prior().unwrap().is_none());
}
