//! A small matrix: listed, run, cut off and gone on with, not run again when finished.

use std::path::Path;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::dataset::{Made, write};
use crate::program::{command, metrics, run};

pub(crate) const PLAN: &str = r#"
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

/// What a plan can be given once it has been run.
const CONTRAST: &str = r#"
[[contrast]]
name = "EM against LL-R"
of = { methods = ["EM"] }
against = { methods = ["LL-R"] }
at = { column = "Target" }
primary = true
expected = "above"
question = "Which is higher?"
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
    // The table's own rows, as a table of Parquet: what is printed comes of them.
    let rows = results(&out);
    assert_eq!(rows.len(), 12);
    let maps = |method: &str, column: &str| -> Vec<f64> {
        let of_cell = rows
            .iter()
            .filter(|row| (row.method.as_str(), row.column.as_str()) == (method, column));
        of_cell.map(|row| row.test_map.unwrap()).collect()
    };
    let [one, two] = maps("EM", "Target")[..] else {
        panic!("two seeds");
    };
    let (mean, deviation) = (50.0 * (one + two), 100.0 * (one - two).abs() / 2.0_f64.sqrt());
    let cell = format!("| EM | {mean:.1} ± {deviation:.1} (55.3) |");
    assert!(first.contains(&cell), "{cell}\n{first}");
    assert!(rows.iter().all(|row| (row.rows, row.steps) == (36, 5)));
    assert!(rows.iter().all(|row| row.chosen.contains("optimiser.lr = ")));

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

    // Contrasts are no setting of a run: with one more, the same runs are read, and tables and pictures made anew.
    assert!(out.join("cells.svg").is_file() && !out.join("contrasts.svg").exists());
    let folders = ["em", "ll-r"].map(|method| out.join("cells/one").join(method).join("target/seed-1"));
    let before = folders.each_ref().map(|run| metrics(run));
    std::fs::write(&plan, format!("level = 0.9\n{PLAN}{CONTRAST}")).unwrap();
    let (asked, _) = run(&mut benchmark(&[]), 0);
    assert!(asked.starts_with(&first), "{asked}");
    for part in [
        "1 primary reading: at 90 %",
        "### EM against LL-R (primary)\n\n*Question:* Which is higher?\n\n*Expected:* above 0\n",
        "| One | ",
        " of 2 | ",
    ] {
        assert!(asked.contains(part), "{part}\n{asked}");
    }
    let picture = std::fs::read_to_string(out.join("contrasts.svg")).unwrap();
    assert!(picture.contains("primary, interval at 90 %"), "{picture}");
    assert_eq!(other, written("cells/one/em/target/seed-1/metrics.jsonl"));
    assert_eq!(before, folders.each_ref().map(|run| metrics(run)));

    // Other settings in the same folder are refused.
    std::fs::write(&plan, PLAN.replace("epochs = 1", "epochs = 2")).unwrap();
    let (_, said) = run(&mut benchmark(&[]), 2);
    assert!(said.contains("epochs: 1 -> 2"), "{said}");
    // Also if runs come before that are the same: what is there is not written over by less.
    let frozen = r#"{ alpha = 0.1, control"#;
    std::fs::write(&plan, PLAN.replace(frozen, &frozen.replace("0.1", "0.2"))).unwrap();
    let (_, said) = run(&mut benchmark(&[]), 2);
    assert!(said.contains("asset_reg.alpha: 0.1 -> 0.2"), "{said}");
    assert_eq!(asked, std::fs::read_to_string(out.join("table.md")).unwrap());
    assert_eq!(results(&out).len(), 12);
}

/// A row of `results.parquet`.
struct Row {
    method: String,
    column: String,
    rows: u64,
    steps: u64,
    test_map: Option<f64>,
    chosen: String,
}

fn results(out: &Path) -> Vec<Row> {
    let file = std::fs::File::open(out.join("results.parquet")).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let metadata = builder.metadata().file_metadata().key_value_metadata().unwrap();
    let schema = metadata.iter().find(|entry| entry.key == "l48.schema").unwrap();
    assert_eq!(schema.value.as_deref(), Some("results/1"));
    let batches = builder.build().unwrap();
    let mut rows = Vec::new();
    for batch in batches.map(Result::unwrap) {
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let word = |name: &str, row: usize| column(name).as_string::<i32>().value(row).to_owned();
        let count = |name: &str, row: usize| column(name).as_primitive::<UInt64Type>().value(row);
        let map = column("test_map").as_primitive::<Float64Type>();
        rows.extend((0..batch.num_rows()).map(|row| Row {
            method: word("method", row),
            column: word("column", row),
            rows: count("rows", row),
            steps: count("steps", row),
            test_map: map.is_valid(row).then(|| map.value(row)),
            chosen: word("chosen", row),
        }));
    }
    rows
}

const DIVERGING: &str = r#"
name = "Diverging"
seeds = [1, 2]
[[dataset]]
name = "One"
path = "dataset"
[base]
epochs = 1
batch = 8
threads = 1
model = { arch = "tiny" }
optimiser = { name = "sgd" }
[search]
trials = 2
seed = 9
[[method]]
name = "Careful"
grid = { "optimiser.lr" = [1e30, 1e-2] }
[[method]]
name = "Reckless"
grid = { "optimiser.lr" = [1e30, 1e29] }
[[column]]
name = "Plain"
"#;

#[test]
fn runs_that_diverge_are_the_worst_and_keep_no_other_from_being_run() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("dataset"), Made::default());
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, DIVERGING).unwrap();
    let benchmark = |name: &str, jobs: &str| {
        let mut command = command();
        command
            .arg("benchmark")
            .arg(&plan)
            .arg("--out")
            .arg(folder.path().join(name));
        run(command.args(["--device", "cpu", "--jobs", jobs]), 1)
    };
    let (text, log) = benchmark("out", "1");
    assert!(text.contains("| Reckless | diverged |"), "{text}");
    assert!(text.contains("| Careful | Plain | optimiser.lr = 0.01 |"), "{text}");
    assert!(text.contains("2 runs diverged"), "{text}");
    for word in ["8 of 8", "trial-0: diverged", "2 of the table's 4 runs diverged"] {
        assert!(log.contains(word), "{word}: {log}");
    }
    let maps: Vec<bool> = results(&folder.path().join("out"))
        .iter()
        .map(|row| row.test_map.is_some())
        .collect();
    assert_eq!(maps, [true, true, false, false]);
    // They are over: read, not run again; and processes of their own come to the same.
    let run = folder.path().join("out/cells/one/reckless/plain/seed-1");
    let before = metrics(&run);
    assert!(before.last().unwrap().contains("diverged"), "{before:?}");
    let written = || {
        std::fs::metadata(run.join("metrics.jsonl"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let first = written();
    assert_eq!(benchmark("out", "1").0, text);
    assert_eq!(written(), first);
    assert_eq!(benchmark("apart", "2").0, text);
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
