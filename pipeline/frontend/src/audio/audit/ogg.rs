//! Walks the pages of an Ogg file: checksum, order, and a last page that says it is the last.
//!
//! The demuxer drops a page that fails its checksum and goes on; a dropped page is up to a second of
//! audio. Layout and checksum: RFC 3533 section 6.

use std::io::{Read, Seek};

use super::{Promise, Walk};
use crate::audio::reject::Reject;

const HEADER_BYTES: usize = 27;
const FIRST_PAGE: u8 = 2;
const LAST_PAGE: u8 = 4;

/// The CRC-32 of RFC 3533: polynomial 0x04c11db7, not reflected, starting at zero.
const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ if crc & 0x8000_0000 != 0 { 0x04c1_1db7 } else { 0 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

fn crc(bytes: &[u8], crc: u32) -> u32 {
    bytes.iter().fold(crc, |crc, &byte| {
        (crc << 8) ^ CRC_TABLE[usize::from((crc >> 24) as u8 ^ byte)]
    })
}

pub(super) fn audit<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<Promise, Reject> {
    let mut page = Vec::with_capacity(HEADER_BYTES + 255 + 255 * 255);
    let mut serial = None;
    let mut expected_sequence = 0u32;
    let mut ended = false;
    while walk.remaining() > 0 {
        let start = walk.offset;
        if ended {
            return Err(walk.damaged(start, "bytes follow the last Ogg page"));
        }
        let header = walk.read::<HEADER_BYTES>("an Ogg page header")?;
        let [b'O', b'g', b'g', b'S', 0, flags, ..] = header else {
            return Err(walk.damaged(start, "expected an Ogg page"));
        };
        let u32_at = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        page.clear();
        page.extend_from_slice(&header);
        page.get_mut(22..26).into_iter().for_each(|checksum| checksum.fill(0));
        let segments = usize::from(header[HEADER_BYTES - 1]);
        append(walk, &mut page, segments, "an Ogg page header")?;
        let body_bytes = page[HEADER_BYTES..].iter().map(|&bytes| usize::from(bytes)).sum();
        append(walk, &mut page, body_bytes, "an Ogg page")?;
        if crc(&page, 0) != u32_at(22) {
            return Err(walk.damaged(start, format!("Ogg page {expected_sequence} fails its checksum")));
        }

        if serial.is_none() {
            name_codec(&page[HEADER_BYTES + segments..])?;
        }
        if *serial.get_or_insert(u32_at(14)) != u32_at(14) {
            return Err(Reject::Unsupported {
                what: "Ogg with several streams".to_owned(),
            });
        }
        if (flags & FIRST_PAGE != 0) != (expected_sequence == 0) {
            return Err(Reject::Unsupported {
                what: "Ogg with chained streams".to_owned(),
            });
        }
        if u32_at(18) != expected_sequence {
            return Err(walk.damaged(
                start,
                format!("expected Ogg page {expected_sequence}, got {}", u32_at(18)),
            ));
        }
        expected_sequence = expected_sequence.wrapping_add(1);
        ended = flags & LAST_PAGE != 0;
    }
    if !ended {
        return Err(walk.damaged(walk.offset, "the file ends without a last Ogg page: it is truncated"));
    }
    Ok(Promise::default())
}

fn append<R: Read + Seek>(walk: &mut Walk<'_, R>, page: &mut Vec<u8>, bytes: usize, what: &str) -> Result<(), Reject> {
    let start = page.len();
    page.resize(start + bytes, 0);
    walk.fill(&mut page[start..], what)
}

/// Refuses by name the codecs that have no decoder here.
fn name_codec(first_packet: &[u8]) -> Result<(), Reject> {
    let named: [(&[u8], &str); 5] = [
        (b"OpusHead", "opus"),
        (b"Speex   ", "speex"),
        (b"\x80theora", "theora video"),
        (b"fishead\0", "Ogg with several streams"),
        (b"\x80kate", "kate"),
    ];
    match named.iter().find(|(magic, _)| first_packet.starts_with(magic)) {
        Some((_, what)) => Err(Reject::Unsupported {
            what: (*what).to_owned(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::crc;

    #[test]
    fn checksum_matches_a_published_value() {
        // CRC-32/MPEG-2 of "123456789" is 0x0376e6e7 with an initial value of all ones (Greg Cook's
        // catalogue of CRC algorithms); RFC 3533 starts at zero instead.
        assert_eq!(crc(b"123456789", u32::MAX), 0x0376_e6e7);
    }
}
