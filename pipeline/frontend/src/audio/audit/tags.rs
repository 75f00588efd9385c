//! Finds the tags that taggers put behind the sound of any file: ID3v1, ID3v2 with a footer, APE and Lyrics3.
//!
//! Layouts: id3.org (ID3v1, enhanced tag, ID3v2.4 section 3.4, Lyrics3 2.00), Hydrogenaudio wiki (APEv2).

use std::io::{Read, Seek};

use super::Walk;
use crate::audio::reject::Reject;

/// More tags than any tagger leaves.
const MAX_TAGS: usize = 16;

/// The longest Lyrics3 tag of version 1, with its marks (Lyrics3 section 3).
const MAX_LYRICS_BYTES: u64 = 5100 + 11 + 9;

/// A tag: its name and its bytes.
pub(super) type Tag = (&'static str, u64);

/// Where the sound ends at the latest that starts at byte `floor`, and the tags behind it, the last first.
pub(super) fn behind_sound<R: Read + Seek>(walk: &mut Walk<'_, R>, floor: u64) -> Result<(u64, Vec<Tag>), Reject> {
    let (at, mut end, mut tags) = (walk.offset, walk.file_bytes, Vec::new());
    while tags.len() < MAX_TAGS {
        let tag = last_tag(walk, floor, end)?;
        let Some((name, bytes)) = tag.filter(|&(_, bytes)| bytes > 0 && bytes <= end.saturating_sub(floor)) else {
            break;
        };
        end -= bytes;
        tags.push((name, bytes));
    }
    walk.go_to(at)?;
    Ok((end, tags))
}

/// The tag that ends at byte `end`.
fn last_tag<R: Read + Seek>(walk: &mut Walk<'_, R>, floor: u64, end: u64) -> Result<Option<Tag>, Reject> {
    if array_before::<3, R>(walk, floor, end, 128)?.as_ref() == Some(b"TAG") {
        let enhanced = array_before::<4, R>(walk, floor, end, 128 + 227)?.as_ref() == Some(b"TAG+");
        return Ok(Some(("ID3v1", if enhanced { 128 + 227 } else { 128 })));
    }
    if let Some([b'3', b'D', b'I', _, _, _, size @ ..]) = array_before::<10, R>(walk, floor, end, 10)? {
        return Ok(syncsafe(size).map(|size| ("ID3v2", size + 20)));
    }
    if let Some(footer) = array_before::<24, R>(walk, floor, end, 32)?
        && let [
            b'A',
            b'P',
            b'E',
            b'T',
            b'A',
            b'G',
            b'E',
            b'X',
            _,
            _,
            _,
            _,
            a,
            b,
            c,
            d,
            _,
            _,
            _,
            _,
            ..,
            flags,
        ] = footer
    {
        // The size counts the items and this footer; a header comes on top.
        let header = if flags & 0x80 == 0 { 0 } else { 32 };
        return Ok(Some(("APE", u64::from(u32::from_le_bytes([a, b, c, d])) + header)));
    }
    let Some([size @ .., b'L', b'Y', b'R', b'I', b'C', b'S', x, y, z]) = array_before::<15, R>(walk, floor, end, 15)?
    else {
        return Ok(None);
    };
    match [x, y, z] {
        [b'2', b'0', b'0'] => {
            let digits = std::str::from_utf8(&size)
                .ok()
                .filter(|size| size.bytes().all(|b| b.is_ascii_digit()));
            let bytes = digits
                .and_then(|digits| digits.parse::<u64>().ok())
                .map(|size| size + 15);
            let Some(bytes) = bytes else { return Ok(None) };
            let start = array_before::<11, R>(walk, floor, end, bytes)?;
            Ok((start.as_ref() == Some(b"LYRICSBEGIN")).then_some(("Lyrics3", bytes)))
        }
        [b'E', b'N', b'D'] => lyrics(walk, floor, end),
        _ => Ok(None),
    }
}

/// A Lyrics3 tag of version 1, which does not tell its length.
fn lyrics<R: Read + Seek>(walk: &mut Walk<'_, R>, floor: u64, end: u64) -> Result<Option<Tag>, Reject> {
    let bytes = MAX_LYRICS_BYTES.min(end.saturating_sub(floor));
    let mut text = vec![0; usize::try_from(bytes).unwrap_or(0)];
    walk.go_to(end - bytes)?;
    walk.fill(&mut text, "a Lyrics3 tag")?;
    let start = text.windows(11).rposition(|window| window == b"LYRICSBEGIN");
    Ok(start.map(|start| ("Lyrics3", bytes - start as u64)))
}

/// The `N` bytes that start `before` bytes before `end`; `None` where they would start before `floor`.
fn array_before<const N: usize, R: Read + Seek>(
    walk: &mut Walk<'_, R>,
    floor: u64,
    end: u64,
    before: u64,
) -> Result<Option<[u8; N]>, Reject> {
    let Some(at) = end.checked_sub(before).filter(|&at| at >= floor) else {
        return Ok(None);
    };
    walk.go_to(at)?;
    walk.read("a tag").map(Some)
}

/// A size in 7-bit bytes (ID3v2.4 section 6.2).
fn syncsafe(bytes: [u8; 4]) -> Option<u64> {
    let is_safe = bytes.iter().all(|&byte| byte < 0x80);
    is_safe.then(|| bytes.iter().fold(0, |size, &byte| size << 7 | u64::from(byte)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn id3v1() -> Vec<u8> {
        [&b"TAG"[..], &[b'x'; 125]].concat()
    }

    fn ape(header: bool) -> Vec<u8> {
        let ends = |flags: u8| [&b"APETAGEX\xd0\x07\0\0\x25\0\0\0\0\0\0\0\0\0\0"[..], &[flags], &[0; 8]].concat();
        let flags = if header { 0x80 } else { 0 };
        let head = if header { ends(0xa0) } else { Vec::new() };
        [head, b"items".to_vec(), ends(flags)].concat()
    }

    fn lyrics(version: u32) -> Vec<u8> {
        match version {
            1 => b"LYRICSBEGIN[00:01]text LYRICSEND".to_vec(),
            _ => b"LYRICSBEGININD00003110000022LYRICS200".to_vec(),
        }
    }

    fn found(file: &[u8]) -> (u64, Vec<&'static str>) {
        let mut source = Cursor::new(file);
        let mut walk = Walk::new(&mut source, file.len() as u64);
        let (end, tags) = behind_sound(&mut walk, 0).unwrap();
        (end, tags.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn tags_in_any_order_are_found() {
        let sound = vec![0xaa; 700];
        let id3v2 = b"ID3\x04\0\x10\0\0\0\x03abc3DI\x04\0\x10\0\0\0\x03".to_vec();
        let enhanced = [&b"TAG+"[..], &[b'x'; 223], &id3v1()].concat();
        for tags in [
            vec![],
            vec![id3v1()],
            vec![enhanced],
            vec![ape(true), lyrics(1), id3v1()],
            vec![id3v1(), ape(false), lyrics(2), id3v2],
        ] {
            let file = [sound.clone(), tags.concat()].concat();
            assert_eq!(found(&file).0, 700, "{:?}", found(&file));
            assert_eq!(found(&file).1.len(), tags.len());
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_no_tags() {
        let mut large = ape(false);
        large[5 + 14] = 1;
        assert_eq!(found(&large).1, Vec::<&str>::new());
        assert_eq!(found(b"3DI\x04\0\0\xff\0\0\0").1, Vec::<&str>::new());
        assert_eq!(found(b"LYRICSBEGIN000099LYRICS200").1, Vec::<&str>::new());
        assert_eq!(found(b"no start of any LYRICSEND").1, Vec::<&str>::new());
    }
}
