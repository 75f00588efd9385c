//! Provides `say!`, a line of results on standard output, and whether all of them could be written.

use std::fmt::Arguments;
use std::io::{Error, ErrorKind, Write};
use std::sync::OnceLock;

use anyhow::{Result, bail};

/// Why results could not be written, the first time.
static FAILED: OnceLock<Error> = OnceLock::new();

/// Writes a line of results.
macro_rules! say {
    ($($text:tt)*) => { $crate::cmd::output::line(format_args!($($text)*)) };
}
pub(super) use say;

/// Writes a line to standard output, unless an earlier one failed.
pub(super) fn line(text: Arguments<'_>) {
    if FAILED.get().is_none()
        && let Err(error) = writeln!(std::io::stdout().lock(), "{text}")
    {
        // Only the first failure is kept.
        let _ = FAILED.set(error);
    }
}

/// Fails if results could not be written; a reader that closed the pipe is not a failure.
pub(super) fn written() -> Result<()> {
    match FAILED.get() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            bail!("cannot write results to standard output: {error}")
        }
        _ => Ok(()),
    }
}
