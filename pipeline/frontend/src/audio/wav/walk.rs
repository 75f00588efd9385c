//! Walks the chunks of a file up to its samples, and those behind them.

use super::chunk::{Bytes, Chunk, Likeness};
use super::ds64::Sizes;
use super::format::Format;
use super::header::Header;
use super::metadata::Entries;
use super::tail::Tail;
use super::wrong;
use crate::audio::note::{Note, Notes};
use crate::audio::reject::Reject;

/// Chunks of one file, above what any recorder or editor writes.
pub(super) const MAX_CHUNKS: u32 = 4096;

/// Chunks before the samples whose damaged length is overcome.
const MAX_LOST: u32 = 4;

/// How far the chunk behind a damaged length is looked for.
const SEARCH_BYTES: u64 = 1 << 20;

/// Places that are tried in such a search.
const MAX_TRIES: u32 = 8;

/// A walk over a file's chunks, and what it has found.
pub(super) struct Walk<'a, 'b> {
    pub(super) bytes: &'a mut Bytes<'b>,
    pub(super) header: Header,
    pub(super) sizes: Option<Sizes>,
    pub(super) format: Option<Format>,
    pub(super) notes: Notes,
    pub(super) entries: Entries,
}

impl<'a, 'b> Walk<'a, 'b> {
    pub(super) fn new(bytes: &'a mut Bytes<'b>, header: Header) -> Self {
        Self {
            bytes,
            header,
            sizes: None,
            format: None,
            notes: Notes::default(),
            entries: Entries::default(),
        }
    }

    /// Walks to the data chunk.
    ///
    /// # Errors
    ///
    /// [`Reject::Header`] if there is none or the chunks do not lead to it, [`Reject::Truncated`] if the file ends
    /// before, and whatever is wrong with the format chunk.
    pub(super) fn find_data(&mut self) -> Result<Chunk, Reject> {
        let mut places = [self.header.first_chunk(); 2];
        let mut last: Option<Chunk> = None;
        let mut lost = 0;
        for _ in 0..MAX_CHUNKS {
            let found = self.chunk_at(places)?;
            let chunk = match found {
                Some((chunk, padded)) => {
                    self.note_padding(last.filter(|_| !padded));
                    chunk
                }
                None => {
                    let chunk = (lost < MAX_LOST)
                        .then(|| self.search(last, places[0]))
                        .transpose()?
                        .flatten();
                    let Some(chunk) = chunk else {
                        return Err(self.dead_end(last, places[0])?);
                    };
                    lost += 1;
                    chunk
                }
            };
            if chunk.id.0 == *b"data" {
                return Ok(chunk);
            }
            self.take(chunk, chunk.end())?;
            places = [self.header.padded_end(chunk), chunk.end()];
            last = Some(chunk);
        }
        Err(wrong(format!(
            "it has more than {MAX_CHUNKS} chunks before its samples"
        )))
    }

    /// The chunk at one of two places, where padding puts it and where it is without, and whether it is the first.
    /// Codes in use come first, then what leads to another chunk or the end.
    fn chunk_at(&mut self, places: [u64; 2]) -> Result<Option<(Chunk, bool)>, Reject> {
        let found = [self.standing(places[0])?, self.standing(places[1])?];
        let candidates = found.into_iter().zip([true, places[0] == places[1]]);
        let candidates = candidates.filter_map(|(chunk, padded)| Some((chunk?, padded)));
        let mut best: Option<(Likeness, bool, Chunk, bool)> = None;
        for (chunk, padded) in candidates {
            let leads = chunk.likeness == Likeness::Known || self.leads_on(chunk)?;
            if best.is_none_or(|best| (chunk.likeness, leads) > (best.0, best.1)) {
                best = Some((chunk.likeness, leads, chunk, padded));
            }
        }
        Ok(best.map(|(_, _, chunk, padded)| (chunk, padded)))
    }

    /// The chunk at a place, if its code can be one and the file has all of it; samples are judged later.
    fn standing(&mut self, place: u64) -> Result<Option<Chunk>, Reject> {
        let chunk = self
            .bytes
            .chunk(self.header.family, place)?
            .map(|chunk| self.resolved(chunk));
        let fits = |chunk: &Chunk| chunk.id.0 == *b"data" || chunk.end() <= self.bytes.size();
        Ok(chunk.filter(|chunk| chunk.likeness > Likeness::None && fits(chunk)))
    }

    /// Whether a chunk ends where the file does, or where another one stands.
    fn leads_on(&mut self, chunk: Chunk) -> Result<bool, Reject> {
        let places = [self.header.padded_end(chunk), chunk.end()];
        let stands = self.standing(places[0])?.is_some() || self.standing(places[1])?.is_some();
        Ok(stands || (places[1]..=places[0]).contains(&self.bytes.size()))
    }

    /// A chunk with its size in the table of `ds64`.
    fn resolved(&self, chunk: Chunk) -> Chunk {
        self.sizes.as_ref().map_or(chunk, |sizes| sizes.resolve(chunk))
    }

