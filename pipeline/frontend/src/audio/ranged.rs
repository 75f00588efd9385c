//! Gives the bytes of a recording by ranges, wherever they lie.

use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

/// Bytes of known size, any range of which can be read: a file, or a recording that lies elsewhere.
pub(super) trait RangedRead: Send + Sync {
    /// Bytes in all.
    fn size(&self) -> u64;

    /// Reads from byte `offset` on into `buffer`; fewer than asked for only at the end.
    ///
    /// # Errors
    ///
    /// Any of the source.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

/// Fills `buffer` from byte `offset` on.
///
/// # Errors
///
/// [`io::ErrorKind::UnexpectedEof`] past the end, and any of the source.
pub(super) fn fill_at(source: &mut dyn RangedRead, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    match source.read_at(offset, buffer)? {
        read if read == buffer.len() => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Anything that can be read and positioned; it seeks only where the last range did not end.
pub(super) struct Seekable<R> {
    source: R,
    size: u64,
    position: Option<u64>,
}

impl<R: Read + Seek> Seekable<R> {
    /// Takes a source and finds its size.
    ///
    /// # Errors
    ///
    /// Any of the source.
    pub(super) fn new(mut source: R) -> io::Result<Self> {
        let size = source.seek(SeekFrom::End(0))?;
        Ok(Self {
            source,
            size,
            position: Some(size),
        })
    }
}

impl<R: Read + Seek + Send + Sync> RangedRead for Seekable<R> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position.take() != Some(offset) {
            self.source.seek(SeekFrom::Start(offset))?;
        }
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.source.read(rest) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.position = offset.checked_add(filled as u64);
        Ok(filled)
    }
}

/// Ranged bytes as the stream that Symphonia's demuxers read.
pub(super) struct RangedStream {
    source: Box<dyn RangedRead>,
    position: u64,
}

impl RangedStream {
    /// A stream at byte 0.
    pub(super) fn new(source: Box<dyn RangedRead>) -> Self {
        Self { source, position: 0 }
    }
}

impl Read for RangedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read_at(self.position, buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for RangedStream {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.source.size().checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl MediaSource for RangedStream {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.source.size())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn any_range_in_any_order() {
        let mut source = Seekable::new(Cursor::new((0..100).collect::<Vec<u8>>())).unwrap();
        assert_eq!(source.size(), 100);
        let mut buffer = [0; 4];
        for (offset, expected) in [
            (90, vec![90, 91, 92, 93]),
            (94, vec![94, 95, 96, 97]),
            (3, vec![3, 4, 5, 6]),
        ] {
            fill_at(&mut source, offset, &mut buffer).unwrap();
            assert_eq!(buffer.to_vec(), expected);
        }
        assert_eq!(source.read_at(98, &mut buffer).unwrap(), 2);
        assert_eq!(source.read_at(1000, &mut buffer).unwrap(), 0);
        assert!(fill_at(&mut source, 97, &mut buffer).is_err());
    }

    #[test]
    fn a_stream_seeks_from_all_sides() {
        let source = Seekable::new(Cursor::new((0..100).collect::<Vec<u8>>())).unwrap();
        let mut stream = RangedStream::new(Box::new(source));
        let mut read_byte = |to| {
            stream.seek(to).unwrap();
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            byte[0]
        };
        assert_eq!(read_byte(SeekFrom::Start(7)), 7);
        assert_eq!(read_byte(SeekFrom::Current(2)), 10);
        assert_eq!(read_byte(SeekFrom::End(-1)), 99);
        assert!(stream.seek(SeekFrom::Current(-1000)).is_err());
    }
}
