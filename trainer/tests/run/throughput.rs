//! `bench` measures every way beside its bound, and prints them as a table.

use crate::dataset::{Made, write};
use crate::program::{command, run};

#[test]
fn rates_stand_beside_their_bounds() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Made::default());
    let mut bench = command();
    bench.arg("bench").arg(folder.path());
    bench.args("--arch tiny --batch 8 --threads 1 --steps 2 --rounds 1 --device cpu".split(' '));
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
