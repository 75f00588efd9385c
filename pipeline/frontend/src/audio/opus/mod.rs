//! Decodes Opus packets, as a decoder of Symphonia's kind.
//!
//! The packet decoder is `opus-pure`: it has all modes of the codec in floating point, as the reference decoder has.
//! What the container says is applied here: channels from several streams, gain, and what to trim. It rounds as the
//! reference does, but for two cases that were met: noise in place of packets that were not sent, which decoders make
//! up as they like; and rare speech frames whose filter has to be stabilized, of which `opus-pure` 0.2.2 finds one
//! unstable that is not, with an error some 20 dB below the sound.

mod head;
mod packet;

use opus_pure::{Error as PacketError, OpusDecoder as PacketDecoder};
use symphonia::core::audio::{
    AsGenericAudioBufferRef, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef,
};
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, FinalizeResult};
use symphonia::core::errors::{Result, decode_error, unsupported_error};
use symphonia::core::packet::PacketRef;

pub(super) use self::head::{Head, HeadError};
pub(super) use self::packet::{MAX_FRAMES, frames};

/// What Opus always decodes to here.
pub(super) const RATE_HZ: u32 = 48_000;

const INFO: CodecInfo = CodecInfo {
    short_name: "opus",
    long_name: "Opus",
    profiles: &[],
};

/// Where each channel of Vorbis's order stands in the order of all other formats, by the number of channels: front
/// left, right and centre, low frequencies, back and side (Vorbis I section 4.3.9; RFC 7845 section 5.1.1.2).
const PLACES: [&[usize]; 8] = [
    &[0],
    &[0, 1],
    &[0, 2, 1],
    &[0, 1, 2, 3],
    &[0, 2, 1, 3, 4],
    &[0, 2, 1, 4, 5, 3],
    &[0, 2, 1, 5, 6, 4, 3],
    &[0, 2, 1, 6, 7, 4, 5, 3],
];

/// One of the streams in a packet.
struct Stream {
    decoder: PacketDecoder,
    channels: usize,
    /// The last packet, interleaved.
    samples: Vec<f32>,
}

/// A decoder of the packets of one Opus stream, as the container has it: one to eight channels.
pub(super) struct OpusDecoder {
    params: AudioCodecParameters,
    head: Head,
    streams: Vec<Stream>,
    /// A packet of one of several streams.
    packet: Vec<u8>,
    buffer: AudioBuffer<f32>,
}

impl OpusDecoder {
    /// A decoder for a stream with the header that is in `params` as extra data.
    ///
    /// # Errors
    ///
    /// That there is none, or an invalid one.
    pub(super) fn new(params: &AudioCodecParameters) -> Result<Self> {
        let Some(Ok(head)) = params.extra_data.as_deref().map(Head::parse) else {
            return unsupported_error("Opus without a valid header");
        };
        let mut streams = Vec::new();
        for index in 0..head.streams {
            let channels = if index < head.coupled { 2 } else { 1 };
            let Ok(decoder) = PacketDecoder::new(RATE_HZ as i32, channels) else {
                return unsupported_error("Opus of this rate");
            };
            streams.push(Stream {
                decoder,
                channels,
                samples: vec![0.0; MAX_FRAMES as usize * channels],
            });
        }
        let spec = AudioSpec::new(RATE_HZ, Channels::Discrete(u16::from(head.channels)));
        Ok(Self {
            params: params.clone(),
            head,
            streams,
            packet: Vec::new(),
            buffer: AudioBuffer::new(spec, MAX_FRAMES as usize),
        })
    }

    /// Decodes all streams of a packet; the frames of each.
    fn decode_streams(&mut self, data: &[u8]) -> Result<usize> {
        let (mut rest, last) = (data, self.streams.len().saturating_sub(1));
        let mut frames = None;
        for (index, stream) in self.streams.iter_mut().enumerate() {
            let packet = if index == last {
                rest
            } else {
                match packet::split(rest, &mut self.packet) {
                    Some(after) => rest = after,
                    None => return decode_error("opus: a packet does not hold all streams"),
                }
                &self.packet
            };
            // A packet without a byte would be taken for a lost one, and made up.
            let declared = packet::frames(packet);
            if declared.is_none() || frames.is_some_and(|frames| Some(frames) != declared) {
                return decode_error("opus: a packet has no valid length");
            }
            frames = declared;
            match stream.decoder.decode(packet, MAX_FRAMES as usize, &mut stream.samples) {
                Ok(decoded) if Some(decoded as u64) == declared => {}
                Ok(_) => return decode_error("opus: a packet is shorter than it declares"),
                Err(PacketError::InvalidPacket(reason) | PacketError::Internal(reason)) => return decode_error(reason),
                Err(_) => return decode_error("opus: a packet cannot be decoded"),
            }
        }
        Ok(frames.unwrap_or(0) as usize)
    }

    fn decode_packet(&mut self, packet: &PacketRef<'_>) -> Result<()> {
        self.buffer.clear();
        let frames = self.decode_streams(packet.data)?;
        self.buffer.render_silence(Some(frames));
        let gain = self.head.gain();
        let places = PLACES
            .get(self.head.mapping.len().wrapping_sub(1))
            .copied()
            .unwrap_or_default();
        for (decoded, &place) in self.head.mapping.iter().zip(places) {
            let source = decoded.and_then(|decoded| channel(&self.streams, usize::from(decoded)));
            if let (Some((stream, offset)), Some(plane)) = (source, self.buffer.plane_mut(place)) {
                let samples = stream.samples.iter().skip(offset).step_by(stream.channels);
                plane.iter_mut().zip(samples).for_each(|(to, &from)| *to = from * gain);
            }
        }
        self.buffer
            .trim(packet.trim_start.get() as usize, packet.trim_end.get() as usize);
        Ok(())
    }
}

/// The stream that has the decoded channel `index`, and which of its channels that is: pairs come first.
fn channel(streams: &[Stream], mut index: usize) -> Option<(&Stream, usize)> {
    for stream in streams {
        if index < stream.channels {
            return Some((stream, index));
        }
        index -= stream.channels;
    }
    None
}

impl AudioDecoder for OpusDecoder {
    fn reset(&mut self) {
        for stream in &mut self.streams {
            // It fails at nothing.
            let _ = stream.decoder.reset_state();
        }
    }

    fn codec_info(&self) -> &CodecInfo {
        &INFO
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.params
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        if let Err(error) = self.decode_packet(packet) {
            self.buffer.clear();
            return Err(error);
        }
        Ok(self.buffer.as_generic_audio_buffer_ref())
    }

    fn finalize(&mut self) -> FinalizeResult {
        FinalizeResult::default()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.buffer.as_generic_audio_buffer_ref()
    }
}
