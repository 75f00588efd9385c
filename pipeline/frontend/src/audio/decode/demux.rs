//! Opens a container's demuxer and its track's decoder.

use std::io::{BufReader, Seek, SeekFrom};
use std::path::Path;

use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions, well_known};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadBytes};
use symphonia::default::formats::{AdtsReader, AiffReader, CafReader, FlacReader, IsoMp4Reader, MpaReader};
use symphonia::default::get_codecs;

use super::Header;
use crate::audio::audit::{Findings, Promise, audit};
use crate::audio::container::{Container, identify};
use crate::audio::hashed::HashedSource;
use crate::audio::note::Note;
use crate::audio::ogg;
use crate::audio::opus::OpusDecoder;
use crate::audio::place::bytes_of;
use crate::audio::ranged::{RangedRead, RangedStream};
use crate::audio::reject::Reject;
use crate::audio::wav::{self, OpenLength, RecorderMetadata};

/// Rates that recorders have, from seismic loggers to bat detectors, with room to spare.
const RATES_HZ: std::ops::RangeInclusive<u32> = 100..=4_000_000;

/// Channels of the largest microphone arrays, with room to spare.
const MAX_CHANNELS: usize = 256;

/// Frames of the longest packet: a block of FLAC has at most 65,535 (RFC 9639 section 9.1.1). Decoders make room for
/// one packet in every channel before they read any.
const MAX_PACKET_FRAMES: u64 = 1 << 16;

/// An opened container.
pub(super) struct OpenContainer {
    pub(super) container: Container,
    pub(super) promise: Promise,
    pub(super) reader: Box<dyn FormatReader>,
    pub(super) track: Track,
    pub(super) params: AudioCodecParameters,
    /// The file, which is hashed as it is read.
    pub(super) bytes: HashedSource,
    /// What was wrong beside the sound, and was accepted.
    pub(super) notes: Vec<Note>,
    /// What its recorder wrote of it, where that was asked for.
    pub(super) recorder: Vec<RecorderMetadata>,
    /// Whether the samples of a WAV file are zeros in every byte, where that was asked for.
    pub(super) is_all_zeros: bool,
}

/// How much of a recording is looked at when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Its header.
    Header,
    /// Also what its recorder wrote of it, and whether its samples are what they seem.
    Recorder,
    /// Its structure from start to end, to be decoded.
    Whole,
}

impl OpenContainer {
    /// Opens a recording, after a walk over its structure where it is to be decoded. The reader of WAV always does that.
    pub(super) fn open(path: &Path, depth: Depth, open_length: OpenLength) -> Result<Self, Reject> {
        let whole = depth == Depth::Whole;
        let mut bytes = HashedSource::new(bytes_of(path, whole)?);
        if !whole {
            bytes = bytes.for_a_look();
        }
        let mut file = RangedStream::new(Box::new(bytes.clone()));
        let (container, offset) = identify(&mut file)?;
        let findings = {
            let mut buffered = BufReader::with_capacity(1 << 16, &mut file);
            audit(container, &mut buffered, offset, bytes.size(), whole)?
        };
        let Findings {
            mut promise,
            notes,
            view,
        } = findings;
        let mut notes = notes.all().to_vec();
        let (mut recorder, mut is_all_zeros) = (Vec::new(), false);
        let reader: Box<dyn FormatReader> = if container == Container::Wav {
            let mut reader = wav::open(Box::new(bytes.clone()), offset, open_length)?;
            if depth != Depth::Header {
                reader.refuse_disguised(wav::is_named_triggered(path))?;
            }
            if depth == Depth::Recorder {
                recorder = reader.recorder_metadata()?;
                is_all_zeros = reader.is_all_zeros()?;
            }
            promise.decoded_frames = Some(reader.decoded_frames());
            promise.kept_frames = Some(reader.frames());
            notes.extend_from_slice(reader.notes());
            Box::new(reader)
        } else if container == Container::Ogg {
            let reader = ogg::open(Box::new(bytes.clone()), offset, whole)?;
            promise.decoded_frames = reader.frames();
            notes.extend_from_slice(reader.notes());
            Box::new(reader)
        } else if let Some(view) = view {
            let container = view.container();
            let source = RangedStream::new(Box::new(view.of(Box::new(bytes.clone()))));
            demuxer(container, Box::new(source)).map_err(|error| decode_error(0, &error))?
        } else {
            file.seek(SeekFrom::Start(offset))?;
            demuxer(container, Box::new(file)).map_err(|error| decode_error(0, &error))?
        };
        let track = match promise.track_id {
            Some(id) => reader.tracks().iter().find(|track| track.id == id),
            None => reader.first_track(TrackType::Audio),
        };
        let track = track.cloned().ok_or_else(|| Reject::Unsupported {
            what: format!("{container} without a known audio track"),
        })?;
        if container == Container::Caf && track.delay.is_some_and(|delay| delay > 0) {
            return Err(Reject::Unsupported {
                what: "CAF with priming frames".to_owned(),
            });
        }
        let params = track.codec_params.as_ref().and_then(|params| params.audio()).cloned();
        let mut params = params.ok_or_else(|| Reject::Unsupported {
            what: format!("the audio codec of this {container}"),
        })?;
        // Their decoders take these for the bits that come out, which demuxers do not give.
        if [well_known::CODEC_ID_PCM_ALAW, well_known::CODEC_ID_PCM_MULAW].contains(&params.codec) {
            (params.bits_per_sample, params.bits_per_coded_sample) = (None, None);
        }
        if let Some(rate_hz) = promise.rate_hz {
            params.with_sample_rate(rate_hz);
        }
        Ok(Self {
            container,
            promise,
            reader,
            track,
            params,
            bytes,
            notes,
            recorder,
            is_all_zeros,
        })
    }

