//! Defines what can go wrong where files are elsewhere, and what the user should do about it.

use std::fmt;
use std::path::PathBuf;

/// Result of every fallible function in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What was tried on a file that is elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To connect to the store that it names.
    Connect,
    /// To ask for size and version.
    Find,
    /// To read.
    Read,
    /// To write.
    Write,
    /// To list what is under it.
    List,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "use",
            Self::Find => "find",
            Self::Read => "read",
            Self::Write => "write",
            Self::List => "list",
        })
    }
}

/// Everything that can go wrong on the way to a file.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store could not be reached, or did not do what it was asked, for as long as we tried. Look whether it can be
    /// reached; try again later.
    #[error("cannot {step} {url}: {cause} ({tries} {}; is the store up, and the network?)", if *tries == 1 { "try" } else { "tries" })]
    Away {
        /// The file.
        url: String,
        /// What was tried.
        step: Step,
        /// How often.
        tries: u32,
        /// The store's last answer, or the network's.
        cause: String,
    },

    /// The store will not do what it was asked, however often. The answer says why.
    #[error("cannot {step} {url}: {cause}")]
    Store {
        /// The file.
        url: String,
        /// What was tried.
        step: Step,
        /// The store's answer.
        cause: String,
    },

    /// The store does not let us: no credentials, wrong ones, expired ones, or no permission.
    #[error(
        "{url} is refused to us: {cause}; give the credentials in the environment as the store's own tools take them \
         (AWS_ACCESS_KEY_ID ... or AWS_PROFILE; GOOGLE_APPLICATION_CREDENTIALS; AZURE_STORAGE_ACCOUNT_NAME ...), renew \
         them if they have expired, or ask for permission"
    )]
    StoreDenied {
        /// The file.
        url: String,
        /// The store's answer.
        cause: String,
    },

    /// There is no such bucket (container, of Azure). Make it, or correct its name or the endpoint.
    #[error("there is no bucket {bucket:?} (of {url}); create it, or correct its name or the endpoint")]
    NoBucket {
        /// The file.
        url: String,
        /// Its bucket.
        bucket: String,
    },

    /// There is no such file.
    #[error("{url} is not there{}", if url.contains("://") { " (status 404)" } else { "" })]
    Missing {
        /// The file.
        url: String,
    },

    /// Something else is there already, and is left as it is. Choose another place, or remove it.
    #[error("{url} has other bytes already; choose another place, or remove it first")]
    Taken {
        /// The file.
        url: String,
    },

    /// The file is no longer the one that was looked at. Try again once nobody writes there.
    #[error("{url} has changed while it was read; try again when nobody writes there")]
    Changed {
        /// The file.
        url: String,
    },

    /// The bytes that arrived are others than expected.
    #[error("{url}: {got} arrived; {expected} were expected: the file there is damaged or another one")]
    Unlike {
        /// The file.
        url: String,
        /// Size, and checksum if there was one to compare.
        expected: String,
        /// Size and checksum of what arrived.
        got: String,
    },

    /// This program was made without clients of stores.
    #[error(
        "{url}: this program reads files of this machine only; the l48 of the Python package reads addresses (`make wheel`, \
         `pip install dist/l48-*.whl`), as does one built with `cargo build --release -p l48 --features cloud`"
    )]
    NotBuilt {
        /// The file.
        url: String,
    },

    /// The cache has no room that it may free.
    #[error(
        "the cache {} may hold {limit} bytes, and {needed} more are needed beside what is in use; give it more with \
         --cache-bytes", dir.display()
    )]
    CacheFull {
        /// Folder of the cache.
        dir: PathBuf,
        /// Bytes it may hold.
        limit: u64,
        /// Bytes of the file that does not fit.
        needed: u64,
    },

    /// A setting from the environment is not what it should be.
    #[error("{name}: {reason}")]
    Setting {
        /// Name of the variable or flag.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },

    /// A file of this machine.
    #[error(transparent)]
    Dataset(#[from] shardfmt::Error),
}
