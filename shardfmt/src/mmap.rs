//! Provides read-only memory maps; the only unsafe code of the crate.
#![expect(
    unsafe_code,
    reason = "mapping a file is unsafe; the contract is stated at `MappedFile`"
)]

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::dataset::Held;
use crate::error::{Error, Result};
use crate::need::Operation;
use crate::shard::{Checks, Shard};

/// A file mapped read-only into memory.
///
/// # Contract
/// Files of a dataset are replaced by rename and never modified in place: this crate only writes that way, and so must
/// everything else that touches a dataset. A map then keeps showing the file it was opened on. Modifying a mapped file
/// in place is outside the contract; truncating one makes later reads raise SIGBUS, as does a failing disk.
#[derive(Debug)]
pub struct MappedFile {
    map: memmap2::Mmap,
    path: PathBuf,
    _held: Held,
}

impl MappedFile {
    /// Path the file was opened at.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same map; the file stays near while it lives.
    #[must_use]
    pub(crate) fn holding(self, held: Held) -> Self {
        Self { _held: held, ..self }
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}

/// Maps the whole file at `path`.
///
/// # Errors
/// [`Error::Io`] if the file cannot be opened or mapped.
pub fn map_file(path: &Path) -> Result<MappedFile> {
    let file = File::open(path).map_err(|cause| Error::io(path, Operation::Open, cause))?;
    // SAFETY: the map is read-only and, by the contract at `MappedFile`, nothing modifies or truncates the file.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|cause| Error::io(path, Operation::Map, cause))?;
    Ok(MappedFile {
        map,
        path: path.to_path_buf(),
        _held: Held::default(),
    })
}

impl Shard<MappedFile> {
    /// Maps and opens the shard at `path`; see [`Shard::from_bytes`] for what is checked.
    ///
    /// # Errors
    /// [`Error::Io`], and everything [`Shard::from_bytes`] reports.
    pub fn open(path: &Path, checks: Checks) -> Result<Self> {
        Self::from_named(map_file(path)?, path, checks)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::persist::write_atomic;

    #[test]
    fn a_map_keeps_the_file_it_was_opened_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        write_atomic(&path, b"first").unwrap();
        let map = map_file(&path).unwrap();
        write_atomic(&path, b"").unwrap();
        assert_eq!(map.as_ref(), b"first");
        assert_eq!(map_file(&path).unwrap().as_ref(), b"");
        assert_eq!(map.path(), path);
        assert!(
            map_file(&folder.path().join("none"))
                .unwrap_err()
                .to_string()
                .contains("none")
        );
    }
}
