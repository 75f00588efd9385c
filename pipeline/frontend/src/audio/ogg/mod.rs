//! Reads Ogg files: Opus, Vorbis and FLAC, as encoders, recorders of streams and tools that join files leave them.
//!
//! Every byte is under a checksum, pages are numbered, and each says at which frame its packets end. Where packets,
//! numbers and positions agree, the sound is whole; the position that it starts from is bookkeeping.
//!
//! | what | becomes |
//! |---|---|
//! | a page that fails its checksum, or is not the next one; bytes between pages | refused |
//! | packets of more or fewer frames than positions count | refused |
//! | the same on the last page: fewer frames count than it has | the rest is dropped; of FLAC refused |
//! | the same on the first page | the first ones are dropped of Vorbis; of Opus and FLAC refused |
//! | positions that start late: a stream recorded while it ran | sound counts from the first page; noted |
//! | a page on which no packet ends, or that has no position | its packets count to the next position |
//! | no last page, or one without a position | refused as truncated |
//! | several streams one behind the other, of one codec, rate and number of channels | one recording; noted |
//! | the same, but they differ; streams at the same time | refused |
//! | packets without a byte | left out of Vorbis and FLAC; of Opus refused |
//! | zeros behind the last page | noted |
//! | pre-skip and gain in the header of Opus | applied, of each stream its own; gains in comments are not |
//! | Vorbis of more than two channels | refused |
//!
//! Pages: RFC 3533. Opus: RFC 7845. FLAC: RFC 9639 section 10.1. Vorbis: Vorbis I, appendix A.

mod chain;
mod codec;
mod flac;
mod link;
mod page;
mod reader;
mod vorbis;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests;

use self::chain::{Chain, Next};
pub(super) use self::reader::OggReader;
use super::ranged::RangedRead;
use super::reject::Reject;

/// Opens the Ogg file that starts at byte `start` of a source; `whole` walks all of it, else its length is an estimate.
///
/// # Errors
///
/// Whatever may make its sound incomplete or shifted, by name; codecs that cannot be decoded.
pub(super) fn open(source: Box<dyn RangedRead>, start: u64, whole: bool) -> Result<OggReader, Reject> {
    let mut chain = Chain::new(source, start);
    let frames = match (chain.next()?, whole) {
        (Next::End | Next::Audio(_), _) => return Err(Reject::Empty),
        (Next::Stream, true) => Some(count(&mut chain)?),
        (Next::Stream, false) => chain.estimated_frames()?,
    };
    chain.rewind();
    chain.next()?;
    Ok(OggReader::new(chain, frames))
}

/// Frames of all packets.
fn count(chain: &mut Chain) -> Result<u64, Reject> {
    let mut frames = 0;
    loop {
        match chain.next()? {
            Next::Stream => {}
            Next::Audio(audio) => frames += audio.kept(),
            Next::End => return Ok(frames),
        }
    }
}

/// A header that contradicts itself or the file.
fn invalid(reason: impl Into<String>) -> Reject {
    Reject::Header {
        container: "Ogg",
        reason: reason.into(),
    }
}
