//! Prints results on standard output.

use std::io::{ErrorKind, Write};

use anyhow::{Context, Result};

/// Prints `text`; a reader that has closed the pipe has simply seen enough.
pub(super) fn print(text: &str) -> Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => {
            Err(cause).context("cannot write results to standard output")
        }
        _ => Ok(()),
    }
}
