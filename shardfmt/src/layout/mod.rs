//! Defines the layout of a shard: its canonical header, its sizes and offsets, and the rules both sides check.

mod header;
mod spec;
mod tail;

use std::collections::BTreeMap;
use std::path::Path;

pub use spec::{ClipSpec, Dtype};
pub use tail::TailTensor;

use crate::checksum::Xxh3;
use crate::error::{Error, Result};

/// The clips start at a multiple of this, so that records whose size is one too can be mapped page by page.
pub const PAGE_BYTES: u64 = 4096;
/// Largest header accepted, in bytes: checked before anything is parsed.
pub const MAX_HEADER_BYTES: u64 = 16 << 20;
/// Largest clip record in bytes. With 2^32 rows the file size still fits in 63 bits.
pub const MAX_CLIP_BYTES: u64 = 1 << 30;
/// Most rows a shard can hold: a row number is a `u32`.
pub const MAX_ROWS: u64 = u32::MAX as u64;
/// Version of the shard format.
pub const SHARD_VERSION: u32 = 1;

/// Bytes of the header length field.
const LENGTH_FIELD_BYTES: u64 = 8;
/// Prefix of the metadata keys that belong to the format.
const RESERVED_PREFIX: &str = "l48.";

/// Everything a shard's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Shape and type of the clips.
    pub spec: ClipSpec,
    /// Clips in the shard, at most [`MAX_ROWS`].
    pub rows: u64,
    /// The user's own metadata; no key starts with `l48.`.
    pub metadata: BTreeMap<String, String>,
    /// XXH3-64 of the bytes of the tail tensors.
    pub tail_xxh3: Xxh3,
    /// Features a reader may ignore; kept so that the header can be reproduced. No name holds a comma.
    pub features_optional: Vec<String>,
}

impl Layout {
    /// Checks every rule of the header; both the writer and the reader go through here.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`], [`Error::InvalidMetadata`], [`Error::HeaderTooLarge`], or [`Error::Header`] for too
    /// many rows.
    pub fn validate(&self, path: &Path) -> Result<()> {
        self.spec.validate()?;
        if self.rows > MAX_ROWS {
            return Err(Error::TooManyRows {
                path: path.to_path_buf(),
                limit: MAX_ROWS,
            });
        }
        if let Some(key) = self.metadata.keys().find(|key| key.starts_with(RESERVED_PREFIX)) {
            return Err(Error::InvalidMetadata {
                key: key.clone(),
                reason: "the prefix \"l48.\" is reserved",
            });
        }
        if let Some(name) = self
            .features_optional
            .iter()
            .find(|name| name.is_empty() || name.contains(','))
        {
            let reason = "a feature name is empty or has a comma";
            return Err(Error::InvalidMetadata {
                key: name.clone(),
                reason,
            });
        }
        if self.data_offset() > MAX_HEADER_BYTES {
            return Err(Error::HeaderTooLarge {
                got: self.data_offset(),
                cap: MAX_HEADER_BYTES,
            });
        }
        Ok(())
    }

    /// File offset of the first clip: the header, its length field and its padding. Depends on the spec and the
    /// metadata, not on the number of rows: room is kept for the widest row count.
    #[must_use]
    pub fn data_offset(&self) -> u64 {
        let widest = self.json(MAX_ROWS, Xxh3::default()).len() as u64 + LENGTH_FIELD_BYTES;
        widest.div_ceil(PAGE_BYTES) * PAGE_BYTES
    }

    /// Offset of clip record `row` behind the first clip.
    #[must_use]
    pub fn record_offset(&self, row: u64) -> u64 {
        row.saturating_mul(self.spec.clip_bytes() as u64)
    }

    /// Offset behind the first clip where `tensor` starts.
    #[must_use]
    pub fn tensor_offset(&self, tensor: TailTensor) -> u64 {
        let before: u64 = TailTensor::ALL
            .iter()
            .take_while(|&&other| other != tensor)
            .map(|other| other.bytes())
            .sum();
        self.record_offset(self.rows)
            .saturating_add(self.rows.saturating_mul(before))
    }

