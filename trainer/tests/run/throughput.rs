//! `bench` measures every way beside its bound, and prints them as a table.

use std::path::Path;

use crate::dataset::{Made, write};
use crate::program::{command, run};

#[test]
fn rates_stand_beside_their_bounds() {
    let folder = tempfile::tempdir().unwrap();
    // 27 training rows: in batches of two, the last of 13 has three.
    let odd = Made {
        assets: 15,
        ..Made::default()
    };
    write(folder.path(), odd);
    for settings in ["--batch 8 --steps 2", "--batch 2 --steps 13"] {
        measured(folder.path(), settings);
    }
}

fn measured(dataset: &Path, settings: &str) {
    let mut bench = command();
    bench.arg("bench").arg(dataset).args(settings.split(' '));
    bench.args("--arch tiny --threads 1 --rounds 1 --device cpu".split(' '));
    let (said, _) = run(&mut bench, 0);
    let rows: Vec<Vec<&str>> = said
        .lines()
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').collect())
        .collect();
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row[0].split_whitespace().next().unwrap())
        .collect();
    assert_eq!(names, ["loader", "loader-mapped", "training"], "{said}");
    for row in rows {
        let [ours, bound, ratio] = [1, 2, 3].map(|column| row[column].trim().parse::<f64>().unwrap());
        assert!(ours > 0.0 && bound > 0.0, "{said}");
        // Of one round, so what is printed belongs together, up to its digits.
        assert!((ours / bound - ratio).abs() < 0.002, "{said}");
    }
}
