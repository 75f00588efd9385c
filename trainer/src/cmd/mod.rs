//! Provides the commands of `l48-train`, one file each.

mod bench;
mod benchmark;
mod calibrate;
mod detect;
mod device;
mod eval;
mod fit;
mod log;
mod output;
mod predict;
mod rows;
mod settings;
mod suggest;
mod trained;
mod worker;

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use clap::Parser;

use crate::cli::{Cli, Command};
use crate::error::{Error, of_libtorch};

/// The exit code of a benchmark that is complete, but with runs that diverged, and of detections without recordings that
/// were refused.
const INCOMPLETE: u8 = 1;
/// The exit code of a failure.
const FAILED: u8 = 2;
/// The exit code where another process has the folder, or a store is away, so that a retry may succeed: `EX_TEMPFAIL` of BSD's sysexits.h.
const BUSY: u8 = 75;

/// Message and place of the first panic of the process.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// The program: starts the log, parses the command line, runs one command and returns its exit code.
pub fn main() -> ExitCode {
    log::start();
    let cli = Cli::parse();
    // libtorch reports some failures, such as a full GPU, where tch can only panic: they are printed once, like any
    // other. A thread's panic is passed on without its message, so the first one is kept.
    std::panic::set_hook(Box::new(|panic| {
        PANIC
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| {
                let place = panic.location().map_or_else(String::new, |place| format!(" ({place})"));
                describe_panic(panic.payload_as_str().unwrap_or("no reason given"), &place)
            });
    }));
    match std::panic::catch_unwind(|| run(cli)) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            tracing::error!("{error:#}");
            ExitCode::from(if may_pass(&error) { BUSY } else { FAILED })
        }
        Err(_) => {
            let panic = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
            tracing::error!("{}", panic.as_deref().unwrap_or("stopped without a reason"));
            ExitCode::from(FAILED)
        }
    }
}

/// Whether a command failed because another process works in its folder, or a store is away.
fn may_pass(error: &anyhow::Error) -> bool {
    let inner = match (error.downcast_ref(), error.downcast_ref()) {
        (Some(Error::Dataset(inner) | Error::Loader(loader::Error::Dataset(inner))), _) => Some(inner),
        (Some(Error::Store(of_store)), _) | (_, Some(of_store)) => match of_store {
            storage::Error::Dataset(inner) => Some(inner),
            of_store => return matches!(of_store, storage::Error::Away { .. }),
        },
        _ => error.downcast_ref(),
    };
    match inner {
        Some(shardfmt::Error::Locked { .. }) => true,
        Some(shardfmt::Error::Backing { cause, .. }) => {
            matches!(cause.downcast_ref(), Some(storage::Error::Away { .. }))
        }
        _ => false,
    }
}

/// A panic as a sentence: libtorch's own reason where tch unwrapped one, otherwise the message and place of a bug.
fn describe_panic(text: &str, place: &str) -> String {
    // A `TchError` that was unwrapped, as it is written by `Debug`; lines that follow are libtorch's own call stack.
    match text.split_once("Err` value: Torch(\"") {
        Some((_, reason)) => {
            let reason = reason.trim_end_matches("\")").replace("\\n", "\n");
            format!("libtorch: {}{place}", of_libtorch(&reason))
        }
        None => format!("internal error, please report it: {text}{place}"),
    }
}

/// Runs a command.
///
/// # Errors
/// Whatever made the command fail, to be printed once.
pub fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Fit(args) => fit::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Detect(args) => return detect::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Suggest(args) => suggest::run(&args),
        Command::Rows(args) => rows::run(&args),
        Command::Benchmark(args) => return benchmark::run_command(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Worker(args) => worker::run(&args),
    }?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use tch::TchError;

    use super::*;

    #[test]
    fn only_errors_of_libtorch_are_attributed_to_it() {
        let full =
            TchError::Torch("CUDA out of memory. Tried to allocate 2.00 GiB.\nException raised from malloc".into());
        let text = format!("called `Result::unwrap()` on an `Err` value: {full:?}");
        let said = describe_panic(&text, " (src/x.rs:1:2)");
        assert_eq!(
            said,
            "libtorch: CUDA out of memory. Tried to allocate 2.00 GiB; use a smaller --batch (src/x.rs:1:2)"
        );
        let said = describe_panic("index out of bounds", " (src/x.rs:1:2)");
        assert!(!said.contains("libtorch"), "{said}");
        assert!(said.ends_with("index out of bounds (src/x.rs:1:2)"), "{said}");
    }
}
