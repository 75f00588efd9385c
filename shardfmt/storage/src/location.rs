//! Defines `Location`, where a file or a folder is: a path, or an address in an object store or on a web server.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The kinds of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `s3://BUCKET/KEY`: Amazon S3 and what speaks its language.
    S3,
    /// `gs://BUCKET/KEY`: Google Cloud Storage.
    Gs,
    /// `az://CONTAINER/KEY`: Azure Blob Storage.
    Az,
    /// `https://HOST/PATH`.
    Https,
    /// `http://HOST/PATH`.
    Http,
}

impl Scheme {
    const ALL: [Self; 5] = [Self::S3, Self::Gs, Self::Az, Self::Https, Self::Http];

    /// What stands before `://`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gs => "gs",
            Self::Az => "az",
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// Whether it is an object store, with buckets; else a web server.
    #[must_use]
    pub fn is_store(self) -> bool {
        matches!(self, Self::S3 | Self::Gs | Self::Az)
    }
}

/// An address. Shown without what may be secret: a password before the host, and what follows a question mark.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    scheme: Scheme,
    authority: String,
    /// Without slashes at its ends.
    path: String,
    query: Option<String>,
}

impl Address {
    /// Its kind.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The bucket, or the host with its port; without a name and a password before it.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority.rsplit('@').next().unwrap_or_default()
    }

    /// The path or key, without a slash before or after it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Refuses a web server: these are read, not written, and have no lists.
    pub(crate) fn expect_store(&self) -> Result<()> {
        if self.scheme.is_store() {
            return Ok(());
        }
        Err(Error::Setting {
            name: self.scheme.name(),
            reason: format!("{self} is on a web server, which is only read; write to a folder, s3://, gs:// or az://"),
        })
    }

    /// The address of the whole server, with name, password and query.
    #[cfg(feature = "cloud")]
    pub(crate) fn server(&self) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}://{}/{query}", self.scheme.name(), self.authority)
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once("://")?;
        let scheme = Scheme::ALL
            .into_iter()
            .find(|scheme| scheme.name().eq_ignore_ascii_case(name))?;
        // In a key of a store a question mark is a character like others.
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) if !scheme.is_store() => (rest, Some(query.to_owned())),
            _ => (rest, None),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.rsplit('@').next().is_none_or(str::is_empty) {
            return None;
        }
        Some(Self {
            scheme,
            authority: authority.to_owned(),
            path: path.trim_matches('/').to_owned(),
            query,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.host())?;
        match self.path.as_str() {
            "" => Ok(()),
            path => write!(f, "/{path}"),
        }
    }
}

/// As it is shown: what is secret is in no message, not even by mistake.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Where a file or a folder is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// On this machine, or on what is mounted there.
    Path(PathBuf),
    /// Elsewhere.
    Address(Address),
}

impl Location {
    /// The location that `text` names: an address if it starts with a scheme that is known, else a path.
    #[must_use]
    pub fn of(text: &Path) -> Self {
        let address = text.to_str().and_then(Address::parse);
        address.map_or_else(|| Self::Path(text.to_path_buf()), Self::Address)
    }

    /// Whether `text` names an address.
    #[must_use]
    pub fn is_address(text: &Path) -> bool {
        matches!(Self::of(text), Self::Address(_))
    }

    /// The location of `name` under this one; names are parted by slashes.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        match self {
            Self::Path(path) => Self::Path(path.join(name)),
            Self::Address(address) => {
                let mut joined = address.clone();
                joined.path = match address.path.as_str() {
                    "" => name.trim_matches('/').to_owned(),
                    path => format!("{path}/{}", name.trim_matches('/')),
                };
                Self::Address(joined)
            }
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "tests")]
    use super::*;

    fn address(text: &str) -> Address {
        match Location::of(Path::new(text)) {
            Location::Address(address) => address,
            Location::Path(path) => panic!("{}", path.display()),
        }
    }

    #[test]
    fn addresses_are_told_from_paths() {
        for text in [
            "data/birds",
            "/data",
            "s3:/b/k",
            "file://x",
            "C:\\data",
            "s3://",
            "s3:///k",
            "://x",
            "",
        ] {
            assert_eq!(Location::of(Path::new(text)), Location::Path(text.into()), "{text}");
        }
        let found = address("S3://lab/birds/2026/");
        assert_eq!(
            (found.scheme(), found.host(), found.path()),
            (Scheme::S3, "lab", "birds/2026")
        );
        assert_eq!(address("http://127.0.0.1:80").to_string(), "http://127.0.0.1:80");
        assert_eq!(address("gs://b/a?b").path(), "a?b");
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        let found = address("https://me:word@host:8/a/b.wav?sig=abc");
        assert_eq!(found.to_string(), "https://host:8/a/b.wav");
        assert_eq!(format!("{found:?}"), "https://host:8/a/b.wav");
        let joined = Location::Address(found).join("c");
        assert_eq!(joined.to_string(), "https://host:8/a/b.wav/c");
        assert!(!format!("{joined:?}").contains("abc"));
    }

    #[test]
    fn names_are_joined_by_one_slash() {
        let join = |base: &str| Location::of(Path::new(base)).join("shards/0").to_string();
        assert_eq!(join("s3://b"), "s3://b/shards/0");
        assert_eq!(join("s3://b/k/"), "s3://b/k/shards/0");
        assert_eq!(join("data"), "data/shards/0");
    }
}
