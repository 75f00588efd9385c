//! Provides `decode`, the text of a file's bytes: UTF-8, or UTF-16 with a byte order mark; others are refused with
//! their place.

use std::borrow::Cow;
use std::path::Path;

use super::lines::Lines;
use super::problem::{Place, Problems};

/// How files begin that people take for text, and what to do with them.
const NO_TEXT: [(&[u8], &str); 6] = [
    (
        b"PK\x03\x04",
        "is a workbook or a ZIP archive; save the sheet as CSV (UTF-8)",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "is a workbook of an old Excel; save the sheet as CSV (UTF-8)",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "is compressed with zstd; unpack it first, or use gzip",
    ),
    (b"BZh", "is compressed with bzip2; unpack it first, or use gzip"),
    (b"\xfd7zXZ\0", "is compressed with xz; unpack it first, or use gzip"),
    (b"\xff\xfe\0\0", "is UTF-32, which is not supported; save it as UTF-8"),
];

/// The text without its byte order mark. Bytes that are no text are recorded, each line of them, and give `None`: with
/// another character in its place, a label would be another one.
pub(crate) fn decode<'b>(file: &Path, bytes: &'b [u8], problems: &mut Problems) -> Option<Cow<'b, str>> {
    if let Some((_, message)) = NO_TEXT.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        problems.file(file, *message);
        return None;
    }
    if let Some(units) = bytes.strip_prefix(b"\xff\xfe") {
        return utf16(file, units, u16::from_le_bytes, problems).map(Cow::Owned);
    }
    if let Some(units) = bytes.strip_prefix(b"\xfe\xff") {
        return utf16(file, units, u16::from_be_bytes, problems).map(Cow::Owned);
    }
    if let [0, 1..=255, 0, 1..=255, ..] | [1..=255, 0, 1..=255, 0, ..] = bytes {
        problems.file(file, "seems to be UTF-16 without a byte order mark; save it as UTF-8");
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(Cow::Borrowed(text)),
        Err(_) => {
            report_other_bytes(file, bytes, problems);
            None
        }
    }
}

/// Text of two bytes a unit.
fn utf16(file: &Path, bytes: &[u8], unit: fn([u8; 2]) -> u16, problems: &mut Problems) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks();
    let mut text = String::with_capacity(bytes.len());
    let mut is_whole = rest.is_empty();
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        is_whole &= character.is_ok();
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        if !is_whole {
            break;
        }
    }
    if !is_whole {
        let line = Lines::new(text.as_bytes()).at(text.len() as u64);
        problems.line(
            file,
            line,
            "is not whole UTF-16: half a character is missing; save it as UTF-8",
        );
    }
    is_whole.then_some(text)
}

/// Records every line that holds bytes which are not UTF-8, with the cell that holds the first of them.
fn report_other_bytes(file: &Path, bytes: &[u8], problems: &mut Problems) {
    let mut lines = Lines::new(bytes);
    let (mut offset, mut last_line) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        let start = offset + chunk.valid().len();
        offset = start + chunk.invalid().len();
        if chunk.invalid().is_empty() {
            continue;
        }
        let line = lines.at(start as u64);
        if line != last_line {
            let place = Place {
                line: Some(line),
                item: None,
                value: Some(cell_at(bytes, start)),
            };
            let message = "is not UTF-8 text (Latin-1, Windows-1252 or another encoding); save the file as UTF-8";
            problems.add(file, None, place, message.into());
        }
        last_line = line;
    }
}

/// What stands around a byte, up to the next delimiters, to be shown.
fn cell_at(bytes: &[u8], at: usize) -> String {
    const SHOWN_BYTES: usize = 40;
    let ends = |byte: &u8| matches!(byte, b'\r' | b'\n' | b'\t' | b',' | b';' | b'"');
    let (before, after) = bytes.split_at(at.min(bytes.len()));
    let before = before.rsplit(ends).next().unwrap_or_default();
    let before = before
        .get(before.len().saturating_sub(SHOWN_BYTES)..)
        .unwrap_or_default();
    let after = after.split(ends).next().unwrap_or_default();
    let after = after.get(..SHOWN_BYTES.min(after.len())).unwrap_or_default();
    String::from_utf8_lossy(&[before, after].concat()).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn decoded(bytes: &[u8]) -> Result<String, String> {
        let mut problems = Problems::default();
        let text = decode(Path::new("t.csv"), bytes, &mut problems).map(Cow::into_owned);
        assert_eq!(text.is_none(), !problems.is_empty());
        text.ok_or_else(|| problems.to_string())
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        "\u{feff}"
            .encode_utf16()
            .chain(text.encode_utf16())
            .flat_map(bytes)
            .collect()
    }

    #[test]
    fn utf_8_and_both_orders_of_utf_16_are_the_same_text() {
        let text = "Grünspecht\r\n🐦\t1";
        assert_eq!(decoded(text.as_bytes()).unwrap(), text);
        assert_eq!(decoded(format!("\u{feff}{text}").as_bytes()).unwrap(), text);
        assert_eq!(decoded(&utf16(text, u16::to_le_bytes)).unwrap(), text);
        assert_eq!(decoded(&utf16(text, u16::to_be_bytes)).unwrap(), text);
        assert_eq!(decoded(b"").unwrap(), "");
    }

    #[test]
    fn other_encodings_are_refused_with_lines_and_what_to_do() {
        let error = decoded(b"label\nwren\nGr\xfcnspecht,1\nBl\xe4sshuhn\n\xe4,\xf6\n").unwrap_err();
        assert!(
            error.contains("t.csv:3 = \"Gr\u{fffd}nspecht\": is not UTF-8 text"),
            "{error}"
        );
        assert!(error.contains("save the file as UTF-8 (also t.csv:4 "), "{error}");
        assert!(
            error.contains("1 problem in") && error.ends_with("t.csv:5 \"\u{fffd}\")"),
            "{error}"
        );
        for (bytes, expected) in [
            (&b"a\0b\0"[..], "UTF-16 without a byte order mark"),
            (b"\0a\0b", "UTF-16 without a byte order mark"),
            (b"\xff\xfea\0\n\0\0\xd8", "t.csv:2: is not whole UTF-16"),
            (b"\xff\xfea\0b", "is not whole UTF-16"),
            (b"\xff\xfe\0\0a\0\0\0", "UTF-32"),
            (b"PK\x03\x04", "save the sheet as CSV"),
        ] {
            let error = decoded(bytes).unwrap_err();
            assert!(error.contains(expected), "{bytes:?}: {error}");
        }
    }
}
