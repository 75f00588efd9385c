//! The folder of a run: what is written reads back, and a dataset of other images or classes is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::{Array, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use shardfmt::{Dataset, DatasetInfo, Split, read_dataset_json, write_dataset_json};
use trainer::Error;
use trainer::metric::{Evaluation, evaluate};
use trainer::run_folder::{DatasetRecord, PredictionWriter, RunFolder, RunRecord, write_per_class};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A small dataset with a change in its `dataset.json`.
fn dataset(change: impl Fn(&mut DatasetInfo)) -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../shardfmt/tests/golden"),
        folder.path(),
    );
    let mut info = read_dataset_json(&folder.path().join("dataset.json")).unwrap();
    info.head.config["spectrogram"] = serde_json::json!({"n_fft": 2048, "mel_scale": "slaney"});
    change(&mut info);
    write_dataset_json(folder.path(), &info).unwrap();
    let dataset = Dataset::open(folder.path()).unwrap();
    (folder, dataset)
}

fn record() -> RunRecord {
    RunRecord::new(&dataset(|_| {}).1, "2.11.0", tch::Device::Cpu, 2).unwrap()
}

#[test]
fn what_is_written_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("runs/first");
    let record = record();
    let claim = RunFolder::claim(&dir).unwrap();
    claim.begin("seed = 1\n", &record).unwrap();
    let run = claim.folder().clone();
    assert_eq!(fs::read_to_string(run.config()).unwrap(), "seed = 1\n");
    assert!(run.checkpoints().is_dir() && run.tensorboard().is_dir());
    let (again, read) = RunFolder::open(&dir).unwrap();
    assert_eq!((&read, again.dir()), (&record, dir.as_path()));
    assert!(matches!(
        RunFolder::claim(&dir),
        Err(Error::Dataset(shardfmt::Error::Locked { .. }))
    ));
    drop(claim);
    RunFolder::claim(&dir).unwrap();
    // Every flipped bit of the record is seen.
    let path = dir.join("run.json");
    let bytes = fs::read(&path).unwrap();
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        fs::write(&path, damaged).unwrap();
        assert!(RunFolder::open(&dir).is_err(), "byte {at}");
    }
    let newer = RunRecord {
        schema_version: 9,
        ..record
    };
    let newer_dir = folder.path().join("newer");
    RunFolder::claim(&newer_dir).unwrap().begin("", &newer).unwrap();
    let error = RunFolder::open(&newer_dir).unwrap_err().to_string();
    assert!(error.contains("run.json") && error.contains("version 9"), "{error}");
    let error = RunFolder::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("run.json: no such file; there is no run"), "{error}");
}

#[test]
fn a_run_is_never_begun_over_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let create = |dir: &PathBuf| {
        let begun = RunFolder::claim(dir).and_then(|claim| claim.begin("", &record()));
        begun.map_err(|error| error.to_string())
    };
    let (taken, foreign, killed) = ["taken", "foreign", "killed"]
        .map(|name| folder.path().join(name))
        .into();
    create(&taken).unwrap();
    assert!(create(&taken).unwrap_err().contains("already has a run"));
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.tex"), "").unwrap();
    assert!(create(&foreign).unwrap_err().contains("contains \"thesis.tex\""));
    assert!(!foreign.join(".lock").exists());
    // Killed before its record was written.
    create(&killed).unwrap();
    fs::rename(killed.join("run.json"), killed.join(".run.json.tmp")).unwrap();
    create(&killed).unwrap();
}

#[test]
fn a_claim_that_comes_to_nothing_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (new, empty) = (folder.path().join("new"), folder.path().join("empty"));
    drop(RunFolder::claim(&new).unwrap());
    assert!(!new.exists());
    fs::create_dir(&empty).unwrap();
    drop(RunFolder::claim(&empty).unwrap());
    assert!(empty.exists(), "it was there before");
    RunFolder::claim(&new).unwrap().begin("", &record()).unwrap();
    assert!(RunFolder::has_run(&new));
}

