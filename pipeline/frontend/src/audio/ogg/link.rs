//! Follows one stream of an Ogg file: puts its packets together, and compares their lengths with pages' positions.

use std::collections::VecDeque;

use super::codec::{Codec, unsupported};
use super::invalid;
use super::page::{Page, damaged};
use crate::audio::note::{Note, Notes};
use crate::audio::reject::Reject;

/// The most bytes that are kept of a packet: the largest of FLAC is below 3 MB. Only comments, which are not kept, are
/// longer at times.
const MAX_PACKET_BYTES: usize = 1 << 24;

/// One packet of sound.
#[derive(Debug)]
pub(super) struct Audio {
    pub(super) data: Vec<u8>,
    /// Frames that decoding it gives.
    pub(super) frames: u64,
    /// How many of them do not belong to the recording: at the start, and at the end.
    pub(super) trim_start: u64,
    pub(super) trim_end: u64,
}

impl Audio {
    /// Frames that belong to the recording.
    pub(super) fn kept(&self) -> u64 {
        self.frames - self.trim_start - self.trim_end
    }
}

/// One stream: of a chained file, a link of the chain.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) codec: Codec,
    serial: u32,
    next_sequence: u32,
    /// Whether no page was taken yet.
    is_new: bool,
    /// The packet that the last page did not end.
    packet: Vec<u8>,
    is_open: bool,
    /// Whether bytes of that packet were not kept.
    is_cut: bool,
    /// The position at the end of the last page that has one and ends a packet.
    position: Option<u64>,
    /// The position of the first frame.
    pub(super) start: u64,
    /// Frames of packets since that page.
    unsettled: u64,
    /// Frames of all packets.
    frames: u64,
    /// Frames that are still to be dropped from the start.
    skip: u64,
    pub(super) has_ended: bool,
}

impl Link {
    /// Starts with the first page of a stream.
    ///
    /// # Errors
    ///
    /// Those of [`Codec::identify`], and a page that is not a first one.
    pub(super) fn new(page: &Page) -> Result<Self, Reject> {
        if !page.is_first() || page.is_continued() {
            return Err(damaged(page.start, "expected the first page of an Ogg stream"));
        }
        let Some((first, true)) = page.parts().next() else {
            return Err(invalid("its first page does not hold a whole header"));
        };
        let codec = Codec::identify(first)?;
        Ok(Self {
            serial: page.serial,
            next_sequence: page.sequence,
            is_new: true,
            packet: Vec::new(),
            is_open: false,
            is_cut: false,
            position: None,
            start: 0,
            unsettled: 0,
            frames: 0,
            skip: codec.pre_skip(),
            has_ended: false,
            codec,
        })
    }

    /// Takes a page, the first one included, and adds the packets of sound that end on it to `queue`.
    ///
    /// # Errors
    ///
    /// Whatever may mean that sound is missing or shifted: a page of another number, a packet that is not continued,
    /// positions that are not those of the packets.
    pub(super) fn take(&mut self, page: &Page, queue: &mut VecDeque<Audio>, notes: &mut Notes) -> Result<(), Reject> {
        if page.serial != self.serial || page.is_first() != self.is_new {
            return Err(unsupported("Ogg with several streams"));
        }
        if page.sequence != self.next_sequence {
            let reason = format!("expected Ogg page {}, got {}", self.next_sequence, page.sequence);
            return Err(damaged(page.start, reason));
        }
        if page.is_continued() != self.is_open {
            return Err(damaged(page.start, "a packet is not continued on the next Ogg page"));
        }
        self.next_sequence = self.next_sequence.wrapping_add(1);
        let mut ended = Vec::new();
        // The very first packet was read already.
        let read = usize::from(std::mem::take(&mut self.is_new));
        for (part, ends) in page.parts().skip(read) {
            self.append(part);
            self.is_open = !ends;
            if ends && let Some(audio) = self.end_packet(page)? {
                ended.push(audio);
            }
        }
        self.settle(page, &mut ended, notes)?;
        self.drop_pre_skip(&mut ended);
        queue.extend(ended);
        if page.is_last() {
            self.end(page)?;
        }
        Ok(())
    }

