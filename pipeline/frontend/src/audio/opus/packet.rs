//! Reads how long an Opus packet is, and takes packets of several streams apart, without decoding them.
//!
//! Layout: RFC 6716 section 3 and appendix B.

/// The longest packet: 120 ms at 48 kHz (RFC 6716 section 3.2.5).
pub(in crate::audio) const MAX_FRAMES: u64 = 5760;

/// Samples per channel at 48 kHz of what a packet declares; `None` if it is not a packet.
pub(in crate::audio) fn frames(packet: &[u8]) -> Option<u64> {
    let (&toc, rest) = packet.split_first()?;
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(rest.first()? & 0x3f),
    };
    Some(count * frames_of_each(toc)).filter(|frames| (1..=MAX_FRAMES).contains(frames))
}

/// Samples per channel at 48 kHz of each of a packet's frames, by its first byte (RFC 6716 table 2).
fn frames_of_each(toc: u8) -> u64 {
    let size = toc >> 3 & 3;
    match toc >> 5 {
        // SILK: 10, 20, 40, 60 ms.
        0..=2 if size == 3 => 2880,
        0..=2 => 480 << size,
        // Hybrid: 10, 20 ms.
        3 => 480 << (size & 1),
        // CELT: 2.5, 5, 10, 20 ms.
        _ => 120 << size,
    }
}

/// Takes the first packet off one of several streams: as one of a single stream, into `packet`. Returns what is left.
///
/// Of all packets but the last, the length of the last frame is stored too, behind those of the others, so that the
/// next packet can be found.
pub(super) fn split<'a>(data: &'a [u8], packet: &mut Vec<u8>) -> Option<&'a [u8]> {
    let toc = *data.first()?;
    // (where the additional length is, bytes of all frames without the last, how often the additional length counts,
    // bytes of padding)
    let (at, others, times, padding) = match toc & 3 {
        0 => (1, 0, 1, 0),
        1 => (1, 0, 2, 0),
        2 => {
            let (first, bytes) = length(data.get(1..)?)?;
            (1 + bytes, first, 1, 0)
        }
        _ => {
            let count = *data.get(1)?;
            let frames = usize::from(count & 0x3f).checked_sub(1)?;
            let (padding, mut at) = match count & 0x40 {
                0 => (0, 2),
                _ => padding(data)?,
            };
            let mut others = 0;
            if count & 0x80 == 0 {
                (at, others, frames + 1, padding)
            } else {
                for _ in 0..frames {
                    let (frame, bytes) = length(data.get(at..)?)?;
                    others += frame;
                    at += bytes;
                }
                (at, others, 1, padding)
            }
        }
    };
    let (last, bytes) = length(data.get(at..)?)?;
    let body = data.get(at + bytes..)?;
    let (frames, rest) = body.split_at_checked(others + times * last + padding)?;
    packet.clear();
    packet.extend_from_slice(data.get(..at)?);
    packet.extend_from_slice(frames);
    Some(rest)
}

/// The length of a frame and the bytes it is stored in: RFC 6716 section 3.2.1.
fn length(data: &[u8]) -> Option<(usize, usize)> {
    match *data {
        [first @ 0..252, ..] => Some((usize::from(first), 1)),
        [first, second, ..] => Some((usize::from(first) + 4 * usize::from(second), 2)),
        _ => None,
    }
}

/// The bytes of padding behind the frames, and where their count ends: RFC 6716 section 3.2.5.
fn padding(data: &[u8]) -> Option<(usize, usize)> {
    let mut padding = 0;
    for (at, &byte) in data.iter().enumerate().skip(2) {
        match byte {
            255 => padding += 254,
            byte => return Some((padding + usize::from(byte), at + 1)),
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_table() {
        // Configurations 0 to 31, in ms/10: RFC 6716 table 2.
        let silk = [100, 200, 400, 600];
        let expected = [silk, silk, silk, [100, 200, 100, 200]].concat();
        let expected = [expected, [25, 50, 100, 200].repeat(4)].concat();
        for (config, tenths) in (0u8..).zip(expected) {
            assert_eq!(frames(&[config << 3]), Some(tenths * 48 / 10), "configuration {config}");
        }
    }

    #[test]
    fn frames_are_counted_and_120_ms_are_the_limit() {
        let celt_20 = 0x98;
        assert_eq!(frames(&[celt_20 | 1]), Some(1920));
        assert_eq!(frames(&[celt_20 | 2, 0]), Some(1920));
        assert_eq!(frames(&[celt_20 | 3, 6]), Some(5760));
        assert_eq!(frames(&[celt_20 | 3, 0xc6]), Some(5760));
        for wrong in [
            &[celt_20 | 3, 7][..],
            &[celt_20 | 3, 0],
            &[celt_20 | 3],
            &[],
            &[0x1b, 3],
        ] {
            assert_eq!(frames(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn packets_of_several_streams_are_taken_apart() {
        let long = [&[0, 252, 1][..], &[7; 256]].concat();
        let long_packet = [&[0][..], &[7; 256]].concat();
        for (data, expected) in [
            (&[0, 2, 7, 8][..], &[0, 7, 8][..]),
            (&long, &long_packet),
            (&[1, 1, 7, 8], &[1, 7, 8]),
            (&[2, 1, 2, 7, 8, 9], &[2, 1, 7, 8, 9]),
            // Three frames of one length; of lengths of their own; both with two bytes of padding.
            (&[3, 3, 1, 7, 8, 9], &[3, 3, 7, 8, 9]),
            (&[3, 0x43, 2, 1, 7, 8, 9, 0, 0], &[3, 0x43, 2, 7, 8, 9, 0, 0]),
            (&[3, 0x83, 1, 0, 2, 7, 8, 9], &[3, 0x83, 1, 0, 7, 8, 9]),
            (
                &[3, 0xc3, 2, 1, 0, 2, 7, 8, 9, 0, 0],
                &[3, 0xc3, 2, 1, 0, 7, 8, 9, 0, 0],
            ),
        ] {
            let mut packet = Vec::new();
            let followed = [data, &[42, 43]].concat();
            assert_eq!(split(&followed, &mut packet).unwrap(), [42, 43], "{data:?}");
            assert_eq!(packet, expected, "{data:?}");
            for cut in 0..data.len() {
                assert_eq!(split(&data[..cut], &mut packet), None, "{data:?} cut to {cut}");
            }
        }
        let endless = [&[3, 0x43][..], &[255; 1000]].concat();
        assert_eq!(split(&endless, &mut Vec::new()), None);
    }
}
