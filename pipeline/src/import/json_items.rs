//! Provides `JsonItems`, the objects of a JSON array of any length, one after the other in bounded memory.

use std::io::{BufRead, ErrorKind};

use shardfmt::checksum::{FileHash, Hasher};

/// Longest object that is taken: far more than a clip with thousands of boxes has.
const MAX_ITEM_BYTES: usize = 16 << 20;

/// One object of the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JsonItem<'a> {
    /// Its JSON text, not yet parsed.
    pub(super) text: &'a [u8],
    /// Where it starts, in bytes from the start of the file.
    pub(super) offset_bytes: u64,
    /// The line it starts in, from 1.
    pub(super) line: u64,
    /// Its number in the array, from 0.
    pub(super) number: u64,
}

/// Why the file as a whole is not an array of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BrokenArray {
    /// The line, from 1.
    pub(super) line: u64,
    /// What is wrong.
    pub(super) reason: String,
}

/// Reads `[{...}, {...}, ...]` item by item: finds where each ends, and leaves its inside to a JSON parser. Memory is
/// that of the longest item.
pub(super) struct JsonItems<R> {
    reader: R,
    hasher: Hasher,
    item: Vec<u8>,
    offset_bytes: u64,
    line: u64,
    number: u64,
    begun: bool,
}

impl<R: BufRead> JsonItems<R> {
    pub(super) fn new(reader: R) -> Self {
        JsonItems {
            reader,
            hasher: Hasher::default(),
            item: Vec::new(),
            offset_bytes: 0,
            line: 1,
            number: 0,
            begun: false,
        }
    }

    /// The next item; `None` after the last, once the file has been read to its end.
    ///
    /// # Errors
    /// [`BrokenArray`] when the file cannot be read or is not an array of objects. Nothing can be read after that.
    pub(super) fn next(&mut self) -> Result<Option<JsonItem<'_>>, BrokenArray> {
        if self.begun {
            if self.expect(b",]", "expected \",\" or \"]\" after an item")? == b']' {
                return self.end().map(|()| None);
            }
        } else {
            self.begun = true;
            self.expect(b"[", "expected an array")?;
            if self.peek()? == Some(b']') {
                self.consume(1, false)?;
                return self.end().map(|()| None);
            }
        }
        if self.peek()? != Some(b'{') {
            return Err(self.error("expected an object"));
        }
        let (offset_bytes, line, number) = (self.offset_bytes, self.line, self.number);
        self.take_object()?;
        self.number += 1;
        Ok(Some(JsonItem {
            text: &self.item,
            offset_bytes,
            line,
            number,
        }))
    }

    /// Size and hash of the file, once its end has been reached.
    pub(super) fn hash(self) -> FileHash {
        self.hasher.finish()
    }

    fn error(&self, reason: impl Into<String>) -> BrokenArray {
        BrokenArray {
            line: self.line,
            reason: reason.into(),
        }
    }

    /// After the array there must be nothing.
    fn end(&mut self) -> Result<(), BrokenArray> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.error("unexpected content after the array")),
        }
    }

    /// The next byte that is not white space, without taking it; `None` at the end of the file.
    fn peek(&mut self) -> Result<Option<u8>, BrokenArray> {
        loop {
            let buffer = fill(&mut self.reader, self.line)?;
            let blanks = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let next = buffer.get(blanks).copied();
            let at_end = buffer.is_empty();
            self.consume(blanks, false)?;
            if next.is_some() || at_end {
                return Ok(next);
            }
        }
    }

    /// Takes the next byte that is not white space, which must be one of `expected`.
    fn expect(&mut self, expected: &[u8], otherwise: &str) -> Result<u8, BrokenArray> {
        match self.peek()? {
            Some(byte) if expected.contains(&byte) => {
                self.consume(1, false)?;
                Ok(byte)
            }
            Some(byte) => Err(self.error(format!("{otherwise}, got {:?}", char::from(byte)))),
            None => Err(self.error(format!("{otherwise}, but the file is truncated"))),
        }
    }

    /// Takes an object up to the brace that closes it.
    fn take_object(&mut self) -> Result<(), BrokenArray> {
        self.item.clear();
        let (mut depth, mut in_string, mut escaped) = (0_u64, false, false);
        loop {
            let buffer = fill(&mut self.reader, self.line)?;
            if buffer.is_empty() {
                return Err(self.error("the file is truncated inside an item"));
            }
            let mut taken = buffer.len();
            for (byte, at) in buffer.iter().zip(1..) {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_string => escaped = true,
                    b'"' => in_string = !in_string,
                    b'{' | b'[' if !in_string => depth += 1,
                    b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
                    _ => {}
                }
                if depth == 0 {
                    taken = at;
                    break;
                }
            }
            self.consume(taken, true)?;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Takes bytes from the buffer, into the item or past it.
    fn consume(&mut self, bytes: usize, into_item: bool) -> Result<(), BrokenArray> {
        let buffer = fill(&mut self.reader, self.line)?;
        let taken = buffer.get(..bytes).unwrap_or(buffer);
        self.hasher.update(taken);
        if into_item {
            self.item.extend_from_slice(taken);
        }
        self.line += taken.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.offset_bytes += taken.len() as u64;
        self.reader.consume(bytes);
        if self.item.len() > MAX_ITEM_BYTES {
            return Err(self.error(format!("an item is longer than {} MiB", MAX_ITEM_BYTES >> 20)));
        }
        Ok(())
    }
}

