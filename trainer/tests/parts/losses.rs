//! The losses against reference numbers: values, gradients, defaults.
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
use trainer::loss::{
    KnownNegatives, LossBatch, METHODS, Objective, ObjectiveConfig, Output, RECORDING_EVIDENCE, Setup,
};

use crate::loss_alone::{config, known, setup};

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
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
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

/// Weights of known negatives in a case. The record of GR has its schedule's b under the same name, so it is taken from
/// a method without a schedule.
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
    KnownNegatives { a, b, target: None }
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
        labels: loader::Labels::from_matrices(classes, &labels_u8, &mask_u8).unwrap(),
        asset_ids: (0..rows).collect(),
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
    let batch = LossBatch {
        logits: &logits,
        labels: &labels,
        mask: &mask,
        rows: &rows,
        epoch,
        epochs,
        mixed: None,
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

/// Methods with reference numbers; recording-evidence, which is about more than a batch, has a test of its own.
fn referenced() -> BTreeSet<&'static str> {
    let names = METHODS.iter().map(|method| method.name);
    names.filter(|name| *name != RECORDING_EVIDENCE).collect()
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
    let compared: BTreeSet<&str> = compared.iter().map(String::as_str).collect();
    assert_eq!(compared, referenced(), "a method without reference numbers");
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
    // Whose numbers need recordings has a test of its own.
    let named = METHODS.iter().map(|method| method.name);
    let registered: BTreeSet<String> = named
        .filter(|name| *name != RECORDING_EVIDENCE)
        .map(str::to_owned)
        .collect();
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

#[test]
fn defaults_are_those_of_the_references() {
    let expected: Value =
        serde_json::from_reader(std::fs::File::open(folder().join("expected.json")).unwrap()).unwrap();
    let classes = usize::try_from(expected["C"].as_u64().unwrap()).unwrap();
    let known = known(8, classes);
    let mut compared = BTreeSet::new();
    // A file of numbers for each method, and what the numbers leave open: ROLE, ASL and LL-Cp as in the methods' own
    // code, GR and ROLE with known negatives as such, and ROLE's k as the training set has it.
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
    assert_eq!(compared, referenced());
    let Config { loss, optimiser, .. } = Config::default();
    assert_eq!((loss.a, loss.b), (1.0, 0.0));
    assert_eq!((optimiser.lr, optimiser.weight_decay), (1e-4, 0.0));
}
