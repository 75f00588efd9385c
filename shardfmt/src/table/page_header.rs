//! Provides the page headers of a Parquet file: what a page says of its size, before anything of it is decompressed.
//!
//! The Parquet library (60.1) reserves `uncompressed_page_size` unchecked: a page of a few bytes may claim 2 GiB. This
//! file is here until the library checks it (arrow-rs issue #10734, PR #10821); most of it can go then. It reads
//! headers more strictly than the library does, so that both see the same numbers or this one refuses: fields ascend,
//! as every writer has them, none comes twice, and none has another type than the [specification] gives it.
//!
//! [specification]: https://github.com/apache/parquet-format

use std::io::{Error, Read, Result};

/// Most bytes of a header; those of real files have tens, with statistics some hundreds.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// Structs inside each other: a page header has statistics in a header of its kind.
const MAX_DEPTH: u32 = 8;

/// Types of the Thrift compact protocol that page headers use.
mod wire {
    pub(super) const STOP: u8 = 0;
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const I16: u8 = 4;
    pub(super) const I32: u8 = 5;
    pub(super) const I64: u8 = 6;
    pub(super) const DOUBLE: u8 = 7;
    pub(super) const BINARY: u8 = 8;
    pub(super) const STRUCT: u8 = 12;
}

/// The sizes in one page header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// Bytes of the header itself.
    pub(super) header_bytes: u64,
    /// Bytes of the page in the file.
    pub(super) compressed_bytes: u64,
    /// Bytes of the page in memory.
    pub(super) uncompressed_bytes: u64,
    /// Values in the page, nulls and empty lists included.
    pub(super) values: u64,
    /// Whether the values are a dictionary's, to which those of other pages point.
    pub(super) is_dictionary: bool,
    /// Bytes before the compressed ones in the file: the levels of a page of version 2.
    pub(super) level_bytes: u64,
}

impl PageHeader {
    /// Reads the header that starts here.
    ///
    /// # Errors
    /// The system's, or that the bytes are no page header.
    pub(super) fn read(input: impl Read) -> Result<Self> {
        let (mut header, mut has_sizes) = (PageHeader::default(), [false; 2]);
        let mut fields = Fields { input, bytes: 0 };
        fields.read_struct(0, 0, &mut |parent, id, value| {
            let value = u64::from(u32::try_from(value).map_err(|_| Error::other("a negative size in a page header"))?);
            match (parent, id) {
                (0, 2) => (header.uncompressed_bytes, has_sizes[0]) = (value, true),
                (0, 3) => (header.compressed_bytes, has_sizes[1]) = (value, true),
                (DATA | DICTIONARY | DATA_V2, 1) => {
                    header.values = header.values.max(value);
                    header.is_dictionary = parent == DICTIONARY;
                }
                (DATA_V2, 5 | 6) => header.level_bytes += value,
                _ => {}
            }
            Ok(())
        })?;
        header.header_bytes = fields.bytes;
        if has_sizes == [true; 2] {
            Ok(header)
        } else {
            Err(Error::other("a page header without the sizes of its page"))
        }
    }
}

/// Field of a page header that describes a data page.
const DATA: u32 = 5;
/// The same of a dictionary.
const DICTIONARY: u32 = 7;
/// The same of a data page of version 2.
const DATA_V2: u32 = 8;

/// The type that a field of the struct in field `parent` (0: the page header) must have. The library reads these
/// without checking their type.
fn declared(parent: u32, id: u32) -> Option<u8> {
    match (parent, id) {
        (0, 5..=8) => Some(wire::STRUCT),
        (0 | DATA, 1..=4) | (DICTIONARY, 1..=2) | (DATA_V2, 1..=6) => Some(wire::I32),
        _ => None,
    }
}

struct Fields<R> {
    input: R,
    bytes: u64,
}