    /// Describes the recording.
    ///
    /// # Errors
    ///
    /// [`Reject::Header`] if the rate or the channels are missing or absurd, or the length of a packet is.
    pub(super) fn header(&self) -> Result<Header, Reject> {
        let invalid = |reason: String| Reject::Header {
            container: self.container.name(),
            reason,
        };
        let rate_hz = self.params.sample_rate.unwrap_or(0);
        if !RATES_HZ.contains(&rate_hz) {
            return Err(invalid(format!("its sampling rate is {rate_hz} Hz")));
        }
        let channels = self.params.channels.as_ref().map_or(0, |channels| channels.count());
        if channels == 0 || channels > MAX_CHANNELS {
            return Err(invalid(format!("it has {channels} channels")));
        }
        let packet_frames = self.params.max_frames_per_packet.unwrap_or(0);
        if packet_frames > MAX_PACKET_FRAMES {
            return Err(invalid(format!("it has {packet_frames} frames a packet")));
        }
        let declared_frames = match (self.promise.kept_frames, self.promise.decoded_frames) {
            (Some(frames), _) | (None, Some(frames)) => Some(frames),
            (None, None) => self.track.num_frames,
        };
        Ok(Header {
            codec: codec_name(&self.params),
            container: self.container.name(),
            rate_hz,
            channels: channels as u32,
            declared_frames,
        })
    }

    /// Takes up what the reader says now of its track, for which a new decoder is needed.
    pub(super) fn renew_track(&mut self) {
        let track = self.reader.first_track(TrackType::Audio);
        if let Some(params) = track.and_then(|track| track.codec_params.as_ref()?.audio()) {
            self.params = params.clone();
        }
    }

    /// Makes the track's decoder. FLAC verifies its MD5. MP3 is left untrimmed: the demuxer trims the
    /// end of a file without a tag to an estimate of its length.
    pub(super) fn decoder(&self) -> Result<Box<dyn AudioDecoder>, Reject> {
        let options = AudioDecoderOptions::default()
            .verify(true)
            .gapless(self.container != Container::Mpeg);
        if self.container == Container::Ogg && self.params.codec == well_known::CODEC_ID_OPUS {
            let decoder = OpusDecoder::new(&self.params).map_err(|error| decode_error(0, &error))?;
            return Ok(Box::new(decoder));
        }
        get_codecs()
            .make_audio_decoder(&self.params, &options)
            .map_err(|error| match error {
                Error::Unsupported(reason) => Reject::Unsupported {
                    what: format!(
                        "{} in {}: {reason}; this stream",
                        codec_name(&self.params),
                        self.container
                    ),
                },
                error => decode_error(0, &error),
            })
    }
}

fn demuxer(container: Container, file: Box<dyn MediaSource>) -> Result<Box<dyn FormatReader>, Error> {
    let mut stream = MediaSourceStream::new(file, Default::default());
    let options = FormatOptions::default();
    Ok(match container {
        Container::Wav | Container::Ogg => return Err(Error::Unsupported("WAV and Ogg have readers of their own")),
        Container::Aiff => Box::new(AiffReader::try_new(stream, options)?),
        Container::Caf => Box::new(CafReader::try_new(stream, options)?),
        Container::Flac => Box::new(FlacReader::try_new(stream, options)?),
        Container::Mpeg => Box::new(MpaReader::try_new(stream, options)?),
        Container::Adts => Box::new(AdtsReader::try_new(stream, options)?),
        Container::Mp4 => {
            // This reader expects to be called at the file type's code, after the box's size.
            stream.read_quad_bytes()?;
            Box::new(IsoMp4Reader::try_new(stream, options)?)
        }
    })
}

fn codec_name(params: &AudioCodecParameters) -> String {
    match get_codecs().get_audio_decoder(params.codec) {
        Some(decoder) => decoder.codec.info.short_name.to_owned(),
        None if params.codec == well_known::CODEC_ID_OPUS => "opus".to_owned(),
        None => format!("codec {}", params.codec),
    }
}

/// Puts the demuxer's or decoder's error into a rejection after `frame` decoded frames.
pub(super) fn decode_error(frame: u64, error: &Error) -> Reject {
    Reject::Decode {
        frame,
        reason: error.to_string(),
    }
}
