//! Lists the chunks in which recorders describe a recording, for whoever wants to read them.

use std::io;
use std::ops::Range;

use super::chunk::{Chunk, ChunkId, Likeness};
use crate::audio::ranged::{RangedRead, fill_at};

/// Chunks of metadata that are listed of one file.
const MAX_ENTRIES: usize = 64;

/// The largest chunk that is read as metadata: far above what recorders write.
const MAX_BYTES: u64 = 1 << 20;

/// What a chunk describes, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetadataKind {
    /// GUANO: lines of text (`guan`).
    Guano,
    /// Wildlife Acoustics (`wamd`).
    Wamd,
    /// Broadcast extension (`bext`, EBU Tech 3285).
    Broadcast,
    /// `LIST` of the form `INFO`: comment, artist and other texts.
    Info,
    /// `LIST` of the form `adtl`: texts of cue points.
    Associated,
    /// Cue points (`cue `).
    Cue,
    /// `iXML`.
    Ixml,
}

/// One chunk of metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// What it is.
    pub(super) kind: MetadataKind,
    /// Its bytes in the source: the chunk's body, of a `LIST` after its form.
    pub(super) range: Range<u64>,
}

impl Entry {
    /// Reads its bytes, at most [`MAX_BYTES`].
    ///
    /// # Errors
    ///
    /// Any of the source.
    pub(super) fn read(&self, source: &mut dyn RangedRead) -> io::Result<RecorderMetadata> {
        let bytes = self.range.end.saturating_sub(self.range.start).min(MAX_BYTES);
        let mut body = vec![0; bytes as usize];
        fill_at(source, self.range.start, &mut body)?;
        Ok(RecorderMetadata {
            kind: self.kind,
            bytes: body,
        })
    }
}

/// What a recorder wrote of a recording, as it wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecorderMetadata {
    /// What it is.
    pub kind: MetadataKind,
    /// The chunk's body, of a `LIST` without its form; at most 1 MiB.
    pub bytes: Vec<u8>,
}

impl RecorderMetadata {
    /// The items of a `LIST`: those up to the first that is damaged. Items of odd length may lack their pad byte.
    pub fn items(&self) -> Vec<(ChunkId, &[u8])> {
        let mut items = Vec::new();
        let mut at = 0;
        while let Some((id, body)) = item_at(&self.bytes, at) {
            let end = body.end;
            items.push((id, self.bytes.get(body).unwrap_or_default()));
            // Padded, unless an item stands only without.
            at = match end % 2 {
                1 if item_at(&self.bytes, end + 1).is_none() && item_at(&self.bytes, end).is_some() => end,
                odd => end + odd,
            };
        }
        items
    }
}

/// The entries found so far.
#[derive(Debug, Default)]
pub(super) struct Entries(Vec<Entry>);

impl Entries {
    /// Adds a chunk that ends at `end`, if it is metadata; `form` are the first four bytes of its body.
    pub(super) fn add(&mut self, chunk: Chunk, end: u64, form: Option<[u8; 4]>) {
        let (kind, skipped) = match (&chunk.id.0, form.as_ref()) {
            (b"guan", _) => (MetadataKind::Guano, 0),
            (b"wamd", _) => (MetadataKind::Wamd, 0),
            (b"bext", _) => (MetadataKind::Broadcast, 0),
            (b"cue ", _) => (MetadataKind::Cue, 0),
            (b"iXML", _) => (MetadataKind::Ixml, 0),
            (b"LIST" | b"list", Some(b"INFO")) => (MetadataKind::Info, 4),
            (b"LIST" | b"list", Some(b"adtl")) => (MetadataKind::Associated, 4),
            _ => return,
        };
        let start = chunk.body + skipped;
        if self.0.len() < MAX_ENTRIES && start <= end {
            self.0.push(Entry {
                kind,
                range: start..end,
            });
        }
    }

    pub(super) fn all(&self) -> &[Entry] {
        &self.0
    }
}

/// The item at `at`: a code in letters, and a length that fits.
fn item_at(list: &[u8], at: usize) -> Option<(ChunkId, Range<usize>)> {
    let header = list.get(at..)?.first_chunk::<8>()?;
    let [a, b, c, d, size @ ..] = *header;
    let id = ChunkId([a, b, c, d]);
    let end = (at + 8).checked_add(u32::from_le_bytes(size) as usize)?;
    (id.likeness() != Likeness::None && end <= list.len()).then_some((id, at + 8..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[u8]) -> Vec<(String, String)> {
        let list = RecorderMetadata {
            kind: MetadataKind::Info,
            bytes: list.to_vec(),
        };
        let items = list.items().into_iter();
        items
            .map(|(id, text)| (id.to_string(), String::from_utf8_lossy(text).into_owned()))
            .collect()
    }

    #[test]
    fn items_are_found_with_and_without_padding() {
        let expected = [("ISFT", "abc"), ("ICMT", "a bird sang")].map(|(id, text)| (id.to_owned(), text.to_owned()));
        assert_eq!(texts(b"ISFT\x03\0\0\0abc\0ICMT\x0b\0\0\0a bird sang\0"), expected);
        assert_eq!(texts(b"ISFT\x03\0\0\0abcICMT\x0b\0\0\0a bird sang"), expected);
    }

    #[test]
    fn a_damaged_item_ends_the_list() {
        assert_eq!(texts(b"ISFT\x03\0\0\0abc\0ICMT\xff\0\0\0a bird sang").len(), 1);
        assert_eq!(texts(&[0; 100]), []);
        assert_eq!(texts(b"ISFT"), []);
    }
}
