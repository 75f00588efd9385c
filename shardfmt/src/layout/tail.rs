//! Defines the tensors that follow the clips.

/// The tensors after the clips, one value a row, in file order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailTensor {
    /// Recording the clip was cut from.
    AssetId,
    /// Number of the clip in its recording.
    ClipIndex,
    /// Level in dB that the clip's values are relative to.
    RefDb,
    /// XXH3-64 of the clip record.
    Xxh3,
}

impl TailTensor {
    /// All of them, in file order.
    pub const ALL: [Self; 4] = [Self::AssetId, Self::ClipIndex, Self::RefDb, Self::Xxh3];

    /// Name of the tensor in the header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AssetId => "asset_id",
            Self::ClipIndex => "clip_index",
            Self::RefDb => "ref_db",
            Self::Xxh3 => "xxh3",
        }
    }

    /// Number type of the tensor in the header.
    #[must_use]
    pub fn dtype(self) -> &'static str {
        match self {
            Self::AssetId => "I64",
            Self::ClipIndex => "U32",
            Self::RefDb => "F32",
            Self::Xxh3 => "U64",
        }
    }

    /// Bytes of one value.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::AssetId | Self::Xxh3 => 8,
            Self::ClipIndex | Self::RefDb => 4,
        }
    }
}
