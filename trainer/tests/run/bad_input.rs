//! What cannot work is refused before training starts, with what to do about it.

use std::path::Path;

use loader::{Arrangement, Catalogue, Filters, FullUnknown, Mode, Rows, Sampler, SamplerConfig};
use shardfmt::{Dataset, Split};

use crate::dataset::{Made, write};
use crate::program::{fit, metrics, run};

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
fn invalid_settings() {
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
    let make = |name: &str, made: Made| {
        let dataset = folder.path().join(name);
        write(&dataset, made);
        dataset
    };
    // Three recordings are for train, a fourth for val, a fifth for test.
    let of = |assets| Made {
        assets,
        ..Made::default()
    };
    refused(&make("no-val", of(3)), &[], &["split val is empty", "l48 relabel"]);
    refused(&make("no-test", of(4)), &[], &["split test is empty", "--no-test"]);
    let unknown_in = |unknown_in| Made {
        unknown_in,
        ..Made::default()
    };
    for (name, unknown_in) in [("val", unknown_in(&[Split::Val])), ("test", unknown_in(&[Split::Test]))] {
        let said = format!("no clip of split {name} has every class known (12 were left out)");
        refused(&make(name, unknown_in), &[], &[&said, "annotate"]);
    }
    // What is asked for is not refused.
    let (said, _) = run(
        &mut fit(
            &folder.path().join("test"),
            &folder.path().join("untested"),
            &["--no-test"],
        ),
        0,
    );
    assert!(said.contains("test  not measured"), "{said}");
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
fn scores_that_are_no_numbers_end_the_run_as_a_divergence() {
    for split in [Split::Val, Split::Test] {
        let folder = tempfile::tempdir().unwrap();
        let (dataset, out) = (folder.path().join("dataset"), folder.path().join("run"));
        let made = Made {
            no_numbers_in: Some(split),
            ..Made::default()
        };
        write(&dataset, made);
        let (_, message) = run(&mut fit(&dataset, &out, &["--epochs", "1"]), 2);
        assert!(message.contains("the score of row 0"), "{message}");
        let last = metrics(&out).pop().unwrap();
        assert!(last.contains(r#""event":"diverged","step":5"#), "{split:?}: {last}");
    }
}

#[test]
fn a_shard_of_other_recordings_is_not_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("dataset");
    write(&dataset, Made::default());
    let path = dataset.join("shards/00000.safetensors");
    let old = shardfmt::Shard::from_bytes(std::fs::read(&path).unwrap(), shardfmt::Checks::Off).unwrap();
    let mut other = shardfmt::ShardWriter::create(&path, old.spec(), old.metadata()).unwrap();
    for row in 0..old.rows() {
        // The first recording is another; the file keeps its size.
        let asset_id = old.asset_id(row).unwrap();
        let moved = if Some(0) == old.asset_rows(asset_id).map(|rows| rows.start) {
            asset_id + 100_000
        } else {
            asset_id
        };
        let (clip_index, level) = (old.clip_index(row).unwrap(), old.ref_db(row).unwrap());
        other.push(moved, clip_index, level, old.clip(row).unwrap()).unwrap();
    }
    other.finish().unwrap();
    refused(
        &dataset,
        &[],
        &["shards/00000.safetensors", "assets/00000.parquet, row 0"],
    );
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_saves_its_state() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, out) = (folder.path().join("dataset"), folder.path().join("run"));
    write(&dataset, Made::default());
    let settings = ["--optimiser", "sgd", "--lr", "1e30"];
    let (_, message) = run(&mut fit(&dataset, &out, &settings), 2);
    // The first step moves the weights out of all proportion, and the second sees it.
    let supervision = Catalogue::read(&Dataset::open(&dataset).unwrap())
        .unwrap()
        .training(
            Mode::Target,
            Rows::Own,
            FullUnknown::AssumeNegative,
            &Filters::default(),
        )
        .unwrap();
    let order = SamplerConfig {
        seed: 48,
        batch: 8,
        clips_per_asset: None,
        max_clips_per_asset: None,
        class_balanced: false,
        arrangement: Arrangement::Shuffled,
        drop_last: false,
        rank: 0,
        ranks: 1,
    };
    let rows = Sampler::new(&supervision, shardfmt::Xxh3(0), order)
        .unwrap()
        .batch(1, 1);
    let assets: Vec<i64> = rows
        .iter()
        .map(|&row| supervision.clips[row as usize].asset_id)
        .collect();
    for word in [
        "step 2 in epoch 1",
        &format!("{assets:?}"),
        "learning rate",
        "failed-000000002",
    ] {
        assert!(message.contains(word), "{word}: {message}");
    }
    assert!(!message.contains("further"), "nothing runs ahead on the CPU: {message}");
    let state = std::fs::read_to_string(out.join("checkpoints/failed-000000002/state.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["step"], 2);
    assert_eq!(
        (&state["sampler"]["epoch"], &state["sampler"]["rows_consumed"]),
        (&1.into(), &16.into())
    );
    let last = metrics(&out).pop().unwrap();
    assert!(last.contains(r#""event":"diverged","step":2"#), "{last}");
}
