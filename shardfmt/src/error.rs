//! Defines the one error type of the crate: what is wrong, where, and what the user should do.

use std::io;
use std::path::{Path, PathBuf};

use crate::checksum::Xxh3;
use crate::need::{Operation, need};
use crate::table::Fault;

/// Result of every fallible function in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong while writing, opening or checking a dataset.
///
/// Each variant's documentation says what the user should do about it. A shard opened from memory has the
/// path `<bytes>`.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused an operation. Act on its reason: free space, fix permissions, check the path.
    #[error("cannot {operation} {path}: {cause}{need}", path = path.display())]
    Io {
        /// File or folder operated on.
        path: PathBuf,
        /// The operation refused.
        operation: Operation,
        /// The system's reason.
        cause: io::Error,
        /// What is needed instead: see [`need`].
        need: String,
    },

    /// Another process holds the lock. Wait for it to end, or end it; the lock goes with the process, so the
    /// file itself need not be deleted.
    #[error(
        "{path} is locked by another running process; wait for it or stop it (the file may stay: only a live process locks it)",
        path = path.display()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
    },

    /// The clip shape cannot be stored. Choose dimensions of at least 1 and a record below the size limit.
    #[error("clip spec cannot be stored: {reason}")]
    InvalidSpec {
        /// Which rule is broken.
        reason: String,
    },

    /// A metadata key cannot be stored. Rename the key: those starting with `l48.` belong to the format.
    #[error("metadata key {key:?} cannot be stored: {reason}")]
    InvalidMetadata {
        /// The offending key.
        key: String,
        /// Which rule is broken.
        reason: &'static str,
    },

    /// The header would exceed the format's cap. Store less metadata in the shard.
    #[error("shard header of {got} bytes exceeds the cap of {cap} bytes")]
    HeaderTooLarge {
        /// Bytes needed.
        got: u64,
        /// Bytes allowed.
        cap: u64,
    },

    /// A pushed clip has another size than the shard's spec. Push records of `ClipSpec::clip_bytes` bytes.
    #[error("clip {clip_index} of asset {asset_id} has {got} bytes; a clip of this shard has {expected}")]
    ClipSize {
        /// Asset pushed.
        asset_id: i64,
        /// Clip pushed.
        clip_index: u32,
        /// Bytes of one record.
        expected: usize,
        /// Bytes handed in.
        got: usize,
    },

    /// An asset was pushed again after another one. Push all clips of an asset together.
    #[error("asset {asset_id} appears again at row {row}; the clips of an asset must be contiguous")]
    AssetReopened {
        /// Asset pushed again.
        asset_id: i64,
        /// Row it would have had.
        row: u32,
    },

    /// Clips of an asset were pushed out of order. Push them in source order.
    #[error("asset {asset_id}: clip {got} pushed after clip {previous}; clip indices must ascend")]
    ClipOrder {
        /// Asset pushed.
        asset_id: i64,
        /// Clip index of the row before.
        previous: u32,
        /// Clip index pushed.
        got: u32,
    },

    /// The shard is full. Start another shard.
    #[error("{path}: a shard holds at most {limit} rows", path = path.display())]
    TooManyRows {
        /// Shard being written.
        path: PathBuf,
        /// Rows a shard can hold.
        limit: u64,
    },

    /// An earlier write to this shard failed. Drop the writer and write the shard again.
    #[error("{path}: an earlier write failed; write the shard again", path = path.display())]
    WriterFailed {
        /// Shard being written.
        path: PathBuf,
    },

    /// A row was asked for that the shard does not have. Fix the caller: ask for rows below `Shard::rows`.
    #[error("{path}: row {row} was requested, but the shard has {rows} rows", path = path.display())]
    RowOutOfRange {
        /// The shard.
        path: PathBuf,
        /// Row asked for.
        row: u32,
        /// Rows in the shard.
        rows: u32,
    },

    /// The file ends before its header does. It is truncated or no shard: restore or rebuild it.
    #[error("{path}: the file has {got} bytes; a shard header needs at least {expected}", path = path.display())]
    ShardTooShort {
        /// The shard.
        path: PathBuf,
        /// Bytes needed.
        expected: u64,
        /// Bytes present.
        got: u64,
    },

    /// The header length field is impossible. The file is damaged or no shard: restore or rebuild it.
    #[error(
        "{path}: the header length at offset 0 is {got} bytes: {reason}",
        path = path.display()
    )]
    HeaderLength {
        /// The shard.
        path: PathBuf,
        /// Length field.
        got: u64,
        /// Which rule is broken.
        reason: &'static str,
    },

    /// The header does not parse as a shard header. The file is damaged or no shard: restore or rebuild it.
    #[error("{path}: header: {reason}", path = path.display())]
    Header {
        /// The shard.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// The header parses, but is not what its checksum was taken over. Restore or rebuild the shard.
    #[error(
        "{path}: the header's stored checksum is {expected}, computed {got}",
        path = path.display()
    )]
    HeaderChecksum {
        /// The shard.
        path: PathBuf,
        /// Checksum in the header.
        expected: Xxh3,
        /// Checksum of the header.
        got: Xxh3,
    },

    /// The header is not in the one canonical form. It was damaged or written by another program: restore it, or
    /// rewrite it with this crate.
    #[error("{path}: the header is not in canonical form (first difference at offset {offset})", path = path.display())]
    HeaderNotCanonical {
        /// The shard.
        path: PathBuf,
        /// First byte that differs from the canonical header.
        offset: u64,
    },

    /// The file was written in a newer version of the format. Update this program.
    #[error("{path}: format version {got}; this program reads version {supported}", path = path.display())]
    UnsupportedVersion {
        /// The file.
        path: PathBuf,
        /// Version this crate reads.
        supported: u32,
        /// Version found.
        got: String,
    },

    /// The file needs a feature this program does not have. Update this program.
    #[error("{path}: requires feature {feature:?}, which this program does not know", path = path.display())]
    UnsupportedFeature {
        /// The file.
        path: PathBuf,
        /// Feature named by the file.
        feature: String,
    },

    /// The shard has more or fewer bytes than its header says. It is truncated or padded: restore or rebuild it.
    #[error("{path}: the file has {got} bytes; its header describes {expected}", path = path.display())]
    ShardLength {
        /// The shard.
        path: PathBuf,
        /// Bytes described by the header.
        expected: u64,
        /// Bytes present.
        got: u64,
    },

    /// The tensors after the clips are damaged. Restore or rebuild the shard.
    #[error(
        "{path}: the tail tensors from offset {offset} have the stored checksum {expected}, computed {got}",
        path = path.display()
    )]
    TailChecksum {
        /// The shard.
        path: PathBuf,
        /// First byte of the tail.
        offset: u64,
        /// Checksum in the header.
        expected: Xxh3,
        /// Checksum of the bytes.
        got: Xxh3,
    },

    /// A shard whose checksums hold breaks the row order rules. Its writer is at fault: rebuild it with this crate.
    #[error("{path}: row {row}, asset {asset_id}: {reason}", path = path.display())]
    RowOrder {
        /// The shard.
        path: PathBuf,
        /// Asset of the row.
        asset_id: i64,
        /// The row.
        row: u32,
        /// Which rule is broken.
        reason: &'static str,
    },

    /// One clip is damaged; the others can be used. Restore or rebuild the shard, or skip the asset.
    #[error(
        "{path}: clip at row {row} (asset {asset_id}, offset {offset}): stored checksum {expected}, computed {got}",
        path = path.display()
    )]
    ClipChecksum {
        /// The shard.
        path: PathBuf,
        /// Asset of the row.
        asset_id: i64,
        /// The row.
        row: u32,
        /// First byte of the record.
        offset: u64,
        /// Checksum in the tail.
        expected: Xxh3,
        /// Checksum of the record.
        got: Xxh3,
    },

    /// A clip was asked for as another number type than stored. Fix the caller: match on `Shard::spec().dtype`.
    #[error("{path}: clips are {expected}, but were requested as {got}", path = path.display())]
    WrongDtype {
        /// The shard.
        path: PathBuf,
        /// Stored type.
        expected: &'static str,
        /// Type asked for.
        got: &'static str,
    },

    /// A typed view is impossible because the buffer is not aligned. Map the file, or copy the bytes of `Shard::clip`.
    #[error("{path}: row {row}: the buffer is not aligned to {alignment} bytes", path = path.display())]
    Misaligned {
        /// The shard.
        path: PathBuf,
        /// The row.
        row: u32,
        /// Alignment needed in bytes.
        alignment: usize,
    },

    /// The file is no readable Parquet table. Restore or rebuild it.
    #[error("{path}: not a readable table: {reason}", path = path.display())]
    Table {
        /// The sidecar.
        path: PathBuf,
        /// The Parquet library's reason.
        reason: String,
    },

    /// The table is of another kind or version. Check the path, or update this program.
    #[error("{path}: table schema {got:?}, expected {expected:?}", path = path.display())]
    TableSchema {
        /// The sidecar.
        path: PathBuf,
        /// Schema this reader knows.
        expected: &'static str,
        /// Schema named by the file (empty if none).
        got: String,
    },

    /// A column is missing or of another type. Rewrite the table with the documented schema.
    #[error("{path}: column {column:?}: expected {expected}, got {got}", path = path.display())]
    Column {
        /// The sidecar.
        path: PathBuf,
        /// The column.
        column: String,
        /// Type documented.
        expected: String,
        /// Type found.
        got: String,
    },

    /// A value in a table is not allowed there. Fix the writer of the table and rebuild it.
    #[error("{path}: column {column:?}, row {row}: {reason}", path = path.display())]
    Cell {
        /// The sidecar.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// Row in the table, from 0.
        row: u64,
        /// Which rule is broken.
        reason: String,
    },

    /// The class list is unusable. Give every class one distinct, non-empty species code.
    #[error("class {index}: {reason}")]
    InvalidTaxa {
        /// Class index.
        index: usize,
        /// Which rule is broken.
        reason: String,
    },

    /// There is no dataset at this path. The build did not finish, or the path is wrong.
    #[error("{path}: no dataset here (dataset.json is written last, so an unfinished build has none)", path = path.display())]
    NoDataset {
        /// Path of the missing `dataset.json`.
        path: PathBuf,
    },

    /// A record of an unfinished dataset is damaged, or a file is not as recorded. Delete the record: its shard is then
    /// made again.
    #[error("{path} is damaged: {reason}", path = path.display())]
    Record {
        /// The record.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// `dataset.json` does not parse or breaks a rule. Restore it, or rebuild the dataset.
    #[error("{path}: {field}: {reason}", path = path.display())]
    DatasetJson {
        /// The file.
        path: PathBuf,
        /// Field or part at fault.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },

    /// A file of a dataset that is kept elsewhere could not be brought near, or sent there. The cause says what to do.
    #[error("{cause}")]
    Backing {
        /// Its place here, or there.
        path: PathBuf,
        /// Why.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },

    /// Where the dataset is kept, something else has this name already, and is left as it is. Choose another place, or
    /// remove it.
    #[error("{path} has other bytes already; choose another place, or remove it first", path = path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },

    /// A file listed by the dataset is not there. Restore it or rebuild the dataset.
    #[error("{path}: listed in dataset.json but missing", path = path.display())]
    FileMissing {
        /// The file.
        path: PathBuf,
    },

    /// A file has another size than the dataset lists. It is truncated or replaced: restore or rebuild it.
    #[error("{path}: the file has {got} bytes; dataset.json lists {expected}", path = path.display())]
    FileSize {
        /// The file.
        path: PathBuf,
        /// Bytes listed.
        expected: u64,
        /// Bytes present.
        got: u64,
    },

    /// A file has other bytes than the dataset lists. It is damaged or replaced: restore or rebuild it.
    #[error(
        "{path}: checksum {got}, expected {expected}",
        path = path.display()
    )]
    FileChecksum {
        /// The file.
        path: PathBuf,
        /// Checksum listed.
        expected: Xxh3,
        /// Checksum of the bytes.
        got: Xxh3,
    },

    /// A file is sound but disagrees with the rest of the dataset. Files of two builds are mixed: rebuild.
    #[error("{path}: {field} is {got}, the dataset has {expected}", path = path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What disagrees.
        field: &'static str,
        /// Value of the dataset.
        expected: String,
        /// Value of the file.
        got: String,
    },

    /// A shard number beyond the dataset was asked for. Fix the caller: ask below `Dataset::shard_count`.
    #[error("{path}: shard {shard} was requested, but the dataset has {shards} shards", path = path.display())]
    NoSuchShard {
        /// The dataset folder.
        path: PathBuf,
        /// Shard asked for.
        shard: u32,
        /// Shards present.
        shards: u32,
    },
}

impl Error {
    /// An [`Error::Io`] about `path`.
    #[must_use]
    pub fn io(path: &Path, operation: Operation, cause: io::Error) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            operation,
            need: need(operation, path, &cause),
            cause,
        }
    }

    /// An [`Error::Cell`] about row `row` of the table at `path`.
    pub(crate) fn fault(path: &Path, row: u64, Fault { column, reason }: Fault) -> Self {
        Self::Cell {
            path: path.to_path_buf(),
            column,
            row,
            reason,
        }
    }
}
