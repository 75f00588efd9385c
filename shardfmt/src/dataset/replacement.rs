//! Defines `Replacement`, a dataset that is made beside the place where it will stand.

use std::fs;

use super::folder::{LockedFolder, OutputFolder};
use crate::error::{Error, Result};
use crate::fail_point::reach;
use crate::need::Operation;
use crate::persist::sync_parent;

/// A locked folder beside a destination, which holds nothing of use until it is put in place: whatever is cut off, the
/// destination has what it had before or all that is new. Dropped before that, the folder is removed.
#[derive(Debug)]
pub struct Replacement {
    folder: LockedFolder,
    in_place: bool,
}

impl Replacement {
    /// Takes the folder beside `destination` for this `purpose`, and removes what a run that was cut off left in it.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process works there; [`Error::Io`].
    pub fn beside(destination: &OutputFolder, purpose: &str) -> Result<Self> {
        let replacement = Self {
            folder: destination.beside(purpose).lock()?,
            in_place: false,
        };
        replacement.folder.clear()?;
        replacement.folder.prepare()?;
        Ok(replacement)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &LockedFolder {
        &self.folder
    }

    /// Gives the committed dataset the name of a destination that is free.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn place(mut self, free: &OutputFolder) -> Result<()> {
        let fail = |cause| Error::io(free.path(), Operation::Place, cause);
        fs::rename(self.folder.path(), free.path()).map_err(fail)?;
        self.in_place = true;
        reach("folder renamed");
        sync_parent(free.path())?;
        // Last, so that nobody could take the lock while the folder still had its old name.
        free.remove_records()
    }

    /// Puts the committed dataset in the place of another, which is then removed.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn replace(mut self, old: &OutputFolder) -> Result<()> {
        self.folder.replace(old)?;
        self.in_place = true;
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.in_place {
            // A leftover means nothing and is removed by the next run; drop cannot report.
            let _ = self.folder.remove();
        }
    }
}
