//! The losses by themselves: finite at the edges, in training, their saved parts, and mistakes in their settings.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use tch::{Device, Kind, Tensor};
use toml::Table;
use trainer::loss::{Domain, KnownNegatives, LossBatch, METHODS, Method, Objective, ObjectiveConfig, Setup};
use trainer::optim::{Algorithm, Group, Optimizer};

/// A training set of `rows` x `classes`: one positive a row, one known negative.
pub(crate) fn known(rows: usize, classes: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut labels, mut mask) = (vec![0; rows * classes], vec![0; rows * classes]);
    for row in 0..rows {
        labels[row * classes + row % classes] = 1;
        mask[row * classes + row % classes] = 1;
        mask[row * classes + (row + 1) % classes] = 1;
    }
    (labels, mask)
}

pub(crate) fn setup(classes: usize, (labels, mask): &(Vec<u8>, Vec<u8>), kind: Kind) -> Setup<'static> {
    Setup {
        labels: loader::Labels::from_matrices(classes, labels, mask).unwrap(),
        asset_ids: (0..10).cycle().take(labels.len() / classes).collect(),
        mean_positives: (1.0, "the clips"),
        seed: 7,
        device: Device::Cpu,
        kind,
    }
}

pub(crate) fn config(method: &str) -> ObjectiveConfig {
    ObjectiveConfig {
        method: method.to_owned(),
        ..ObjectiveConfig::default()
    }
}

fn matrix(values: &[u8], classes: usize, kind: Kind) -> Tensor {
    Tensor::from_slice(values)
        .reshape([-1, i64::try_from(classes).unwrap()])
        .to_kind(kind)
}

/// Parameters of a method at which it must hold: its defaults, and each of them by itself at both ends of its range or
/// as another word.
fn at_the_edges(method: &Method) -> Vec<Table> {
    let mut tables = vec![Table::new()];
    for declared in method.parameters {
        let values: Vec<toml::Value> = match declared.domain {
            Domain::Number { min, max, .. } | Domain::Derived { min, max, .. } => vec![min.into(), max.into()],
            Domain::Word(words) => words.iter().map(|&word| word.into()).collect(),
        };
        tables.extend(
            values
                .into_iter()
                .map(|value| Table::from_iter([(declared.name.to_owned(), value)])),
        );
    }
    if method.name == "asl" {
        // 1 is not what 4.2 + (1 - 4.2) comes to in f32.
        tables.push("gamma_neg = 4.2\ngamma_pos = 1.0".parse().unwrap());
        tables.push("gamma_neg = 1.0\ngamma_pos = 4.2".parse().unwrap());
    }
    tables
}

#[test]
fn every_method_is_finite_at_saturation() {
    let known = known(8, 5);
    for method in METHODS {
        let kinds = [Kind::Float, Kind::Double];
        let all = at_the_edges(method)
            .into_iter()
            .flat_map(|parameters| kinds.map(|kind| (parameters.clone(), kind)));
        for (parameters, kind) in all {
            for level in [30.0, 120.0, 1000.0] {
                let signs = Tensor::from_slice(&[1.0, -1.0, -1.0, 1.0, 0.0].repeat(8)).reshape([8, 5]);
                let logits = (signs * level).to_kind(kind).set_requires_grad(true);
                let (labels, mask) = (matrix(&known.0, 5, kind), matrix(&known.1, 5, kind));
                let rows = Tensor::arange(8, (Kind::Int64, Device::Cpu));
                let config = ObjectiveConfig {
                    parameters: parameters.clone(),
                    known_negatives: KnownNegatives {
                        a: 0.5,
                        b: 0.25,
                        target: None,
                    },
                    ..config(method.name)
                };
                let mut objective = Objective::new(&config, &setup(5, &known, kind)).unwrap();
                for epoch in 1..=3 {
                    let batch = LossBatch {
                        logits: &logits,
                        labels: &labels,
                        mask: &mask,
                        rows: &rows,
                        epoch,
                        epochs: 3,
                        mixed: None,
                    };
                    let value = objective.forward(&batch).unwrap();
                    value.backward();
                    let finite = |t: &Tensor| t.isfinite().all().int64_value(&[]) == 1;
                    assert!(
                        finite(&value) && finite(&logits.grad()),
                        "{} {kind:?} {level} {epoch} {parameters:?}",
                        method.name
                    );
                    if let Some(group) = objective.trained() {
                        assert!(finite(&group.tensors[0].1.grad()), "{} {kind:?} {level}", method.name);
                    }
                }
            }
        }
    }
}

