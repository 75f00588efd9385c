//! Cells of a benchmark that cannot be run are told before the first one is.

use crate::benchmark::PLAN;
use crate::dataset::{Made, write};
use crate::program::{command, run};

#[test]
fn cells_that_cannot_be_run_are_told_before_any_is() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("dataset"), Made::default());
    let (plan, out) = (folder.path().join("plan.toml"), folder.path().join("out"));
    for (from, to, said) in [
        (
            r#"{ name = "em" }"#,
            r#"{ name = "emm" }"#,
            ["EM in column Target: loss", "unknown method emm"],
        ),
        (
            r#"{ name = "ll-r" }"#,
            r#"{ name = "ll-r", parameters = { delta = 2 } }"#,
            ["LL-R in column Target: loss parameter delta", "0 to 1"],
        ),
        // What a method itself refuses, and only at points of the search.
        (
            r#"settings = { loss = { name = "em" } }"#,
            r#"settings = { loss = { name = "asl" } }
grid = { "loss.parameters.gamma_neg" = [0.5, 0.25] }"#,
            ["EM in column Target: loss parameter gamma_neg of asl", "neither 0"],
        ),
        (
            r#""optimiser.lr" = [3e-3, 1e-3]"#,
            r#""optimiser.lr" = [3e-3, -1e-3]"#,
            ["EM in column Target: optimiser.lr", "-0.001"],
        ),
        (
            "optimiser = { lr = 3e-3 }",
            "augment = { mixup = 1.0 }",
            ["EM in column +R_P: augment.mixup", "the asset regulariser learns"],
        ),
        (
            r#"{ arch = "tiny" }"#,
            r#"{ arch = "tiny", weights = "/nowhere/w.safetensors" }"#,
            ["cannot open", "/nowhere/w.safetensors"],
        ),
    ] {
        assert!(PLAN.contains(from), "{from}");
        std::fs::write(&plan, PLAN.replacen(from, to, 1)).unwrap();
        for more in [&[][..], &["--dry-run"]] {
            let mut command = command();
            command.arg("benchmark").arg(&plan).arg("--out").arg(&out);
            let (_, message) = run(command.args(["--device", "cpu"]).args(more), 2);
            for word in said {
                assert!(message.contains(word), "{to}: {word}\n{message}");
            }
            for kind in ["search", "cells"] {
                assert!(!out.join(kind).exists(), "{to}: training had started");
            }
        }
    }
}
