//! Walks an Ogg file: one stream, or several of a kind one behind the other.

use std::collections::VecDeque;

use super::codec::{Codec, unsupported};
use super::link::{Audio, Link};
use super::page::{CAPTURE, MAX_PAGE_BYTES, Page, Pages, damaged};
use crate::audio::note::{Note, Notes};
use crate::audio::ranged::RangedRead;
use crate::audio::reject::Reject;

/// Bytes that are looked through at once.
const BLOCK_BYTES: usize = 1 << 16;

/// What comes next in a file.
#[derive(Debug)]
pub(super) enum Next {
    /// The headers of a stream are read; its packets follow.
    Stream,
    /// A packet of it.
    Audio(Audio),
    /// The end of the file, which is that of its last stream.
    End,
}

/// The streams of a file.
pub(super) struct Chain {
    pages: Pages,
    /// Where the first page starts.
    start: u64,
    page: Page,
    link: Option<Link>,
    streams: u64,
    /// Codec, rate and channels of the first stream.
    kind: Option<(&'static str, u32, u8)>,
    is_announced: bool,
    queue: VecDeque<Audio>,
    notes: Notes,
}

impl Chain {
    /// The streams from byte `start` on.
    pub(super) fn new(source: Box<dyn RangedRead>, start: u64) -> Self {
        Self {
            pages: Pages::new(source, start),
            start,
            page: Page::default(),
            link: None,
            streams: 0,
            kind: None,
            is_announced: false,
            queue: VecDeque::new(),
            notes: Notes::default(),
        }
    }

    /// Starts over.
    pub(super) fn rewind(&mut self) {
        self.pages.go_to(self.start);
        self.link = None;
        self.streams = 0;
        self.queue.clear();
    }

    /// The codec of the current stream.
    pub(super) fn codec(&self) -> Option<&Codec> {
        self.link.as_ref().map(|link| &link.codec)
    }

    /// What was wrong so far, and was accepted.
    pub(super) fn notes(&self) -> &[Note] {
        self.notes.all()
    }

    /// The source, for other uses.
    pub(super) fn into_source(self) -> Box<dyn RangedRead> {
        self.pages.into_source()
    }

    /// What comes next.
    ///
    /// # Errors
    ///
    /// Whatever may mean that sound is missing or shifted, and streams that are not of one kind.
    pub(super) fn next(&mut self) -> Result<Next, Reject> {
        loop {
            if !self.is_announced
                && let Some(link) = self.link.as_ref().filter(|link| link.codec.is_ready())
            {
                self.is_announced = true;
                if *self.kind.get_or_insert(link.codec.kind()) != link.codec.kind() {
                    return Err(unsupported(
                        "a file of chained Ogg streams that differ in codec, rate or channels",
                    ));
                }
                return Ok(Next::Stream);
            }
            if let Some(audio) = self.queue.pop_front() {
                return Ok(Next::Audio(audio));
            }
            if !self.read_page()? {
                if self.streams > 1 {
                    let streams = self.streams;
                    self.notes.add(Note::ChainedStreams { streams });
                }
                return Ok(Next::End);
            }
        }
    }

    /// Reads one more page; `false` is the end.
    fn read_page(&mut self) -> Result<bool, Reject> {
        let between = self.link.as_ref().is_none_or(|link| link.has_ended);
        if between && self.streams > 0 && self.is_at_end()? {
            return Ok(false);
        }
        let truncated = |at| damaged(at, "the file ends without a last Ogg page: it is truncated");
        if !self.pages.read(&mut self.page)? {
            return Err(truncated(self.pages.position()));
        }
        match self.link.as_mut().filter(|_| !between) {
            Some(link) if self.page.is_first() && link.has_sound() => {
                let reason = "an Ogg stream ends without a last page: it is truncated";
                Err(damaged(self.page.start, reason))
            }
            Some(link) => match link.take(&self.page, &mut self.queue, &mut self.notes) {
                // Of the page that would be the last, the position may well not be that of its packets.
                Err(_) if self.pages.remaining() == 0 && !self.page.is_last() => Err(truncated(self.pages.position())),
                taken => taken,
            },
            None => {
                self.streams += 1;
                self.is_announced = false;
                let link = self.link.insert(Link::new(&self.page)?);
                link.take(&self.page, &mut self.queue, &mut self.notes)
            }
        }?;
        Ok(true)
    }

    /// Whether nothing follows the last page of a stream but zeros.
    fn is_at_end(&mut self) -> Result<bool, Reject> {
        let (start, bytes) = (self.pages.position(), self.pages.remaining());
        let mut block = vec![0; BLOCK_BYTES.min(bytes as usize)];
        if self.pages.peek(start, &mut block)?.starts_with(CAPTURE) {
            return Ok(false);
        }
        let mut at = start;
        loop {
            match self.pages.peek(at, &mut block)? {
                [] => break,
                block if block.iter().any(|&byte| byte != 0) => {
                    return Err(damaged(start, "bytes follow the last Ogg page"));
                }
                block => at += block.len() as u64,
            }
        }
        if bytes > 0 {
            self.notes.add(Note::ZeroFill { bytes });
        }
        Ok(true)
    }

    /// Frames of a file of one stream, by the position of its last page, without reading what is between.
    ///
    /// # Errors
    ///
    /// Those of its first page of sound.
    pub(super) fn estimated_frames(&mut self) -> Result<Option<u64>, Reject> {
        let is_placed = |link: &Option<Link>| link.as_ref().is_some_and(|link| link.is_placed() || link.has_ended);
        while !is_placed(&self.link) && self.read_page()? {}
        let Some(link) = self.link.as_ref() else {
            return Ok(None);
        };
        if let Some(frames) = link.codec.declared_frames() {
            return Ok(Some(frames));
        }
        let serial = link.serial().to_le_bytes();
        let size = self.pages.position() + self.pages.remaining();
        let mut tail = vec![0; (2 * MAX_PAGE_BYTES).min(size) as usize];
        let tail = self.pages.peek(size - tail.len() as u64, &mut tail)?;
        let ends = tail.windows(18).rev().filter_map(|page| match page {
            [b'O', b'g', b'g', b'S', 0, _, rest @ ..] => rest.split_first_chunk::<8>(),
            _ => None,
        });
        let last = ends
            .filter(|(_, rest)| rest.starts_with(&serial))
            .map(|(&end, _)| u64::from_le_bytes(end))
            .find(|&end| end != u64::MAX);
        Ok(last.map(|end| end.saturating_sub(link.start + link.codec.pre_skip())))
    }
}
