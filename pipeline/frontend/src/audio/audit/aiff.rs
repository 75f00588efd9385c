//! Walks the chunks of an AIFF or AIFF-C file.
//!
//! The demuxer derives the number of frames from the sound chunk alone; here the common chunk, which
//! declares it too, must agree.

use std::io::{Read, Seek};

use super::{Promise, Walk};
use crate::audio::reject::Reject;

/// AIFF-C compression types that are uncompressed samples, so that a frame's size is known.
const UNCOMPRESSED: [&[u8; 4]; 12] = [
    b"NONE", b"sowt", b"twos", b"fl32", b"FL32", b"fl64", b"FL64", b"in16", b"in24", b"in32", b"raw ", b"42ni",
];

pub(super) fn audit<R: Read + Seek>(walk: &mut Walk<'_, R>) -> Result<Promise, Reject> {
    let form = walk.read::<12>("the FORM header")?;
    let compressed_form = form.ends_with(b"AIFC");
    // (frames, bytes a frame if uncompressed)
    let mut common = None;
    let mut sound_bytes = None;
    while walk.remaining() >= 8 {
        let [id @ .., a, b, c, d] = walk.read::<8>("a chunk header")?;
        let bytes = u64::from(u32::from_be_bytes([a, b, c, d]));
        let body = walk.offset;
        match &id {
            b"COMM" => {
                let fields = walk.read::<18>("the common chunk")?;
                let channels = u64::from(u16::from_be_bytes([fields[0], fields[1]]));
                let frames = u32::from_be_bytes([fields[2], fields[3], fields[4], fields[5]]);
                let bits = u16::from_be_bytes([fields[6], fields[7]]);
                let uncompressed = !compressed_form || UNCOMPRESSED.contains(&&walk.read::<4>("the common chunk")?);
                let block = uncompressed.then(|| channels * u64::from(bits.div_ceil(8)));
                common = Some((u64::from(frames), block));
            }
            b"SSND" => {
                let fields = walk.read::<8>("the sound chunk")?;
                if fields != [0; 8] {
                    return Err(Reject::Unsupported {
                        what: "block-aligned AIFF".to_owned(),
                    });
                }
                walk.go_to(body)?;
                walk.require(bytes, "the sound chunk")?;
                sound_bytes = Some(bytes.saturating_sub(8));
            }
            _ => {}
        }
        walk.go_to(body + bytes + (bytes & 1))?;
    }
    let (frames, block) = common.ok_or_else(|| header("it has no common chunk"))?;
    let Some(block) = block else {
        return Ok(Promise::default());
    };
    let sound_bytes = sound_bytes.unwrap_or(0);
    if frames * block != sound_bytes {
        return Err(header(format!(
            "it declares {frames} frames of {block} bytes, but its sound chunk holds {sound_bytes} bytes"
        )));
    }
    Ok(Promise {
        decoded_frames: Some(frames),
        ..Promise::default()
    })
}

fn header(reason: impl Into<String>) -> Reject {
    Reject::Header {
        container: "AIFF",
        reason: reason.into(),
    }
}
