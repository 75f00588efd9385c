//! Runs the built `l48-train` and looks at what it left.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program, to be given arguments.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_l48-train"));
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// `fit` with the small settings that the tests share.
pub(crate) fn fit(dataset: &Path, run: &Path, more: &[&str]) -> Command {
    let mut command = command();
    command.arg("fit").arg(dataset).arg("--out").arg(run);
    command.args("--arch tiny --batch 8 --epochs 2 --lr 3e-3 --threads 1 --device cpu".split(' '));
    command.args(more);
    command
}

/// Runs to the end; fails with all that was printed unless the exit code is `code`.
#[track_caller]
pub(crate) fn run(command: &mut Command, code: i32) -> (String, String) {
    let output = command.output().unwrap();
    let (stdout, stderr) = text(&output);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{command:?}\n--- standard output\n{stdout}\n--- standard error\n{stderr}"
    );
    (stdout, stderr)
}

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// `metrics.jsonl` without what depends on the machine's speed.
pub(crate) fn metrics(run: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines = text.lines().filter(|line| !line.contains(r#""event":"timing""#));
    lines.map(str::to_owned).collect()
}

/// Files of the checkpoint that `last` points to, with their bytes.
pub(crate) fn last_checkpoint(run: &Path) -> Vec<(String, Vec<u8>)> {
    let checkpoints = run.join("checkpoints");
    let name = std::fs::read_to_string(checkpoints.join("last")).unwrap();
    let mut files: Vec<_> = std::fs::read_dir(checkpoints.join(name.trim()))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}
