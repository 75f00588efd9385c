//! Reads the pages of an Ogg file, each of them whole and with the right checksum.
//!
//! Layout and checksum: RFC 3533 section 6.

use crate::audio::ranged::{RangedRead, fill_at};
use crate::audio::reject::Reject;

/// What every page starts with.
pub(super) const CAPTURE: &[u8; 4] = b"OggS";

const HEADER_BYTES: usize = 27;

/// Bytes that are read at once.
const BLOCK_BYTES: usize = 1 << 16;

/// The largest page: header, lacing values and what they can count.
pub(super) const MAX_PAGE_BYTES: u64 = HEADER_BYTES as u64 + 255 + 255 * 255;

const CONTINUED: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;

/// Bytes of the checksum that are taken at once.
const CRC_STEP: usize = 8;

/// The CRC-32 of RFC 3533: polynomial 0x04c11db7, not reflected, starting at zero. Table `n` is for a byte with `n` bytes
/// behind it.
const CRC_TABLES: [[u32; 256]; CRC_STEP] = {
    let mut tables = [[0; 256]; CRC_STEP];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 * CRC_STEP {
            crc = (crc << 1) ^ if crc & 0x8000_0000 != 0 { 0x04c1_1db7 } else { 0 };
            bit += 1;
            if bit % 8 == 0 {
                tables[bit / 8 - 1][byte] = crc;
            }
        }
        byte += 1;
    }
    tables
};

fn crc(bytes: &[u8], crc: u32) -> u32 {
    let (steps, rest) = bytes.as_chunks::<CRC_STEP>();
    let of = |behind: usize, byte: u8| CRC_TABLES[behind][usize::from(byte)];
    let crc = steps.iter().fold(crc, |crc, &[b0, b1, b2, b3, b4, b5, b6, b7]| {
        let [c0, c1, c2, c3] = crc.to_be_bytes();
        let front = of(7, b0 ^ c0) ^ of(6, b1 ^ c1) ^ of(5, b2 ^ c2) ^ of(4, b3 ^ c3);
        front ^ of(3, b4) ^ of(2, b5) ^ of(1, b6) ^ of(0, b7)
    });
    rest.iter()
        .fold(crc, |crc, &byte| (crc << 8) ^ of(0, (crc >> 24) as u8 ^ byte))
}

/// One page.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Where it starts in the file.
    pub(super) start: u64,
    flags: u8,
    /// The position at which the last packet that ends on it ends; `None` where it says that none does.
    pub(super) granule: Option<u64>,
    /// The stream that it belongs to.
    pub(super) serial: u32,
    /// Its number within the stream.
    pub(super) sequence: u32,
    lacing: Vec<u8>,
    body: Vec<u8>,
}

impl Page {
    /// Whether its first packet began on the page before.
    pub(super) fn is_continued(&self) -> bool {
        self.flags & CONTINUED != 0
    }

    /// Whether it is the first of its stream.
    pub(super) fn is_first(&self) -> bool {
        self.flags & FIRST != 0
    }

    /// Whether it is the last of its stream.
    pub(super) fn is_last(&self) -> bool {
        self.flags & LAST != 0
    }

    /// The parts of packets on it, in order, and whether a packet ends with them.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&[u8], bool)> {
        let mut rest = self.body.as_slice();
        self.lacing.chunk_by(|&before, _| before == 255).map(move |run| {
            let bytes: usize = run.iter().map(|&bytes| usize::from(bytes)).sum();
            let (part, after) = rest.split_at(bytes.min(rest.len()));
            rest = after;
            (part, run.last() != Some(&255))
        })
    }
}

/// The pages of a file, one after the other.
pub(super) struct Pages {
    source: Box<dyn RangedRead>,
    /// Where the next page starts.
    at: u64,
    /// Bytes that were read last, and where they start.
    block: Vec<u8>,
    block_start: u64,
}

impl Pages {
    /// Pages from byte `at` on.
    pub(super) fn new(source: Box<dyn RangedRead>, at: u64) -> Self {
        Self {
            source,
            at,
            block: Vec::new(),
            block_start: 0,
        }
    }

    /// Goes to byte `at`, where a page has to start.
    pub(super) fn go_to(&mut self, at: u64) {
        self.at = at;
    }

    /// Where the next page starts.
    pub(super) fn position(&self) -> u64 {
        self.at
    }

    /// Bytes that were not read yet.
    pub(super) fn remaining(&self) -> u64 {
        self.source.size().saturating_sub(self.at)
    }

    /// The source, for other uses.
    pub(super) fn into_source(self) -> Box<dyn RangedRead> {
        self.source
    }

