//! Defines `Delivery`, what a flow hands to its caller: clips, and how the reading of an asset ended.

use shardfmt::Xxh3;
use shardfmt::checksum::FileHash;

use crate::source::{Rejected, Rendered};
use crate::source_file::{CHANGED_WHILE_READ, Fingerprint, SourceRecord};

/// What a flow delivers, in the order of the assets.
pub enum Delivery<'a, F> {
    /// The next clip of an asset.
    Clip(StoredClip<'a>),
    /// The end of an asset, all of whose clips were delivered before.
    End(AssetEnd<F>),
}

/// A rendered clip.
pub struct StoredClip<'a> {
    /// Number of its asset in the source.
    pub asset: usize,
    /// Its stored bytes.
    pub bytes: &'a [u8],
    /// Checksum of these.
    pub xxh3: Xxh3,
    /// What rendering found out.
    pub rendered: Rendered,
}

/// How an asset ended.
pub struct AssetEnd<F> {
    /// Its number in the source.
    pub asset: usize,
    /// Its files as they were.
    pub source: SourceRecord,
    /// What was read of it, or why all its clips are to be dropped.
    pub result: Result<WholeAsset<F>, Rejected>,
}

/// An asset that was read whole, from files that held still meanwhile.
pub struct WholeAsset<F> {
    /// What is known of it.
    pub facts: F,
    /// Size and checksum of its files' bytes, one file after the other.
    pub source: FileHash,
}

impl<F> AssetEnd<F> {
    /// How an asset ended of which `read` was read, or why it is rejected, from files of such a fingerprint.
    pub(super) fn new(read: Result<F, Rejected>, fingerprint: Fingerprint) -> AssetEnd<F> {
        let (asset, source) = (fingerprint.asset, fingerprint.record());
        let whole = |source, facts| WholeAsset { facts, source };
        let result = match (fingerprint.of_unchanged(), read) {
            // Files that could be neither read nor hashed: the reader knows which one of the asset's it is.
            (Err(hashing), Err(reading)) if hashing.stage != CHANGED_WHILE_READ => Err(reading),
            (hashed, read) => hashed.and_then(|hashed| Ok(whole(hashed, read?))),
        };
        AssetEnd { asset, source, result }
    }
}
