//! The losses against reference numbers, at the edges, and in training.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test, which prints its case"
)]

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use serde_json::Value;
use tch::{Device, Kind, Tensor};
use toml::Table;
use trainer::config::Config;
use trainer::loss::{Batch, Domain, KnownNegatives, METHODS, Method, Objective, ObjectiveConfig, Output, Setup};
use trainer::optim::{Algorithm, Group, Optimizer};

/// The committed numbers, or another folder's of the same layout.
fn folder() -> PathBuf {
    let committed = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::env::var_os("L48_FIXTURES")
        .map_or_else(committed, PathBuf::from)
        .join("losses")
}

type Tensors = HashMap<String, Tensor>;

fn read(name: &str) -> Tensors {
    Tensor::read_safetensors(folder().join(format!("{name}.safetensors")))
        .unwrap()
        .into_iter()
        .collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Our method and its parameters for a file of numbers.
fn method(file: &str, parameters: &Value) -> (&'static str, Table) {
    let of = |names: &[&str]| -> Table {
        names
            .iter()
            .map(|name| ((*name).to_owned(), number(&parameters[file][*name]).into()))
            .collect()
    };
    let word = |mut table: Table, name: &str, word: &str| {
        table.insert(name.to_owned(), word.into());
        table
    };
    let role = || -> Table {
        ["k", "lambda"]
            .iter()
            .map(|name| ((*name).to_owned(), number(&parameters["role"][*name]).into()))
            .collect()
    };
    let gr = || -> Table {
        let gr = &parameters["gr"];
        let pairs = [
            ("w_start", &gr["beta"][0]),
            ("w_end", &gr["beta"][1]),
            ("b_start", &gr["beta"][2]),
            ("b_end", &gr["beta"][3]),
            ("mu_start", &gr["alpha"][0]),
            ("sigma_start", &gr["alpha"][1]),
            ("mu_end", &gr["alpha"][2]),
            ("sigma_end", &gr["alpha"][3]),
            ("q2", &gr["q"][0]),
            ("q3", &gr["q"][1]),
            ("linear_init", &gr["linear_init"]),
            ("log_eps", &gr["log_eps"]),
        ];
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), number(value).into()))
            .collect()
    };
    match file {
        "bce_an" => ("an", of(&["eps"])),
        "bce_an_stable" => ("an-stable", Table::new()),
        "ls" => ("ls", of(&["eps"])),
        "wan" => ("wan", of(&["gamma"])),
        "em" => ("em", of(&["alpha", "eps"])),
        "ll_r" => ("ll-r", of(&["delta"])),
        "ll_ct" => ("ll-ct", of(&["delta"])),
        "ll_cp" => ("ll-cp", Table::new()),
        "role_l48" => ("role", word(role(), "role_reg", "published")),
        "role_paper" => ("role", word(role(), "role_reg", "paper")),
        "gr" => ("gr", word(gr(), "known_negatives", "official")),
        "gr_masked" => ("gr", word(gr(), "known_negatives", "masked")),
        "asl" => ("asl", of(&["gamma_neg", "gamma_pos", "clip", "eps"])),
        _ => panic!("no method for {file}"),
    }
}

/// The number after `letter` in a part of a case's name, such as the 2 of `start2`.
fn suffix(case: &str, word: &str) -> Option<f64> {
    case.split('.').find_map(|part| part.strip_prefix(word)?.parse().ok())
}

/// Weights of known negatives in a case. The record of GR has its schedule's b under the same name, so it is taken from a method without a schedule.
fn known_negatives(case: &str, record: &Value, expected: &Value) -> KnownNegatives {
    let plain = |methods: &Value| {
        let mut cases = methods
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| !name.starts_with("gr"));
        cases.find_map(|(_, cases)| {
            cases
                .as_object()?
                .iter()
                .find(|(name, _)| name.ends_with(".ab"))
                .map(|(_, v)| v.clone())
        })
    };
    let (a, b) = match (case.ends_with(".ab"), record.get("w").is_some()) {
        (true, true) => plain(&expected["methods"])
            .map(|record| (number(&record["a"]), number(&record["b"])))
            .unwrap(),
        (false, true) => (1.0, 0.0),
        (_, false) => (number(&record["a"]), number(&record["b"])),
    };
    KnownNegatives { a, b }
}

/// One case of a file: what our code makes of it.
struct Run {
    output: Output,
    mean: f64,
    grad: Tensor,
    grad_g: Option<Tensor>,
}

