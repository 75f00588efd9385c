//! Defines the one error type of the crate.

/// What can go wrong in training and evaluation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the dataset could not be read or is damaged; the message says which and where.
    #[error(transparent)]
    Dataset(#[from] shardfmt::Error),
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

/// Result of the crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
