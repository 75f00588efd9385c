//! Provides the programs: built once per test run, then run with their output captured.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Runs `l48` with arguments of any mix of strings and paths and returns how it ended.
macro_rules! l48 {
    ($($argument:expr),* $(,)?) => { $crate::program::run($crate::program::command()$(.arg($argument))*) };
}
pub(crate) use l48;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) command: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Asserts the exit code; a failure shows all that was printed.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        let Ended {
            command,
            stdout,
            stderr,
            ..
        } = &self;
        let got = self.code;
        assert_eq!(
            got,
            Some(code),
            "{command}\n--- standard output\n{stdout}\n--- standard error\n{stderr}"
        );
        self
    }

    /// Asserts that standard error holds a text.
    #[track_caller]
    pub(crate) fn complains(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "{} should complain of {text:?}, but:\n{}",
            self.command,
            self.stderr
        );
        self
    }

    /// Asserts that standard output holds a text.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text),
            "{} should print {text:?}, but:\n{}",
            self.command,
            self.stdout
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{}: {error}\n{}", self.command, self.stdout))
    }
}

/// The program, to be given arguments. What the caller's environment says about logging does not count.
pub(crate) fn command() -> Command {
    let mut command = Command::new(path());
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    ended(command, output)
}

/// How a command that was run by hand ended.
pub(crate) fn ended(command: &Command, output: Output) -> Ended {
    let words: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    let command = format!("{} {}", command.get_program().to_string_lossy(), words.join(" "));
    Ended {
        command,
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// The program, to be told to kill itself at one of its write boundaries (`shardfmt::fail_point`).
#[allow(clippy::assertions_on_constants, reason = "differs between profiles")]
pub(crate) fn fail_point_command() -> Command {
    assert!(
        cfg!(debug_assertions),
        "the program has fail points in builds with debug assertions only: run these tests without --release"
    );
    command()
}

/// Where the program is. The first call builds it with the profile and into the folder the tests were built with.
fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build("l48", "l48"))
}

/// `l48-train`, to be given arguments.
pub(crate) fn train_command() -> Command {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(PATH.get_or_init(|| build("trainer", "l48-train")));
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Builds a program; after `cargo test --workspace` it is up to date already.
fn build(package: &str, program: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .expect("a target folder");
    // target[/triple]/debug/deps/e2e-0123456789abcdef
    let profile = match test
        .parent()
        .and_then(Path::parent)
        .and_then(Path::file_name)
        .and_then(OsStr::to_str)
    {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(workspace())
        // Both packages, so that features come out as for the tests, and what was compiled for them is used.
        .args(["build", "--locked", "-p", "l48", "-p", "trainer", "--bin", program])
        .args(["--profile", profile, "--target-dir"])
        .arg(target)
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{package} could not be built");
    let messages = String::from_utf8(output.stdout).unwrap();
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        message.get("executable")?.as_str().map(PathBuf::from)
    };
    messages
        .lines()
        .filter_map(executable)
        .next_back()
        .expect("cargo names the program it built")
}

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
