//! Provides the reader of `val_split.npy`: the asset ids of the val split, a NumPy array of integers.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use crate::tables::Problems;
use frontend::source_file::open_file;

/// Start of the format (numpy.lib.format, version 1 to 3).
const MAGIC: &[u8] = b"\x93NUMPY";
/// More than any list of assets takes.
const MAX_BYTES: u64 = 64 << 20;

/// Reads the ids; an id that duplicate id counts once. `None`, and the reason in `problems`, when it cannot be read.
pub(super) fn read(file: &Path, problems: &mut Problems) -> Option<BTreeSet<i64>> {
    let mut bytes = Vec::new();
    let read = open_file(file).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
    let parsed = read
        .map_err(|error| format!("cannot be read: {error}"))
        .and_then(|_| parse(&bytes));
    match parsed {
        Ok(ids) => Some(ids),
        Err(reason) => {
            problems.file(file, reason);
            None
        }
    }
}

fn parse(bytes: &[u8]) -> Result<BTreeSet<i64>, String> {
    let cut = || "is truncated".to_owned();
    let after_magic = bytes.strip_prefix(MAGIC).ok_or("is not a NumPy file (.npy)")?;
    let (version, after_version) = after_magic.split_at_checked(2).ok_or_else(cut)?;
    // The length has 2 bytes in version 1, and 4 in the later ones.
    let length_bytes = if version.first() == Some(&1) { 2 } else { 4 };
    let (length, after_length) = after_version.split_at_checked(length_bytes).ok_or_else(cut)?;
    let length = length
        .iter()
        .rev()
        .fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte));
    let (header, data) = after_length.split_at_checked(length).ok_or_else(cut)?;
    let header = String::from_utf8_lossy(header);
    let value_of = |key: &str| {
        let rest = header.split(&format!("'{key}':")).nth(1).unwrap_or_default();
        rest.trim_start().to_owned()
    };
    let (kind, shape) = (value_of("descr"), value_of("shape"));
    let width_bytes = match kind.get(..5) {
        Some("'<i8'") => 8,
        Some("'<i4'") => 4,
        _ => {
            let got = kind.split(',').next().unwrap_or_default();
            return Err(format!(
                "expected integers of 64 or 32 bits ('<i8' or '<i4'), got {got}"
            ));
        }
    };
    let sides = shape.trim_start_matches('(').split(')').next().unwrap_or_default();
    let count = match sides.trim_end_matches(',').trim().parse::<usize>() {
        Ok(count) => count,
        Err(_) => return Err(format!("expected a one-dimensional array of ids, got shape ({sides})")),
    };
    if count.checked_mul(width_bytes) != Some(data.len()) {
        return Err(format!(
            "expected {count} ids of {width_bytes} bytes, got {} bytes",
            data.len()
        ));
    }
    let id = |bytes: &[u8]| {
        let sign = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) {
            -1
        } else {
            0
        };
        bytes
            .iter()
            .rev()
            .fold(sign, |sum: i64, &byte| sum << 8 | i64::from(byte))
    };
    Ok(data.chunks_exact(width_bytes).map(id).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn ids_of_both_widths_are_read_and_doubles_count_once() {
        let wide: Vec<u8> = [7_i64, -3, 7, 1 << 40].iter().flat_map(|id| id.to_le_bytes()).collect();
        let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (4,), }      \n";
        assert_eq!(parse(&npy(header, &wide)).unwrap(), BTreeSet::from([-3, 7, 1 << 40]));
        let narrow: Vec<u8> = [7_i32, -3].iter().flat_map(|id| id.to_le_bytes()).collect();
        let header = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }\n";
        assert_eq!(parse(&npy(header, &narrow)).unwrap(), BTreeSet::from([-3, 7]));
    }

    #[test]
    fn other_arrays_are_refused() {
        for (header, data, reason) in [
            (
                "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }",
                vec![0; 8],
                "got '<f8'",
            ),
            (
                "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 1), }",
                vec![0; 8],
                "shape (1, 1)",
            ),
            (
                "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }",
                vec![0; 8],
                "got 8 bytes",
            ),
            ("{'descr': '<i8', 'shape': (99999999999999999999,)}", vec![], "shape"),
            ("", vec![], "expected integers"),
        ] {
            let refused = parse(&npy(header, &data)).unwrap_err();
            assert!(refused.contains(reason), "{header}: {refused}");
        }
        assert_eq!(parse(b"PK").unwrap_err(), "is not a NumPy file (.npy)");
        let whole = npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", &[0; 8]);
        for length in 6..whole.len() {
            assert!(parse(&whole[..length]).is_err(), "{length}");
        }
    }
}
