//! Shows a demuxer a file without what is wrong beside its sound: ranges of the file, and bytes put in their place.

use std::io;
use std::ops::Range;

use super::container::Container;
use super::ranged::RangedRead;

/// What a demuxer is to see of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct View {
    container: Container,
    pieces: Vec<Piece>,
    size: u64,
}

/// Bytes of a view that lie together.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    /// Where they start in the view.
    start: u64,
    bytes: u64,
    content: Content,
}

#[derive(Debug, PartialEq, Eq)]
enum Content {
    /// Bytes that are not in the file.
    Made(Vec<u8>),
    /// Bytes of the file, from here on.
    File(u64),
}

impl View {
    /// Nothing yet, to be read by the demuxer of `container`.
    pub(super) fn new(container: Container) -> Self {
        Self {
            container,
            pieces: Vec::new(),
            size: 0,
        }
    }

    /// The container that a demuxer finds in it.
    pub(super) fn container(&self) -> Container {
        self.container
    }

    /// Appends bytes that are not in the file.
    pub(super) fn made(&mut self, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        self.push(bytes.len() as u64, Content::Made(bytes));
    }

    /// Appends a range of the file.
    pub(super) fn file(&mut self, range: Range<u64>) {
        let bytes = range.end.saturating_sub(range.start);
        if let Some(last) = self.pieces.last_mut()
            && let Content::File(start) = last.content
            && start.checked_add(last.bytes) == Some(range.start)
        {
            last.bytes += bytes;
            self.size += bytes;
            return;
        }
        self.push(bytes, Content::File(range.start));
    }

    fn push(&mut self, bytes: u64, content: Content) {
        let start = self.size;
        self.pieces.push(Piece { start, bytes, content });
        self.size = self.size.saturating_add(bytes);
    }

    /// The view of this file.
    pub(super) fn of(self, source: Box<dyn RangedRead>) -> Viewed {
        Viewed { view: self, source }
    }
}

/// A file as a view shows it.
pub(super) struct Viewed {
    view: View,
    source: Box<dyn RangedRead>,
}

impl RangedRead for Viewed {
    fn size(&self) -> u64 {
        self.view.size
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        let first = self
            .view
            .pieces
            .partition_point(|piece| piece.start + piece.bytes <= offset);
        for piece in self.view.pieces.get(first..).unwrap_or_default() {
            let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) else {
                break;
            };
            let skipped = (offset + filled as u64).saturating_sub(piece.start);
            let wanted = usize::try_from(piece.bytes - skipped)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            let Some(rest) = rest.get_mut(..wanted) else { break };
            let read = match &piece.content {
                Content::Made(bytes) => {
                    let at = usize::try_from(skipped).unwrap_or(usize::MAX);
                    let bytes = bytes
                        .get(at..)
                        .and_then(|bytes| bytes.get(..wanted))
                        .unwrap_or_default();
                    rest.copy_from_slice(bytes);
                    wanted
                }
                Content::File(start) => self.source.read_at(start + skipped, rest)?,
            };
            filled += read;
            if read < wanted {
                break;
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::audio::ranged::Seekable;

    #[test]
    fn any_range_of_a_view_is_what_its_pieces_are() {
        let mut view = View::new(Container::Flac);
        view.made(*b"head");
        view.file(10..13);
        view.file(13..15);
        view.made(*b"");
        view.file(2..4);
        view.made(*b"end");
        assert_eq!((view.pieces.len(), view.container()), (5, Container::Flac));
        let file = Seekable::new(Cursor::new((0..20).collect::<Vec<u8>>())).unwrap();
        let mut viewed = view.of(Box::new(file));
        let expected = [&b"head"[..], &[10, 11, 12, 13, 14, 2, 3], b"end"].concat();
        assert_eq!(viewed.size(), expected.len() as u64);
        for start in 0..=expected.len() {
            for length in 0..=expected.len() + 1 {
                let mut buffer = vec![0; length];
                let read = viewed.read_at(start as u64, &mut buffer).unwrap();
                assert_eq!(buffer[..read], expected[start..(start + length).min(expected.len())]);
            }
        }
        // A file that has become shorter gives less, and no zeros.
        let mut view = View::new(Container::Flac);
        view.file(0..30);
        view.made(*b"end");
        let file = Seekable::new(Cursor::new(vec![7; 20])).unwrap();
        assert_eq!(view.of(Box::new(file)).read_at(10, &mut [0; 40]).unwrap(), 10);
    }
}
