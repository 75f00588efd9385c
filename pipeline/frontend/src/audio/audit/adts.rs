//! Walks the frames of raw AAC (ADTS): each must begin where the one before it ends.
//!
//! The demuxer searches for the next sync word after damage, and estimates the length. Frames of one block hold 1,024
//! samples each. Layout: ISO/IEC 13818-7 section 6.2, 14496-3 section 1.A.2.2.

use std::io::{Read, Seek};

use super::{Promise, Walk, tags};
use crate::audio::container::Container;
use crate::audio::reject::Reject;
use crate::audio::view::View;

/// Samples of a frame (14496-3 section 4.5.2.1.1).
const FRAME_SAMPLES: u64 = 1024;

/// A header without checksum, and with it.
const HEADER_BYTES: [usize; 2] = [7, 9];

/// What has to be the same in every frame: profile, rate and channels, as they are stored.
type Kind = (u8, u8, u8);

/// Walks the frames; unless `whole`, only the first.
pub(super) fn audit<R: Read + Seek>(walk: &mut Walk<'_, R>, whole: bool) -> Result<Promise, Reject> {
    let start = walk.offset;
    let (end, _) = tags::behind_sound(walk, start)?;
    walk.file_bytes = end;
    let (mut kind, mut frames) = (None, 0u64);
    while walk.remaining() > 0 {
        let at = walk.offset;
        let header = walk.read::<7>("the last AAC frame")?;
        let Some((found, bytes)) = parse(header)? else {
            return Err(walk.damaged(at, "expected the next AAC frame"));
        };
        if *kind.get_or_insert(found) != found {
            return Err(walk.damaged(at, "the AAC frame changes rate, channels or profile"));
        }
        walk.go_to(at)?;
        walk.require(bytes, "the last AAC frame")?;
        walk.go_to(at + bytes)?;
        frames += 1;
        if !whole {
            break;
        }
    }
    if frames == 0 {
        return Err(Reject::Empty);
    }
    let mut view = View::new(Container::Adts);
    view.file(start..end);
    walk.view = Some(view);
    Ok(Promise {
        decoded_frames: whole.then_some(frames * FRAME_SAMPLES),
        ..Promise::default()
    })
}

/// What a frame is and its bytes with the header; `None` if it is none.
fn parse(header: [u8; 7]) -> Result<Option<(Kind, u64)>, Reject> {
    let [0xff, sync, a, b, c, d, e] = header else {
        return Ok(None);
    };
    let (profile, rate, channels) = (a >> 6, a >> 2 & 15, (a & 1) << 2 | b >> 6);
    let bytes = usize::from(b & 3) << 11 | usize::from(c) << 3 | usize::from(d >> 5);
    let Some(&header_bytes) = HEADER_BYTES.get(usize::from(sync & 1 == 0)) else {
        return Ok(None);
    };
    if sync & 0xf6 != 0xf0 || rate > 12 || bytes <= header_bytes {
        return Ok(None);
    }
    let what = match (profile, channels) {
        (1, 1 | 2) if e & 3 == 0 => return Ok(Some(((profile, rate, channels), bytes as u64))),
        (1, 1 | 2) => "raw AAC with several blocks a frame",
        (1, 0) => "raw AAC with a channel layout of its own",
        (1, _) => "AAC of more than two channels",
        _ => "AAC of another kind than LC",
    };
    Err(Reject::Unsupported { what: what.to_owned() })
}
