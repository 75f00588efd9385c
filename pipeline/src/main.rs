//! The `l48` program: recordings in, a committed dataset of shards and sidecars out.

use std::process::ExitCode;

use clap::Parser;
use pipeline::cli::Cli;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .without_time()
        .with_target(false)
        .init();
    match pipeline::cmd::run(Cli::parse()) {
        Ok(exit) => exit.into(),
        Err(error) => {
            tracing::error!("{error:#}");
            pipeline::cmd::Exit::Failed.into()
        }
    }
}