fn fill<R: BufRead>(reader: &mut R, line: u64) -> Result<&[u8], BrokenArray> {
    // A second call returns what the first one found, so that an interruption can be waited out before the borrow.
    loop {
        match reader.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(BrokenArray {
                    line,
                    reason: format!("cannot be read: {error}"),
                });
            }
        }
    }
    reader.fill_buf().map_err(|error| BrokenArray {
        line,
        reason: format!("cannot be read: {error}"),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// The items of a text, read through a buffer of a few bytes.
    fn items(text: &str, buffer_bytes: usize) -> Result<Vec<(String, u64, u64)>, BrokenArray> {
        let mut items = JsonItems::new(BufReader::with_capacity(buffer_bytes, text.as_bytes()));
        let mut found = Vec::new();
        while let Some(item) = items.next()? {
            let text = String::from_utf8(item.text.to_vec()).unwrap();
            found.push((text, item.offset_bytes, item.line));
        }
        let hash = items.hash();
        assert_eq!(
            (hash.bytes, hash.xxh3),
            (text.len() as u64, shardfmt::Xxh3::of(text.as_bytes()))
        );
        Ok(found)
    }

    #[test]
    fn items_are_found_whatever_is_in_them() {
        let text = "[{\"a\": [1, {\"b\": \"}]{\\\"\"}]},\n\n {\"c\": \"\\\\\"} , {}\n]\n";
        for buffer_bytes in [1, 2, 3, 7, 1000] {
            let found = items(text, buffer_bytes).unwrap();
            assert_eq!(found.len(), 3, "{buffer_bytes}");
            assert_eq!(found[0], ("{\"a\": [1, {\"b\": \"}]{\\\"\"}]}".into(), 1, 1));
            assert_eq!(found[1].2, 3);
            assert!(text[found[1].1 as usize..].starts_with("{\"c\""));
            serde_json::from_str::<serde_json::Value>(&found[1].0).unwrap();
        }
        assert_eq!(items(" [ ] ", 2).unwrap(), []);
    }

    #[test]
    fn what_is_no_array_of_objects_is_refused_with_its_line() {
        for (text, line, reason) in [
            ("", 1, "truncated"),
            ("{}", 1, "expected an array"),
            ("[1]", 1, "expected an object"),
            ("[{}\n{}]", 2, "expected \",\" or \"]\""),
            ("[{},\n]", 2, "expected an object"),
            ("[{}\n,{\"a\":", 2, "inside an item"),
            ("[{}", 1, "truncated"),
            ("[] x", 1, "after the array"),
            ("[{\"a\": \"}", 1, "inside an item"),
        ] {
            let broken = items(text, 3).unwrap_err();
            assert!(broken.reason.contains(reason), "{text}: {broken:?}");
            assert_eq!(broken.line, line, "{text}");
        }
    }

    #[test]
    fn an_endless_item_ends_the_reading() {
        let endless = std::io::Read::chain(&b"[{\"a\": \""[..], std::io::repeat(b'x'));
        let mut items = JsonItems::new(BufReader::new(endless));
        assert!(items.next().unwrap_err().reason.contains("longer than 16 MiB"));
    }
}
