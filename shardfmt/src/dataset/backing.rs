//! Defines `Backing`, what a dataset folder is a near copy of: files are brought into the folder when they are first
//! touched.

use std::fmt::Debug;
use std::sync::Arc;

use crate::entry::FileEntry;
use crate::error::Result;

/// Where the files of a dataset are, of which a folder of this machine is a near copy.
///
/// What is brought near is whole and is the file listed: it is compared with its checksum before it gets its name.
pub trait Backing: Debug + Send + Sync {
    /// Brings a file near, unless it is, and keeps it there while what is returned is held.
    ///
    /// # Errors
    /// [`Error::Backing`](crate::Error::Backing); [`Error::FileMissing`](crate::Error::FileMissing) if it is not there
    /// either; those of writing it here.
    fn fetch(&self, entry: &FileEntry) -> Result<Held>;

    /// Begins to bring near what will be wanted next, in this order, and does not wait.
    fn expect(&self, entries: &[FileEntry]);

    /// Size of a file where it is kept, without bringing it near; `None` if it is not there.
    ///
    /// # Errors
    /// [`Error::Backing`](crate::Error::Backing).
    fn size(&self, entry: &FileEntry) -> Result<Option<u64>>;

    /// Names of all files of the dataset where it is kept, as paths under it; `None` where they cannot be listed.
    ///
    /// # Errors
    /// [`Error::Backing`](crate::Error::Backing).
    fn names(&self) -> Result<Option<Vec<String>>>;
}

/// Keeps a file that was brought near from being removed, as long as it or a clone of it lives. Of a file that has no
/// other place it is empty.
#[derive(Clone, Debug, Default)]
pub struct Held {
    _kept: Option<Arc<()>>,
}

impl From<Arc<()>> for Held {
    fn from(kept: Arc<()>) -> Self {
        Self { _kept: Some(kept) }
    }
}
