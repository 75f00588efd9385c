//! What cannot work is refused before training starts, with what to do about it.

use std::path::Path;

use crate::dataset::{Made, write};
use crate::program::{fit, run};

#[track_caller]
fn refused(dataset: &Path, settings: &[&str], said: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let (_, message) = run(&mut fit(dataset, &out, settings), 2);
    for word in said {
        assert!(message.contains(word), "{settings:?} should say {word:?}:\n{message}");
    }
    assert!(!out.join("checkpoints").exists(), "training had started");
}

#[test]
fn senseless_settings() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("dataset");
    write(&dataset, Made::default());
    refused(
        &dataset,
        &["--loss", "ll-r", "--param", "dleta=0.1"],
        &["dleta", "delta"],
    );
    refused(&dataset, &["--loss", "ll-r", "--param", "delta=-1"], &["delta"]);
    refused(
        &dataset,
        &["--asset-reg-eps", "0.1"],
        &["asset_reg", "--asset-reg ALPHA"],
    );
    refused(&dataset, &["--asset-reg", "0.1", "--asset-reg-eps", "2"], &["eps"]);
    refused(&dataset, &["--lr", "0"], &["optimiser.lr"]);
    let broken = folder.path().join("broken.toml");
    std::fs::write(&broken, "epochs = 1\nepoch = 2\n").unwrap();
    refused(
        &dataset,
        &["--config", broken.to_str().unwrap()],
        &["broken.toml", "epoch"],
    );
    refused(
        &dataset,
        &["--weights", "/nowhere/w.safetensors"],
        &["/nowhere/w.safetensors"],
    );
}

#[test]
fn datasets_that_do_not_do() {
    let folder = tempfile::tempdir().unwrap();
    refused(&folder.path().join("missing"), &[], &["missing"]);
    // Four recordings: none is for test, so nothing could be said of the result, but val has one.
    let small = folder.path().join("small");
    write(
        &small,
        Made {
            assets: 3,
            ..Made::default()
        },
    );
    refused(&small, &[], &["val"]);
    let unknown = folder.path().join("unknown");
    write(
        &unknown,
        Made {
            fully_known: false,
            ..Made::default()
        },
    );
    refused(
        &unknown,
        &[],
        &["no clip of split val has every class known (12 have not)"],
    );
    let damaged = folder.path().join("damaged");
    write(&damaged, Made::default());
    let labels = damaged.join("labels/00000.parquet");
    let mut bytes = std::fs::read(&labels).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&labels, bytes).unwrap();
    refused(&damaged, &[], &["labels/00000.parquet"]);
}

#[test]
fn a_damaged_clip_stops_training_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("dataset");
    write(&dataset, Made::default());
    let shard = dataset.join("shards/00000.safetensors");
    let mut bytes = std::fs::read(&shard).unwrap();
    bytes[4096 + 10] ^= 1;
    std::fs::write(&shard, bytes).unwrap();
    let (_, message) = run(&mut fit(&dataset, &folder.path().join("run"), &[]), 2);
    for word in ["00000.safetensors", "row 0", "asset 3"] {
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn without_a_gpu_the_cpu_is_used_and_said() {
    if tch::Cuda::is_available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("dataset");
    write(&dataset, Made::default());
    let (_, message) = run(
        &mut fit(
            &dataset,
            &folder.path().join("run"),
            &["--device", "cuda", "--epochs", "1"],
        ),
        0,
    );
    assert!(message.contains("CPU"), "{message}");
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_saves_its_state() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, out) = (folder.path().join("dataset"), folder.path().join("run"));
    write(&dataset, Made::default());
    let settings = ["--optimiser", "sgd", "--lr", "1e30"];
    let (_, message) = run(&mut fit(&dataset, &out, &settings), 2);
    for word in ["step", "epoch 1", "learning rate", "failed-"] {
        assert!(message.contains(word), "{message}");
    }
    let saved = std::fs::read_dir(out.join("checkpoints")).unwrap();
    let saved: Vec<_> = saved
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(saved.iter().any(|name| name.starts_with("failed-")), "{saved:?}");
}
