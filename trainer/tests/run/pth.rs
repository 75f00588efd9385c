//! torchvision's `.pth`, converted by the line of the documentation, starts a run.
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::dataset::{Made, write};
use crate::program::{fit, run};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The Python program between the quotes of the documented line.
fn converter() -> String {
    let text = std::fs::read_to_string(workspace().join("docs/training.md")).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("python -c ") && line.contains(".pth"))
        .unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

#[test]
fn the_documented_line_converts_weights_that_a_run_starts_from() {
    // The environment that libtorch comes from, where it is PyTorch's.
    let python = workspace().join(".venv-torch/bin/python");
    if !python.is_file() {
        println!("skipped: no {}", python.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // A saved state as torchvision's: names and shapes of ResNet-18 for ImageNet, one tensor not contiguous.
    let make = r#"
import sys, torch
state = {}
for line in open(sys.argv[1]):
    name, shape = line.split()
    shape = [] if shape == "scalar" else [int(size) for size in shape.split("x")]
    state[name] = torch.zeros(shape) if shape else torch.tensor(0)
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        state[name] += 1
state["fc.weight"] = torch.zeros(512, 1000).t()
torch.save(state, sys.argv[2])
"#;
    let python = |program: &str, arguments: &[&Path]| {
        let output = Command::new(&python)
            .arg("-c")
            .arg(program)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let names = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/resnet18.txt");
    python(make, &[&names, &at("resnet18.pth")]);
    python(&converter(), &[&at("resnet18.pth"), &at("resnet18.safetensors")]);
    write(&at("dataset"), Made::default());
    let weights = at("resnet18.safetensors");
    let settings = [
        "--arch",
        "resnet18",
        "--epochs",
        "1",
        "--weights",
        weights.to_str().unwrap(),
    ];
    let (_, said) = run(&mut fit(&at("dataset"), &at("run"), &settings), 0);
    assert!(
        said.contains("a last layer of 1000 classes; the last layer starts random"),
        "{said}"
    );
}
