//! Defines `Error`, why no clips can be made at all (a source file that is refused is
//! [`Rejected`](crate::source::Rejected)).

use crate::spectrogram::ConfigError;
use crate::window::{Decimal, WindowConfigError};

/// Why no clips can be made.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// Clips cannot be cut so: change the setting named.
    #[error("[clips] {0}")]
    Clips(#[from] WindowConfigError),
    /// Clips would not fit into memory, several at a time: shorten them.
    #[error("[clips] duration_s is {duration_s} s; at most {longest_s} s are possible")]
    LongClip {
        /// Length of a clip in seconds.
        duration_s: Decimal,
        /// The longest possible.
        longest_s: u32,
    },
    /// Images cannot be made so: change the setting named.
    #[error("[spectrogram] {0}")]
    Spectrogram(#[from] ConfigError),
    /// What is recorded about images does not say how to make them: use a dataset or a run that was made of recordings,
    /// with the program that made it.
    #[error("{reason}")]
    Recorded {
        /// What is missing, or differs.
        reason: String,
    },
    /// The threads could not be started: use fewer.
    #[error("cannot start {threads} threads: {message}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// What the system said.
        message: String,
    },
}

/// Result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;
