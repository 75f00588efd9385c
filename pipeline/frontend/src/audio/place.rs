//! Provides the bytes of a recording wherever it lies: a file here, or one at an address.

use std::fs::File;
use std::io;
use std::path::Path;

use storage::{Location, Parts};

use super::ranged::{RangedRead, Seekable};
use super::reject::Reject;

/// The bytes of a recording. One at an address comes whole into a scratch file if `whole` of it will be read, else the
/// parts that are asked for.
pub(super) fn bytes_of(path: &Path, whole: bool) -> Result<Box<dyn RangedRead>, Reject> {
    if Location::is_address(path) {
        return Ok(match whole {
            true => Box::new(Seekable::new(storage::open_at(path).map_err(away)?)?),
            false => Box::new(Parts::open(path).map_err(away)?),
        });
    }
    // Opening a pipe would wait for a writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(Reject::NotAFile);
    }
    Ok(Box::new(Seekable::new(File::open(path)?)?))
}

fn away(error: storage::Error) -> Reject {
    match error {
        // A later try may find it.
        storage::Error::Away { .. } | storage::Error::Changed { .. } => Reject::Away {
            reason: error.to_string(),
        },
        error => Reject::Read(io::Error::other(error.to_string())),
    }
}

impl RangedRead for Parts {
    fn size(&self) -> u64 {
        Parts::size(self)
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        Parts::read_at(self, offset, buffer).map_err(|error| io::Error::other(error.to_string()))
    }
}
