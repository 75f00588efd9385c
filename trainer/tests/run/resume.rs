//! A run that is killed by SIGKILL at any point and resumed gives the same metrics and the same checkpoint, bit for
//! bit.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use trainer::run_folder::RunFolder;

use crate::dataset::{Made, write};
use crate::program::{fit, last_checkpoint, metrics, run};

/// Settings of two of the runs: momentum, a schedule, clipping, an average of weights, and changes to images.
const AUGMENTED: &str = "
    [optimiser]
    name = 'sgd'
    momentum = 0.9
    schedule = 'cosine'
    warmup_steps = 3
    clip_norm = 0.5
    average = 0.9
    [augment]
    gain_db = 6.0
    mixup = 0.5
    time_masks = 1
    time_mask_share = 0.2
";
/// Settings of the fourth run that no flag sets: predictions of clips that others of their recording or group are held
/// against, and a prior in the logits, whose weight is part of the state.
const BY_RECORDING: &str = "
    [filters]
    remove_unannotated = false
    [loss]
    name = 'recording-evidence'
    parameters = { start_epoch = 1, delta = 0.05 }
    [asset_reg]
    alpha = 0.3
    on = 'unknown'
    average = 'others'
    group = 'target'
    [prior_logits]
    from = 'checklist'
    at = 'both'
";
/// Settings that put every kind of state into a checkpoint: flipped labels, ROLE's logits, the asset table, momentum or
/// Adam's moments, an average of weights, a place within an epoch.
const SETTINGS: [&[&str]; 4] = [
    &[
        "--loss",
        "ll-cp",
        "--param",
        "delta=0.02",
        "--asset-reg",
        "0.3",
        "--asset-reg-eps",
        "0.05",
        "--checkpoint-every",
        "2",
    ],
    &[
        "--loss",
        "role",
        "--mode",
        "checklist",
        "--clips-per-asset",
        "2",
        "--checkpoint-every",
        "3",
    ],
    &["--threads", "2", "--class-balanced", "--checkpoint-every", "4"],
    &["--checkpoint-every", "3"],
];
/// The settings file that goes with the flags of this number.
const FILES: [&str; 4] = [AUGMENTED, "", AUGMENTED, BY_RECORDING];
/// Points tried without `L48_TORTURE`, spread over the run.
const FEW: usize = 7;
/// With `L48_TORTURE` every point is tried, and of the random moments asked for one in so many: a run takes longer than
/// a build.
const MOMENTS_FEWER: u64 = 10;

#[test]
#[allow(
    clippy::assertions_on_constants,
    reason = "constant within one build, not between builds"
)]
fn killed_anywhere_and_resumed_gives_the_same_bytes() {
    assert!(
        cfg!(debug_assertions),
        "the program has fail points in builds with debug assertions only: run this test without --release"
    );
    let folder = tempfile::tempdir().unwrap();
    for (number, (settings, file)) in SETTINGS.iter().zip(FILES).enumerate() {
        let dataset = folder.path().join(format!("dataset-{number}"));
        let quiet_ends = file == BY_RECORDING;
        write(
            &dataset,
            Made {
                quiet_ends,
                ..Made::default()
            },
        );
        let config = folder.path().join(format!("settings-{number}.toml"));
        std::fs::write(&config, file).unwrap();
        let settings = &[&["--config", config.to_str().unwrap()], *settings].concat();
        let whole = folder.path().join(format!("whole-{number}"));
        let log = folder.path().join(format!("points-{number}"));
        let begin = Instant::now();
        run(fit(&dataset, &whole, settings).env("L48_FAIL_LOG", &log), 0);
        let took = begin.elapsed();
        let points = std::fs::read_to_string(&log).unwrap();
        let steps = points.lines().filter(|&name| name == "step").count();
        assert_eq!(steps, 10, "a point after every step");
        let points = points.lines().count();
        assert!(points > 40, "only {points} points were reached");
        let torture = std::env::var("L48_TORTURE")
            .ok()
            .map(|count| count.parse::<u64>().unwrap());
        let apart = if torture.is_some() { 1 } else { points.div_ceil(FEW) };
        let resumed = |killed: &Path, told: &str| {
            let mut resume = fit(&dataset, killed, settings);
            run(resume.arg("--resume"), 0);
            assert_eq!(metrics(killed), metrics(&whole), "{told} of {settings:?}");
            let same = last_checkpoint(killed) == last_checkpoint(&whole);
            assert!(same, "{told} of {settings:?}: another checkpoint");
            std::fs::remove_dir_all(killed).unwrap();
        };
        for point in (1..=points).step_by(apart) {
            let killed = folder.path().join(format!("killed-{number}-{point}"));
            let status = fit(&dataset, &killed, settings)
                .env("L48_FAIL_AT", point.to_string())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert_eq!(
                std::os::unix::process::ExitStatusExt::signal(&status),
                Some(9),
                "point {point}"
            );
            resumed(&killed, &format!("killed at point {point}"));
        }
        let mut random = ChaCha8Rng::seed_from_u64(48);
        for _ in 0..torture.unwrap_or_default() / MOMENTS_FEWER {
            let killed = folder.path().join(format!("killed-{number}"));
            let moment = took.mul_f64(random.random());
            let mut child = fit(&dataset, &killed, settings)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(moment);
            // It may have ended before; then there is nothing left to do.
            child.kill().unwrap();
            child.wait().unwrap();
            resumed(&killed, &format!("killed after {moment:?}"));
        }
    }
}

