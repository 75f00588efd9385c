//! Defines `ImageSettings`, everything that decides which clips a recording has and which images are made of them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::audio::{Channel, OpenLength};
use crate::spectrogram::SpectrogramConfig;
use crate::window::{Decimal, Tail};

/// What decides clips and images. Two recordings with the same bytes and the same settings have the same images,
/// where the [instruction set](crate::InstructionSet) is the same too.
///
/// Its serialised form are the sections `audio`, `clips` and `spectrogram` that `dataset.json` keeps in `config`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageSettings {
    /// What a recording is turned into before it is cut.
    pub audio: AudioSettings,
    /// How it is cut.
    pub clips: ClipSettings,
    /// What image is made of a clip.
    pub spectrogram: SpectrogramConfig,
}

impl ImageSettings {
    /// The sections of its serialised form.
    pub const KEYS: [&'static str; 3] = ["audio", "clips", "spectrogram"];
}

/// What every recording is turned into before it is cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioSettings {
    /// Sample rate of the clips in Hz.
    pub sample_rate_hz: u32,
    /// How several channels become one.
    #[serde(serialize_with = "write_channel", deserialize_with = "read_channel")]
    pub channel: Channel,
    /// What becomes of a recording that does not declare its length. Absent from the form where it is refused, so that
    /// the form of earlier datasets stays.
    #[serde(default, skip_serializing_if = "is_refused")]
    pub open_length: OpenLength,
}

impl Default for AudioSettings {
    fn default() -> Self {
        AudioSettings {
            sample_rate_hz: 22_050,
            channel: Channel::Mean,
            open_length: OpenLength::Refuse,
        }
    }
}

fn is_refused(open_length: &OpenLength) -> bool {
    *open_length == OpenLength::Refuse
}

/// How a recording is cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClipSettings {
    /// Length of a clip in seconds.
    pub duration_s: Decimal,
    /// Distance between the starts of neighbouring clips in seconds.
    pub hop_s: Decimal,
    /// What happens to the last, partial clip.
    pub tail: Tail,
}

impl Default for ClipSettings {
    /// Clips of 3 s that lie end to end; the last one is padded.
    fn default() -> Self {
        ClipSettings {
            duration_s: Decimal::from_whole(3),
            hop_s: Decimal::from_whole(3),
            tail: Tail::Pad,
        }
    }
}

/// A channel as text: `"mean"` or its index.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"mean\" or the index of a channel, counted from 0")]
enum WrittenChannel {
    Mean(MeanKeyword),
    Index(u32),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MeanKeyword {
    Mean,
}

fn write_channel<S: Serializer>(channel: &Channel, serializer: S) -> Result<S::Ok, S::Error> {
    match *channel {
        Channel::Mean => WrittenChannel::Mean(MeanKeyword::Mean),
        Channel::Index(index) => WrittenChannel::Index(index),
    }
    .serialize(serializer)
}

fn read_channel<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Channel, D::Error> {
    Ok(match WrittenChannel::deserialize(deserializer)? {
        WrittenChannel::Mean(MeanKeyword::Mean) => Channel::Mean,
        WrittenChannel::Index(index) => Channel::Index(index),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// As datasets have it in `config` since their first version: its hash identifies them.
    const DEFAULT: &str = r#"{"audio":{"sample_rate_hz":22050,"channel":"mean"},"clips":{"duration_s":"3","hop_s":"3","tail":"pad"},"spectrogram":{"n_fft":2048,"win_length":1024,"hop_length":147,"n_mels":448,"fmin_hz":50.0,"fmax_hz":11025.0,"frames":448,"mel_scale":"slaney","mel_norm":"slaney","reference":"clip","top_db":80.0,"dtype":"u8"}}"#;

    #[test]
    fn the_form_in_datasets_stays() {
        assert_eq!(serde_json::to_string(&ImageSettings::default()).unwrap(), DEFAULT);
        let read: ImageSettings = serde_json::from_str(DEFAULT).unwrap();
        assert_eq!(read, ImageSettings::default());
        let sections: serde_json::Value = serde_json::from_str(DEFAULT).unwrap();
        assert!(sections.as_object().unwrap().keys().eq(ImageSettings::KEYS));
    }

    #[test]
    fn only_an_open_length_that_is_taken_is_written() {
        let text = DEFAULT.replace(r#""channel":"mean""#, r#""channel":"mean","open_length":"to-end""#);
        let read: ImageSettings = serde_json::from_str(&text).unwrap();
        assert_eq!(read.audio.open_length, OpenLength::ToEnd);
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn channels_are_a_word_or_an_index() {
        let text = DEFAULT.replace(r#""channel":"mean""#, r#""channel":1"#);
        let read: ImageSettings = serde_json::from_str(&text).unwrap();
        assert_eq!(read.audio.channel, Channel::Index(1));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        let other = DEFAULT.replace(r#""channel":"mean""#, r#""channel":"left""#);
        let error = serde_json::from_str::<ImageSettings>(&other).unwrap_err();
        assert!(error.to_string().contains("expected \"mean\" or the index"), "{error}");
    }
}
