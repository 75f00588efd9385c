//! Provides `exceeds`, whether a page of a Parquet file unfolds to more than it declares, for the codecs whose readers
//! in the Parquet library (60.1) go on to the end of what they are given: a few kilobytes may hold gigabytes.

use std::io::{ErrorKind, Read};

use parquet::basic::Compression;

/// Bytes unfolded at a time.
const BUFFER_BYTES: usize = 1 << 16;

/// Whether the library unfolds pages of this codec to their end, whatever they declare.
pub(super) fn is_unbounded(codec: Compression) -> bool {
    matches!(codec, Compression::GZIP(_) | Compression::BROTLI(_) | Compression::LZ4)
}

/// Whether `folded` unfolds to more than `most` bytes. Damage is the library's to report: what comes before it counts.
pub(super) fn exceeds(codec: Compression, folded: &[u8], most: u64) -> bool {
    match codec {
        Compression::GZIP(_) => is_longer(flate2::read::MultiGzDecoder::new(folded), most),
        Compression::BROTLI(_) => is_longer(brotli::Decompressor::new(folded, BUFFER_BYTES), most),
        // The older of its three forms; the others are unfolded into as many bytes as the page declares.
        Compression::LZ4 => is_longer(lz4_flex::frame::FrameDecoder::new(folded), most),
        _ => false,
    }
}

fn is_longer(mut unfolded: impl Read, most: u64) -> bool {
    let (mut buffer, mut bytes) = (vec![0; BUFFER_BYTES], 0_u64);
    while bytes <= most {
        match unfolded.read(&mut buffer) {
            Ok(0) => return false,
            Ok(read) => bytes += read as u64,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::io::Write;

    use super::*;

    static ZEROS: [u8; 500_000] = [0; 500_000];

    #[track_caller]
    fn check(codec: Compression, folded: &[u8]) {
        assert!(
            is_unbounded(codec) && folded.len() < ZEROS.len() / 50,
            "{codec}: {}",
            folded.len()
        );
        assert!(!exceeds(codec, folded, ZEROS.len() as u64), "{codec}");
        assert!(exceeds(codec, folded, ZEROS.len() as u64 - 1), "{codec}");
        assert!(!exceeds(codec, b"not packed at all", 1000), "{codec}");
    }

    #[test]
    fn pages_are_unfolded_no_further_than_they_declare() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&ZEROS).unwrap();
        let gzip = gzip.finish().unwrap();
        check(Compression::GZIP(Default::default()), &gzip);
        // Damaged behind what is too much already.
        let cut = gzip.get(..gzip.len() * 9 / 10).unwrap();
        assert!(exceeds(Compression::GZIP(Default::default()), cut, 1000));

        let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
        lz4.write_all(&ZEROS).unwrap();
        check(Compression::LZ4, &lz4.finish().unwrap());

        let mut packed = Vec::new();
        let mut brotli = brotli::CompressorWriter::new(&mut packed, BUFFER_BYTES, 1, 22);
        brotli.write_all(&ZEROS).unwrap();
        drop(brotli);
        assert!(exceeds(
            Compression::BROTLI(Default::default()),
            &packed,
            ZEROS.len() as u64 - 1
        ));
        assert!(!exceeds(
            Compression::BROTLI(Default::default()),
            &packed,
            ZEROS.len() as u64
        ));
    }

    #[test]
    fn codecs_that_are_told_a_size_are_left_to_the_library() {
        for codec in [
            Compression::SNAPPY,
            Compression::LZ4_RAW,
            Compression::ZSTD(Default::default()),
        ] {
            assert!(!is_unbounded(codec) && !exceeds(codec, &ZEROS, 0), "{codec}");
        }
    }
}