#[test]
fn another_dataset_or_configuration_is_refused_with_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, other) = (folder.path().join("dataset"), folder.path().join("other"));
    write(&dataset, Made::default());
    write(
        &other,
        Made {
            seed: 2,
            ..Made::default()
        },
    );
    let out = folder.path().join("run");
    run(&mut fit(&dataset, &out, &["--epochs", "1"]), 0);
    let (_, said) = run(
        &mut fit(&dataset, &out, &["--resume", "--epochs", "1", "--seed", "9"]),
        2,
    );
    assert!(said.contains("seed: 48 -> 9"), "{said}");
    let (_, said) = run(&mut fit(&other, &out, &["--resume", "--epochs", "1"]), 2);
    assert!(said.contains("its content"), "{said}");
    // Without --resume, a run is never written over.
    let (_, said) = run(&mut fit(&dataset, &out, &["--epochs", "1"]), 2);
    assert!(said.contains("--resume"), "{said}");
}

#[test]
fn nothing_is_written_into_a_folder_that_another_process_trains_in() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, out) = (folder.path().join("dataset"), folder.path().join("run"));
    write(&dataset, Made::default());
    let names = || {
        let mut names: Vec<_> = std::fs::read_dir(&out)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let claim = RunFolder::claim(&out).unwrap();
    // Before the other process has begun its run, which it will.
    let (_, said) = run(&mut fit(&dataset, &out, &["--epochs", "1"]), 75);
    assert!(said.contains(".lock"), "{said}");
    assert_eq!(names(), [".lock"]);
    drop(claim);
    // Refused under the lock, after nothing but the lock was made.
    let (_, said) = run(&mut fit(&dataset, &out, &["--weights", "nowhere.safetensors"]), 2);
    assert!(said.contains("nowhere.safetensors"), "{said}");
    assert!(!out.exists());
}

#[test]
fn a_run_is_resumed_without_the_weights_that_it_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, first, out) = (
        folder.path().join("dataset"),
        folder.path().join("first"),
        folder.path().join("run"),
    );
    write(&dataset, Made::default());
    run(&mut fit(&dataset, &first, &["--epochs", "1"]), 0);
    let files = last_checkpoint(&first);
    let model = files.iter().find(|(name, _)| name == "model.safetensors");
    let weights = folder.path().join("weights.safetensors");
    std::fs::write(&weights, &model.unwrap().1).unwrap();
    let settings = ["--weights", weights.to_str().unwrap()];
    let (said, _) = run(&mut fit(&dataset, &out, &settings), 0);
    let before = metrics(&out);
    std::fs::remove_file(&weights).unwrap();
    let resume = [&settings[..], &["--resume"]].concat();
    assert_eq!(run(&mut fit(&dataset, &out, &resume), 0).0, said);
    assert_eq!(metrics(&out), before);
    // A run that begins needs them.
    let (_, said) = run(&mut fit(&dataset, &folder.path().join("other"), &settings), 2);
    assert!(said.contains("weights.safetensors"), "{said}");
}

#[test]
fn a_finished_run_resumed_says_its_result_again() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, out) = (folder.path().join("dataset"), folder.path().join("run"));
    write(&dataset, Made::default());
    let (first, _) = run(&mut fit(&dataset, &out, &[]), 0);
    let before = metrics(&out);
    let (second, _) = run(&mut fit(&dataset, &out, &["--resume"]), 0);
    assert_eq!(first, second);
    assert_eq!(before, metrics(&out));
}
