//! Provides the commands of `l48`, one file each, and the exit codes they end in.

mod build;
mod commit;
mod demo;
mod export;
mod import;
mod inspect;
mod merge;
mod output;
mod plan;
mod preview;
mod progress;
mod relabel;
mod reshard;
mod stats;
mod subset;
mod verify;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::cli::{Cli, Command};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Clean,
    /// A dataset was built, but some recordings were rejected.
    Rejects,
    /// Nothing was built, or what was looked at is damaged.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Clean => 0,
            Exit::Rejects => 1,
            Exit::Failed => 2,
        })
    }
}

/// The program: logs to standard error, the command line, one command, its exit code.
pub fn main() -> ExitCode {
    let targets = std::env::var("RUST_LOG")
        .ok()
        .and_then(|targets| targets.parse::<Targets>().ok());
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .without_time()
        .with_target(false);
    let targets = targets.unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO));
    tracing_subscriber::registry().with(log).with(targets).init();
    match (run(Cli::parse()), output::failure()) {
        (Ok(_), Some(error)) => {
            tracing::error!("cannot write results to standard output: {error}");
            Exit::Failed.into()
        }
        (Ok(exit), None) => exit.into(),
        (Err(error), _) => {
            tracing::error!("{error:#}");
            Exit::Failed.into()
        }
    }
}

/// Runs a command.
///
/// # Errors
/// Whatever made the command fail, to be printed once.
pub fn run(cli: Cli) -> Result<Exit> {
    match cli.command {
        Command::Build(args) => build::run(args),
        Command::Import(args) => import::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Commit(args) => commit::run(args),
        Command::Relabel(args) => relabel::run(args),
        Command::Merge(args) => merge::run(args),
        Command::Reshard(args) => reshard::run(args),
        Command::Subset(args) => subset::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Stats(args) => stats::run(args),
        Command::Preview(args) => preview::run(args),
        Command::Export(args) => export::run(args),
        Command::Demo(args) => demo::run(args),
    }
}

/// Threads to use: as asked, else one per core.
fn threads(asked: Option<u16>) -> usize {
    asked.map_or_else(
        || std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        usize::from,
    )
}

/// A number of bytes in the unit a person would use.
fn human_bytes(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
