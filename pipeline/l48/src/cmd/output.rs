//! Provides `say!`, a line of results on standard output; a reader that has closed the pipe has simply seen enough.

use std::fmt::Arguments;
use std::io::{Error, ErrorKind, Write};
use std::sync::OnceLock;

/// Why results could not be written, the first time.
static FAILED: OnceLock<Error> = OnceLock::new();

/// Writes a line of results.
macro_rules! say {
    ($($text:tt)*) => { $crate::cmd::output::line(format_args!($($text)*)) };
}
pub(super) use say;

/// Writes a line to standard output; after a failure there is no use in further ones.
pub(super) fn line(text: Arguments<'_>) {
    if FAILED.get().is_none()
        && let Err(error) = writeln!(std::io::stdout().lock(), "{text}")
    {
        // Only the first failure is kept.
        let _ = FAILED.set(error);
    }
}

/// Why results could not be written; a closed pipe is no failure.
pub(super) fn failure() -> Option<&'static Error> {
    FAILED.get().filter(|error| error.kind() != ErrorKind::BrokenPipe)
}
