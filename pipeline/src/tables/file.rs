//! Provides the bytes of an input file.

use std::io::Read;
use std::path::Path;

use frontend::source_file::open_file;

use super::problem::Problems;

/// The bytes of a table or an annotation file; `None`, with a problem, where they cannot be read.
pub(crate) fn read_bytes(file: &Path, problems: &mut Problems) -> Option<Vec<u8>> {
    let read = open_file(file).and_then(|mut open| {
        let mut bytes = Vec::new();
        open.read_to_end(&mut bytes).map(|_| bytes)
    });
    read.map_err(|error| problems.file(file, format!("cannot be read: {error}")))
        .ok()
}

/// A text without the byte order mark that some programs put first.
pub(crate) fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}
