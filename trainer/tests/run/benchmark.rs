//! A small matrix: listed, run, cut off and gone on with, not run again when finished.

use std::path::Path;

use crate::dataset::{Made, write};
use crate::program::{command, metrics, run};

const PLAN: &str = r#"
name = "Bands"
seeds = [1, 2]
[[dataset]]
name = "One"
path = "dataset"
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
    let into = |out: &Path, more: &[&str]| {
        let mut command = command();
        command
            .arg("benchmark")
            .arg(&plan)
            .arg("--out")
            .arg(out)
            .args(["--device", "cpu"])
            .args(more);
        command
    };
    let benchmark = |more: &[&str]| into(&out, more);
    let (listed, _) = run(&mut benchmark(&["--dry-run"]), 0);
    // 36 training rows in batches of 8: five steps. Two trials and two seeds; the control takes over what was found.
    assert!(listed.contains("| One | EM | +R_P | 36 | 5 | 4 |"), "{listed}");
    assert!(listed.contains("| One | EM | +R_P frozen | 36 | 5 | 2 |"), "{listed}");
    assert!(listed.contains("6 cells, 20 runs, 100 steps"), "{listed}");
    assert!(!out.exists());

    let (first, log) = run(&mut benchmark(&[]), 0);
    assert!(log.contains("20 of 20"), "{log}");
    assert!(first.contains("| method | Target | +R_P | +R_P frozen |"), "{first}");
    assert!(first.contains("(55.3)"), "the published figure of EM:\n{first}");
    assert!(first.contains("| average: both |"), "{first}");
    assert_eq!(first, std::fs::read_to_string(out.join("table.md")).unwrap());
    assert!(out.join("results.parquet").is_file());

    // In processes of their own, two at a time, the runs come to the same.
    let apart = folder.path().join("apart");
    let (second, log) = run(&mut into(&apart, &["--jobs", "2"]), 0);
    assert!(log.contains("20 of 20"), "{log}");
    assert_eq!(first, second);
    for run in ["cells/one/ll-r/r_p/seed-2", "search/one/em/target/trial-1"] {
        assert_eq!(metrics(&out.join(run)), metrics(&apart.join(run)), "{run}");
    }
    assert!(apart.join("worker-2.log").is_file());
    assert!(!out.join("worker-1.log").exists());

    // One run is lost; only that one is run again, and the table is the same.
    let lost = out.join("cells/one/em/target/seed-2");
    std::fs::remove_dir_all(&lost).unwrap();
    let written = |path: &str| std::fs::metadata(out.join(path)).unwrap().modified().unwrap();
    let other = written("cells/one/em/target/seed-1/metrics.jsonl");
    let (second, _) = run(&mut benchmark(&[]), 0);
    assert_eq!(first, second);
    assert!(lost.join("metrics.jsonl").is_file());
    assert_eq!(other, written("cells/one/em/target/seed-1/metrics.jsonl"));

    // Other settings in the same folder are refused.
    std::fs::write(&plan, PLAN.replace("epochs = 1", "epochs = 2")).unwrap();
    let (_, said) = run(&mut benchmark(&[]), 2);
    assert!(said.contains("epochs: 1 -> 2"), "{said}");
}

const TWO_DATASETS: &str = r#"
name = "Two"
seeds = [1, 2]
[[dataset]]
name = "Many clips"
path = "recordings"
[[dataset]]
name = "Photographs"
path = "photographs"
columns = ["Plain"]
[base]
epochs = 1
batch = 8
threads = 1
model = { arch = "tiny" }
[[method]]
name = "BCE-AN"
[[method]]
name = "EM"
settings = { loss = { name = "em" } }
[[column]]
name = "Plain"
published = "COCO"
[[column]]
name = "+R_P"
settings = { asset_reg = { } }
[[contrast]]
name = "EM gains more on recordings"
of = { methods = ["EM"] }
against = { methods = ["BCE-AN"] }
at = { dataset = "Many clips", column = "Plain" }
than_at = { dataset = "Photographs", column = "Plain" }
[[contrast]]
name = "R_P"
of = { column = "+R_P" }
against = { column = "Plain" }
at = { methods = ["EM"] }
"#;

#[test]
fn two_datasets_have_a_table_each_and_contrasts_across() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("recordings"), Made::default());
    let photographs = Made {
        photographs: true,
        assets: 40,
        ..Made::default()
    };
    write(&folder.path().join("photographs"), photographs);
    let (plan, out) = (folder.path().join("plan.toml"), folder.path().join("out"));
    let benchmark = |text: &str, code: i32| {
        std::fs::write(&plan, text).unwrap();
        let mut command = command();
        command.arg("benchmark").arg(&plan).arg("--out").arg(&out);
        run(command.args(["--device", "cpu"]), code)
    };
    // What cannot be run is told before anything is.
    let everywhere = TWO_DATASETS.replacen("columns = [\"Plain\"]\n", "", 1);
    let (_, said) = benchmark(&everywhere, 2);
    assert!(
        said.contains("asset_reg") && said.contains("24 training clips"),
        "{said}"
    );
    assert!(!out.join("cells").exists());

    let (text, _) = benchmark(TWO_DATASETS, 0);
    for part in [
        "## Many clips\n",
        "| method | Plain | +R_P |",
        "## Photographs\n",
        "| method | Plain |\n",
        "(71.1)",
        "| EM gains more on recordings | as named |",
        "| R_P | Many clips |",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("| R_P | Photographs |"), "{text}");

    // A worker that ends says where to look.
    let broken = folder.path().join("photographs/shards/00000.safetensors");
    let mut bytes = std::fs::read(&broken).unwrap();
    bytes[4096 + 10] ^= 1;
    std::fs::write(&broken, bytes).unwrap();
    std::fs::remove_dir_all(out.join("cells/photographs/em")).unwrap();
    let mut jobs = command();
    jobs.arg("benchmark").arg(&plan).arg("--out").arg(&out);
    let (_, said) = run(jobs.args(["--device", "cpu", "--jobs", "2"]), 2);
    for word in ["cells/photographs/em/plain", "00000.safetensors", "row 0", "worker-"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}