impl<R: Read> Fields<R> {
    /// Reads a struct to its end, and hands on the whole numbers declared, each with its struct's field and its own.
    fn read_struct(
        &mut self,
        parent: u32,
        depth: u32,
        found: &mut impl FnMut(u32, u32, i32) -> Result<()>,
    ) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::other("a page header nested too deeply"));
        }
        let mut id = 0;
        loop {
            let byte = self.byte()?;
            let (delta, kind) = (u32::from(byte >> 4), byte & 0xf);
            if kind == wire::STOP {
                return Ok(());
            }
            if delta == 0 {
                return Err(Error::other("page header fields out of order"));
            }
            id += delta;
            match declared(parent, id) {
                Some(expected) if expected != kind => {
                    return Err(Error::other("a page header field of the wrong type"));
                }
                Some(wire::I32) => {
                    let value = self.whole_number()?;
                    found(parent, id, value)?;
                }
                _ if kind == wire::STRUCT => {
                    // Only the structs of the header itself are told apart.
                    let inner = if depth == 0 { id } else { u32::MAX };
                    self.read_struct(inner, depth + 1, found)?;
                }
                _ => self.skip(kind)?,
            }
        }
    }

    fn skip(&mut self, kind: u8) -> Result<()> {
        match kind {
            wire::TRUE | wire::FALSE => Ok(()),
            wire::BYTE => self.skip_bytes(1),
            wire::I16 | wire::I32 | wire::I64 => self.varint().map(drop),
            wire::DOUBLE => self.skip_bytes(8),
            wire::BINARY => {
                let bytes = self.varint()?;
                self.skip_bytes(bytes)
            }
            _ => Err(Error::other(
                "a page header field of a type that page headers do not use",
            )),
        }
    }

    fn skip_bytes(&mut self, bytes: u64) -> Result<()> {
        if bytes > MAX_HEADER_BYTES {
            return Err(Error::other("a page header that is too long"));
        }
        (0..bytes).try_for_each(|_| self.byte().map(drop))
    }

    fn byte(&mut self) -> Result<u8> {
        if self.bytes == MAX_HEADER_BYTES {
            return Err(Error::other("a page header that is too long"));
        }
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        self.bytes += 1;
        Ok(byte[0])
    }

    /// A number of seven bits a byte, the lowest first.
    fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Error::other("a number that is too long in a page header"))
    }

    fn whole_number(&mut self) -> Result<i32> {
        let zigzag = self.varint()?;
        // At most 63 bits, so neither part overflows.
        let value = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        i32::try_from(value).map_err(|_| Error::other("a number of more than 32 bits in a page header"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// A data page of 3 values: 300 bytes, 10 in the file.
    const DATA_PAGE: [u8; 18] = [
        0x15, 0, 0x15, 0xd8, 4, 0x15, 20, 0x2c, 0x15, 6, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0,
    ];

    fn refusal(bytes: &[u8]) -> String {
        PageHeader::read(bytes).unwrap_err().to_string()
    }

    #[test]
    fn sizes_and_values_are_read() {
        let expected = PageHeader {
            header_bytes: 18,
            compressed_bytes: 10,
            uncompressed_bytes: 300,
            values: 3,
            is_dictionary: false,
            level_bytes: 0,
        };
        assert_eq!(PageHeader::read(&DATA_PAGE[..]).unwrap(), expected);
        let mut dictionary = DATA_PAGE;
        dictionary[7] = 0x4c;
        assert!(PageHeader::read(&dictionary[..]).unwrap().is_dictionary);
        for length in 0..DATA_PAGE.len() {
            assert!(PageHeader::read(&DATA_PAGE[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn what_the_library_could_read_otherwise_is_refused() {
        let after = |more: &[u8]| [&DATA_PAGE[..17], more, &[0]].concat();
        // Its size once more, by its full number: the library keeps the last one.
        assert!(refusal(&after(&[0x05, 4, 0x15, 0xff, 0xff, 0xff, 0xff, 0xf])).contains("out of order"));
        // A size without a type that has one.
        assert!(refusal(&[0x15, 0, 0x11, 0x15, 20, 0]).contains("wrong type"));
        // A size of more than 32 bits, of which the library keeps the lower ones.
        assert!(refusal(&[0x15, 0, 0x15, 0x80, 0x80, 0x80, 0x80, 0x20, 0x15, 20, 0]).contains("more than 32 bits"));
        // A list, which costs no bytes an item.
        assert!(refusal(&after(&[0x49, 0xf2, 0xff, 0xff, 0xff, 0x7f])).contains("do not use"));
        assert!(refusal(&after(&[0x48, 0xff, 0xff, 0xff, 0x7f])).contains("too long"));
        assert!(refusal(&after(&[0x1c; 20])).contains("too deeply"));
        assert!(refusal(&[0x15, 0, 0x15, 1, 0x15, 20, 0]).contains("negative"));
        assert!(refusal(&[0x15, 0, 0x15, 20, 0]).contains("without the sizes"));
    }
}