fn run(config: &ObjectiveConfig, inputs: &Tensors, case: &str, record: &Value, epochs: u32, kind: Kind) -> Run {
    let mut parts = case.split('.');
    let (regime, mask_name) = (parts.next().unwrap(), parts.next().unwrap());
    let logits = inputs[&format!("logits.{regime}")]
        .copy()
        .to_kind(kind)
        .set_requires_grad(true);
    let mask = inputs[&format!("mask.{mask_name}")].to_kind(kind);
    let labels = inputs["labels"].to_kind(kind) * &mask;
    let (rows, classes) = logits.size2().unwrap();
    let flat = |tensor: &Tensor| Vec::<u8>::try_from(tensor.to_kind(Kind::Uint8).flatten(0, -1)).unwrap();
    let (labels_u8, mask_u8) = (flat(&labels), flat(&mask));
    let classes = usize::try_from(classes).unwrap();
    let setup = Setup {
        classes,
        labels: &labels_u8,
        mask: &mask_u8,
        mean_positives: (1.0, "the clips"),
        seed: 1,
        device: Device::Cpu,
        kind,
    };
    let mut objective = Objective::new(config, &setup).unwrap();
    if config.method == "role" {
        objective
            .load_state(&[("logits".to_owned(), inputs[&format!("g.{regime}")].to_kind(kind))])
            .unwrap();
    }
    let epoch = record
        .get("epoch")
        .map_or(1, |epoch| u32::try_from(epoch.as_u64().unwrap()).unwrap());
    let rows = Tensor::arange(rows, (Kind::Int64, Device::Cpu));
    let batch = Batch {
        logits: &logits,
        labels: &labels,
        mask: &mask,
        rows: &rows,
        epoch,
        epochs,
    };
    let output = objective.parts(&batch).unwrap();
    let mean = output.matrix.mean(None)
        + output
            .extra
            .as_ref()
            .map_or_else(|| Tensor::from(0.0), Tensor::shallow_clone);
    mean.backward();
    let grad_g = objective.trained().map(|group| group.tensors[0].1.grad());
    Run {
        output,
        mean: mean.double_value(&[]),
        grad: logits.grad(),
        grad_g,
    }
}

/// The largest |got - expected| - relative |expected|, with where it is.
fn check(what: &str, got: &Tensor, expected: &Tensor, relative: f64, absolute: f64) {
    assert_eq!(got.size(), expected.size(), "{what}");
    let (got, expected) = (got.detach().to_kind(Kind::Double), expected.to_kind(Kind::Double));
    assert_eq!(got.isfinite().all().int64_value(&[]), 1, "{what} is not finite");
    let excess = (&got - &expected).abs() - expected.abs() * relative;
    let worst = excess.max().double_value(&[]);
    let place = excess.flatten(0, -1).argmax(None, false).int64_value(&[]);
    let at = |t: &Tensor| t.flatten(0, -1).double_value(&[place]);
    assert!(
        worst <= absolute,
        "{what}: {:e} instead of {:e} at {place}",
        at(&got),
        at(&expected)
    );
}

/// Runs every case of every file.
fn every_case(mut each: impl FnMut(&str, &ObjectiveConfig, &Tensors, &Tensors, &Value, u32)) {
    let expected: Value =
        serde_json::from_reader(std::fs::File::open(folder().join("expected.json")).unwrap()).unwrap();
    let inputs = read("inputs");
    let epochs = u32::try_from(expected["parameters"]["gr"]["epochs"].as_u64().unwrap()).unwrap();
    for (file, records) in expected["methods"].as_object().unwrap() {
        let numbers = read(file);
        for (case, record) in records.as_object().unwrap() {
            let (method, mut parameters) = method(file, &expected["parameters"]);
            if let Some(delta) = record.get("delta") {
                parameters.insert("delta".to_owned(), number(delta).into());
            }
            if let Some(start) = suffix(case, "start") {
                parameters.insert("start_epoch".to_owned(), start.into());
            }
            let known_negatives = known_negatives(case, record, &expected);
            let config = ObjectiveConfig {
                method: method.to_owned(),
                parameters,
                known_negatives,
                mask_unknown: false,
            };
            let own = numbers.iter().filter_map(|(name, tensor)| {
                Some((
                    name.strip_prefix(&format!("{case}."))?.to_owned(),
                    tensor.shallow_clone(),
                ))
            });
            let own: Tensors = own.filter(|(field, _)| !field.contains('.')).collect();
            assert!(own.contains_key("loss_f64"), "{file} {case}");
            println!("{file} {case}");
            each(case, &config, &inputs, &own, record, epochs);
        }
    }
}

