//! Decodes a recording to samples, in constant memory.

mod demux;

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use shardfmt::checksum::FileHash;
use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::errors::Error;
use symphonia::core::packet::Packet;

use self::demux::{Depth, OpenContainer, decode_error};
use super::container::Container;
use super::note::Note;
use super::reject::Reject;
use super::wav::{OpenLength, RecorderMetadata};

/// The largest magnitude that any integer format can mean, unscaled. Larger values are damage, and
/// their power would overflow `f32`.
const MAX_MAGNITUDE: f32 = 2_147_483_648.0;

/// Which channel of a recording to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The mean of all channels, in `f32`.
    Mean,
    /// One channel, counted from 0.
    Index(u32),
}

/// What a recording says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The codec's short name, for example `pcm_s16le`, `flac` or `mp3`.
    pub codec: String,
    /// The container's name, for example `WAV`.
    pub container: &'static str,
    /// Native sampling rate in Hz.
    pub rate_hz: u32,
    /// Channels.
    pub channels: u32,
    /// Frames (samples per channel) without encoder delay and padding. [`probe`] may only estimate
    /// it; a [`Decoder`] has it exact where it is present, and delivers exactly as many.
    pub declared_frames: Option<u64>,
}

/// Reads a recording's header without walking the file: for planning, not for trust.
///
/// # Errors
///
/// What stops the recording from being opened.
pub fn probe(path: &Path) -> Result<Header, Reject> {
    guard(|| OpenContainer::open(path, Depth::Header, OpenLength::ToEnd)?.header())
}

/// What a look at a recording shows, without decoding it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What it says about itself.
    pub header: Header,
    /// What its recorder wrote of it; none of other formats than WAV.
    pub recorder: Vec<RecorderMetadata>,
    /// Whether the samples of a WAV file are zeros in every byte: room that was made for sound which was never written.
    pub is_all_zeros: bool,
}

/// Looks at a recording: its header, what its recorder wrote of it, and whether its samples are what they seem. A file
/// is read further than that only where its samples begin with zeros, or where an AudioMoth may have left out silence.
///
/// # Errors
///
/// What stops the recording from being opened, as far as that shows without a walk over all of it.
pub fn look(path: &Path) -> Result<Look, Reject> {
    guard(|| {
        let opened = OpenContainer::open(path, Depth::Recorder, OpenLength::Refuse)?;
        let header = opened.header()?;
        if header.declared_frames == Some(0) {
            return Err(Reject::Empty);
        }
        Ok(Look {
            header,
            recorder: opened.recorder,
            is_all_zeros: opened.is_all_zeros,
        })
    })
}

/// Decodes one recording from start to end.
pub struct Decoder {
    source: OpenContainer,
    decoder: Box<dyn AudioDecoder>,
    header: Header,
    channel: Channel,
    /// Frames decoded, with delay and padding.
    decoded: u64,
    /// Frames delivered.
    delivered: u64,
    next_timestamp: Option<i64>,
    /// One buffer per channel.
    planes: Vec<Vec<f32>>,
    state: State,
}

/// How far a decoder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    /// All frames are delivered and all checks have passed.
    Ended,
    /// A rejection was returned.
    Refused,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("header", &self.header)
            .field("delivered", &self.delivered)
            .finish()
    }
}

impl Decoder {
    /// Opens a recording after walking its structure.
    ///
    /// # Errors
    ///
    /// Anything of stage `open`, and damage that shows without decoding.
    pub fn open(path: &Path, channel: Channel) -> Result<Self, Reject> {
        Self::open_with(path, channel, OpenLength::Refuse)
    }

