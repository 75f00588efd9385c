//! Provides `say!`, a line of results on standard output; a reader that has closed the pipe has simply seen enough.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Writes a line of results.
macro_rules! say {
    ($($text:tt)*) => { $crate::cmd::output::line(format_args!($($text)*)) };
}
pub(super) use say;

/// Writes a line to standard output.
pub(super) fn line(text: Arguments<'_>) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{text}")
        && error.kind() != ErrorKind::BrokenPipe
    {
        tracing::error!("cannot write to standard output: {error}");
    }
}
