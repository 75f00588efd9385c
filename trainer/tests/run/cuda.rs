//! Runs on a GPU beside the same runs on the CPU; says so and does nothing where there is none.
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::path::Path;

use serde_json::Value;

use crate::dataset::{Made, write};
use crate::program::{fit, metrics, run};

/// Changes to images that have to draw something for each clip.
const AUGMENTED: &str = "
    [augment]
    time_shift_share = 0.2
    gain_db = 3.0
    time_masks = 1
    time_mask_share = 0.1
";

fn losses(run: &Path) -> Vec<f64> {
    let lines = metrics(run)
        .into_iter()
        .map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let steps = lines.filter(|line| line["event"] == "step");
    steps.map(|step| step["loss"].as_f64().unwrap()).collect()
}

#[test]
fn every_method_trains_on_a_gpu_as_on_the_cpu() {
    if !tch::Cuda::is_available() {
        println!("skipped: no CUDA device");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // One method needs clips without a known positive.
    let made = Made {
        quiet_ends: true,
        ..Made::default()
    };
    write(&at("dataset"), made);
    std::fs::write(at("augmented.toml"), AUGMENTED).unwrap();
    let augmented = at("augmented.toml");
    for method in trainer::loss::METHODS {
        let settings = |device| {
            let file = augmented.to_str().unwrap();
            let method = [
                "--config",
                file,
                "--loss",
                method.name,
                "--mode",
                "checklist",
                "--epochs",
                "1",
            ];
            [
                &method[..],
                &[
                    "--asset-reg",
                    "0.3",
                    "--clips-per-asset",
                    "2",
                    "--precision",
                    "f32",
                    "--device",
                    device,
                ],
            ]
            .concat()
        };
        let [cpu, gpu] = ["cpu", "cuda"].map(|device| {
            let out = at(&format!("{}-{device}", method.name));
            run(&mut fit(&at("dataset"), &out, &settings(device)), 0);
            losses(&out)
        });
        println!("{}: {cpu:?} {gpu:?}", method.name);
        assert_eq!(cpu.len(), gpu.len(), "{}", method.name);
        // The first step starts alike; later ones drift apart with TF32.
        assert!(
            (cpu[0] - gpu[0]).abs() < 0.01 * cpu[0].abs().max(0.1),
            "{}: {cpu:?} {gpu:?}",
            method.name
        );
        assert!(gpu.iter().all(|loss| loss.is_finite()), "{}: {gpu:?}", method.name);
    }
}
