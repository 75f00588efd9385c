//! Provides Ogg pages with right checksums: no input that a fuzzer makes would pass them by chance.

const HEADER_BYTES: usize = 27;
const CHECKSUM: std::ops::Range<usize> = 22..26;

/// Writes the right checksum into every page of `file` that is whole, up to the first that is not. RFC 3533 section 6.
pub(crate) fn put_checksums_right(file: &mut [u8]) {
    let mut rest = file;
    while let Some(bytes) = page_bytes(rest) {
        let (page, after) = rest.split_at_mut(bytes);
        page[CHECKSUM].fill(0);
        let checksum = crc(page);
        page[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
        rest = after;
    }
}

fn page_bytes(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..HEADER_BYTES).filter(|header| header.starts_with(b"OggS"))?;
    let segments = bytes.get(HEADER_BYTES..)?.get(..usize::from(*header.last()?))?;
    let body: usize = segments.iter().map(|&bytes| usize::from(bytes)).sum();
    let bytes_of_page = HEADER_BYTES + segments.len() + body;
    (bytes_of_page <= bytes.len()).then_some(bytes_of_page)
}

/// CRC-32 with polynomial 0x04c11db7, not reflected, starting at zero.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    })
}
