//! Provides the streaming writer of one shard.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use crate::checksum::Xxh3;
use crate::entry::FileEntry;
use crate::error::{Error, Result};
use crate::fail_point;
use crate::file_hash::hash_reader;
use crate::layout::{ClipSpec, Layout, MAX_ROWS, TailTensor};
use crate::need::Operation;
use crate::persist::AtomicFile;

/// Small records are gathered to this size before they are written; larger ones go straight through.
const BUFFER_BYTES: usize = 64 << 10;
/// A sync is asked for after this many bytes: the device then works while clips are made, not only at the end.
const SYNC_BYTES: usize = 32 << 20;

/// The tail values of one row: 24 bytes, all that stays in memory of it.
#[derive(Clone, Copy, Debug)]
struct Row {
    asset_id: i64,
    xxh3: Xxh3,
    clip_index: u32,
    ref_db: f32,
}

/// Writes a shard row by row to `.NAME.tmp`; [`ShardWriter::finish`] gives it its name. Memory grows by 24 bytes a row
/// and one set entry an asset. Dropping the writer removes the temporary file.
#[derive(Debug)]
pub struct ShardWriter {
    file: BufWriter<AtomicFile>,
    layout: Layout,
    data_offset: u64,
    rows: Vec<Row>,
    assets: HashSet<i64>,
    unsynced_bytes: usize,
    /// Set once a write failed: what is in the file is then unknown.
    failed: bool,
}

impl ShardWriter {
    /// Starts a shard that will be called `path`, with the user's own `metadata` in its header.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`], [`Error::InvalidMetadata`], [`Error::HeaderTooLarge`], [`Error::Io`].
    pub fn create(path: &Path, spec: ClipSpec, metadata: &BTreeMap<String, String>) -> Result<Self> {
        let layout = Layout {
            spec,
            rows: 0,
            metadata: metadata.clone(),
            tail_xxh3: Xxh3::default(),
            features_optional: Vec::new(),
        };
        layout.validate(path)?;
        let data_offset = layout.data_offset();
        let mut file = AtomicFile::create(path)?;
        file.seek(SeekFrom::Start(data_offset))
            .map_err(|cause| Error::io(path, Operation::Seek, cause))?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(Self {
            file,
            layout,
            data_offset,
            rows: Vec::new(),
            assets: HashSet::new(),
            unsynced_bytes: 0,
            failed: false,
        })
    }

    /// Adds the next clip: little-endian values in row-major order, `ClipSpec::clip_bytes` bytes.
    ///
    /// # Errors
    /// [`Error::ClipSize`], [`Error::AssetReopened`], [`Error::ClipOrder`], [`Error::TooManyRows`]: nothing was added
    /// and the writer can go on. [`Error::Io`]: the shard must be written again.
    pub fn push(&mut self, asset_id: i64, clip_index: u32, ref_db: f32, clip: &[u8]) -> Result<()> {
        self.push_hashed(asset_id, clip_index, ref_db, clip, Xxh3::of(clip))
    }

