//! Defines `Error`, why a build as a whole fails (one refused recording does not: see `source::Rejected`).

use std::path::PathBuf;

use shardfmt::Operation;

use crate::tables::Problems;

/// Why a build, commit or inspection failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The manifest or its tables have mistakes: fix those listed.
    #[error(transparent)]
    Manifest(#[from] Problems),
    /// No clips can be made.
    #[error(transparent)]
    Frontend(#[from] frontend::Error),
    /// Reading or writing the dataset failed.
    #[error(transparent)]
    Dataset(#[from] shardfmt::Error),
    /// A file operation failed: check the path, its permissions and the free space.
    #[error("cannot {operation} {}: {cause}{need}", path.display())]
    Io {
        /// What was tried ("create", "read", ...).
        operation: Operation,
        /// On which path.
        path: PathBuf,
        /// The system's error.
        cause: std::io::Error,
        /// What is needed instead: see [`need`](shardfmt::need::need).
        need: String,
    },
    /// The disk is full: free some space and resume with --resume, or build on another disk.
    #[error("{cause}; the clips of this dataset take {clips_bytes} bytes")]
    DiskFull {
        /// Which file could not be written.
        cause: Box<Error>,
        /// Bytes of all clips planned.
        clips_bytes: u64,
    },
    /// The output folder is not empty: say whether to resume or to replace what is there.
    #[error("{} is not empty ({what}); resume it with --resume or replace it with --overwrite", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// What is there.
        what: String,
    },
    /// The folder has something in it that is not a dataset: it is left alone, whatever the flags. Use another folder.
    #[error("{} is not empty ({what}) and is not a dataset, so it was left alone; use another folder", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// An entry of it.
        what: String,
    },
    /// The folder holds a committed dataset: there is nothing left to build or commit.
    #[error("{} is already committed; rebuild it with `l48 build --overwrite`", path.display())]
    AlreadyCommitted {
        /// The folder.
        path: PathBuf,
    },
    /// The folder belongs to another plan: other settings, tables, sources or program version.
    #[error("{} was planned differently: {difference}; start over with --overwrite", path.display())]
    PlanChanged {
        /// The folder.
        path: PathBuf,
        /// First difference found.
        difference: String,
    },
    /// What is in a store is not replaced in place: readers would find parts of both. Build at another address.
    #[error(
        "{} has a dataset or an unfinished build already, and what is in a store is not replaced; go on with --resume, \
         build it at another address, or remove all that is there",
        path.display()
    )]
    NoOverwrite {
        /// The address.
        path: PathBuf,
    },
    /// A committed dataset in a store has lost files, or they are others now: restore them from a copy, or build the
    /// dataset at another address.
    #[error(
        "{} is committed, but {files} of its files are missing there or are others (first: {first}); restore them from \
         a copy, or build it at another address",
        path.display()
    )]
    NotWhole {
        /// The address.
        path: PathBuf,
        /// How many files.
        files: usize,
        /// The first of them.
        first: String,
    },
    /// Another machine has built the same shard with other bytes: give all machines the same recordings, then build the
    /// shard again with --resume.
    #[error(
        "shard {shard} of {} was built elsewhere with other bytes: {difference}; see that all machines read the same \
         recordings and nobody changes them, then run again",
        path.display()
    )]
    BuiltOtherwise {
        /// The address.
        path: PathBuf,
        /// The shard.
        shard: u32,
        /// What differs.
        difference: String,
    },
    /// There is no plan in the folder: run `l48 plan` or `l48 build` first.
    #[error("{} has no unfinished build; run `l48 plan` or `l48 build` first", path.display())]
    NotPlanned {
        /// The folder.
        path: PathBuf,
    },
    /// A record in `.build` is damaged: delete that file and resume, which builds its shard again.
    #[error("{} is damaged: {message}; delete it and resume with --resume", path.display())]
    Record {
        /// The record.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Some shards are not built yet: build them, then commit.
    #[error(
        "{missing} of {planned} shards are not built yet: {shards}; build them with --shards or --part, then commit"
    )]
    Unfinished {
        /// Shards of the plan.
        planned: usize,
        /// Shards without a record.
        missing: usize,
        /// All of them, as ranges that `--shards` takes.
        shards: String,
    },
    /// The range given to `--shards` does not lie in the plan.
    #[error("--shards {start}..{end} is outside the plan, which has shards 0..{planned}")]
    ShardRange {
        /// First shard asked for.
        start: u32,
        /// One past the last.
        end: u32,
        /// Shards of the plan.
        planned: u32,
    },
    /// The plan asks for another instruction set than this processor has, and its images would be rounded otherwise:
    /// build on one of the machines named, or plan again for another instruction set.
    #[error(
        "{} is planned for {planned}, but this machine has {here}, which rounds otherwise; build it on {machines}; or \
         plan it again in an empty folder with --instruction-set {here}",
        path.display()
    )]
    WrongInstructionSet {
        /// The folder.
        path: PathBuf,
        /// Name of the instruction set in the plan.
        planned: String,
        /// Name of the one here.
        here: String,
        /// Which machines would do, in words.
        machines: String,
    },
    /// More recordings were rejected than `--max-rejects` allows; nothing was committed.
    #[error(
        "{rejects} recordings were rejected, more than --max-rejects {limit}, so nothing was committed; {} has the \
         reasons. First rejected: {first}",
        table.display()
    )]
    TooManyRejects {
        /// Rejected recordings.
        rejects: u64,
        /// The limit.
        limit: u64,
        /// The first of them with its reason.
        first: String,
        /// The table of all of them.
        table: PathBuf,
    },
    /// No clip came out: every recording was rejected.
    #[error("none of the {assets} recordings gave a clip, so nothing was committed; {} has the reasons. \
             First rejected: {first}", table.display())]
    NoClips {
        /// Recordings planned.
        assets: u64,
        /// The first rejected one with its reason.
        first: String,
        /// The table of all of them.
        table: PathBuf,
    },
    /// The manifest changes more than labels and priors, or its audio is not the dataset's: rebuild the dataset.
    #[error(
        "{} cannot be relabelled from {}: {difference}; relabelling keeps clips and images, so rebuild the dataset",
        path.display(),
        manifest.display()
    )]
    AudioChanged {
        /// The dataset.
        path: PathBuf,
        /// The manifest.
        manifest: PathBuf,
        /// First difference found.
        difference: String,
    },
    /// Datasets that do not go together: build them with the same settings, or leave one out.
    #[error("{} cannot be merged with {}: {difference}", path.display(), first.display())]
    PartsDiffer {
        /// The dataset at fault.
        path: PathBuf,
        /// The one it was compared with.
        first: PathBuf,
        /// First difference found; "was" refers to `first`, "is" to `path`.
        difference: String,
    },
    /// The list of a subset selects no clips: check the query that wrote it.
    #[error("{} selects no clips, so nothing was written; check the query that wrote it", list.display())]
    NothingSelected {
        /// The list.
        list: PathBuf,
    },
    /// No dataset was given to be merged: name at least one.
    #[error("no dataset to merge was given")]
    NothingToMerge,
    /// The output folder is not empty: choose another.
    #[error("{} is not empty ({what}); choose another folder for --out", path.display())]
    OutputTaken {
        /// The folder.
        path: PathBuf,
        /// What is there.
        what: String,
    },
    /// A scan would write over a file: choose another folder, or replace what is there.
    #[error("{} exists already; choose another folder for --out, or replace it with --overwrite", path.display())]
    ScanTaken {
        /// The file.
        path: PathBuf,
    },
    /// A published table has no recording that can be used: look at the reasons.
    #[error("none of the {rows} rows is of a recording that can be used, so nothing was written: {reasons}")]
    NothingListed {
        /// Rows that were read.
        rows: u64,
        /// What became of them.
        reasons: String,
    },
    /// Two folders to scan have the same name, or one is within the other, so that their files could not be told apart
    /// in the next scan: scan the folder above both, or only the outer one.
    #[error(
        "{} and {} have the same name, or one is within the other; scan the folder above both instead",
        first.display(),
        second.display()
    )]
    FoldersAlike {
        /// The one.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// The folders to scan have no recording that can be used: look at the first of those left out.
    #[error("no recording in {folders} can be used ({files} sound files), so nothing was written{first}")]
    NoRecordings {
        /// The folders.
        folders: String,
        /// Files that are recordings by their names.
        files: u64,
        /// The first thing that is odd about them.
        first: String,
    },
    /// A Croissant file names the dataset's files relative to itself: put it in a folder above the dataset.
    #[error(
        "{} is not in a folder above {}, so it cannot name its files; put it next to the dataset's folder",
        path.display(),
        dataset.display()
    )]
    DescriptionPlace {
        /// The description.
        path: PathBuf,
        /// The dataset.
        dataset: PathBuf,
    },
    /// A file of a training run cannot be reported on: name the run's own dataset, or make the file again.
    #[error("{}: {reason}", path.display())]
    Run {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A picture cannot be encoded: its clip is too large.
    #[error("cannot encode a picture: {cause}")]
    Picture {
        /// The encoder's error.
        cause: jpeg_encoder::EncodingError,
    },
    /// Another program replaced this dataset while it was being rewritten: run again.
    #[error("{} was replaced by another dataset in the meantime and was left as it is; run again", path.display())]
    Replaced {
        /// The folder.
        path: PathBuf,
    },
}

/// Result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;

/// Names the operation and the path of a failed file operation.
pub(crate) fn io(operation: Operation, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |cause| Error::Io {
        operation,
        need: shardfmt::need::need(operation, &path, &cause),
        path,
        cause,
    }
}

impl Error {
    /// Whether a full disk, or a used-up share of one, is what a file operation failed for.
    pub(crate) fn is_disk_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        let (Error::Io { cause, .. } | Error::Dataset(shardfmt::Error::Io { cause, .. })) = self else {
            return false;
        };
        matches!(cause.kind(), StorageFull | QuotaExceeded)
    }
}
