//! Defines `HashedSource`, ranged bytes that are hashed while they are read: in one pass, where a reader goes from
//! start to end.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use shardfmt::checksum::{FileHash, Hasher};

use super::ranged::RangedRead;

/// A reader that left out no more than this before it went on is followed: it skipped a picture or a chunk of metadata,
/// and reads the sound next.
const SKIPPED_BYTES: u64 = 1 << 20;

/// Shorter reads look at a structure, perhaps at the end of the file; they are not followed.
const SOUND_BYTES: usize = 1 << 14;

/// Bytes hashed at a time that no reader asked for: few enough for the core's own cache.
const BUFFER_BYTES: u64 = 1 << 17;

/// One source, shared by those who read it and by who asks for its checksum.
///
/// The checksum is of the bytes from the first to the last, whatever the order of reads. Reads that go on where the
/// hash has come to take it along; what they leave out is read for it, soon or at the end.
#[derive(Clone)]
pub(super) struct HashedSource {
    size: u64,
    /// Whether what a reader leaves out is read for the hash at once.
    follows: bool,
    hashing: Arc<Mutex<Hashing>>,
}

struct Hashing {
    source: Box<dyn RangedRead>,
    hasher: Hasher,
    /// Bytes hashed, from the first on.
    hashed: u64,
}

impl HashedSource {
    /// Nothing of `source` is hashed yet.
    pub(super) fn new(source: Box<dyn RangedRead>) -> Self {
        let size = source.size();
        let (hasher, hashed) = (Hasher::default(), 0);
        Self {
            size,
            follows: true,
            hashing: Arc::new(Mutex::new(Hashing { source, hasher, hashed })),
        }
    }

    /// The same source for one who looks at some parts only: no more is read than is asked for.
    pub(super) fn for_a_look(self) -> Self {
        Self { follows: false, ..self }
    }

