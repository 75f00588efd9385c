//! Provides the log on standard error: as much of it as `RUST_LOG` asks for.

use std::env::VarError;
use std::io::{IsTerminal, stderr};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Starts the log. A `RUST_LOG` that cannot be understood is reported, and counts as unset.
pub(super) fn start() {
    let (targets, mistake) = targets(std::env::var("RUST_LOG"));
    let log = tracing_subscriber::fmt::layer()
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .without_time()
        .with_target(false);
    tracing_subscriber::registry().with(log).with(targets).init();
    if let Some(mistake) = mistake {
        tracing::warn!("{mistake}");
    }
}

/// What to log, and what is wrong with the variable.
fn targets(variable: Result<String, VarError>) -> (Targets, Option<String>) {
    let default = || Targets::new().with_default(Level::INFO);
    match variable {
        Err(VarError::NotPresent) => (default(), None),
        Ok(text) if text.trim().is_empty() => (default(), None),
        Ok(text) => match text.parse() {
            Ok(targets) => (targets, None),
            Err(error) => (default(), Some(format!("RUST_LOG={text:?} is ignored: {error}"))),
        },
        Err(error @ VarError::NotUnicode(_)) => (default(), Some(format!("RUST_LOG is ignored: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_understood_is_reported() {
        let level = |text: &str| {
            let (targets, mistake) = targets(Ok(text.to_owned()));
            (targets.default_level(), mistake.is_some())
        };
        assert_eq!(level("debug"), (Some(Level::DEBUG.into()), false));
        assert_eq!(level("trainer=debug,warn"), (Some(Level::WARN.into()), false));
        assert_eq!(level(""), (Some(Level::INFO.into()), false));
        assert_eq!(level("verbose=loud"), (Some(Level::INFO.into()), true));
        assert_eq!(targets(Err(VarError::NotPresent)).1, None);
    }
}
