//! Defines `CacheSettings`, where files that are kept elsewhere come to, and how many bytes of them.

use std::path::PathBuf;

use crate::error::{Error, Result};

/// Bytes a cache may hold where nobody says.
const DEFAULT_BYTES: u64 = 100 << 30;
const BYTES: &str = "L48_CACHE_BYTES";

/// Where a cache is, and how large it may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// Its folder, which only caches use.
    pub dir: PathBuf,
    /// Bytes it may hold.
    pub bytes: u64,
}

impl CacheSettings {
    /// What is asked for; else what `L48_CACHE` and `L48_CACHE_BYTES` say; else the folder `l48` among the user's
    /// caches, and 100 GiB.
    ///
    /// # Errors
    /// [`Error::Setting`] for a number of bytes that is none, or no home folder.
    pub fn asked(dir: Option<PathBuf>, bytes: Option<u64>) -> Result<Self> {
        let set = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let caches = || set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
        let dir = dir.or_else(|| set("L48_CACHE")).or_else(|| Some(caches()?.join("l48")));
        let bytes = match (bytes, std::env::var(BYTES)) {
            (Some(bytes), _) => bytes,
            (None, Ok(text)) => parse_bytes(&text).map_err(|reason| Error::Setting { name: BYTES, reason })?,
            (None, Err(_)) => DEFAULT_BYTES,
        };
        match dir {
            Some(dir) => Ok(Self { dir, bytes }),
            None => Err(Error::Setting {
                name: "--cache",
                reason: "there is no home folder to have a cache in; name a folder".into(),
            }),
        }
    }
}

/// A number of bytes, also in K, M, G or T, or KiB and so on (all powers of 1024).
///
/// # Errors
/// What was expected.
pub fn parse_bytes(text: &str) -> std::result::Result<u64, String> {
    let mistake = || format!("expected a number of bytes such as 500G, got {text:?}");
    let plain = text.trim();
    let digits = plain.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = plain.get(digits.len()..).unwrap_or_default().trim();
    let shift = match unit
        .trim_end_matches("iB")
        .trim_end_matches('B')
        .to_ascii_uppercase()
        .as_str()
    {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err(mistake()),
    };
    let number: u64 = digits.trim().parse().map_err(|_| mistake())?;
    number.checked_mul(1 << shift).ok_or_else(mistake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units_of_1024() {
        let read = |text: &str| parse_bytes(text).ok();
        assert_eq!(
            [read("0"), read(" 12 "), read("3K"), read("2 MiB")],
            [Some(0), Some(12), Some(3072), Some(2 << 20)]
        );
        assert_eq!(
            [read("5g"), read("1T"), read("7B")],
            [Some(5 << 30), Some(1 << 40), Some(7)]
        );
        assert_eq!(
            [
                read(""),
                read("G"),
                read("-1"),
                read("1.5G"),
                read("99999999T"),
                read("1X")
            ],
            [None; 6]
        );
    }
}
