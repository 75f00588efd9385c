//! Provides the reader of one shard: checked on opening, zero-copy afterwards.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::checksum::Xxh3;
use crate::error::{Error, Result};
use crate::layout::{ClipSpec, Dtype, Layout, TailTensor};
use crate::verified::Verified;

/// When clip records are compared with their checksums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checks {
    /// Never; for bytes already verified.
    Off,
    /// The first time each record is asked for.
    #[default]
    FirstTouch,
    /// Every time.
    Always,
}

/// A shard over any bytes: a map, a vector, a slice.
///
/// Reading needs only `&self`, from any number of threads.
#[derive(Debug)]
pub struct Shard<D: AsRef<[u8]>> {
    data: D,
    path: PathBuf,
    layout: Layout,
    data_offset: u64,
    verified: Verified,
    assets: HashMap<i64, Range<u32>>,
}

impl<D: AsRef<[u8]>> Shard<D> {
    /// Opens a shard in memory. Checks the header (canonical form, checksum, version, features), the exact length, the
    /// checksum of the tail tensors and the order of the rows; does not touch the clips.
    ///
    /// # Errors
    /// An [`Error`] for any byte sequence that is not a sound shard; never panics.
    pub fn from_bytes(data: D, checks: Checks) -> Result<Self> {
        Self::from_named(data, Path::new("<bytes>"), checks)
    }

    /// [`Shard::from_bytes`] with the path that errors shall name.
    ///
    /// # Errors
    /// As [`Shard::from_bytes`].
    pub fn from_named(data: D, path: &Path, checks: Checks) -> Result<Self> {
        let mut shard = Self::with_header_only(data, path, checks)?;
        shard.check_tail()?;
        shard.assets = shard.asset_runs()?;
        Ok(shard)
    }

    /// Opens a shard with its header and length checked, but not its tail: for finding out what of the tail is
    /// damaged. Has no asset runs.
    pub(crate) fn with_header_only(data: D, path: &Path, checks: Checks) -> Result<Self> {
        let bytes = data.as_ref();
        let layout = Layout::decode(bytes, path)?;
        let (expected, got) = (layout.file_bytes(), bytes.len() as u64);
        if expected != got {
            return Err(Error::ShardLength {
                path: path.to_path_buf(),
                expected,
                got,
            });
        }
        let data_offset = layout.data_offset();
        let verified = Verified::none(layout.rows, checks);
        let (path, assets) = (path.to_path_buf(), HashMap::new());
        Ok(Self {
            data,
            path,
            layout,
            data_offset,
            verified,
            assets,
        })
    }

    fn check_tail(&self) -> Result<()> {
        let offset = self.layout.tensor_offset(TailTensor::AssetId);
        let tail = self.slice(offset, self.layout.tail_bytes())?;
        let (expected, got) = (self.layout.tail_xxh3, Xxh3::of(tail));
        if expected == got {
            return Ok(());
        }
        Err(Error::TailChecksum {
            path: self.path.clone(),
            offset: self.data_offset.saturating_add(offset),
            expected,
            got,
        })
    }

    /// The rows of each asset; refuses assets in several runs and clip indices that do not ascend.
    fn asset_runs(&self) -> Result<HashMap<i64, Range<u32>>> {
        let mut runs: HashMap<i64, Range<u32>> = HashMap::new();
        let mut previous = None;
        for row in 0..self.rows() {
            let (asset_id, clip_index) = (self.asset_id(row)?, self.clip_index(row)?);
            let fail = |reason| Error::RowOrder {
                path: self.path.clone(),
                asset_id,
                row,
                reason,
            };
            match previous {
                Some((same, before)) if same == asset_id => {
                    if clip_index <= before {
                        return Err(fail("clip indices do not ascend"));
                    }
                    if let Some(run) = runs.get_mut(&asset_id) {
                        run.end = row + 1;
                    }
                }
                _ => {
                    if runs.insert(asset_id, row..row + 1).is_some() {
                        return Err(fail("the clips of the asset are not contiguous"));
                    }
                }
            }
            previous = Some((asset_id, clip_index));
        }
        Ok(runs)
    }

    /// Shape and number type of the clips.
    #[must_use]
    pub fn spec(&self) -> ClipSpec {
        self.layout.spec
    }

    /// Clips in the shard.
    #[must_use]
    pub fn rows(&self) -> u32 {
        // The layout was validated: at most u32::MAX rows.
        self.layout.rows as u32
    }

    /// The writer's own metadata.
    #[must_use]
    pub fn metadata(&self) -> &std::collections::BTreeMap<String, String> {
        &self.layout.metadata
    }

    /// The header.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Path named in errors.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the clip at `row`, verified as [`Checks`] says.
    ///
    /// # Errors
    /// [`Error::RowOutOfRange`], [`Error::ClipChecksum`].
    pub fn clip(&self, row: u32) -> Result<&[u8]> {
        let (offset, clip) = self.record(row)?;
        if self.verified.lacks(row) {
            self.check_clip(row, offset, Xxh3::of(clip))?;
        }
        Ok(clip)
    }

    /// Copies the clip at `row` into `into`, which has its size; verified as [`Checks`] says, by the bytes that were
    /// copied, while they are in the cache. After an error any bytes may be there.
    ///
    /// # Errors
    /// As [`Shard::clip`]; [`Error::ClipSize`] for memory of another size.
    pub fn copy_clip(&self, row: u32, into: &mut [u8]) -> Result<()> {
        let (offset, clip) = self.record(row)?;
        let (expected, got) = (clip.len(), into.len());
        if expected != got {
            let (asset_id, clip_index) = (self.asset_id(row)?, self.clip_index(row)?);
            return Err(Error::ClipSize {
                asset_id,
                clip_index,
                expected,
                got,
            });
        }
        if self.verified.lacks(row) {
            return self.check_clip(row, offset, Xxh3::of_copied(clip, into));
        }
        into.copy_from_slice(clip);
        Ok(())
    }