#[test]
fn differences_of_images_and_classes_are_listed() {
    let ours = record().dataset;
    let differs = |change: fn(&mut DatasetInfo)| {
        let (_folder, other) = dataset(change);
        match ours.check_compatible(Path::new("the run"), &other) {
            Ok(()) => String::new(),
            Err(Error::OtherDataset { differences, .. }) => differences,
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(differs(|_| {}), "");
    let unimportant = differs(|info| {
        info.head.name = "another".into();
        info.head.axes.hop_s = 1.0;
        info.head.config_xxh3 = shardfmt::Xxh3(3);
        info.head.config["labels"] = "others".into();
    });
    assert_eq!(unimportant, "");
    assert_eq!(
        differs(|info| info.head.axes.fmax_hz = 11025.0),
        "axes.fmax_hz is 11025.0, in the run 16000.1"
    );
    assert_eq!(
        differs(|info| info.head.values.step = 1.0),
        "values.step is 1.0, in the run 0.3137254901960784"
    );
    assert_eq!(
        differs(|info| info.head.config["spectrogram"]["n_fft"] = 512.into()),
        "spectrogram.n_fft is 512, in the run 2048"
    );
    assert_eq!(
        differs(|info| info.head.config = serde_json::json!({})),
        "",
        "an imported set has no settings"
    );
    let both = differs(|info| {
        info.head.axes.row_0 = shardfmt::Row0::Highest;
        info.head.axes.sample_rate_hz = None;
    });
    assert_eq!(
        both,
        "axes.row_0 is \"highest\", in the run \"lowest\"; axes.sample_rate_hz is not set, in the run 32000"
    );
    let mut other_classes = ours.clone();
    other_classes.taxa[1].species_code = "norcar".into();
    let (_folder, same) = dataset(|_| {});
    let error = other_classes
        .check_compatible(Path::new("the run"), &same)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("does not fit the run in the run: class 1 is") && error.contains("in the run \"norcar\""),
        "{error}"
    );
    other_classes.taxa.pop();
    let error = other_classes
        .check_compatible(Path::new("the run"), &same)
        .unwrap_err()
        .to_string();
    assert!(error.contains("3 classes, in the run 2"), "{error}");
    ours.check_same(Path::new("the run"), &same).unwrap();
    let (_folder, relabelled) = dataset(|info| info.head.config["labels"] = "others".into());
    let error = ours
        .check_same(Path::new("the run"), &relabelled)
        .unwrap_err()
        .to_string();
    assert!(error.contains("has changed since"), "{error}");
}

#[test]
fn the_record_keeps_all_that_decides_an_image_and_reads_earlier_ones() {
    let clips = serde_json::json!({"duration_s": "3", "hop_s": "3", "tail": "pad"});
    let (_folder, ours) = dataset(|info| info.head.config["clips"] = clips.clone());
    let record = RunRecord::new(&ours, "2.11.0", tch::Device::Cpu, 2).unwrap().dataset;
    let mut json = serde_json::to_value(&record).unwrap();
    assert_eq!(json["image"]["clips"], clips);
    assert_eq!(json["image"]["spectrogram"]["mel_scale"], "slaney");
    // Where clips are cut changes none of their images.
    let (_folder, other) = dataset(|info| info.head.config["clips"] = serde_json::json!({"hop_s": "1"}));
    record.check_compatible(Path::new("the run"), &other).unwrap();
    let members = json.as_object_mut().unwrap();
    let mut image = members.remove("image").unwrap();
    image.as_object_mut().unwrap().remove("clips");
    members.insert("settings".into(), image);
    let earlier: DatasetRecord = serde_json::from_value(json).unwrap();
    earlier.check_same(Path::new("the run"), &ours).unwrap();
}

/// The rows of a table, after a look at how it was written.
fn read(path: &Path, schema: &str) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let metadata = builder.metadata();
    let pairs = metadata.file_metadata().key_value_metadata().unwrap();
    assert!(
        pairs
            .iter()
            .any(|pair| pair.key == "l48.schema" && pair.value.as_deref() == Some(schema))
    );
    let compressions = metadata
        .row_groups()
        .iter()
        .flat_map(|group| group.columns())
        .map(|column| column.compression());
    assert!(
        compressions
            .into_iter()
            .all(|compression| matches!(compression, Compression::ZSTD(_)))
    );
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&schema, &batches).unwrap()
}

fn column<'b, T: 'static>(batch: &'b RecordBatch, name: &str) -> &'b T {
    batch.column_by_name(name).unwrap().as_any().downcast_ref().unwrap()
}

#[test]
fn tables_read_back() {
    let (_folder, dataset) = dataset(|_| {});
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("per_class.parquet");
    let measure = |labels: [u8; 6]| evaluate(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], &labels, &[1; 6], 3).unwrap();
    let (val, test): (Evaluation, Evaluation) = (measure([0, 1, 0, 1, 0, 0]), measure([1, 1, 1, 1, 1, 0]));
    write_per_class(&path, dataset.taxa(), &[(Split::Val, &val), (Split::Test, &test)]).unwrap();
    let table = read(&path, "per_class/1");
    let codes: Vec<&str> = dataset.taxa().iter().map(|taxon| taxon.species_code.as_str()).collect();
    assert!(
        column::<StringArray>(&table, "species_code")
            .iter()
            .flatten()
            .eq([&codes[..], &codes[..]].concat())
    );
    assert!(
        column::<StringArray>(&table, "split")
            .iter()
            .flatten()
            .eq(["val", "val", "val", "test", "test", "test"])
    );
    assert_eq!(
        column::<Float64Array>(&table, "ap").values()[..],
        [&val.ap[..], &test.ap[..]].concat()
    );
    assert_eq!(
        column::<UInt64Array>(&table, "positives").values()[..],
        [1, 1, 0, 2, 2, 1]
    );
    assert_eq!(column::<UInt64Array>(&table, "clips").values()[..], [2; 6]);

    let path = folder.path().join("predictions.parquet");
    let mut writer = PredictionWriter::create(&path, dataset.taxa()).unwrap();
    writer.push(&[7, 7], &[0, 1], &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).unwrap();
    let error = writer.push(&[9], &[0], &[0.7]).unwrap_err().to_string();
    assert!(error.contains("1 scores for 3 classes"), "{error}");
    writer.push(&[9], &[0], &[0.7, 0.8, 0.9]).unwrap();
    assert!(!path.exists(), "the name comes last");
    writer.finish().unwrap();
    let table = read(&path, "predictions/1");
    assert_eq!(table.num_columns(), 5);
    assert_eq!(column::<Int64Array>(&table, "asset_id").values()[..], [7, 7, 9]);
    assert_eq!(column::<UInt32Array>(&table, "clip_index").values()[..], [0, 1, 0]);
    for (class, scores) in [[0.1, 0.4, 0.7], [0.2, 0.5, 0.8], [0.3, 0.6, 0.9]]
        .into_iter()
        .enumerate()
    {
        assert_eq!(column::<Float32Array>(&table, codes[class]).values()[..], scores);
    }
}
