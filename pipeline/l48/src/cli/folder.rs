//! Provides `on_this_machine`, the parser of folders that are written, which are no addresses.

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use storage::Location;

/// Parses the path of a folder, and refuses an address: it would become a folder of that name.
pub(super) fn on_this_machine() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match Location::of(&path) {
        Location::Path(path) => Ok(path),
        address => Err(format!(
            "a dataset is written on this machine first: give a folder, then run `l48 copy FOLDER {address}`"
        )),
    })
}
