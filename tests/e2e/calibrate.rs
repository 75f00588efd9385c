//! Tests `l48-train calibrate`: the files that it writes, the probabilities that `detect` and the report have of them, and
//! what it refuses.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::program::{l48, run, train_command};
use crate::recordings::Workplace;
use crate::table_rows::csv;
use crate::tunes::{self, CODES, l48_train};

/// Logit and probability of each detection, by path, start and class.
fn detected(place: &Workplace, out: &str, settings: &[&str]) -> BTreeMap<[String; 3], [f64; 2]> {
    let mut command = train_command();
    command
        .arg("detect")
        .arg(place.path("run"))
        .arg(place.path("audio"))
        .arg("--out");
    command.arg(place.path(out)).args(["--min-score", "0"]).args(settings);
    run(&mut command).expect(0);
    let row = |row: Vec<String>| {
        let scores = [6, 7].map(|at: usize| row[at].parse().unwrap());
        ([0, 1, 3].map(|at: usize| row[at].clone()), scores)
    };
    csv(&place.read(&format!("{out}/detections.csv")))
        .into_iter()
        .map(row)
        .collect()
}

/// Slope and intercept of each class.
fn fitted(place: &Workplace) -> Vec<(f64, f64)> {
    let record: Value = serde_json::from_str(&place.read("run/calibration.json")).unwrap();
    assert_eq!(record["format"], "l48-calibration");
    let classes = record["classes"].as_array().unwrap().iter().zip(CODES);
    let of_class = |(class, code): (&Value, &str)| {
        assert_eq!(class["species_code"], code);
        // Of 32 clips of val each class is in about a third.
        let count = |key: &str| class[key].as_u64().unwrap();
        assert_eq!(
            count("positives") + count("negatives"),
            record["clips"].as_u64().unwrap()
        );
        (class["slope"].as_f64().unwrap(), class["intercept"].as_f64().unwrap())
    };
    classes.map(of_class).collect()
}

#[test]
fn probabilities_are_those_that_val_taught() {
    let place = tunes::place("3");
    let (data, run) = tunes::trained(&place);
    l48_train!(
        "detect",
        &run,
        place.path("audio/1.wav"),
        "--out",
        place.path("early"),
        "--calibrated"
    )
    .expect(2)
    .complains("run `l48-train calibrate` first");
    let told = l48_train!("calibrate", &run, "--device", "cpu").expect(0);
    let told = told.prints("val   32 clips; ").prints("reliability.svg");
    // Never further from what comes true than before, on the clips that taught it.
    let line = told.stdout.lines().find(|line| line.starts_with("error")).unwrap();
    let errors: Vec<f64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert!(errors.len() == 2 && errors[1] <= errors[0], "{line}");

    let classes = fitted(&place);
    let [plain, calibrated] =
        [("plain", &[][..]), ("calibrated", &["--calibrated"])].map(|(out, settings)| detected(&place, out, settings));
    assert_eq!(plain.len(), calibrated.len());
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    for ((key, [logit, probability]), (same, [same_logit, better])) in plain.iter().zip(&calibrated) {
        assert_eq!((key, logit), (same, same_logit));
        let (slope, intercept) = classes[CODES.iter().position(|code| *code == key[2]).unwrap()];
        assert!((sigmoid(*logit) - probability).abs() < 1e-5, "{key:?}");
        assert!((sigmoid(slope * logit + intercept) - better).abs() < 1e-5, "{key:?}");
    }
    let apart = |(key, [_, before]): (&[String; 3], &[f64; 2])| (calibrated[key][1] - before).abs() > 0.01;
    assert!(plain.iter().any(apart));

    // Once more, the same bytes; and the diagram is in the report.
    let [record, diagram] = ["run/calibration.json", "run/reliability.svg"].map(|name| place.read(name));
    l48_train!("calibrate", &run, "--dataset", &data, "--device", "cpu").expect(0);
    assert_eq!(place.read("run/calibration.json"), record);
    assert!(
        diagram.starts_with("<svg") && diagram.contains("calibrated"),
        "{diagram}"
    );
    l48!("report", &run, "--out", place.path("run.html")).expect(0);
    assert!(
        place
            .read("run.html")
            .contains("Reliability: how often a class is there at a probability")
    );
    refusals(&place, &record);
}

/// What a calibration is not of, or not enough for one.
fn refusals(place: &Workplace, record: &str) {
    let (run, file) = (place.path("run"), place.path("run/calibration.json"));
    let complains = |text: &str| {
        let out = place.path("refused");
        l48_train!("detect", &run, place.path("audio/1.wav"), "--out", out, "--calibrated")
            .expect(2)
            .complains("calibration.json")
            .complains(text);
    };
    // A byte is changed, the end is gone, and that of another run is in its place.
    fs::write(&file, record.replacen("slope", "slape", 1)).unwrap();
    complains("checksum");
    fs::write(&file, &record[..record.len() / 2]).unwrap();
    complains("16 hexadecimal digits");
    let (data, other) = (place.path("data"), place.path("other"));
    tunes::fit_with(&data, &other, &["--seed", "7", "--epochs", "8", "--batch", "16"]).expect(0);
    l48_train!("calibrate", &other, "--device", "cpu").expect(0);
    fs::copy(other.join("calibration.json"), &file).unwrap();
    complains("is of other weights than those of the best epoch now; run `l48-train calibrate` again");

    l48_train!("calibrate", place.path("nowhere"))
        .expect(2)
        .complains("nowhere");
    l48_train!("calibrate", &run, "--dataset", place.path("audio"))
        .expect(2)
        .complains("the dataset to calibrate on; --dataset names another one");
    // Other classes; and a val of which next to nothing is known.
    place.edit("taxa.csv", "\ntoppip,", "\notherpip,");
    let boxes = place.read("boxes.csv").replace("toppip", "otherpip");
    place.write("boxes.csv", &boxes);
    let built = |name: &str| {
        let out = place.path(name);
        l48!("build", place.manifest(), "--out", &out).expect(0);
        out
    };
    let renamed = built("renamed");
    l48_train!("calibrate", &run, "--dataset", renamed)
        .expect(2)
        .complains("otherpip");
    place.edit("taxa.csv", "\notherpip,", "\ntoppip,");
    place.write("boxes.csv", &boxes.replace("otherpip", "toppip"));
    let spans = place.read("spans.csv");
    // Recordings of val end in 3 and 8.
    let few = spans
        .lines()
        .filter(|line| !line.split(',').next().unwrap().ends_with(['3', '8']) || line.starts_with("3,"));
    place.write("spans.csv", &(few.collect::<Vec<_>>().join("\n") + "\n"));
    let boxes = place.read("boxes.csv");
    let few = boxes
        .lines()
        .filter(|line| !line.split(',').next().unwrap().ends_with(['3', '8']) || line.starts_with("3,"));
    place.write("boxes.csv", &(few.collect::<Vec<_>>().join("\n") + "\n"));
    let sparse = built("sparse");
    l48_train!("calibrate", &run, "--dataset", sparse)
        .expect(2)
        .complains("of which 10 of each are needed")
        .complains("annotate more of its recordings");
}