#[test]
fn every_method_trains_a_linear_model() {
    let (rows, classes, features) = (40, 5, 8);
    let known = known(rows, classes);
    let (labels, mask) = (
        matrix(&known.0, classes, Kind::Float),
        matrix(&known.1, classes, Kind::Float),
    );
    // The class shows in the first features.
    let noise = (Tensor::arange(320, (Kind::Float, Device::Cpu)) * 1.7)
        .sin()
        .reshape([40, features])
        * 0.1;
    let images = noise + labels.constant_pad_nd([0, features - 5]);
    let every = Tensor::arange(40, (Kind::Int64, Device::Cpu));
    for method in METHODS {
        let mut objective = Objective::new(&config(method.name), &setup(classes, &known, Kind::Float)).unwrap();
        let weight = Tensor::zeros([5, features], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let tensors = vec![("weight".to_owned(), weight.shallow_clone())];
        let mut groups = vec![Group {
            tensors,
            lr_multiplier: 1.0,
            decays: true,
        }];
        groups.extend(objective.trained());
        let mut optimizer = Optimizer::new(Algorithm::Adam, 0.05, 0.0, groups).unwrap();
        let mut values = Vec::new();
        for _ in 0..30 {
            let logits = images.matmul(&weight.tr());
            let batch = LossBatch {
                logits: &logits,
                labels: &labels,
                mask: &mask,
                rows: &every,
                epoch: 1,
                epochs: 1,
                mixed: None,
            };
            let value = objective.forward(&batch).unwrap();
            optimizer.zero_grad().unwrap();
            value.backward();
            optimizer.step().unwrap();
            values.push(value.double_value(&[]));
        }
        assert!(
            values.iter().all(|value| value.is_finite()),
            "{}: {values:?}",
            method.name
        );
        assert!(values[29] < values[0] - 1e-3, "{}: {values:?}", method.name);
    }
}

#[test]
fn permanent_corrections_stay_and_are_saved() {
    let known = known(4, 5);
    let (labels, mask) = (matrix(&known.0, 5, Kind::Float), matrix(&known.1, 5, Kind::Float));
    let mut config = config("ll-cp");
    config.parameters.insert("delta".to_owned(), 0.05.into());
    let new = || Objective::new(&config, &setup(5, &known, Kind::Float)).unwrap();
    let mut objective = new();
    // Row 2 stands twice in the batch; its class 0 looks most like a missing positive.
    let rows = Tensor::from_slice(&[2_i64, 1, 2]);
    let pick = |t: &Tensor| t.index_select(0, &rows);
    let logits = Tensor::zeros([3, 5], (Kind::Float, Device::Cpu));
    let _ = logits.get(2).get(0).fill_(3.0);
    let (labels, mask) = (pick(&labels), pick(&mask));
    let batch = |epoch| LossBatch {
        logits: &logits,
        labels: &labels,
        mask: &mask,
        rows: &rows,
        epoch,
        epochs: 3,
        mixed: None,
    };
    assert!(
        objective.parts(&batch(1)).unwrap().flipped.is_none(),
        "the first epoch is left alone"
    );
    let flipped = objective.parts(&batch(2)).unwrap().flipped.unwrap();
    assert_eq!(Vec::<i64>::try_from(flipped.flatten(0, -1)).unwrap(), [2, 0]);
    assert_eq!(objective.state()[0].1.sum(None).int64_value(&[]), 1);

    let value = |objective: &mut Objective| objective.parts(&batch(1)).unwrap().matrix.double_value(&[0, 0]);
    let without = value(&mut new());
    let mut resumed = new();
    resumed.load_state(&objective.state()).unwrap();
    // A zero logit costs the same either way, so look at the raised one.
    let raised = |objective: &mut Objective| objective.parts(&batch(1)).unwrap().matrix.double_value(&[2, 0]);
    assert!(raised(&mut resumed) < 0.1 && raised(&mut new()) > 3.0 && without > 0.0);
    assert_eq!(raised(&mut resumed).to_bits(), raised(&mut objective).to_bits());
}

#[test]
fn role_starts_by_what_is_known_and_keeps_to_its_rows() {
    let known = known(6, 5);
    let state = |parameters: &str| {
        let config = ObjectiveConfig {
            parameters: parameters.parse().unwrap(),
            ..config("role")
        };
        let objective = Objective::new(&config, &setup(5, &known, Kind::Double)).unwrap();
        objective.state()[0].1.detach().sigmoid()
    };
    let start = state("");
    let objective = Objective::new(&config("role"), &setup(5, &known, Kind::Double)).unwrap();
    assert!(
        !objective.trained().unwrap().decays,
        "no weight decay pulls them to undecided"
    );
    let at = |t: &Tensor, row, class| t.double_value(&[row, class]);
    assert!((at(&start, 2, 2) - 0.995).abs() < 1e-12 && (at(&start, 2, 3) - 0.005).abs() < 1e-12);
    assert!((0.4..0.6).contains(&at(&start, 2, 0)) && at(&start, 2, 0) != at(&start, 3, 0));
    let published = state("known_negatives = 'published'");
    assert!((0.4..0.6).contains(&at(&published, 2, 3)) && at(&published, 2, 0) == at(&start, 2, 0));
}

#[test]
fn unknown_entries_can_be_left_out() {
    let known = known(5, 5);
    let (labels, mask) = (matrix(&known.0, 5, Kind::Float), matrix(&known.1, 5, Kind::Float));
    let logits = Tensor::ones([5, 5], (Kind::Float, Device::Cpu));
    let rows = Tensor::arange(5, (Kind::Int64, Device::Cpu));
    let batch = LossBatch {
        logits: &logits,
        labels: &labels,
        mask: &mask,
        rows: &rows,
        epoch: 1,
        epochs: 1,
        mixed: None,
    };
    let config = ObjectiveConfig {
        mask_unknown: true,
        ..config("an-stable")
    };
    let mut objective = Objective::new(&config, &setup(5, &known, Kind::Float)).unwrap();
    let matrix = objective.parts(&batch).unwrap().matrix;
    assert_eq!(matrix.count_nonzero(None).int64_value(&[]), 10);
    let expected = 5.0 * (1.0 + (-1.0_f64).exp().ln_1p() + (-1.0_f64).exp().ln_1p()) / 25.0;
    assert!((objective.forward(&batch).unwrap().double_value(&[]) - expected).abs() < 1e-6);
}

#[test]
fn inert_priors_are_told() {
    let known = known(5, 5);
    let inert = |method: &str, parameters: &str, a: f64, b: f64| {
        let parameters = parameters.parse().unwrap();
        let config = ObjectiveConfig {
            parameters,
            known_negatives: KnownNegatives { a, b, target: None },
            ..config(method)
        };
        Objective::new(&config, &setup(5, &known, Kind::Float))
            .unwrap()
            .inert_prior()
            .unwrap()
    };
    for method in ["an", "an-stable", "ls", "asl"] {
        assert!(inert(method, "", 1.0, 0.0).unwrap().contains(method));
        assert_eq!(inert(method, "", 1.0, 0.5), None);
    }
    assert!(inert("role", "known_negatives = 'published'", 1.0, 0.0).is_some());
    assert!(inert("gr", "known_negatives = 'official'", 1.0, 0.0).is_some());
    for method in [
        "wan",
        "em",
        "ll-r",
        "ll-ct",
        "ll-cp",
        "role",
        "gr",
        "recording-evidence",
    ] {
        assert_eq!(inert(method, "", 1.0, 0.0), None, "{method}");
    }
}

#[test]
fn mistakes_are_named() {
    let known = known(5, 5);
    let error = |method: &str, parameters: &str, a: f64| {
        let parameters = parameters.parse().unwrap();
        let config = ObjectiveConfig {
            parameters,
            known_negatives: KnownNegatives {
                a,
                b: 0.0,
                target: None,
            },
            ..config(method)
        };
        Objective::new(&config, &setup(5, &known, Kind::Float))
            .err()
            .unwrap()
            .to_string()
    };
    for (message, parts) in [
        (error("lsx", "", 1.0), vec!["lsx", "an-stable", "asl"]),
        (error("ls", "delta = 1", 1.0), vec!["delta", "those of ls: eps"]),
        (error("ll-r", "delta = 2", 1.0), vec!["delta", "0 to 1"]),
        (error("asl", "gamma_pos = 0.5", 1.0), vec!["gamma_pos", "0.5"]),
        (error("ls", "", f64::NAN), vec!["known negatives", "NaN"]),
    ] {
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    let labels = Tensor::zeros([4, 5], (Kind::Float, Device::Cpu));
    let batch = LossBatch {
        logits: &Tensor::zeros([5, 5], (Kind::Float, Device::Cpu)),
        labels: &labels,
        mask: &labels,
        rows: &Tensor::arange(5, (Kind::Int64, Device::Cpu)),
        epoch: 1,
        epochs: 1,
        mixed: None,
    };
    let message = Objective::new(&config("an"), &setup(5, &known, Kind::Float))
        .unwrap()
        .parts(&batch)
        .unwrap_err();
    assert!(message.to_string().contains("labels"), "{message}");
}
