//! Provides `RecordingReader`: one recording decoded, resampled and cut, clip after clip, in bounded memory.

use std::io;
use std::path::Path;

use shardfmt::checksum::FileHash;

use crate::audio::{Decoder, Reject, Resampler};
use crate::settings::AudioSettings;
use crate::source::{AssetReader, Rejected};
use crate::window::{Cutter, Windowing};

/// The samples of one clip.
#[derive(Clone, Debug, Default)]
pub struct Waveform {
    /// Samples at the dataset's rate, full scale 1, padded with zeros to the clip's length.
    pub samples: Vec<f32>,
    /// How many of them come from the recording.
    pub valid_samples: usize,
}

/// What is known of a recording once it has been decoded to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordingFacts {
    /// Codec.
    pub codec: String,
    /// Native sample rate in Hz.
    pub rate_hz: u32,
    /// Channels.
    pub channels: u32,
    /// Frames (samples per channel) at the native rate.
    pub frames: u64,
    /// Its clips.
    pub clips: Vec<ClipExtent>,
    /// Kinds of what is odd about the file beside its sound, and was accepted.
    pub oddities: Vec<&'static str>,
}

/// Where a clip lies in its recording, at the dataset's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipExtent {
    /// Number of the clip in its recording.
    pub clip_index: u32,
    /// First sample.
    pub start_sample: u64,
    /// Number of samples that come from the recording; the rest is padding.
    pub valid_samples: u64,
}

/// Reads the clips of one recording in order.
pub struct RecordingReader {
    decoder: Decoder,
    resampler: Option<Resampler>,
    cutter: Cutter,
    facts: RecordingFacts,
    decoded: Vec<f32>,
    resampled: Vec<f32>,
}

impl From<Reject> for Rejected {
    fn from(reject: Reject) -> Self {
        Rejected::new(reject.stage(), reject.to_string())
    }
}

impl RecordingReader {
    /// Opens a recording.
    ///
    /// # Errors
    /// Why it cannot be decoded or resampled.
    pub fn open(file: &Path, audio: &AudioSettings, windowing: Windowing) -> Result<Self, Rejected> {
        let decoder = Decoder::open_with(file, audio.channel, audio.open_length)?;
        let header = decoder.header();
        let facts = RecordingFacts {
            codec: header.codec.clone(),
            rate_hz: header.rate_hz,
            channels: header.channels,
            frames: 0,
            clips: Vec::new(),
            oddities: decoder.notes().iter().map(|note| note.kind()).collect(),
        };
        let resampler = Some(Resampler::new(header.rate_hz, audio.sample_rate_hz)?);
        let cutter = Cutter::new(windowing);
        Ok(RecordingReader {
            decoder,
            resampler,
            cutter,
            facts,
            decoded: Vec::new(),
            resampled: Vec::new(),
        })
    }

    /// Decodes and resamples a little more; `false` when there was nothing left to do.
    fn advance(&mut self) -> Result<bool, Rejected> {
        let Some(resampler) = &mut self.resampler else {
            return Ok(false);
        };
        self.decoded.clear();
        self.resampled.clear();
        let frames = self.decoder.read(&mut self.decoded)?;
        self.facts.frames += frames as u64;
        if frames > 0 {
            resampler.push(&self.decoded, &mut self.resampled)?;
        } else if let Some(resampler) = self.resampler.take() {
            resampler.finish(&mut self.resampled)?;
        }
        self.cutter.push(&self.resampled);
        if self.resampler.is_none() {
            self.cutter.finish();
        }
        Ok(true)
    }
}

impl AssetReader for RecordingReader {
    type Clip = Waveform;
    type Facts = RecordingFacts;

    fn next(&mut self, clip: &mut Waveform) -> Result<bool, Rejected> {
        loop {
            if let Some(cut) = self.cutter.next_clip(&mut clip.samples) {
                clip.valid_samples = usize::try_from(cut.valid_samples).unwrap_or(usize::MAX);
                self.facts.clips.push(ClipExtent {
                    clip_index: self.facts.clips.len() as u32,
                    start_sample: cut.start_sample,
                    valid_samples: cut.valid_samples,
                });
                return Ok(true);
            }
            if !self.advance()? {
                return Ok(false);
            }
        }
    }

    fn files_hash(&mut self) -> Option<io::Result<FileHash>> {
        Some(self.decoder.file_hash())
    }

    fn facts(self) -> RecordingFacts {
        self.facts
    }
}
