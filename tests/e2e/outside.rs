//! Provides what may be missing where the tests run: real recordings, reference values, Python and Node.
//!
//! A test that cannot run says so on standard error, past the capture of the test harness, and passes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::program::workspace;

/// Says that a test does not run here, and how it would.
pub(crate) fn skip(what: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not `eprintln!`, which the harness swallows for tests that pass.
    let line = format!("SKIPPED {test}: {what}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// The real recordings with their tables (`audio/`, `recordings.csv`, ...), or `None` after saying so.
pub(crate) fn real_data() -> Option<PathBuf> {
    let set = std::env::var_os("L48_DATA").map(PathBuf::from);
    if set.is_none() {
        skip("set L48_DATA to the folder of the real recordings");
    }
    set.inspect(|folder| {
        assert!(
            folder.join("audio").is_dir(),
            "L48_DATA={} has no audio/",
            folder.display()
        )
    })
}

/// A folder of reference values: from L48_FIXTURES where set, else those in the repository; `None` after saying so.
pub(crate) fn fixtures(name: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("L48_FIXTURES") {
        Some(set) => PathBuf::from(set),
        None => workspace().join("tests/fixtures"),
    };
    let folder = folder.join(name);
    if !folder.is_dir() {
        skip(&format!("{} is missing; set L48_FIXTURES", folder.display()));
        return None;
    }
    Some(folder)
}

/// A JSON file.
pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

/// Python with the packages of `tests/python/requirements.txt`, about to run a script; `None` after saying so.
pub(crate) fn python(script: &Path) -> Option<Command> {
    let interpreter = match std::env::var_os("L48_PYTHON") {
        Some(set) => PathBuf::from(set),
        None => workspace().join(".venv/bin/python"),
    };
    if !interpreter.is_file() {
        skip("run `make test-env`, or set L48_PYTHON to a Python with tests/python/requirements.txt");
        return None;
    }
    let mut command = Command::new(interpreter);
    command.arg(script);
    Some(command)
}

/// Node with the packages of `tests/node/package.json`, about to run a script; `None` after saying so.
pub(crate) fn node(script: &Path) -> Option<Command> {
    if !workspace().join("tests/node/node_modules/hyparquet").is_dir() {
        skip("run `make test-env`, which installs tests/node/package.json");
        return None;
    }
    let mut command = Command::new("node");
    command.arg(script);
    Some(command)
}
