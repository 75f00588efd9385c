//! Defines `AtomicFile`, a file that appears under its name only when it is complete.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::{folder_of, sync_dir, temporary};
use crate::error::{Error, Result};
use crate::fail_point;
use crate::need::Operation;

/// A file that appears under its name only when complete: bytes go to a hidden sibling of its own, and
/// [`AtomicFile::commit`] syncs it, renames it over the name and syncs the folder. Dropping it uncommitted removes the
/// sibling; what a killed process leaves is for [`remove_leftovers`](super::remove_leftovers). Of several writers of
/// one name the last to commit wins, and its file is whole.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    temp: PathBuf,
    path: PathBuf,
    renamed: bool,
    behind: Option<SyncBehind>,
}

/// A thread that makes a file durable while more of it is written.
#[derive(Debug)]
struct SyncBehind {
    wake: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl SyncBehind {
    fn start(file: File) -> io::Result<Self> {
        // One request can wait while another is served: a sync covers all that was written before it starts.
        let (wake, wanted) = sync_channel::<()>(1);
        let thread = std::thread::Builder::new().name("l48-sync".into());
        let thread = thread.spawn(move || wanted.iter().try_for_each(|()| file.sync_data()))?;
        Ok(Self { wake, thread })
    }

    /// Waits for the syncs asked for.
    fn finish(self) -> io::Result<()> {
        drop(self.wake);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(io::Error::other("the syncing thread failed")))
    }
}

impl AtomicFile {
    /// Starts a new file that will be called `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if the temporary sibling cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        let (file, temp) = temporary::create(path).map_err(|cause| Error::io(path, Operation::Create, cause))?;
        fail_point::reach("file created");
        Ok(Self {
            file,
            temp,
            path: path.to_path_buf(),
            renamed: false,
            behind: None,
        })
    }

    /// The final name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Cuts or extends the file to `bytes`; the write position stays.
    ///
    /// # Errors
    /// The system's, for [`io::Write`] contexts.
    pub fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    /// Has a thread make the bytes written so far durable, without waiting for it, so that little is left to wait for
    /// at the end. What goes wrong there is reported by a later call or by [`AtomicFile::commit`].
    ///
    /// # Errors
    /// The system's, for [`io::Write`] contexts.
    pub fn sync_behind(&mut self) -> io::Result<()> {
        let behind = match self.behind.take() {
            Some(behind) if behind.thread.is_finished() => return behind.finish(),
            Some(behind) => behind,
            None => SyncBehind::start(self.file.try_clone()?)?,
        };
        // A full channel has a request that covers this one too.
        let _ = behind.wake.try_send(());
        self.behind = Some(behind);
        Ok(())
    }

    /// Makes the bytes durable and gives the file its name, replacing any file of that name.
    ///
    /// # Errors
    /// [`Error::Io`]; the name then still refers to the old file, if any, unless only the last folder sync failed.
    pub fn commit(mut self) -> Result<()> {
        let behind = self.behind.take().map_or(Ok(()), SyncBehind::finish);
        behind
            .and_then(|()| self.file.sync_all())
            .map_err(|cause| Error::io(&self.path, Operation::Sync, cause))?;
        fail_point::reach("file synced");
        self.rename()?;
        sync_dir(folder_of(&self.path))
    }

    /// Gives the file its name as [`AtomicFile::commit`] does, but leaves it to the system when its bytes become durable:
    /// for one that can be had again, and is compared with its checksum before a later process uses it.
    ///
    /// # Errors
    /// [`Error::Io`]; the name then still refers to the old file, if any.
    pub fn commit_unsynced(mut self) -> Result<()> {
        self.rename()
    }

    fn rename(&mut self) -> Result<()> {
        fs::rename(&self.temp, &self.path).map_err(|cause| Error::io(&self.path, Operation::RenameTo, cause))?;
        self.renamed = true;
        fail_point::reach("file renamed");
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for AtomicFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.file.read(bytes)
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        let _ = self.behind.take().map(SyncBehind::finish);
        if !self.renamed {
            // A leftover is harmless, and drop cannot report.
            let _ = fs::remove_file(&self.temp);
        }
    }
}
