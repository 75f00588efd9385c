//! Provides the commands of `l48`, one file each, and the exit codes they end in.

mod build;
mod commit;
mod copy;
mod demo;
mod die_with_parent;
mod export;
mod import;
mod inspect;
mod log;
mod merge;
mod output;
mod plan;
mod preview;
mod priors;
mod progress;
mod relabel;
mod report;
mod reshard;
mod scan;
mod stats;
mod status;
mod subset;
mod summary;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::cli::{Cli, Command};

/// How a command ended; each has an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well: 0.
    Clean,
    /// A dataset was built, but some recordings were rejected: 1.
    Rejects,
    /// The command failed in a way that a retry does not mend, or the dataset is damaged: 2.
    Failed,
    /// Another process has the folder or a shard, or a store is away, and a retry may succeed: 75, `EX_TEMPFAIL` of
    /// BSD's sysexits.h.
    Busy,
}

impl Exit {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Clean => 0,
            Exit::Rejects => 1,
            Exit::Failed => 2,
            Exit::Busy => 75,
        }
    }

    /// How a command ends that failed for this.
    fn of(error: &anyhow::Error) -> Self {
        let may_pass = |cause: &(dyn std::error::Error + 'static)| {
            let inner = match (cause.downcast_ref(), cause.downcast_ref()) {
                (Some(pipeline::Error::Dataset(inner)), _) | (_, Some(storage::Error::Dataset(inner))) => Some(inner),
                _ => cause.downcast_ref(),
            };
            let of_store = match inner {
                Some(shardfmt::Error::Locked { .. }) => return true,
                Some(shardfmt::Error::Backing { cause, .. }) => cause.downcast_ref(),
                _ => cause.downcast_ref(),
            };
            matches!(of_store, Some(storage::Error::Away { .. }))
        };
        if error.chain().any(may_pass) {
            Exit::Busy
        } else {
            Exit::Failed
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// The program: starts the log, parses the command line, runs one command and says how it ended. Help and mistakes in
/// the command line end the process.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    log::start();
    let exit = run(Cli::parse_from(args)).and_then(|exit| output::written().map(|()| exit));
    exit.unwrap_or_else(|error| {
        tracing::error!("{error:#}");
        Exit::of(&error)
    })
}

/// Runs a command.
///
/// # Errors
/// Why the command failed; not printed yet.
pub fn run(cli: Cli) -> Result<Exit> {
    match cli.command {
        Command::Scan(args) => scan::run(args),
        Command::Build(args) => build::run(args),
        Command::Import(args) => import::run(args),
        Command::Priors(args) => priors::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Commit(args) => commit::run(args),
        Command::Status(args) => status::run(args),
        Command::Relabel(args) => relabel::run(args),
        Command::Merge(args) => merge::run(args),
        Command::Reshard(args) => reshard::run(args),
        Command::Subset(args) => subset::run(args),
        Command::Copy(args) => copy::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Stats(args) => stats::run(args),
        Command::Preview(args) => preview::run(args),
        Command::Report(args) => report::run(args),
        Command::Export(args) => export::run(args),
        Command::Demo(args) => demo::run(args),
    }
}

/// Threads to use: as requested, else one per core.
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