    /// Opens a recording as [`open`](Self::open) does, and says what becomes of one without a length.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: &Path, channel: Channel, open_length: OpenLength) -> Result<Self, Reject> {
        guard(|| {
            let source = OpenContainer::open(path, Depth::Whole, open_length)?;
            let header = source.header()?;
            if let Channel::Index(index) = channel
                && index >= header.channels
            {
                return Err(Reject::NoSuchChannel {
                    index,
                    channels: header.channels,
                });
            }
            if header.declared_frames == Some(0) {
                return Err(Reject::Empty);
            }
            let delay = u64::from(source.track.delay.unwrap_or(0));
            if source.container == Container::Mpeg && delay != source.promise.skip_frames {
                return Err(Reject::Header {
                    container: source.container.name(),
                    reason: "its LAME tag fails its checksum".to_owned(),
                });
            }
            let decoder = source.decoder()?;
            Ok(Self {
                source,
                decoder,
                header,
                channel,
                decoded: 0,
                delivered: 0,
                next_timestamp: None,
                planes: Vec::new(),
                state: State::Reading,
            })
        })
    }

    /// What the recording says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What was wrong with the file beside its sound, and was accepted.
    pub fn notes(&self) -> &[Note] {
        &self.source.notes
    }

    /// Size and checksum of the whole file, taken while it was read; what was left out until now is read for it.
    ///
    /// # Errors
    ///
    /// The system's, on reading.
    pub fn file_hash(&self) -> io::Result<FileHash> {
        self.source.bytes.finish()
    }

    /// Appends the next frames of the chosen channel to `out` and returns how many; 0 is the end, and
    /// says that every check of the whole recording has passed.
    ///
    /// # Errors
    ///
    /// The recording must then be dropped as a whole: what was delivered before belongs to it.
    pub fn read(&mut self, out: &mut Vec<f32>) -> Result<usize, Reject> {
        let start = out.len();
        let Some(frames) = self.next_block()? else {
            return Ok(0);
        };
        if let ([plane], true) = (&mut self.planes[..], out.is_empty()) {
            // All there is of one channel changes hands; the block to come takes the caller's memory.
            std::mem::swap(plane, out);
            return Ok(frames);
        }
        match self.channel {
            Channel::Index(index) => {
                if let Some(plane) = self.planes.get(index as usize) {
                    out.extend_from_slice(plane);
                }
            }
            Channel::Mean => {
                let mut planes = self.planes.iter();
                if let Some(plane) = planes.next() {
                    out.extend_from_slice(plane);
                }
                let block = &mut out[start..];
                for plane in planes {
                    block.iter_mut().zip(plane).for_each(|(sum, &sample)| *sum += sample);
                }
                if self.header.channels > 1 {
                    let channels = self.header.channels as f32;
                    block.iter_mut().for_each(|sum| *sum /= channels);
                }
            }
        }
        Ok(frames)
    }

    /// Decodes packets until some frames remain after trimming; `None` is the end.
    fn next_block(&mut self) -> Result<Option<usize>, Reject> {
        match self.state {
            State::Reading => {}
            State::Ended => return Ok(None),
            State::Refused => {
                let reason = "it was already refused".to_owned();
                return Err(Reject::Decode {
                    frame: self.decoded,
                    reason,
                });
            }
        }
        self.state = State::Refused;
        let block = guard(|| {
            loop {
                match self.next_packet()? {
                    Some(0) => {}
                    Some(frames) => return Ok(Some(frames)),
                    None => return self.finish().map(|()| None),
                }
            }
        })?;
        self.state = if block.is_some() { State::Reading } else { State::Ended };
        Ok(block)
    }

    /// Decodes one packet into `planes`, trims and checks it; `None` is the end.
    fn next_packet(&mut self) -> Result<Option<usize>, Reject> {
        let packet = match self.source.reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(None),
            Err(Error::ResetRequired) if self.source.container == Container::Ogg => {
                return self.renew().map(|()| Some(0));
            }
            Err(error) => return Err(decode_error(self.decoded, &error)),
        };
        if packet.track_id != self.source.track.id {
            return Ok(Some(0));
        }
        // The MPEG demuxer counts its timestamps instead of reading them, and the walk before has
        // seen that its frames touch.
        if self.source.container != Container::Mpeg {
            let got = packet.pts.get();
            let expected = self.next_timestamp.unwrap_or(got);
            if got != expected {
                return Err(Reject::Gap { expected, got });
            }
            self.next_timestamp = got.checked_add_unsigned(packet.block_dur().get());
        }

        let frames = self.decode(&packet)?;
        self.trim(frames as u64);
        self.check_samples()?;
        let kept = self.planes.first().map_or(0, Vec::len);
        self.delivered += kept as u64;
        Ok(Some(kept))
    }

    /// Decodes a packet into `planes`; how many frames it has.
    fn decode(&mut self, packet: &Packet) -> Result<usize, Reject> {
        let channels = self.header.channels as usize;
        let buffer = self
            .decoder
            .decode(packet)
            .map_err(|error| decode_error(self.decoded, &error))?;
        if buffer.frames() == 0 {
            self.planes.iter_mut().for_each(Vec::clear);
            return Ok(0);
        }
        let (rate_hz, got) = (buffer.spec().rate(), buffer.spec().channels().count());
        if rate_hz != self.header.rate_hz || got != channels {
            return Err(Reject::Decode {
                frame: self.decoded,
                reason: format!(
                    "the header declares {} Hz and {channels} channels, the stream has {rate_hz} Hz and {got}",
                    self.header.rate_hz
                ),
            });
        }
        buffer.copy_to_vecs_planar(&mut self.planes);
        Ok(buffer.frames())
    }

    /// Goes over to the next of several streams, with a decoder of its own.
    fn renew(&mut self) -> Result<(), Reject> {
        if self.verified() == Some(false) {
            return Err(Reject::Checksum);
        }
        self.source.renew_track();
        self.decoder = self.source.decoder()?;
        Ok(())
    }

    /// Whether the checksum of all samples holds, where the codec has one.
    fn verified(&mut self) -> Option<bool> {
        self.decoder.finalize().verify_ok
    }

    /// Drops the frames of the last block that are encoder delay or padding.
    fn trim(&mut self, frames: u64) {
        let promise = &self.source.promise;
        let first = promise.skip_frames;
        let end = promise.kept_frames.map_or(u64::MAX, |kept| first.saturating_add(kept));
        // The kept range, relative to this block.
        let start = first.saturating_sub(self.decoded).min(frames) as usize;
        let end = end.saturating_sub(self.decoded).min(frames) as usize;
        self.decoded += frames;
        if (start, end) != (0, frames as usize) {
            for plane in &mut self.planes {
                plane.truncate(end);
                plane.drain(..start.min(end));
            }
        }
    }

    fn check_samples(&self) -> Result<(), Reject> {
        for plane in &self.planes {
            // The comparison is false for NaN too.
            let good = |sample: &f32| sample.abs() <= MAX_MAGNITUDE;
            if plane.iter().fold(true, |all, sample| all & good(sample)) {
                continue;
            }
            if let Some((at, &value)) = plane.iter().enumerate().find(|(_, sample)| !good(sample)) {
                return Err(Reject::BadSample {
                    frame: self.delivered + at as u64,
                    value,
                });
            }
        }
        Ok(())
    }

    /// Checks the whole recording after its last packet.
    fn finish(&mut self) -> Result<(), Reject> {
        match (self.verified(), self.source.promise.doubted_frames) {
            (Some(true), _) | (None, None) => {}
            // Only the right checksum says that nothing is missing.
            (_, Some(expected)) => {
                let got = self.decoded;
                return Err(Reject::FrameCount { expected, got });
            }
            (Some(false), None) => return Err(Reject::Checksum),
        }
        let declared = match (self.source.promise.decoded_frames, self.source.container) {
            (Some(frames), _) => Some(frames),
            // Without a walk over its frames, this demuxer only estimates.
            (None, Container::Mpeg | Container::Adts) => None,
            (None, _) => self.source.track.num_frames,
        };
        if let Some(expected) = declared.filter(|&expected| expected != self.decoded) {
            return Err(Reject::FrameCount {
                expected,
                got: self.decoded,
            });
        }
        if self.delivered == 0 {
            return Err(Reject::Empty);
        }
        Ok(())
    }
}

/// Runs `decode` and turns a panic in it into a rejection.
///
/// Nothing that was touched is used again: the caller drops the recording on any rejection, and
/// [`Decoder`] ends at its first one.
fn guard<T>(decode: impl FnOnce() -> Result<T, Reject>) -> Result<T, Reject> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        Err(Reject::Panic {
            message: panic_message(panic.as_ref()),
        })
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
