//! Provides the commands of `l48-train`, one file each.

mod bench;
mod benchmark;
mod device;
mod eval;
mod fit;
mod output;
mod predict;
mod rows;
mod settings;
mod trained;
mod worker;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command};

/// The exit code of everything that went wrong.
const FAILED: u8 = 2;

/// The program: logs to standard error, the command line, one command, its exit code.
pub fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .without_time()
        .with_target(false)
        .init();
    let cli = Cli::parse();
    // libtorch reports some failures, such as a full GPU, where tch can only panic: they are printed once, like any other.
    std::panic::set_hook(Box::new(|_| ()));
    match std::panic::catch_unwind(|| run(cli)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            tracing::error!("{error:#}");
            ExitCode::from(FAILED)
        }
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            // The first line says what; those that follow are libtorch's own call stack.
            let first = text.and_then(|text| text.lines().next()).unwrap_or("no reason given");
            tracing::error!("stopped inside libtorch: {first}");
            ExitCode::from(FAILED)
        }
    }
}

/// Runs a command.
///
/// # Errors
/// Whatever made the command fail, to be printed once.
pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Fit(args) => fit::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Rows(args) => rows::run(&args),
        Command::Benchmark(args) => benchmark::run_command(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Worker(args) => worker::run(&args),
    }
}
