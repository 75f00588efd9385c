//! Provides a file of numbers that only this process sees, and that is gone with it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use shardfmt::Operation;

use crate::error::{Error, Result};

/// Bytes of a number.
const NUMBER_BYTES: usize = size_of::<f32>();

/// Tells apart the files of a process.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Numbers in a file without a name.
#[derive(Debug)]
pub(super) struct PartFile {
    file: File,
    /// Its name while it was made, for errors.
    path: PathBuf,
    bytes: Vec<u8>,
}

impl PartFile {
    /// An empty file in the folder `dir`.
    pub(super) fn create(dir: &Path) -> Result<Self> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!(".scores.{}-{number}.tmp", std::process::id()));
        let options = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        let file = options.map_err(|cause| Error::io(&path, Operation::Create, cause))?;
        // Without a name the system frees it whenever the process ends. Where an open file keeps its name, `drop` removes it.
        let _ = std::fs::remove_file(&path);
        let bytes = Vec::new();
        Ok(Self { file, path, bytes })
    }

    /// Writes numbers from number `first` on.
    pub(super) fn write(&mut self, first: u64, numbers: &[f32]) -> Result<()> {
        self.bytes.clear();
        self.bytes
            .extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        seek(&self.file, first)
            .and_then(|()| (&self.file).write_all(&self.bytes))
            .map_err(|cause| Error::io(&self.path, Operation::Write, cause))
    }

    /// The numbers from number `first` on, as many as `into` holds; `bytes` is memory to read into.
    pub(super) fn read(&self, first: u64, into: &mut [f32], bytes: &mut Vec<u8>) -> Result<()> {
        bytes.resize(into.len() * NUMBER_BYTES, 0);
        seek(&self.file, first)
            .and_then(|()| (&self.file).read_exact(bytes))
            .map_err(|cause| Error::io(&self.path, Operation::Read, cause))?;
        for (number, bytes) in into.iter_mut().zip(bytes.as_chunks::<NUMBER_BYTES>().0) {
            *number = f32::from_le_bytes(*bytes);
        }
        Ok(())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn seek(mut file: &File, number: u64) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(number * NUMBER_BYTES as u64)).map(drop)
}
