//! Provides `read_items`, a JSON file of many objects parsed one by one, with every mistake in it reported.

use std::io::BufReader;
use std::path::Path;

use serde::de::DeserializeOwned;
use shardfmt::checksum::FileHash;

use super::json_items::{JsonItem, JsonItems};
use crate::tables::{Place, Problems};
use frontend::source_file::open_file;

/// After this many mistakes the file is not read on: it is of another kind, or all of them have one cause.
const MAX_PROBLEMS: usize = 1000;
/// Buffer of the file.
const BUFFER_BYTES: usize = 256 << 10;

/// Where an object is, for messages about it.
#[derive(Clone, Copy)]
pub(super) struct ItemPlace<'a> {
    /// The file.
    pub(super) file: &'a Path,
    /// The object.
    pub(super) item: JsonItem<'a>,
    /// Number of problems from which on no more are recorded: a single object may hold millions.
    full_at: usize,
}

impl ItemPlace<'_> {
    /// Records a problem of the value at `key`.
    pub(super) fn problem(&self, problems: &mut Problems, key: &str, value: &str, message: impl Into<String>) {
        if problems.len() < self.full_at {
            let place = Place {
                line: Some(self.item.line),
                item: Some(self.item.number),
                value: Some(value.into()),
            };
            problems.add(self.file, Some(key), place, message.into());
        }
    }
}

/// Hands every object of the array in `file` to `each`, and returns the file's hash. `None` when it could not be read
/// to its end; mistakes, also those that `each` finds, are in `problems`.
pub(super) fn read_items<T: DeserializeOwned>(
    file: &Path,
    problems: &mut Problems,
    mut each: impl FnMut(ItemPlace<'_>, T, &mut Problems),
) -> Option<FileHash> {
    let full_at = problems.len() + MAX_PROBLEMS;
    let reader = match open_file(file) {
        Ok(reader) => reader,
        Err(error) => {
            problems.file(file, format!("cannot be read: {error}"));
            return None;
        }
    };
    let mut items = JsonItems::new(BufReader::with_capacity(BUFFER_BYTES, reader));
    loop {
        match items.next() {
            Ok(None) => return Some(items.hash()),
            Ok(Some(item)) => match serde_json::from_slice(item.text) {
                Ok(parsed) => each(ItemPlace { file, item, full_at }, parsed, problems),
                Err(error) => {
                    let line = item.line + (error.line() as u64).saturating_sub(1);
                    let text = error.to_string();
                    // The line is that of the file, the column would be that of the object.
                    let reason = text.split(" at line ").next().unwrap_or(&text);
                    let place = Place {
                        line: Some(line),
                        item: Some(item.number),
                        value: None,
                    };
                    problems.add(file, None, place, reason.into());
                }
            },
            Err(broken) => {
                problems.line(file, broken.line, broken.reason);
                return None;
            }
        }
        if problems.len() >= full_at {
            problems.file(file, format!("stopped after {MAX_PROBLEMS} problems"));
            return None;
        }
    }
}
