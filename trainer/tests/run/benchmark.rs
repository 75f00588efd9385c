//! A small matrix: listed, run, cut off and gone on with, not run again when finished.

use crate::dataset::{Made, write};
use crate::program::{command, run};

const PLAN: &str = r#"
name = "Bands"
dataset = "dataset"
seeds = [1, 2]
[base]
epochs = 1
batch = 8
threads = 1
model = { arch = "tiny" }
optimiser = { lr = 3e-3 }
[search]
trials = 2
seed = 9
grid = { "optimiser.lr" = [3e-3, 1e-3] }
[average]
both = ["EM", "LL-R"]
[[method]]
name = "EM"
settings = { loss = { name = "em" } }
[[method]]
name = "LL-R"
settings = { loss = { name = "ll-r" } }
[[column]]
name = "Target"
published = "L48"
[[column]]
name = "+R_P"
settings = { asset_reg = { alpha = 0.1 } }
against = ["Target"]
[[column]]
name = "+R_P frozen"
settings = { asset_reg = { alpha = 0.1, control = "frozen" } }
tuned_as = "+R_P"
"#;

#[test]
fn a_matrix_is_listed_run_and_not_run_again() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("dataset"), Made::default());
    let (plan, out) = (folder.path().join("plan.toml"), folder.path().join("out"));
    std::fs::write(&plan, PLAN).unwrap();
    let benchmark = |more: &[&str]| {
        let mut command = command();
        command
            .arg("benchmark")
            .arg(&plan)
            .arg("--out")
            .arg(&out)
            .args(["--device", "cpu"])
            .args(more);
        command
    };
    let (listed, _) = run(&mut benchmark(&["--dry-run"]), 0);
    // 36 training rows in batches of 8: five steps. Two trials and two seeds; the control takes over what was found.
    assert!(listed.contains("| EM | +R_P | 36 | 5 | 4 |"), "{listed}");
    assert!(listed.contains("| EM | +R_P frozen | 36 | 5 | 2 |"), "{listed}");
    assert!(!out.exists());

    let (first, log) = run(&mut benchmark(&[]), 0);
    assert!(log.contains("20 of 20"), "{log}");
    assert!(first.contains("| method | Target | +R_P | +R_P frozen |"), "{first}");
    assert!(first.contains("(55.3)"), "the published figure of EM:\n{first}");
    assert!(first.contains("| average: both |"), "{first}");
    assert_eq!(first, std::fs::read_to_string(out.join("table.md")).unwrap());
    assert!(out.join("results.parquet").is_file());

    // One run is lost; only that one is run again, and the table is the same.
    let lost = out.join("cells/em/target/seed-2");
    std::fs::remove_dir_all(&lost).unwrap();
    let written = |path: &str| std::fs::metadata(out.join(path)).unwrap().modified().unwrap();
    let other = written("cells/em/target/seed-1/metrics.jsonl");
    let (second, _) = run(&mut benchmark(&[]), 0);
    assert_eq!(first, second);
    assert!(lost.join("metrics.jsonl").is_file());
    assert_eq!(other, written("cells/em/target/seed-1/metrics.jsonl"));

    // Other settings in the same folder are refused.
    std::fs::write(&plan, PLAN.replace("epochs = 1", "epochs = 2")).unwrap();
    let (_, said) = run(&mut benchmark(&[]), 2);
    assert!(said.contains("epochs: 1 -> 2"), "{said}");
}
