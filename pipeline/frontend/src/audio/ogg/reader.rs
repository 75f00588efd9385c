//! Provides the packets of an Ogg file with what to trim of them, for the decoders.

use symphonia::core::codecs::CodecParameters;
use symphonia::core::errors::{Error, Result, SeekErrorKind, decode_error, seek_error};
use symphonia::core::formats::well_known::FORMAT_ID_OGG;
use symphonia::core::formats::{FormatInfo, FormatReader, MediaInfo, SeekMode, SeekTo, SeekedTo, Track};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::{Metadata, MetadataLog};
use symphonia::core::packet::{Packet, PacketBuilder};
use symphonia::core::units::{Duration, TimeBase, Timestamp};

use super::chain::{Chain, Next};
use super::codec::Codec;
use crate::audio::note::Note;
use crate::audio::ranged::RangedStream;
use crate::audio::reject::Reject;

const INFO: FormatInfo = FormatInfo {
    format: FORMAT_ID_OGG,
    short_name: "ogg",
    long_name: "Ogg",
};

/// The packets of an Ogg file, of constant memory however long it is.
pub(in crate::audio) struct OggReader {
    chain: Chain,
    /// Frames of all packets so far, with those to trim.
    position: u64,
    frames: Option<u64>,
    tracks: [Track; 1],
    media_info: MediaInfo,
    metadata: MetadataLog,
}

impl OggReader {
    /// A reader of a chain whose first headers are read; `frames` are those of the recording.
    pub(super) fn new(chain: Chain, frames: Option<u64>) -> Self {
        let track = track(chain.codec(), frames);
        Self {
            chain,
            position: 0,
            frames,
            media_info: MediaInfo::from_track(&track),
            tracks: [track],
            metadata: MetadataLog::default(),
        }
    }

    /// Frames of the recording.
    pub(in crate::audio) fn frames(&self) -> Option<u64> {
        self.frames
    }

    /// What was wrong with the file, and was accepted.
    pub(in crate::audio) fn notes(&self) -> &[Note] {
        self.chain.notes()
    }
}

fn track(codec: Option<&Codec>, frames: Option<u64>) -> Track {
    let mut track = Track::new(0);
    if let Some(codec) = codec {
        let params = codec.params();
        if let Some(base) = params.sample_rate.and_then(TimeBase::try_from_recip) {
            track.with_time_base(base);
        }
        track.with_codec_params(CodecParameters::Audio(params));
    }
    if let Some(frames) = frames {
        track.with_num_frames(frames).with_duration(Duration::from(frames));
    }
    track
}

impl FormatReader for OggReader {
    fn format_info(&self) -> &FormatInfo {
        &INFO
    }

    fn media_info(&self) -> &MediaInfo {
        &self.media_info
    }

    fn metadata(&mut self) -> Metadata<'_> {
        self.metadata.metadata()
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        let audio = match self.chain.next() {
            Ok(Next::Audio(audio)) => audio,
            Ok(Next::Stream) => {
                self.tracks = [track(self.chain.codec(), self.frames)];
                return Err(Error::ResetRequired);
            }
            Ok(Next::End) => return Ok(None),
            Err(Reject::Read(error)) => return Err(error.into()),
            // Only where the file was changed since it was opened.
            Err(reject) => return Err(std::io::Error::other(reject.to_string()).into()),
        };
        let Ok(start) = i64::try_from(self.position) else {
            return decode_error("more frames than can be counted");
        };
        self.position += audio.frames;
        let packet = PacketBuilder::new()
            .track_id(0)
            .pts(Timestamp::new(start))
            .dur(Duration::from(audio.kept()))
            .trim_start(Duration::from(audio.trim_start))
            .trim_end(Duration::from(audio.trim_end))
            .data(audio.data)
            .build();
        Ok(Some(packet))
    }

    fn seek(&mut self, _mode: SeekMode, _to: SeekTo) -> Result<SeekedTo> {
        seek_error(SeekErrorKind::Unseekable)
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        let stream = RangedStream::new(self.chain.into_source());
        MediaSourceStream::new(Box::new(stream), Default::default())
    }
}
