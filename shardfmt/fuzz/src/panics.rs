//! Defines which panics are findings.

use std::panic::{set_hook, take_hook};
use std::path::Path;
use std::process::abort;

/// Ends the process at a panic in the code of this workspace, even where it would be caught.
///
/// The readers catch the panics of the libraries that parse Parquet and audio and report the file as damaged. That is
/// no finding; the same net must not hide a panic of their own. One that nobody catches ends the process anyhow.
pub fn abort_on_own_panics() {
    let print_or_end = take_hook();
    set_hook(Box::new(move |panic| {
        // Cargo gives the compiler relative paths for the workspace and absolute ones for everything else.
        if panic
            .location()
            .is_none_or(|location| Path::new(location.file()).is_relative())
        {
            print_or_end(panic);
            abort();
        }
    }));
}