    /// Whether sound has been read of it.
    pub(super) fn has_sound(&self) -> bool {
        self.frames > 0
    }

    /// Its serial number.
    pub(super) fn serial(&self) -> u32 {
        self.serial
    }

    /// Whether a page has said where it is.
    pub(super) fn is_placed(&self) -> bool {
        self.position.is_some()
    }

    fn append(&mut self, part: &[u8]) {
        let room = MAX_PACKET_BYTES.saturating_sub(self.packet.len());
        self.is_cut |= room < part.len();
        self.packet.extend_from_slice(part.get(..room).unwrap_or(part));
    }

    /// Ends a packet: sound, or a header and `None`.
    fn end_packet(&mut self, page: &Page) -> Result<Option<Audio>, Reject> {
        let (data, is_cut) = (std::mem::take(&mut self.packet), std::mem::take(&mut self.is_cut));
        if data.is_empty() && self.codec.may_be_empty() || self.codec.take_header(&data)? {
            return Ok(None);
        }
        if is_cut {
            return Err(damaged(
                page.start,
                format!("a packet has more than {MAX_PACKET_BYTES} bytes"),
            ));
        }
        let Some(frames) = self.codec.frames(&data) else {
            return Err(damaged(page.start, "a packet on this Ogg page is not one of sound"));
        };
        self.frames += frames;
        Ok(Some(Audio {
            data,
            frames,
            trim_start: 0,
            trim_end: 0,
        }))
    }

    /// Compares the position of a page with the packets that end on it.
    fn settle(&mut self, page: &Page, ended: &mut [Audio], notes: &mut Notes) -> Result<(), Reject> {
        self.unsettled += ended.iter().map(|audio| audio.frames).sum::<u64>();
        let position = match (page.granule, self.position) {
            (None, _) if page.is_last() && self.unsettled > 0 => {
                return Err(invalid("its last page does not say where the sound ends"));
            }
            (None, _) => return Ok(()),
            // Pages of headers say 0.
            (Some(_), None) if ended.is_empty() => return Ok(()),
            (Some(position), _) => position,
        };
        let frames = std::mem::take(&mut self.unsettled);
        let first = self.position.is_none();
        // Where the packets end, if the sound begins at 0.
        let expected = self.position.unwrap_or(0) + frames;
        if first && position > expected {
            self.start = position - expected;
            notes.add(Note::LateStart { frames: self.start });
        } else if position != expected {
            let last = page.is_last() && self.codec.may_end_within_packet();
            let trim = expected.abs_diff(position);
            let trimmed = match position < expected {
                true if last => drop_last(ended, trim),
                true if first && self.codec.may_start_before_zero() => drop_first(ended, trim),
                _ => false,
            };
            if !trimmed {
                let reason = format!("the packets of an Ogg page end at frame {expected}, it says {position}");
                return Err(damaged(page.start, reason));
            }
        }
        self.position = Some(position);
        Ok(())
    }

    fn drop_pre_skip(&mut self, ended: &mut [Audio]) {
        for audio in ended {
            let dropped = self.skip.min(audio.kept());
            audio.trim_start += dropped;
            self.skip -= dropped;
        }
    }

    /// Checks the whole stream after its last page.
    fn end(&mut self, page: &Page) -> Result<(), Reject> {
        self.has_ended = true;
        if self.is_open {
            return Err(damaged(page.start, "the last Ogg page does not end its packet"));
        }
        match self.codec.declared_frames() {
            Some(expected) if expected != self.frames => Err(Reject::FrameCount {
                expected,
                got: self.frames,
            }),
            _ => Ok(()),
        }
    }
}

/// Drops frames from the end of packets, and says whether there were as many.
fn drop_last(packets: &mut [Audio], mut frames: u64) -> bool {
    for audio in packets.iter_mut().rev() {
        audio.trim_end = frames.min(audio.frames);
        frames -= audio.trim_end;
    }
    frames == 0
}

/// The same from the start.
fn drop_first(packets: &mut [Audio], mut frames: u64) -> bool {
    for audio in packets {
        audio.trim_start = frames.min(audio.frames);
        frames -= audio.trim_start;
    }
    frames == 0
}
