//! Defines why a synthetic set could not be made.

use std::io;
use std::path::PathBuf;

use jpeg_encoder::EncodingError;

use crate::layout::SetLayout;

/// Why a synthetic set could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Choose another folder, or empty this one.
    #[error("{dir} is not empty and holds no demo")]
    NotEmpty {
        /// The folder.
        dir: PathBuf,
    },
    /// Choose another folder, or delete the set in this one.
    #[error("{dir} already holds another demo ({found}; requested: {wanted})")]
    OtherSet {
        /// The folder.
        dir: PathBuf,
        /// Options of the set in it.
        found: String,
        /// Options requested.
        wanted: String,
    },
    /// Delete the set's folder and make it again.
    #[error("the demo is damaged: {file} is missing or changed; delete its folder and make it again")]
    Damaged {
        /// The file.
        file: PathBuf,
    },
    /// Ask for more recordings.
    #[error("the demo needs at least {least} recordings, got {recordings}")]
    TooFew {
        /// Recordings requested.
        recordings: usize,
        /// Fewest possible.
        least: usize,
    },
    /// Choose another seed, or more recordings.
    #[error("no plan met the quotas in {attempts} attempts: {violation}")]
    Quota {
        /// Plans drawn.
        attempts: u64,
        /// What the last one missed.
        violation: String,
    },
    /// Choose a confusability from 0 (clearly distinct) to 1 (alike).
    #[error("confusability must be between 0 and 1, got {got}")]
    Confusability {
        /// The one requested.
        got: f64,
    },
    /// Choose a value that is possible.
    #[error("the {name} must be {expected}, got {got}")]
    Condition {
        /// What the value is of.
        name: &'static str,
        /// What is possible.
        expected: &'static str,
        /// The one requested.
        got: String,
    },
    /// Choose another layout, or leave the condition out.
    #[error("layout {layout} has no place for {name}: choose another layout, or leave that option out")]
    ConditionInLayout {
        /// The condition.
        name: &'static str,
        /// The layout.
        layout: SetLayout,
    },
    /// Check permissions and free space.
    #[error("{path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Check permissions and free space.
    #[error(transparent)]
    Marker {
        /// What went wrong, and where.
        source: shardfmt::Error,
    },
    /// Check permissions and free space.
    #[error("{path}")]
    Wav {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: hound::Error,
    },
    /// A defect of this program or its FLAC encoder: please report it.
    #[error("{path}: {reason}")]
    Flac {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        reason: String,
    },
    /// A defect of this program: please report it.
    #[error("{path}: cannot be encoded")]
    Picture {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        source: EncodingError,
    },
    /// A defect of this program: please report it.
    #[error("the classes contradict each other")]
    Classes {
        /// What is wrong with them.
        source: shardfmt::Error,
    },
}
