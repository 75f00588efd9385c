//! Provides audio files: WAV in three sample formats, and FLAC.

use std::fs;
use std::path::Path;

use flacenc::bitsink::ByteSink;
use flacenc::component::BitRepr;
use flacenc::error::Verify;
use hound::{SampleFormat, WavSpec, WavWriter};

use crate::error::Error;

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 16-bit integer WAV.
    Wav16,
    /// 24-bit integer WAV.
    Wav24,
    /// 32-bit float WAV.
    WavFloat,
    /// 16-bit FLAC.
    Flac16,
}

impl Encoding {
    /// File name extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Wav16 | Self::Wav24 | Self::WavFloat => "wav",
            Self::Flac16 => "flac",
        }
    }
}

/// Writes `channels` (equally long, nominally within ±1, clipped beyond) to `path`.
///
/// # Errors
/// [`Error::Wav`], [`Error::Flac`] or [`Error::Io`] if the file cannot be written.
pub fn write_audio(path: &Path, channels: &[Vec<f32>], rate_hz: u32, encoding: Encoding) -> Result<(), Error> {
    match encoding {
        Encoding::Wav16 => write_wav(path, channels, rate_hz, Some(16)),
        Encoding::Wav24 => write_wav(path, channels, rate_hz, Some(24)),
        Encoding::WavFloat => write_wav(path, channels, rate_hz, None),
        Encoding::Flac16 => write_flac(path, channels, rate_hz),
    }
}

/// `bits` is the width of integer samples; none means float.
fn write_wav(path: &Path, channels: &[Vec<f32>], rate_hz: u32, bits: Option<u16>) -> Result<(), Error> {
    let failed = |source| Error::Wav {
        path: path.to_owned(),
        source,
    };
    let spec = WavSpec {
        channels: channels.len() as u16,
        sample_rate: rate_hz,
        bits_per_sample: bits.unwrap_or(32),
        sample_format: if bits.is_some() {
            SampleFormat::Int
        } else {
            SampleFormat::Float
        },
    };
    let mut writer = WavWriter::create(path, spec).map_err(failed)?;
    for sample in interleaved(channels) {
        match bits {
            Some(bits) => writer.write_sample(quantised(sample, bits)),
            None => writer.write_sample(sample),
        }
        .map_err(failed)?;
    }
    writer.finalize().map_err(failed)
}

fn write_flac(path: &Path, channels: &[Vec<f32>], rate_hz: u32) -> Result<(), Error> {
    const BITS: u16 = 16;
    let failed = |reason: String| Error::Flac {
        path: path.to_owned(),
        reason,
    };
    let samples: Vec<i32> = interleaved(channels).map(|sample| quantised(sample, BITS)).collect();
    let config = flacenc::config::Encoder::default()
        .into_verified()
        .map_err(|(_, error)| failed(error.to_string()))?;
    let source =
        flacenc::source::MemSource::from_samples(&samples, channels.len(), usize::from(BITS), rate_hz as usize);
    let mut stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size)
        .map_err(|error| failed(error.to_string()))?;
    // The encoder lets its short last block lower the minimum; RFC 9639 (8.2) leaves that block
    // out, and strict readers take a stream with two block sizes for one of variable size.
    stream
        .stream_info_mut()
        .set_block_sizes(config.block_size, config.block_size)
        .map_err(|error| failed(error.to_string()))?;
    let mut sink = ByteSink::new();
    stream.write(&mut sink).map_err(|error| failed(error.to_string()))?;
    fs::write(path, sink.as_slice()).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}

fn interleaved(channels: &[Vec<f32>]) -> impl Iterator<Item = f32> {
    let frames = channels.iter().map(Vec::len).min().unwrap_or(0);
    (0..frames).flat_map(move |frame| channels.iter().map(move |channel| channel[frame]))
}

/// The nearest integer of `bits` bits; full scale is 2^(bits-1).
fn quantised(sample: f32, bits: u16) -> i32 {
    let full_scale = 2.0_f64.powi(i32::from(bits) - 1);
    (f64::from(sample) * full_scale)
        .round()
        .clamp(-full_scale, full_scale - 1.0) as i32
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use frontend::audio::{Channel, Decoder};
    use hound::WavReader;

    use super::{Encoding, write_audio};
    use crate::oscillator::sin_turns;

    const RATE_HZ: u32 = 32_000;

    /// Two channels that differ, of a length no block size divides, touching full scale.
    fn stereo() -> Vec<Vec<f32>> {
        let tone = |hz: f64| {
            (0..12_345)
                .map(|frame| sin_turns(hz * f64::from(frame) / 32_000.0) as f32)
                .collect()
        };
        vec![tone(440.0), tone(1234.5)]
    }

    #[test]
    fn wav_reads_back_within_half_a_step() {
        let dir = tempfile::tempdir().unwrap();
        let channels = stereo();
        for (encoding, bits) in [(Encoding::Wav16, 16), (Encoding::Wav24, 24), (Encoding::WavFloat, 32)] {
            let path = dir.path().join("tone.wav");
            write_audio(&path, &channels, RATE_HZ, encoding).unwrap();
            let mut reader = WavReader::open(&path).unwrap();
            let spec = reader.spec();
            assert_eq!(
                (spec.channels, spec.sample_rate, spec.bits_per_sample),
                (2, RATE_HZ, bits)
            );
            let scale = 2.0_f64.powi(i32::from(bits) - 1);
            let samples: Vec<f64> = if bits == 32 {
                reader
                    .samples::<f32>()
                    .map(|sample| f64::from(sample.unwrap()))
                    .collect()
            } else {
                reader
                    .samples::<i32>()
                    .map(|sample| f64::from(sample.unwrap()) / scale)
                    .collect()
            };
            assert_eq!(samples.len(), 2 * 12_345);
            // Rounding costs half a step; +1.0 itself is one step beyond the largest integer.
            let tolerance = if bits == 32 { 0.0 } else { 0.5 / scale };
            for (index, sample) in samples.iter().enumerate() {
                let sent = f64::from(channels[index % 2][index / 2]).min(1.0 - 1.0 / scale);
                assert!((sample - sent).abs() <= tolerance, "{encoding:?} {index}");
            }
        }
    }

    #[test]
    fn flac_holds_the_same_samples_as_16_bit_wav() {
        let dir = tempfile::tempdir().unwrap();
        let channels = stereo();
        let (wav, flac) = (dir.path().join("tone.wav"), dir.path().join("tone.flac"));
        write_audio(&wav, &channels, RATE_HZ, Encoding::Wav16).unwrap();
        write_audio(&flac, &channels, RATE_HZ, Encoding::Flac16).unwrap();
        assert!(fs::metadata(&flac).unwrap().len() < fs::metadata(&wav).unwrap().len());

        let expected: Vec<i32> = WavReader::open(&wav)
            .unwrap()
            .samples::<i32>()
            .map(Result::unwrap)
            .collect();
        for channel in 0..2 {
            let mut decoder = Decoder::open(&flac, Channel::Index(channel)).unwrap();
            let header = decoder.header().clone();
            assert_eq!((header.rate_hz, header.channels), (RATE_HZ, 2));
            let mut decoded = Vec::new();
            while decoder.read(&mut decoded).unwrap() > 0 {}
            // Sixteen bits fit a float whole.
            let decoded: Vec<i32> = decoded.iter().map(|sample| (sample * 32_768.0) as i32).collect();
            let sent: Vec<i32> = expected.iter().skip(channel as usize).step_by(2).copied().collect();
            assert_eq!(decoded, sent);
        }
    }
}
