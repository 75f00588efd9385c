//! Provides where a rework writes: a free folder, or the dataset itself, and the purpose of the folder beside it.

use std::path::Path;

use shardfmt::OutputFolder;
use shardfmt::dataset::FolderState;

use crate::error::{Error, Result};

/// What the folder beside a destination is called, in which a rework makes what will stand there.
pub(super) const PURPOSE: &str = "rework";

/// The folder at `dir`; a rework that was cut off while it exchanged folders there is brought to its end.
pub(super) fn folder(dir: &Path) -> Result<OutputFolder> {
    let folder = OutputFolder::at(dir)?;
    folder.end_exchange(&folder.beside(PURPOSE))?;
    Ok(folder)
}

/// Where a new dataset goes: nothing may be there.
pub(super) fn free_folder(out: &Path) -> Result<OutputFolder> {
    let folder = folder(out)?;
    let what = match folder.state()? {
        FolderState::Free => return Ok(folder),
        FolderState::Unfinished => "an unfinished build".into(),
        FolderState::Committed => "a committed dataset".into(),
        FolderState::Foreign(what) => what,
    };
    Err(Error::OutputTaken { path: out.into(), what })
}
