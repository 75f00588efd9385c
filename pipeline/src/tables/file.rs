//! Provides the bytes of an input file, unpacked where they are gzip.

use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use frontend::source_file::open_file;

use super::problem::Problems;

/// The first bytes of a file in the gzip format (RFC 1952).
const GZIP_MAGIC: &[u8] = b"\x1f\x8b";

/// Most bytes that a packed table may unfold to: a few megabytes may hold a thousand times as many.
const MAX_UNPACKED_BYTES: u64 = 1 << 30;

/// The bytes of a table or an annotation file, unpacked; `None`, with a problem, where they cannot be read.
pub(crate) fn read_bytes(file: &Path, problems: &mut Problems) -> Option<Vec<u8>> {
    let read = open_file(file).and_then(|mut open| {
        let mut bytes = Vec::new();
        open.read_to_end(&mut bytes).map(|_| bytes)
    });
    let bytes = read.map_err(|error| problems.file(file, format!("cannot be read: {error}")));
    unpack(file, bytes.ok()?, problems)
}

/// The bytes themselves, or what is in them where they are gzip, whatever the file's name.
pub(crate) fn unpack(file: &Path, bytes: Vec<u8>, problems: &mut Problems) -> Option<Vec<u8>> {
    if !bytes.starts_with(GZIP_MAGIC) {
        return Some(bytes);
    }
    unpack_to(&bytes, MAX_UNPACKED_BYTES)
        .map_err(|message| problems.file(file, message))
        .ok()
}

fn unpack_to(packed: &[u8], most_bytes: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = MultiGzDecoder::new(packed).take(most_bytes + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("is damaged: it cannot be unpacked as gzip: {error}"))?;
    if bytes.len() as u64 > most_bytes {
        return Err(format!("unpacks to more than {most_bytes} bytes; unpack it first"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn packed_bytes_are_unpacked_in_all_their_members_and_bounded() {
        let both = [packed(b"asset_id\n"), packed(b"1\n")].concat();
        let mut problems = Problems::default();
        assert_eq!(unpack(Path::new("t"), both, &mut problems).unwrap(), b"asset_id\n1\n");
        assert_eq!(unpack(Path::new("t"), b"1\n".to_vec(), &mut problems).unwrap(), b"1\n");
        let zeros = packed(&[0; 100_000]);
        assert_eq!(unpack_to(&zeros, 100_000).unwrap().len(), 100_000);
        assert!(
            unpack_to(&zeros, 99_999)
                .unwrap_err()
                .contains("unpacks to more than 99999 bytes")
        );
        let cut = zeros.get(..zeros.len() - 3).unwrap().to_vec();
        assert!(unpack(Path::new("t.gz"), cut, &mut problems).is_none());
        assert!(problems.to_string().contains("t.gz: is damaged"), "{problems}");
    }
}
