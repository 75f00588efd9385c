//! Defines the one error type of the crate.

use std::path::PathBuf;

/// The errors of selecting, ordering and loading clips.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the dataset could not be read or is damaged; the message says which and where.
    #[error(transparent)]
    Dataset(#[from] shardfmt::Error),
    /// A setting is invalid; correct it.
    #[error("{setting}: {reason}")]
    Setting {
        /// Name of the setting.
        setting: String,
        /// The fault, and what is allowed.
        reason: String,
    },
    /// The dataset lacks something that is needed.
    #[error("{dataset}: {reason}", dataset = dataset.display())]
    Unsuitable {
        /// The dataset's folder.
        dataset: PathBuf,
        /// What is missing, and what to do.
        reason: String,
    },
}

impl Error {
    /// An [`Error::Setting`].
    pub(crate) fn setting(setting: impl Into<String>, reason: impl Into<String>) -> Self {
        let (setting, reason) = (setting.into(), reason.into());
        Self::Setting { setting, reason }
    }
}

/// Result of the crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