#[test]
fn values_and_gradients_are_the_references_in_f64() {
    let mut compared = BTreeSet::new();
    every_case(|case, config, inputs, numbers, record, epochs| {
        compared.insert(config.method.clone());
        let run = run(config, inputs, case, record, epochs, Kind::Double);
        // What cancels in the references keeps the rounding of logits near 30.
        check("loss", &run.output.matrix, &numbers["loss_f64"], 1e-9, 2e-14);
        check("gradient", &run.grad, &numbers["grad_f64"], 1e-9, 1e-16);
        check(
            "mean",
            &Tensor::from_slice(&[run.mean]),
            &numbers["mean_f64"],
            1e-9,
            0.0,
        );
        if let (Some(grad), Some(expected)) = (&run.grad_g, numbers.get("grad_g_f64")) {
            check("gradient of g", grad, expected, 1e-9, 1e-16);
        }
        if let Some(reg) = numbers.get("reg_f64") {
            check("regulariser", &run.output.extra.unwrap().reshape([1]), reg, 1e-9, 0.0);
        }
        if let Some(flipped) = numbers.get("flipped") {
            let none = Tensor::zeros([0, 2], (Kind::Int64, Device::Cpu));
            assert_eq!(run.output.flipped.unwrap_or(none), flipped.to_kind(Kind::Int64));
        }
        if let Some(expected) = numbers.get("grad_detached_f64") {
            let mut config = config.clone();
            config.parameters.insert("focal_gradient".to_owned(), "detached".into());
            let run = self::run(&config, inputs, case, record, epochs, Kind::Double);
            check("loss, detached", &run.output.matrix, &numbers["loss_f64"], 1e-9, 2e-14);
            check("gradient, detached", &run.grad, expected, 1e-9, 1e-16);
        }
    });
    let registered: BTreeSet<String> = METHODS.iter().map(|method| method.name.to_owned()).collect();
    assert_eq!(compared, registered, "a method without reference numbers");
}

/// A parameter of each method that is a little off, or its weights of known negatives.
#[test]
fn a_loss_that_is_a_little_wrong_is_seen() {
    let mut seen = BTreeSet::new();
    every_case(|case, config, inputs, numbers, record, epochs| {
        let mut config = config.clone();
        let changed = match config.method.as_str() {
            "an" | "ls" => Some("eps"),
            "em" => Some("alpha"),
            "wan" => Some("gamma"),
            "role" => Some("k"),
            "gr" => Some("q2"),
            "asl" => Some("gamma_neg"),
            // These have no number that acts on every entry.
            _ => None,
        };
        match changed {
            Some(name) => {
                let value = config.parameters[name].as_float().unwrap();
                config.parameters.insert(name.to_owned(), (value * (1.0 + 1e-5)).into());
            }
            None => config.known_negatives.b += 1e-5,
        }
        let run = run(&config, inputs, case, record, epochs, Kind::Double);
        let off = |got: &Tensor, expected: &Tensor| {
            let excess = (got.detach() - expected).abs() - expected.abs() * 1e-9;
            excess.max().double_value(&[]) > 2e-14
        };
        if off(&run.output.matrix, &numbers["loss_f64"])
            || off(&run.grad, &numbers["grad_f64"])
            || off(&Tensor::from_slice(&[run.mean]), &numbers["mean_f64"])
        {
            seen.insert(config.method);
        }
    });
    let registered: BTreeSet<String> = METHODS.iter().map(|method| method.name.to_owned()).collect();
    assert_eq!(seen, registered, "the comparison is too coarse for the others");
}

#[test]
fn f32_costs_no_more_than_in_the_reference() {
    every_case(|case, config, inputs, numbers, record, epochs| {
        let run = run(config, inputs, case, record, epochs, Kind::Float);
        let cost = |field: &str| 2.0 * record.get(format!("f32_max_abs_diff_{field}")).map_or(0.0, number);
        check(
            "loss",
            &run.output.matrix,
            &numbers["loss_f64"],
            1e-6,
            1e-6 + cost("loss"),
        );
        check("gradient", &run.grad, &numbers["grad_f64"], 1e-6, 1e-9 + cost("grad"));
        check(
            "mean",
            &Tensor::from_slice(&[run.mean]),
            &numbers["mean_f64"],
            1e-6,
            cost("mean"),
        );
        for (field, got) in [("loss", &run.output.matrix), ("grad", &run.grad)] {
            if let Some(expected) = numbers.get(&format!("{field}_f32")) {
                check(
                    field,
                    got,
                    expected,
                    1e-6,
                    if field == "loss" { 1e-6 } else { 1e-9 } + cost(field),
                );
            }
        }
    });
}

/// A training set of `rows` x `classes`: one positive a row, one known negative.
fn known(rows: usize, classes: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut labels, mut mask) = (vec![0; rows * classes], vec![0; rows * classes]);
    for row in 0..rows {
        labels[row * classes + row % classes] = 1;
        mask[row * classes + row % classes] = 1;
        mask[row * classes + (row + 1) % classes] = 1;
    }
    (labels, mask)
}