    /// Keeps what a chunk says.
    fn take(&mut self, chunk: Chunk, end: u64) -> Result<(), Reject> {
        match &chunk.id.0 {
            b"fmt " => {
                let format = Format::read(self.bytes, chunk, &mut self.notes)?;
                match self.format.replace(format) {
                    None => {}
                    Some(before) if before == format => self.notes.add(Note::FormatTwice),
                    Some(_) => return Err(wrong("it has two format chunks that differ")),
                }
            }
            b"ds64" if self.sizes.is_none() => self.sizes = Sizes::read(self.bytes, chunk)?,
            b"RIFF" => return Err(wrong("another RIFF header is among its chunks")),
            _ => {
                let form = self.bytes.array::<4>(chunk.body)?;
                self.entries.add(chunk, end, form);
            }
        }
        Ok(())
    }

    fn note_padding(&mut self, unpadded: Option<Chunk>) {
        if let Some(chunk) = unpadded {
            self.notes.add(Note::NoPadding { id: chunk.id });
        }
    }

    /// Looks for the format chunk, or for a data chunk whose length is proven, behind a chunk whose length leads
    /// nowhere.
    fn search(&mut self, last: Option<Chunk>, place: u64) -> Result<Option<Chunk>, Reject> {
        let from = last.map_or(place, |chunk| chunk.body);
        let until = from.saturating_add(SEARCH_BYTES).min(self.bytes.size());
        let mut tries = MAX_TRIES;
        for at in from..until {
            let Some(code) = self.bytes.array::<4>(at)? else { break };
            if !matches!(&code, b"fmt " | b"data") || tries == 0 {
                continue;
            }
            tries -= 1;
            let Some(chunk) = self
                .bytes
                .chunk(self.header.family, at)?
                .filter(|found| found.likeness == Likeness::Known)
            else {
                continue;
            };
            let proven = match &code {
                b"fmt " => {
                    self.format.is_none() && (16..=64).contains(&chunk.bytes) && {
                        let places = [self.header.padded_end(chunk), chunk.end()];
                        self.chunk_at(places)?.is_some()
                    }
                }
                _ => self.format.is_some() && self.is_proven(chunk)?,
            };
            if proven {
                let damaged = match last {
                    Some(last) => Some(last),
                    None => self.bytes.chunk(self.header.family, place)?,
                };
                if let Some(Chunk {
                    id, bytes: declared, ..
                }) = damaged
                {
                    self.notes.add(Note::ChunkLength { id, declared });
                }
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }

    /// Why the walk ends at `place` without a data chunk.
    fn dead_end(&mut self, last: Option<Chunk>, place: u64) -> Result<Reject, Reject> {
        let size = self.bytes.size();
        let chunk = self.bytes.chunk(self.header.family, place)?;
        Ok(match chunk.filter(|chunk| chunk.likeness == Likeness::Known) {
            Some(chunk) if chunk.end() > size => Reject::Truncated {
                what: format!("the '{}' chunk", chunk.id),
                expected: chunk.bytes,
                got: size.saturating_sub(chunk.body),
            },
            _ if place + 8 > size => wrong("it has no data chunk"),
            _ => match last {
                Some(chunk) => wrong(format!("no chunk follows its '{}' chunk at byte {place}", chunk.id)),
                None => wrong(format!("there is no chunk at byte {place}")),
            },
        })
    }

    /// What follows a data chunk.
    pub(super) fn tail(&mut self, data: Chunk) -> Result<Tail, Reject> {
        let declared_end = self.header.declared_end(self.sizes.as_ref());
        Tail::find(self.bytes, &self.header, data, declared_end)
    }

    /// The end of the file or a chunk, if either follows a data chunk.
    pub(super) fn exact_tail(&mut self, data: Chunk) -> Result<Option<Tail>, Reject> {
        let declared_end = self.header.declared_end(self.sizes.as_ref());
        Tail::exact(self.bytes, &self.header, data, declared_end)
    }

    /// Walks the chunks behind the samples, from byte `at` on: what recorders put there, and that there are no more
    /// samples. Returns where they end. What is wrong with them does not touch the sound.
    pub(super) fn behind(&mut self, mut at: u64) -> Result<u64, Reject> {
        let size = self.bytes.size();
        let mut places = [at; 2];
        let mut last = None;
        for _ in 0..MAX_CHUNKS {
            let Some((chunk, padded)) = self.chunk_at(places)? else {
                return self.cut_chunk(places[0], at);
            };
            self.note_padding(last.filter(|_| !padded));
            match &chunk.id.0 {
                b"data" => return Err(two_sounds("data chunk", chunk)),
                b"RIFF" => return Err(two_sounds("RIFF header", chunk)),
                b"fmt " | b"ds64" => {}
                _ => self.take(chunk, chunk.end())?,
            }
            at = self.header.padded_end(chunk).min(size);
            places = [self.header.padded_end(chunk), chunk.end()];
            last = Some(chunk);
            if at >= size {
                break;
            }
        }
        Ok(at)
    }

    /// Notes a chunk in use that the file's end cuts; where the chunks end.
    fn cut_chunk(&mut self, place: u64, at: u64) -> Result<u64, Reject> {
        let size = self.bytes.size();
        let chunk = self.bytes.chunk(self.header.family, place)?;
        let Some(chunk) = chunk.filter(|chunk| chunk.likeness == Likeness::Known) else {
            return Ok(at);
        };
        let (declared, present) = (chunk.bytes, size.saturating_sub(chunk.body));
        self.notes.add(Note::CutChunk {
            id: chunk.id,
            declared,
            present,
        });
        Ok(size)
    }
}

/// Refuses samples in two places.
fn two_sounds(what: &str, chunk: Chunk) -> Reject {
    wrong(format!(
        "a second {what} follows its samples, before byte {}",
        chunk.body
    ))
}