    /// Bytes of all tail tensors together.
    #[must_use]
    pub fn tail_bytes(&self) -> u64 {
        let row_bytes: u64 = TailTensor::ALL.iter().map(|tensor| tensor.bytes()).sum();
        self.rows.saturating_mul(row_bytes)
    }

    /// Bytes of the whole file.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.data_offset()
            .saturating_add(self.record_offset(self.rows))
            .saturating_add(self.tail_bytes())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn layout(rows: u64) -> Layout {
        Layout {
            spec: ClipSpec::new(Dtype::F16, Some(2), 3, 5).unwrap(),
            rows,
            metadata: BTreeMap::from([("a \"b\"\n".to_owned(), "é\u{1}".to_owned())]),
            tail_xxh3: Xxh3(77),
            features_optional: vec!["x".into(), "y".into()],
        }
    }

    #[test]
    fn header_round_trips_and_its_size_ignores_the_row_count() {
        let path = Path::new("s");
        for rows in [0, 1, 512, MAX_ROWS] {
            let bytes = layout(rows).encode(path).unwrap();
            assert_eq!(bytes.len() as u64, PAGE_BYTES);
            assert_eq!(Layout::decode(&bytes, path).unwrap(), layout(rows));
        }
    }

    #[test]
    fn header_size_ignores_the_row_count_at_a_page_boundary_too() {
        let mut sizes = std::collections::BTreeSet::new();
        for value_bytes in 3000..4000 {
            let [mut none, mut most] = [layout(0), layout(MAX_ROWS)];
            for layout in [&mut none, &mut most] {
                layout.metadata.insert("k".into(), "v".repeat(value_bytes));
            }
            assert_eq!(none.data_offset(), most.data_offset(), "{value_bytes}");
            assert_eq!(none.encode(Path::new("s")).unwrap().len() as u64, most.data_offset());
            sizes.insert(most.data_offset());
        }
        assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [PAGE_BYTES, 2 * PAGE_BYTES]);
    }

    #[test]
    fn metadata_grows_the_header_by_pages() {
        let mut big = layout(1);
        big.metadata.insert("k".into(), "v".repeat(5000));
        assert_eq!(big.data_offset(), 2 * PAGE_BYTES);
        big.metadata.insert("k".into(), "v".repeat(MAX_HEADER_BYTES as usize));
        assert!(matches!(big.encode(Path::new("s")), Err(Error::HeaderTooLarge { .. })));
    }

    #[test]
    fn offsets_are_contiguous() {
        let layout = layout(7);
        let mut offset = 7 * 60;
        for tensor in TailTensor::ALL {
            assert_eq!(layout.tensor_offset(tensor), offset);
            offset += 7 * tensor.bytes();
        }
        assert_eq!(layout.file_bytes(), PAGE_BYTES + offset);
    }

    #[test]
    fn impossible_specs_are_refused() {
        for (channels, height, width) in [
            (None, 0, 1),
            (None, 1, 0),
            (Some(0), 1, 1),
            (Some(u32::MAX), u32::MAX, u32::MAX),
        ] {
            assert!(matches!(
                ClipSpec::new(Dtype::F32, channels, height, width),
                Err(Error::InvalidSpec { .. })
            ));
        }
    }

    #[test]
    fn other_spellings_of_the_same_header_are_refused() {
        let path = Path::new("s");
        let bytes = layout(1).encode(path).unwrap();
        let text = String::from_utf8(bytes.get(8..).unwrap().to_vec()).unwrap();
        let spaced = text.replacen(":{", ": {", 1);
        let mut other = bytes.get(..8).unwrap().to_vec();
        other.extend(spaced.trim_end().bytes());
        other.resize(bytes.len(), b' ');
        assert!(matches!(
            Layout::decode(&other, path),
            Err(Error::HeaderNotCanonical { offset: 24, .. })
        ));
    }
}
