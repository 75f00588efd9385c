//! Reads WAV files: RIFF, RF64, BW64 and Wave64, as recorders, editors, pipes and crashes leave them.
//!
//! The lengths of the sound decide; everything else in a file is bookkeeping. Where what follows the samples proves
//! that they end where their chunk says, wrong bookkeeping is accepted, and noted. Where they may be incomplete,
//! shifted or of another speed, the file is refused, by the name of what is wrong.
//!
//! | what | becomes |
//! |---|---|
//! | size of the whole wrong, 0 or open | noted |
//! | data size modulo 2^32, the rest of the file fits exactly and does not end in zeros | noted |
//! | the same, but the rest does not fit or ends in zeros | refused |
//! | data size 0 or open (a pipe, a crash) | refused; with [`OpenLength::ToEnd`] the rest is taken, but for chunks at its end, and noted |
//! | data size larger than the file | refused as truncated |
//! | data size too small: what follows is neither a chunk nor zeros nor a tag | refused |
//! | fewer than 512 bytes behind the end that data chunk and header agree on | noted |
//! | zeros, an ID3 or APE tag behind the samples; anything behind a chunk behind them | noted |
//! | data size that takes in chunks at the end of the file, where the header's size is right | these are left out, and noted |
//! | the same, where it is not: bytes of the sound may be lost | refused as truncated |
//! | a second data chunk, another file behind the samples | refused |
//! | part of a frame at the end | left out and noted: no whole frame is lost, and none is shifted |
//! | a short last block of ADPCM | its frames are kept, noted |
//! | chunks without padding; a wrong length of one before the samples, where these are found exactly | noted |
//! | format chunk longer than usual, or there twice | noted |
//! | bytes a frame wrong, where bits, channels and bytes a second agree; bytes a second 0 | noted |
//! | bytes a second wrong: the rate may be | refused |
//! | samples of fewer bits than their bytes, at either end of them | noted; refused where they have more bits than declared |

mod chunk;
mod disguised;
mod ds64;
mod extent;
mod format;
mod header;
mod layout;
mod metadata;
mod narrow;
mod reader;
mod tail;
mod walk;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]
mod tests;

use serde::{Deserialize, Serialize};

use self::chunk::Bytes;
pub use self::chunk::ChunkId;
pub(super) use self::disguised::is_named_triggered;
use self::layout::Layout;
pub use self::metadata::{MetadataKind, RecorderMetadata};
use self::narrow::Narrow;
pub(super) use self::reader::WavReader;
use self::walk::Walk;
use super::note::{Note, Notes};
use super::ranged::RangedRead;
use super::reject::Reject;

/// What becomes of a file that does not declare how long its sound is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpenLength {
    /// It is refused: a recording cut short looks the same.
    #[default]
    Refuse,
    /// The rest of the file is taken.
    ToEnd,
}

/// Opens the WAV file that starts at byte `start` of a source.
///
/// # Errors
///
/// Whatever may make its sound incomplete or shifted, by name; codecs that cannot be decoded.
pub(super) fn open(mut source: Box<dyn RangedRead>, start: u64, open_length: OpenLength) -> Result<WavReader, Reject> {
    let mut bytes = Bytes::new(source.as_mut());
    let header = header::read(&mut bytes, start)?;
    let mut walk = Walk::new(&mut bytes, header);
    let data = walk.find_data()?;
    let format = walk
        .format
        .ok_or_else(|| wrong("its data chunk comes before its format chunk"))?;
    let extent = walk.extent(data, open_length)?;
    walk.finish(extent)?;
    let layout = Layout::new(&format, &mut walk.notes)?;
    let Walk { mut notes, entries, .. } = walk;
    let end = whole_frames(&layout, extent.data.body, extent.data.bytes, &mut notes)?;
    let data = extent.data.body..end;
    let narrow = match layout.narrow_bits {
        Some(bits) => {
            let narrow = Narrow::find(&mut bytes, data.clone(), layout.sample_bytes, bits)?;
            let container = 8 * layout.sample_bytes;
            notes.add(Note::WideContainer {
                bits,
                container,
                low: narrow.low,
            });
            Some(narrow)
        }
        None => None,
    };
    let (notes, entries) = (notes.all().to_vec(), entries.all().to_vec());
    Ok(WavReader::new(source, layout, narrow, data, notes, entries))
}

/// Where the last frame ends.
fn whole_frames(layout: &Layout, start: u64, bytes: u64, notes: &mut Notes) -> Result<u64, Reject> {
    let rest = bytes % layout.block_bytes;
    if rest == 0 {
        return Ok(start + bytes);
    }
    let has = |wanted: fn(&Note) -> bool| notes.all().iter().any(wanted);
    let is_completed = (rest + 1).is_multiple_of(layout.block_bytes) && has(|note| matches!(note, Note::Padding));
    // What pads the samples is the rest of the frame; and a size that wrapped is proven by what it counts.
    if is_completed || has(|note| matches!(note, Note::WrappedSize { .. })) {
        return Err(wrong(format!(
            "its data chunk of {bytes} bytes is not a whole number of frames of {} bytes",
            layout.block_bytes
        )));
    }
    if layout.frames_of_short_block(rest) > 0 {
        notes.add(Note::ShortBlock { bytes: rest });
        return Ok(start + bytes);
    }
    notes.add(Note::PartialFrame { bytes: rest });
    Ok(start + bytes - rest)
}

/// A header that contradicts itself or the file.
fn wrong(reason: impl Into<String>) -> Reject {
    Reject::Header {
        container: "WAV",
        reason: reason.into(),
    }
}