    /// [`ShardWriter::push`] for a caller that has the XXH3-64 of `clip` already.
    ///
    /// # Errors
    /// As [`ShardWriter::push`].
    pub fn push_hashed(&mut self, asset_id: i64, clip_index: u32, ref_db: f32, clip: &[u8], xxh3: Xxh3) -> Result<()> {
        self.check_sound()?;
        let expected = self.layout.spec.clip_bytes();
        if clip.len() != expected {
            return Err(Error::ClipSize {
                asset_id,
                clip_index,
                expected,
                got: clip.len(),
            });
        }
        if self.rows.len() as u64 >= MAX_ROWS {
            return Err(Error::TooManyRows {
                path: self.file.get_ref().path().to_path_buf(),
                limit: MAX_ROWS,
            });
        }
        match self.rows.last() {
            Some(last) if last.asset_id == asset_id && clip_index <= last.clip_index => {
                let previous = last.clip_index;
                return Err(Error::ClipOrder {
                    asset_id,
                    previous,
                    got: clip_index,
                });
            }
            Some(last) if last.asset_id == asset_id => {}
            _ if self.assets.contains(&asset_id) => {
                return Err(Error::AssetReopened {
                    asset_id,
                    row: self.rows(),
                });
            }
            _ => {}
        }
        self.attempt(Operation::Write, |file| file.write_all(clip))?;
        fail_point::reach("shard row written");
        self.assets.insert(asset_id);
        self.rows.push(Row {
            asset_id,
            xxh3,
            clip_index,
            ref_db,
        });
        self.unsynced_bytes += clip.len();
        if self.unsynced_bytes >= SYNC_BYTES {
            self.attempt(Operation::Sync, |file| file.get_mut().sync_behind())?;
            self.unsynced_bytes = 0;
        }
        Ok(())
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> u32 {
        // `push_hashed` stops at MAX_ROWS.
        self.rows.len() as u32
    }

    /// Recording and number of the clip in a row.
    pub(crate) fn clip(&self, row: u32) -> Option<(i64, u32)> {
        self.rows.get(row as usize).map(|row| (row.asset_id, row.clip_index))
    }

    /// Drops all rows from `rows` on, as if they had never been pushed: a recording rejected late is cut back.
    ///
    /// # Errors
    /// [`Error::RowOutOfRange`] if there are fewer rows; [`Error::Io`], after which the shard must be written again.
    pub fn truncate(&mut self, rows: u32) -> Result<()> {
        self.check_sound()?;
        if rows > self.rows() {
            let path = self.file.get_ref().path().to_path_buf();
            return Err(Error::RowOutOfRange {
                path,
                row: rows,
                rows: self.rows(),
            });
        }
        let end = self.data_offset + self.layout.record_offset(rows.into());
        self.attempt(Operation::Cut, |file| {
            file.seek(SeekFrom::Start(end))?;
            file.get_ref().set_len(end)
        })?;
        fail_point::reach("shard cut back");
        let kept = self.rows.get((rows as usize).wrapping_sub(1)).map(|row| row.asset_id);
        for row in self.rows.drain(rows as usize..) {
            // Runs are contiguous, so only the last kept row can share an asset with a dropped one.
            if Some(row.asset_id) != kept {
                self.assets.remove(&row.asset_id);
            }
        }
        Ok(())
    }

    /// Writes the tail tensors, then the header; makes the file durable and gives it its name.
    ///
    /// # Errors
    /// [`Error::Io`] naming the step; the temporary file is then removed and the shard must be written again.
    pub fn finish(mut self) -> Result<FileEntry> {
        self.check_sound()?;
        let tail = self.tail();
        self.layout.rows = self.rows.len() as u64;
        self.layout.tail_xxh3 = Xxh3::of(&tail);
        let path = self.file.get_ref().path().to_path_buf();
        let header = self.layout.encode(&path)?;
        self.attempt(Operation::Write, |file| {
            file.write_all(&tail)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&header)?;
            file.flush()?;
            file.get_mut().sync_behind()?;
            // The checksum is of what is in the file, not of what was handed to it.
            file.seek(SeekFrom::Start(0)).map(drop)
        })?;
        fail_point::reach("shard header written");
        let mut file = self
            .file
            .into_inner()
            .map_err(|e| Error::io(&path, Operation::Write, e.into_error()))?;
        let hash = hash_reader(&mut file, &path, &mut |_| {})?;
        let expected = self.layout.file_bytes();
        if hash.bytes != expected {
            return Err(Error::ShardLength {
                path,
                expected,
                got: hash.bytes,
            });
        }
        file.commit()?;
        Ok(FileEntry::of_written(&path, self.layout.rows, hash))
    }

    /// The bytes of the tail tensors.
    fn tail(&self) -> Vec<u8> {
        let mut tail = Vec::with_capacity(self.rows.len() * size_of::<Row>());
        for tensor in TailTensor::ALL {
            for row in &self.rows {
                match tensor {
                    TailTensor::AssetId => tail.extend(row.asset_id.to_le_bytes()),
                    TailTensor::ClipIndex => tail.extend(row.clip_index.to_le_bytes()),
                    TailTensor::RefDb => tail.extend(row.ref_db.to_le_bytes()),
                    TailTensor::Xxh3 => tail.extend(row.xxh3.0.to_le_bytes()),
                }
            }
        }
        tail
    }

    fn check_sound(&self) -> Result<()> {
        if self.failed {
            return Err(Error::WriterFailed {
                path: self.file.get_ref().path().to_path_buf(),
            });
        }
        Ok(())
    }

    fn attempt(
        &mut self,
        operation: Operation,
        step: impl FnOnce(&mut BufWriter<AtomicFile>) -> std::io::Result<()>,
    ) -> Result<()> {
        step(&mut self.file).map_err(|cause| {
            self.failed = true;
            Error::io(self.file.get_ref().path(), operation, cause)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::layout::Dtype;

    #[test]
    fn after_a_failed_write_nothing_more_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let spec = ClipSpec::new(Dtype::U8, None, 1, 1).unwrap();
        let mut writer = ShardWriter::create(&path, spec, &BTreeMap::new()).unwrap();
        writer.push(1, 0, 0.0, &[0]).unwrap();
        let full = std::io::ErrorKind::StorageFull;
        let error = writer.attempt(Operation::Write, |_| Err(full.into())).unwrap_err();
        assert!(matches!(
            error,
            Error::Io {
                operation: Operation::Write,
                ..
            }
        ));
        assert!(matches!(writer.push(1, 1, 0.0, &[0]), Err(Error::WriterFailed { .. })));
        assert!(matches!(writer.truncate(0), Err(Error::WriterFailed { .. })));
        assert!(matches!(writer.finish(), Err(Error::WriterFailed { .. })));
        assert!(!path.exists());
    }
}