    /// Copies bytes from `at` on, as many as there are and `buffer` holds.
    pub(super) fn peek<'b>(&mut self, at: u64, buffer: &'b mut [u8]) -> Result<&'b [u8], Reject> {
        let read = self.source.read_at(at, buffer)?;
        Ok(buffer.get(..read).unwrap_or_default())
    }

    /// Reads the next page into `page`; `false` is the end of the file.
    ///
    /// # Errors
    ///
    /// [`Reject::Truncated`] and [`Reject::Damaged`] for anything but a whole page.
    pub(super) fn read(&mut self, page: &mut Page) -> Result<bool, Reject> {
        let start = self.at;
        if self.remaining() == 0 {
            return Ok(false);
        }
        let mut header = [0; HEADER_BYTES];
        self.fill(&mut header, "an Ogg page header")?;
        let [b'O', b'g', b'g', b'S', 0, flags, fields @ ..] = header else {
            return Err(damaged(start, "expected an Ogg page"));
        };
        let [g0, g1, g2, g3, g4, g5, g6, g7, fields @ ..] = fields;
        let [s0, s1, s2, s3, n0, n1, n2, n3, c0, c1, c2, c3, segments] = fields;
        let granule = u64::from_le_bytes([g0, g1, g2, g3, g4, g5, g6, g7]);
        page.start = start;
        page.flags = flags;
        page.serial = u32::from_le_bytes([s0, s1, s2, s3]);
        page.sequence = u32::from_le_bytes([n0, n1, n2, n3]);
        page.lacing.resize(usize::from(segments), 0);
        self.fill(&mut page.lacing, "an Ogg page header")?;
        let body_bytes = page.lacing.iter().map(|&bytes| usize::from(bytes)).sum();
        page.body.resize(body_bytes, 0);
        self.fill(&mut page.body, "an Ogg page")?;

        // The checksum is that of the page with zeros in its place.
        if let Some(checksum) = header.get_mut(22..26) {
            checksum.fill(0);
        }
        let checksum = crc(&page.body, crc(&page.lacing, crc(&header, 0)));
        if checksum != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(damaged(start, format!("Ogg page {} fails its checksum", page.sequence)));
        }
        page.granule = match granule {
            u64::MAX => None,
            granule if granule > i64::MAX as u64 => {
                return Err(damaged(start, "the position of an Ogg page is negative"));
            }
            granule => Some(granule),
        };
        Ok(true)
    }

    fn fill(&mut self, buffer: &mut [u8], what: &str) -> Result<(), Reject> {
        let (expected, got) = (buffer.len() as u64, self.remaining());
        if expected > got {
            return Err(Reject::Truncated {
                what: what.to_owned(),
                expected,
                got,
            });
        }
        let mut rest = buffer;
        while !rest.is_empty() {
            let ready = self.ready()?;
            let (now, later) = rest.split_at_mut(ready.len().min(rest.len()));
            now.copy_from_slice(ready.get(..now.len()).unwrap_or_default());
            self.at += now.len() as u64;
            rest = later;
        }
        Ok(())
    }

    /// Bytes from the position on, at least one of those that there are: from the last block, or else a new one.
    fn ready(&mut self) -> Result<&[u8], Reject> {
        let offset = |start: u64, at: u64| usize::try_from(at.checked_sub(start)?).ok();
        let read = offset(self.block_start, self.at).is_some_and(|offset| offset < self.block.len());
        if !read {
            let bytes = self.remaining().min(BLOCK_BYTES as u64) as usize;
            self.block.resize(bytes, 0);
            self.block_start = self.at;
            fill_at(self.source.as_mut(), self.at, &mut self.block)?;
        }
        let offset = offset(self.block_start, self.at).unwrap_or(0);
        Ok(self.block.get(offset..).unwrap_or_default())
    }
}

/// Damage at byte `offset`.
pub(super) fn damaged(offset: u64, reason: impl Into<String>) -> Reject {
    Reject::Damaged {
        offset,
        reason: reason.into(),
    }
}

/// Puts the right checksum into a page.
#[cfg(test)]
pub(super) fn put_checksum(page: &mut [u8]) {
    page[22..26].fill(0);
    let checksum = crc(page, 0);
    page[22..26].copy_from_slice(&checksum.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_matches_a_published_value() {
        // CRC-32/MPEG-2 of "123456789" is 0x0376e6e7 with an initial value of all ones (Greg Cook's
        // catalogue of CRC algorithms); RFC 3533 starts at zero instead.
        assert_eq!(crc(b"123456789", u32::MAX), 0x0376_e6e7);
    }

    #[test]
    fn lacing_values_divide_a_page() {
        let page = Page {
            lacing: vec![2, 0, 255, 3, 255, 255],
            body: (0..770u32).map(|at| at as u8).collect(),
            ..Page::default()
        };
        let parts: Vec<(usize, bool)> = page.parts().map(|(part, ends)| (part.len(), ends)).collect();
        assert_eq!(parts, [(2, true), (0, true), (258, true), (510, false)]);
        // A packet of a multiple of 255 bytes ends with a lacing value of 0.
        let page = Page {
            lacing: vec![255, 0, 255],
            body: vec![0; 510],
            ..Page::default()
        };
        let parts: Vec<(usize, bool)> = page.parts().map(|(part, ends)| (part.len(), ends)).collect();
        assert_eq!(parts, [(255, true), (255, false)]);
    }
}
