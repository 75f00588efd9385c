//! Defines `PcmFormat`, how the bytes of uncompressed samples become numbers.

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_PCM_F32LE, CODEC_ID_PCM_F64LE, CODEC_ID_PCM_S16LE, CODEC_ID_PCM_S24LE, CODEC_ID_PCM_S32LE, CODEC_ID_PCM_U8,
};

/// Samples of whole bytes, the lowest first; all but the first are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PcmFormat {
    U8,
    S16,
    S24,
    S32,
    F32,
    F64,
}

impl PcmFormat {
    /// The format of a codec; `None` if it is another one.
    pub(super) fn of(codec: AudioCodecId) -> Option<Self> {
        Some(match codec {
            CODEC_ID_PCM_U8 => Self::U8,
            CODEC_ID_PCM_S16LE => Self::S16,
            CODEC_ID_PCM_S24LE => Self::S24,
            CODEC_ID_PCM_S32LE => Self::S32,
            CODEC_ID_PCM_F32LE => Self::F32,
            CODEC_ID_PCM_F64LE => Self::F64,
            _ => return None,
        })
    }

    /// Replaces `planes`, one for each channel, by the samples of `bytes`, full scale 1; returns how many each has.
    pub(super) fn read(self, bytes: &[u8], channels: usize, planes: &mut Vec<Vec<f32>>) -> usize {
        planes.resize(channels, Vec::new());
        match self {
            Self::U8 => fill(bytes, planes, |[byte]| f32::from(byte) / 128.0 - 1.0),
            Self::S16 => fill(bytes, planes, |bytes| f32::from(i16::from_le_bytes(bytes)) / 32_768.0),
            Self::S24 => fill(bytes, planes, |[low, middle, high]| {
                // At the high end, so that the sign is right; all 24 bits fit into the number.
                i32::from_le_bytes([0, low, middle, high]) as f32 / 2_147_483_648.0
            }),
            Self::S32 => fill(bytes, planes, |bytes| {
                i32::from_le_bytes(bytes) as f32 / 2_147_483_648.0
            }),
            Self::F32 => fill(bytes, planes, f32::from_le_bytes),
            Self::F64 => fill(bytes, planes, |bytes| f64::from_le_bytes(bytes) as f32),
        }
        planes.first().map_or(0, Vec::len)
    }
}

/// Deals the samples of `BYTES` bytes to the planes in turn.
fn fill<const BYTES: usize>(bytes: &[u8], planes: &mut [Vec<f32>], number: impl Fn([u8; BYTES]) -> f32) {
    let (samples, _) = bytes.as_chunks::<BYTES>();
    let channels = planes.len().max(1);
    for (channel, plane) in planes.iter_mut().enumerate() {
        plane.clear();
        if channels == 1 {
            // Without steps, several are converted at once.
            plane.extend(samples.iter().map(|&sample| number(sample)));
        } else {
            let of_channel = samples.iter().skip(channel).step_by(channels);
            plane.extend(of_channel.map(|&sample| number(sample)));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use symphonia::core::audio::Channels;
    use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoderOptions};
    use symphonia::core::packet::Packet;
    use symphonia::core::units::{Duration, Timestamp};
    use symphonia::default::get_codecs;

    use super::*;

    /// What Symphonia's decoder makes of the same bytes.
    fn decoded(codec: AudioCodecId, bytes: &[u8], channels: u16) -> Vec<Vec<f32>> {
        let mut params = AudioCodecParameters::new();
        params
            .for_codec(codec)
            .with_sample_rate(48_000)
            .with_channels(Channels::Discrete(channels));
        let mut decoder = get_codecs()
            .make_audio_decoder(&params, &AudioDecoderOptions::default())
            .unwrap();
        let packet = Packet::new(0, Timestamp::new(0), Duration::from(1u64), bytes.to_vec());
        let mut planes = Vec::new();
        decoder.decode(&packet).unwrap().copy_to_vecs_planar(&mut planes);
        planes
    }

    #[test]
    fn samples_are_those_of_symphonia_bit_for_bit() {
        // Every pair of bytes, and with the steps every extreme of longer samples.
        let bytes: Vec<u8> = (0..3 * 5 * 8 * 8192u32)
            .flat_map(|i| [i as u8, (i >> 8) as u8, [0, 255, 127, 128, i as u8][i as usize % 5]])
            .collect();
        for (codec, width) in [
            (CODEC_ID_PCM_U8, 1),
            (CODEC_ID_PCM_S16LE, 2),
            (CODEC_ID_PCM_S24LE, 3),
            (CODEC_ID_PCM_S32LE, 4),
            (CODEC_ID_PCM_F32LE, 4),
            (CODEC_ID_PCM_F64LE, 8),
        ] {
            for channels in [1, 2, 3, 5] {
                let bytes = &bytes[..bytes.len() / (width * channels) * (width * channels)];
                let mut planes = vec![vec![0.5; 3]; 2];
                let frames = PcmFormat::of(codec).unwrap().read(bytes, channels, &mut planes);
                assert_eq!(frames, bytes.len() / (width * channels));
                let bits = |planes: &[Vec<f32>]| -> Vec<Vec<u32>> {
                    planes
                        .iter()
                        .map(|plane| plane.iter().map(|s| s.to_bits()).collect())
                        .collect()
                };
                assert!(
                    bits(&planes) == bits(&decoded(codec, bytes, channels as u16)),
                    "{codec}, {channels}"
                );
            }
        }
    }
}