    /// Where the record at `row` begins, and its bytes.
    fn record(&self, row: u32) -> Result<(u64, &[u8])> {
        self.check_row(row)?;
        let offset = self.layout.record_offset(row.into());
        let clip = self.slice(offset, self.layout.spec.clip_bytes() as u64)?;
        Ok((offset, clip))
    }

    /// The clip at `row` as `f32` values in row-major order.
    ///
    /// # Errors
    /// As [`Shard::clip`], [`Error::WrongDtype`], and [`Error::Misaligned`] for a buffer that is not mapped.
    pub fn clip_f32(&self, row: u32) -> Result<&[f32]> {
        self.typed(row, Dtype::F32)
    }

    /// The clip at `row` as `f16` values in row-major order.
    ///
    /// # Errors
    /// As [`Shard::clip_f32`].
    pub fn clip_f16(&self, row: u32) -> Result<&[half::f16]> {
        self.typed(row, Dtype::F16)
    }

    fn typed<T: bytemuck::AnyBitPattern>(&self, row: u32, asked: Dtype) -> Result<&[T]> {
        let stored = self.layout.spec.dtype;
        if stored != asked {
            return Err(Error::WrongDtype {
                path: self.path.clone(),
                expected: stored.name(),
                got: asked.name(),
            });
        }
        let alignment = align_of::<T>();
        bytemuck::try_cast_slice(self.clip(row)?).map_err(|_| Error::Misaligned {
            path: self.path.clone(),
            row,
            alignment,
        })
    }

    /// Recording the clip at `row` was cut from.
    ///
    /// # Errors
    /// [`Error::RowOutOfRange`], as for the other per-row values.
    pub fn asset_id(&self, row: u32) -> Result<i64> {
        self.tail_value(TailTensor::AssetId, row).map(i64::from_le_bytes)
    }

    /// Number of the clip at `row` in its recording.
    ///
    /// # Errors
    /// [`Error::RowOutOfRange`].
    pub fn clip_index(&self, row: u32) -> Result<u32> {
        self.tail_value(TailTensor::ClipIndex, row).map(u32::from_le_bytes)
    }

    /// Level in dB that the values of the clip at `row` are relative to.
    ///
    /// # Errors
    /// [`Error::RowOutOfRange`].
    pub fn ref_db(&self, row: u32) -> Result<f32> {
        self.tail_value(TailTensor::RefDb, row).map(f32::from_le_bytes)
    }

    /// Stored XXH3-64 of the clip at `row`.
    ///
    /// # Errors
    /// [`Error::RowOutOfRange`].
    pub fn record_xxh3(&self, row: u32) -> Result<Xxh3> {
        let value = self.tail_value(TailTensor::Xxh3, row)?;
        Ok(Xxh3(u64::from_le_bytes(value)))
    }

    /// Rows of the clips of an asset in source order, in constant time; `None` if the asset is not in this shard.
    #[must_use]
    pub fn asset_rows(&self, asset_id: i64) -> Option<Range<u32>> {
        self.assets.get(&asset_id).cloned()
    }

    /// Number of different assets.
    #[must_use]
    pub fn asset_count(&self) -> usize {
        self.assets.len()
    }

    fn check_row(&self, row: u32) -> Result<()> {
        let rows = self.rows();
        if row < rows {
            Ok(())
        } else {
            Err(Error::RowOutOfRange {
                path: self.path.clone(),
                row,
                rows,
            })
        }
    }

    /// Compares the checksum `got` of a record with the stored one.
    fn check_clip(&self, row: u32, offset: u64, got: Xxh3) -> Result<()> {
        let expected = self.record_xxh3(row)?;
        if expected == got {
            self.verified.add(row);
            return Ok(());
        }
        let (asset_id, offset) = (self.asset_id(row)?, self.data_offset.saturating_add(offset));
        Err(Error::ClipChecksum {
            path: self.path.clone(),
            asset_id,
            row,
            offset,
            expected,
            got,
        })
    }

    /// One value of a tail tensor. The tail need not be aligned, so values are copied out byte by byte.
    fn tail_value<const N: usize>(&self, tensor: TailTensor, row: u32) -> Result<[u8; N]> {
        self.check_row(row)?;
        let offset = self
            .layout
            .tensor_offset(tensor)
            .saturating_add(u64::from(row).saturating_mul(N as u64));
        let value = self.slice(offset, N as u64)?;
        value.first_chunk().copied().ok_or_else(|| self.too_short())
    }

    /// `bytes` bytes from `offset` behind the header. The length was checked on opening; checking again here keeps an
    /// `AsRef` that changes its mind from causing a panic.
    fn slice(&self, offset: u64, bytes: u64) -> Result<&[u8]> {
        let range = || {
            let start = self.data_offset.checked_add(offset)?;
            let end = start.checked_add(bytes)?;
            self.data
                .as_ref()
                .get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
        };
        range().ok_or_else(|| self.too_short())
    }

    fn too_short(&self) -> Error {
        let (expected, got) = (self.layout.file_bytes(), self.data.as_ref().len() as u64);
        Error::ShardLength {
            path: self.path.clone(),
            expected,
            got,
        }
    }
}
