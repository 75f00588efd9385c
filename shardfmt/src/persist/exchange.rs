//! Provides the exchange of two folders, in one step where the file system has it.

use std::fs;
use std::path::Path;

use super::{folder_of, sibling, sync_dir};
use crate::error::{Error, Result};
use crate::fail_point;
use crate::need::Operation;

/// Exchanges the names of two existing folders on one filesystem, so that each path then leads to the other content.
///
/// On Linux this is one atomic step where the filesystem can do it. Elsewhere it is three renames, undone if one fails;
/// between them the content of `a` is in the sibling `.NAME.aside` of `a`, and after a crash there [`end_exchange`]
/// brings things in order.
///
/// # Errors
/// [`Error::Io`]; both paths then lead to their old content, unless undoing failed too, which the error says.
pub fn exchange_dirs(a: &Path, b: &Path) -> Result<()> {
    if fail_point::is_without_exchange() || !atomically(a, b)? {
        by_renames(a, b)?;
    }
    fail_point::reach("folders exchanged");
    sync_dir(folder_of(a))?;
    sync_dir(folder_of(b))
}

/// One `renameat2(RENAME_EXCHANGE)`; false if the kernel or the filesystem does not have it.
#[cfg(target_os = "linux")]
fn atomically(a: &Path, b: &Path) -> Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(errno) => Err(Error::io(b, Operation::Exchange, errno.into())),
    }
}

#[cfg(not(target_os = "linux"))]
fn atomically(_a: &Path, _b: &Path) -> Result<bool> {
    Ok(false)
}

/// Whether a crash inside [`exchange_dirs`], or an exchange that goes on in another process, has left `a` in two
/// places.
#[must_use]
pub fn is_exchange_cut_off(a: &Path) -> bool {
    sibling(a, ".aside").is_dir()
}

/// Ends what a crash inside [`exchange_dirs`] left on a filesystem without an atomic exchange: if `a` is missing, its
/// old content gets its name back; if `a` has the new content and `b` is missing, the old content becomes `b`.
///
/// # Errors
/// [`Error::Io`].
pub fn end_exchange(a: &Path, b: &Path) -> Result<()> {
    let aside = sibling(a, ".aside");
    if !aside.is_dir() {
        return Ok(());
    }
    if !a.exists() {
        fs::rename(&aside, a).map_err(|cause| Error::io(&aside, Operation::MoveBackOld, cause))?;
    } else if !b.exists() {
        fs::rename(&aside, b).map_err(|cause| Error::io(&aside, Operation::MoveIntoPlace, cause))?;
    }
    fail_point::reach("exchange ended");
    sync_dir(folder_of(a))
}

pub(super) fn by_renames(a: &Path, b: &Path) -> Result<()> {
    let aside = sibling(a, ".aside");
    fs::rename(a, &aside).map_err(|cause| Error::io(a, Operation::MoveAside, cause))?;
    fail_point::reach("old folder moved aside");
    if let Err(cause) = fs::rename(b, a) {
        fs::rename(&aside, a).map_err(|cause| Error::io(&aside, Operation::MoveBackOld, cause))?;
        return Err(Error::io(b, Operation::MoveIntoPlace, cause));
    }
    fail_point::reach("new folder moved into place");
    if let Err(cause) = fs::rename(&aside, b) {
        fs::rename(a, b).map_err(|cause| Error::io(a, Operation::MoveBack, cause))?;
        fs::rename(&aside, a).map_err(|cause| Error::io(&aside, Operation::MoveBackOld, cause))?;
        return Err(Error::io(&aside, Operation::MoveIntoPlace, cause));
    }
    Ok(())
}