    /// Size and checksum of the whole source, as far as it reaches now; what has not been hashed is read.
    ///
    /// # Errors
    ///
    /// Any of the source.
    pub(super) fn finish(&self) -> io::Result<FileHash> {
        self.with(|hashing| {
            hashing.hash_to(u64::MAX)?;
            Ok(hashing.hasher.finish())
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Hashing) -> T) -> T {
        // Nothing in there panics half-way.
        work(&mut self.hashing.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RangedRead for HashedSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let follows = self.follows;
        self.with(|hashing| {
            let skipped = offset.saturating_sub(hashing.hashed);
            if follows && buffer.len() >= SOUND_BYTES && (1..=SKIPPED_BYTES).contains(&skipped) {
                // Bytes that cannot be read are no concern of this reader; they are tried again at the end.
                hashing.hash_to(offset).ok();
            }
            let read = hashing.source.read_at(offset, buffer)?;
            hashing.take(offset, buffer.get(..read).unwrap_or_default());
            Ok(read)
        })
    }
}

impl Hashing {
    /// Hashes what is new of the `bytes` at `offset`, if they go on where the hash has come to.
    fn take(&mut self, offset: u64, bytes: &[u8]) {
        let known = self
            .hashed
            .checked_sub(offset)
            .and_then(|known| usize::try_from(known).ok());
        if let Some(new) = known.and_then(|known| bytes.get(known..)) {
            self.hasher.update(new);
            self.hashed += new.len() as u64;
        }
    }

    /// Reads and hashes up to byte `end` or the last one.
    fn hash_to(&mut self, end: u64) -> io::Result<()> {
        // Seldom more than a look whether there is more.
        let left = self.source.size().min(end).saturating_sub(self.hashed);
        let mut buffer = vec![0; left.clamp(1 << 12, BUFFER_BYTES) as usize];
        while self.hashed < end {
            let wanted = (end - self.hashed).min(buffer.len() as u64) as usize;
            let bytes = buffer.get_mut(..wanted).unwrap_or_default();
            let read = self.source.read_at(self.hashed, bytes)?;
            if read == 0 {
                break;
            }
            self.take(self.hashed, buffer.get(..read).unwrap_or_default());
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use shardfmt::Xxh3;

    use super::*;
    use crate::audio::ranged::fill_at;

    /// Bytes that count how many of them were read, and end where they are damaged.
    struct Counted {
        bytes: Vec<u8>,
        read: Arc<AtomicU64>,
        damaged_at: u64,
    }

    impl RangedRead for Counted {
        fn size(&self) -> u64 {
            self.bytes.len() as u64
        }

        fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            if offset + buffer.len() as u64 > self.damaged_at {
                return Err(io::Error::other("a bad sector"));
            }
            let rest = self.bytes.get(offset as usize..).unwrap_or_default();
            let read = rest.len().min(buffer.len());
            buffer[..read].copy_from_slice(&rest[..read]);
            self.read.fetch_add(read as u64, Ordering::Relaxed);
            Ok(read)
        }
    }

    const SIZE: usize = 3 << 20;

    fn counted(damaged_at: u64) -> (HashedSource, FileHash, Arc<AtomicU64>) {
        let bytes: Vec<u8> = (0..SIZE).map(|i| (i * i % 251) as u8).collect();
        let hash = FileHash {
            bytes: SIZE as u64,
            xxh3: Xxh3::of(&bytes),
        };
        let read = Arc::new(AtomicU64::new(0));
        let source = Counted {
            bytes,
            read: read.clone(),
            damaged_at,
        };
        (HashedSource::new(Box::new(source)), hash, read)
    }

    /// Reads `length` bytes at each offset, and says how many bytes of the source that took, with the hash.
    fn bytes_read(reads: impl IntoIterator<Item = (u64, usize)>) -> u64 {
        let (mut source, hash, read) = counted(u64::MAX);
        for (offset, length) in reads {
            let mut buffer = vec![0; length];
            source.read_at(offset, &mut buffer).unwrap();
        }
        assert_eq!(source.finish().unwrap(), hash);
        read.load(Ordering::Relaxed)
    }

    /// Packets of sound from a byte to another.
    fn sound(from: u64, to: u64) -> impl Iterator<Item = (u64, usize)> {
        (from..to).step_by(1 << 15).map(|offset| (offset, 1 << 15))
    }

    #[test]
    fn one_pass_reads_every_byte_once() {
        let size = SIZE as u64;
        assert_eq!(bytes_read([]), size, "nothing was read");
        assert_eq!(bytes_read(sound(0, size)), size, "from start to end");
        // A header, the end, metadata that are skipped, the sound, and what is behind it.
        let walk = [(0, 4096), (size - 100, 100), (700_000, 4096)];
        let read = bytes_read(walk.into_iter().chain(sound(700_000, size - 100_000)));
        assert_eq!(read, size + 100 + 4096);
    }

    #[test]
    fn any_order_of_reads_has_the_hash_of_the_whole() {
        let size = SIZE as u64;
        let backwards: Vec<_> = sound(0, size).collect();
        assert_eq!(bytes_read(backwards.into_iter().rev()), 2 * size - (1 << 15));
        bytes_read(sound(0, size).chain(sound(100, size)));
        bytes_read([(size + 5, 10), (5, 1 << 20), (size - 7, 1 << 15), (0, 1)]);
    }

    #[test]
    fn a_look_at_a_part_reads_no_more_than_that() {
        let (source, hash, read) = counted(u64::MAX);
        let mut look = source.for_a_look();
        fill_at(&mut look, 500_000, &mut vec![0; 1 << 15]).unwrap();
        assert_eq!(read.load(Ordering::Relaxed), 1 << 15);
        assert_eq!(look.finish().unwrap(), hash);
    }

    #[test]
    fn bytes_that_cannot_be_read_fail_the_hash_but_not_the_reader_of_others() {
        let (mut source, _, _) = counted(1 << 20);
        let mut buffer = vec![0; 1 << 15];
        fill_at(&mut source, 0, &mut buffer).unwrap();
        assert!(source.read_at(1 << 20, &mut buffer).is_err());
        assert!(source.finish().is_err());
    }
}
