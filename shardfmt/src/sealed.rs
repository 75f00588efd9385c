//! Provides sealed JSON: an object whose last member is the xxh3 of all bytes before it, so that no flipped bit goes
//! unseen.
//!
//! `dataset.json` is sealed, and so are the records a writer keeps while a dataset is unfinished.

use std::path::Path;

use crate::checksum::Xxh3;
use crate::error::{Error, Result};

/// What stands before the checksum's digits, and behind them.
const TAIL: (&str, &str) = (",\"xxh3\":\"", "\"}\n");
/// Bytes of the tail with the digits.
const TAIL_BYTES: usize = TAIL.0.len() + 16 + TAIL.1.len();

/// Seals the text of a JSON object that has at least one member.
///
/// # Errors
/// [`Error::DatasetJson`] naming `path` when the text is not such an object.
pub fn seal(object: &str, path: &Path) -> Result<Vec<u8>> {
    let open = object
        .strip_suffix('}')
        .map(str::trim_end)
        .filter(|open| open.starts_with('{') && open.len() > 1);
    let open = open.ok_or_else(|| damaged(path, "content", "is not a JSON object with members"))?;
    Ok(format!("{open}{}{}{}", TAIL.0, Xxh3::of(open.as_bytes()), TAIL.1).into_bytes())
}

/// Checks the seal of the bytes read from `path` and returns the object, its `xxh3` member included.
///
/// # Errors
/// [`Error::DatasetJson`] when the end is not a seal, [`Error::FileChecksum`] when any byte before it changed.
pub fn unseal<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str> {
    let split = bytes
        .len()
        .checked_sub(TAIL_BYTES)
        .and_then(|at| bytes.split_at_checked(at));
    let sealed = split.and_then(|(open, tail)| {
        let digits = std::str::from_utf8(tail)
            .ok()?
            .strip_prefix(TAIL.0)?
            .strip_suffix(TAIL.1)?;
        Some((open, digits.parse::<Xxh3>().ok()?))
    });
    let (open, expected) = sealed.ok_or_else(|| {
        damaged(
            path,
            "end",
            "is not ,\"xxh3\":\"<16 hexadecimal digits>\"} and a newline",
        )
    })?;
    let got = Xxh3::of(open);
    if got != expected {
        return Err(Error::FileChecksum {
            path: path.to_path_buf(),
            expected,
            got,
        });
    }
    std::str::from_utf8(bytes).map_err(|_| damaged(path, "content", "is not UTF-8"))
}

fn damaged(path: &Path, field: &'static str, reason: &str) -> Error {
    Error::DatasetJson {
        path: path.to_path_buf(),
        field,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_seal_holds_and_any_flipped_bit_breaks_it() {
        let path = Path::new("x.json");
        let sealed = seal("{\"a\":1\n}", path).unwrap();
        assert!(sealed.ends_with(b"\"}\n") && sealed.starts_with(b"{\"a\":1,\"xxh3\":\""));
        let text = unseal(&sealed, path).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(text).unwrap()["a"], 1);
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(&flipped, path).is_err(), "bit {bit}");
        }
        assert!(seal("{}", path).is_err() && seal("[1]", path).is_err());
    }
}
