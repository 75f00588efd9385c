//! Names the codec of an Ogg stream, and answers what its packets say of themselves.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;

use super::flac::Flac;
use super::invalid;
use super::vorbis::Vorbis;
use crate::audio::opus::{self, Head, HeadError};
use crate::audio::reject::Reject;

/// The most channels of Vorbis: of more, the decoder of Symphonia 0.6.1 mixes them up, since it undoes the coupling of
/// channels from the first pair on instead of from the last (Vorbis I section 4.3.5).
const MAX_VORBIS_CHANNELS: u8 = 2;

/// The codec of one stream.
#[derive(Debug)]
pub(super) enum Codec {
    /// Opus, of which one more header has to follow the first.
    Opus {
        head: Head,
        /// The first packet as it is.
        packet: Box<[u8]>,
        has_tags: bool,
    },
    Vorbis(Vorbis),
    Flac(Flac),
}

impl Codec {
    /// Reads the first packet of a stream.
    ///
    /// # Errors
    ///
    /// The name of a codec that has no decoder here; a header that contradicts itself.
    pub(super) fn identify(packet: &[u8]) -> Result<Self, Reject> {
        if let Some(vorbis) = Vorbis::identify(packet) {
            let vorbis = vorbis.map_err(invalid)?;
            if vorbis.channels > MAX_VORBIS_CHANNELS {
                return Err(unsupported(format!("Vorbis of {} channels", vorbis.channels)));
            }
            return Ok(Self::Vorbis(vorbis));
        }
        if let Some(flac) = Flac::identify(packet) {
            return flac.map(Self::Flac).map_err(invalid);
        }
        let named: [(&[u8], &str); 4] = [
            (b"Speex   ", "speex"),
            (b"\x80theora", "theora video"),
            (b"fishead\0", "Ogg with several streams"),
            (b"\x80kate", "kate"),
        ];
        match named.iter().find(|(magic, _)| packet.starts_with(magic)) {
            Some((_, what)) => Err(unsupported(*what)),
            None if packet.starts_with(b"OpusHead") => match Head::parse(packet) {
                Ok(head) => Ok(Self::Opus {
                    head,
                    packet: Box::from(packet),
                    has_tags: false,
                }),
                Err(HeadError::Invalid(reason)) => Err(invalid(reason)),
                Err(HeadError::Unsupported(what)) => Err(unsupported(what)),
            },
            None => Err(unsupported("the codec of this Ogg")),
        }
    }

    /// Whether all headers are behind.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::Opus { has_tags, .. } => *has_tags,
            Self::Vorbis(vorbis) => vorbis.is_ready(),
            Self::Flac(flac) => flac.is_ready(),
        }
    }

    /// Takes a packet if it is a header behind the first, and says whether it was.
    ///
    /// # Errors
    ///
    /// A header that is missing or contradicts itself.
    pub(super) fn take_header(&mut self, packet: &[u8]) -> Result<bool, Reject> {
        match self {
            _ if self.is_ready() => return Ok(false),
            Self::Opus { has_tags, .. } if packet.starts_with(b"OpusTags") => *has_tags = true,
            Self::Opus { .. } => return Err(invalid("its second packet is not a header of Opus")),
            Self::Vorbis(vorbis) => vorbis.take_header(packet).map_err(invalid)?,
            Self::Flac(flac) => return Ok(flac.take_header(packet)),
        }
        Ok(true)
    }

    /// Whether a packet without a byte is one without sound, as encoders end a stream with. Of Opus it is a lost one.
    pub(super) fn may_be_empty(&self) -> bool {
        !matches!(self, Self::Opus { .. })
    }

    /// Frames that decoding a packet gives; `None` if it is not one of audio.
    pub(super) fn frames(&mut self, packet: &[u8]) -> Option<u64> {
        match self {
            Self::Opus { .. } => opus::frames(packet),
            Self::Vorbis(vorbis) => vorbis.frames(packet),
            Self::Flac(flac) => flac.frames(packet),
        }
    }

    /// Frames to drop from the start of what is decoded.
    pub(super) fn pre_skip(&self) -> u64 {
        match self {
            Self::Opus { head, .. } => u64::from(head.pre_skip),
            Self::Vorbis(_) | Self::Flac(_) => 0,
        }
    }

    /// Whether a first page may hold more frames than its position counts, which means that the first ones are to be
    /// dropped (Vorbis I appendix A.2).
    pub(super) fn may_start_before_zero(&self) -> bool {
        matches!(self, Self::Vorbis(_))
    }

    /// Whether the last page may hold more frames than its position counts, which means that the last ones are to be
    /// dropped: not where the last packet can have any length.
    pub(super) fn may_end_within_packet(&self) -> bool {
        !matches!(self, Self::Flac(_))
    }

    /// Frames of the whole stream, where its headers say it.
    pub(super) fn declared_frames(&self) -> Option<u64> {
        match self {
            Self::Flac(flac) => flac.declared_frames,
            Self::Opus { .. } | Self::Vorbis(_) => None,
        }
    }

    /// The codec's parameters, as its decoder wants them.
    pub(super) fn params(&self) -> AudioCodecParameters {
        match self {
            Self::Vorbis(vorbis) => vorbis.params(),
            Self::Flac(flac) => flac.params(),
            Self::Opus { head, packet, .. } => {
                let mut params = AudioCodecParameters::new();
                params
                    .for_codec(CODEC_ID_OPUS)
                    .with_sample_rate(opus::RATE_HZ)
                    .with_channels(Channels::Discrete(u16::from(head.channels)))
                    .with_max_frames_per_packet(opus::MAX_FRAMES)
                    .with_extra_data(packet.clone());
                params
            }
        }
    }

    /// What has to be the same in all streams of one recording: codec, rate and channels.
    pub(super) fn kind(&self) -> (&'static str, u32, u8) {
        match self {
            Self::Opus { head, .. } => ("opus", opus::RATE_HZ, head.channels),
            Self::Vorbis(vorbis) => ("vorbis", vorbis.rate_hz, vorbis.channels),
            Self::Flac(flac) => ("flac", flac.rate_hz, flac.channels),
        }
    }
}

pub(super) fn unsupported(what: impl Into<String>) -> Reject {
    Reject::Unsupported { what: what.into() }
}