fn setup<'a>(classes: usize, (labels, mask): &'a (Vec<u8>, Vec<u8>), kind: Kind) -> Setup<'a> {
    Setup {
        classes,
        labels,
        mask,
        mean_positives: (1.0, "the clips"),
        seed: 7,
        device: Device::Cpu,
        kind,
    }
}

fn config(method: &str) -> ObjectiveConfig {
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

#[test]
fn defaults_are_those_of_the_references() {
    let expected: Value =
        serde_json::from_reader(std::fs::File::open(folder().join("expected.json")).unwrap()).unwrap();
    let classes = usize::try_from(expected["C"].as_u64().unwrap()).unwrap();
    let known = known(8, classes);
    let mut compared = BTreeSet::new();
    // A file of numbers for each method, and what the numbers leave open: ROLE, ASL and LL-Cp as in the methods' own code, GR and ROLE with known
    // negatives as such, and ROLE's k as the training set has it.
    for (file, more) in [
        ("bce_an", ""),
        ("bce_an_stable", ""),
        ("ls", ""),
        ("wan", ""),
        ("em", ""),
        ("ll_r", ""),
        ("ll_ct", ""),
        ("ll_cp", "delta = 0.001\nstart_epoch = 2.0"),
        (
            "role_paper",
            "k = 1.0\nlr_multiplier = 10.0\nknown_negatives = 'initialised'",
        ),
        ("gr_masked", ""),
        ("asl", "focal_gradient = 'exact'"),
    ] {
        let (name, mut parameters) = method(file, &expected["parameters"]);
        parameters.extend(more.parse::<Table>().unwrap());
        let objective = Objective::new(&config(name), &setup(classes, &known, Kind::Double)).unwrap();
        assert_eq!(objective.parameters(), parameters, "{name}");
        compared.insert(name);
    }
    assert_eq!(compared, METHODS.iter().map(|method| method.name).collect());
    let Config { loss, optimiser, .. } = Config::default();
    assert_eq!((loss.a, loss.b), (1.0, 0.0));
    assert_eq!((optimiser.lr, optimiser.weight_decay), (1e-4, 0.0));
}

/// Parameters of a method at which it must hold: its defaults, and each of them by itself at both ends of its range or as another word.
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
                    known_negatives: KnownNegatives { a: 0.5, b: 0.25 },
                    ..config(method.name)
                };
                let mut objective = Objective::new(&config, &setup(5, &known, kind)).unwrap();
                for epoch in 1..=3 {
                    let batch = Batch {
                        logits: &logits,
                        labels: &labels,
                        mask: &mask,
                        rows: &rows,
                        epoch,
                        epochs: 3,
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
            let batch = Batch {
                logits: &logits,
                labels: &labels,
                mask: &mask,
                rows: &every,
                epoch: 1,
                epochs: 1,
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
    let batch = |epoch| Batch {
        logits: &logits,
        labels: &labels,
        mask: &mask,
        rows: &rows,
        epoch,
        epochs: 3,
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
    let batch = Batch {
        logits: &logits,
        labels: &labels,
        mask: &mask,
        rows: &rows,
        epoch: 1,
        epochs: 1,
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
            known_negatives: KnownNegatives { a, b },
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
    for method in ["wan", "em", "ll-r", "ll-ct", "ll-cp", "role", "gr"] {
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
            known_negatives: KnownNegatives { a, b: 0.0 },
            ..config(method)
        };
        Objective::new(&config, &setup(5, &known, Kind::Float))
            .err()
            .unwrap()
            .to_string()
    };
    for (message, parts) in [
        (error("lsx", "", 1.0), vec!["lsx", "an-stable", "asl"]),
        (error("ls", "delta = 1", 1.0), vec!["delta", "ls knows: eps"]),
        (error("ll-r", "delta = 2", 1.0), vec!["delta", "0 to 1"]),
        (error("asl", "gamma_pos = 0.5", 1.0), vec!["gamma_pos", "0.5"]),
        (error("ls", "", f64::NAN), vec!["known negatives", "NaN"]),
    ] {
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    let labels = Tensor::zeros([4, 5], (Kind::Float, Device::Cpu));
    let batch = Batch {
        logits: &Tensor::zeros([5, 5], (Kind::Float, Device::Cpu)),
        labels: &labels,
        mask: &labels,
        rows: &Tensor::arange(5, (Kind::Int64, Device::Cpu)),
        epoch: 1,
        epochs: 1,
    };
    let message = Objective::new(&config("an"), &setup(5, &known, Kind::Float))
        .unwrap()
        .parts(&batch)
        .unwrap_err();
    assert!(message.to_string().contains("labels"), "{message}");
}
