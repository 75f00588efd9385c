//! Defines the shape and the number type of the clips.

use serde::{Deserialize, Serialize};

use super::MAX_CLIP_BYTES;
use crate::error::{Error, Result};

/// Number type of the stored clips; multi-byte types are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dtype {
    /// Unsigned byte.
    U8,
    /// IEEE 754 binary16.
    F16,
    /// IEEE 754 binary32.
    F32,
}

impl Dtype {
    /// Bytes of one value.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F16 => 2,
            Self::F32 => 4,
        }
    }

    /// Name of the type in a safetensors header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "U8",
            Self::F16 => "F16",
            Self::F32 => "F32",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::U8, Self::F16, Self::F32]
            .into_iter()
            .find(|dtype| dtype.name() == name)
    }
}

/// Shape and number type of every clip in a shard: `[height, width]`, or `[channels, height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClipSpec {
    /// Number type.
    pub dtype: Dtype,
    /// Leading dimension, absent for a plain image.
    pub channels: Option<u32>,
    /// Rows of the image: frequency bands.
    pub height: u32,
    /// Columns of the image: frames.
    pub width: u32,
}

impl ClipSpec {
    /// A checked spec.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] for a zero dimension or a record above [`MAX_CLIP_BYTES`].
    pub fn new(dtype: Dtype, channels: Option<u32>, height: u32, width: u32) -> Result<Self> {
        let spec = Self {
            dtype,
            channels,
            height,
            width,
        };
        spec.validate()?;
        Ok(spec)
    }

    /// Checks a spec made without [`ClipSpec::new`].
    ///
    /// # Errors
    /// As [`ClipSpec::new`].
    pub fn validate(&self) -> Result<()> {
        if self.height == 0 || self.width == 0 || self.channels == Some(0) {
            return Err(Error::InvalidSpec {
                reason: format!("a dimension is 0 in {:?}", self.dimensions()),
            });
        }
        if self.clip_bytes() as u64 > MAX_CLIP_BYTES {
            let reason = format!(
                "a record of {:?} {} exceeds {MAX_CLIP_BYTES} bytes",
                self.dimensions(),
                self.dtype.name()
            );
            return Err(Error::InvalidSpec { reason });
        }
        Ok(())
    }

    /// Bytes of one clip record; saturates for a spec that [`ClipSpec::validate`] refuses.
    #[must_use]
    pub fn clip_bytes(&self) -> usize {
        let dimensions = [self.channels.unwrap_or(1), self.height, self.width];
        dimensions.iter().fold(self.dtype.bytes(), |bytes, &dimension| {
            bytes.saturating_mul(dimension as usize)
        })
    }

    /// Dimensions of one clip, outermost first.
    #[must_use]
    pub fn dimensions(&self) -> Vec<u32> {
        self.channels.into_iter().chain([self.height, self.width]).collect()
    }
}
