//! Makes a `Frontend` of what was recorded about images that exist: those of a dataset, which a model was trained on.

use std::collections::BTreeMap;

use serde_json::{Value, to_value};
use shardfmt::{Axes, ClipSpec, ValueScale, difference};

use crate::error::{Error, Result};
use crate::frontend::Frontend;
use crate::settings::ImageSettings;
use crate::window::{Decimal, Tail};

/// What is recorded about the images of a dataset.
#[derive(Clone, Copy, Debug)]
pub struct RecordedImages<'a> {
    /// The sections of its configuration that decide images: see [`ImageSettings::KEYS`].
    pub sections: &'a BTreeMap<String, Value>,
    /// Shape and type of an image.
    pub clips: ClipSpec,
    /// What rows and columns mean.
    pub axes: &'a Axes,
    /// What stored values mean.
    pub values: &'a ValueScale,
}

impl RecordedImages<'_> {
    /// The frontend that makes the same images, of clips that start `hop_s` after one another: end to end without it.
    ///
    /// # Errors
    /// [`Error::Recorded`] if the images are not of recordings, or this program would make other ones; as
    /// [`Frontend::new`].
    pub fn frontend(&self, hop_s: Option<Decimal>) -> Result<Frontend> {
        let mut settings = self.settings()?;
        settings.clips.hop_s = hop_s.unwrap_or(settings.clips.duration_s);
        let frontend = Frontend::new(settings)?;
        // The distance between clips changes no image.
        let axes = Axes {
            hop_s: self.axes.hop_s,
            ..frontend.axes()
        };
        let [was, is] = [
            (self.clips, self.axes, self.values),
            (frontend.clip_spec(), &axes, &frontend.values()),
        ]
        .map(|(clips, axes, values)| serde_json::json!({ "clips": clips, "axes": axes, "values": values }));
        let differences: Vec<String> = difference("", &was, &is).iter().map(ToString::to_string).collect();
        if differences.is_empty() {
            return Ok(frontend);
        }
        Err(Error::Recorded {
            reason: format!(
                "this program would make other images of recordings: {}",
                differences.join("; ")
            ),
        })
    }

    fn settings(&self) -> Result<ImageSettings> {
        let mut sections = serde_json::Map::new();
        for key in ImageSettings::KEYS {
            let section = match self.sections.get(key) {
                Some(section) => section.clone(),
                None if key == "clips" => self.cutting(),
                None => {
                    let reason = format!("the images are not of recordings: nothing is recorded of [{key}]");
                    return Err(Error::Recorded { reason });
                }
            };
            sections.insert(key.to_owned(), section);
        }
        serde_json::from_value(Value::Object(sections)).map_err(|error| Error::Recorded {
            reason: error.to_string(),
        })
    }

    /// The section `clips`, which earlier runs did not keep: as the axes say, and padded as was the default.
    fn cutting(&self) -> Value {
        let tail = to_value(Tail::Pad).unwrap_or_default();
        serde_json::json!({ "duration_s": self.axes.clip_duration_s, "hop_s": self.axes.hop_s, "tail": tail })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::spectrogram::Frames;

    fn sections(settings: &ImageSettings) -> BTreeMap<String, Value> {
        serde_json::from_value(to_value(settings).unwrap()).unwrap()
    }

    fn made_again(sections: &BTreeMap<String, Value>, of: &Frontend, hop_s: Option<&str>) -> Result<Frontend> {
        let recorded = RecordedImages {
            sections,
            clips: of.clip_spec(),
            axes: &of.axes(),
            values: &of.values(),
        };
        recorded.frontend(hop_s.map(|hop_s| hop_s.parse().unwrap()))
    }

    fn made() -> Frontend {
        let mut settings = ImageSettings::default();
        settings.clips.duration_s = "2.5".parse().unwrap();
        settings.clips.hop_s = "0.5".parse().unwrap();
        settings.spectrogram.hop_length = 160;
        settings.spectrogram.frames = Frames::First(300);
        Frontend::new(settings).unwrap()
    }

    #[test]
    fn the_same_settings_come_back_but_for_the_hop() {
        let frontend = made();
        let mut sections = sections(frontend.settings());
        for (hop_s, expected) in [(None, "2.5"), (Some("1.25"), "1.25")] {
            let again = made_again(&sections, &frontend, hop_s).unwrap();
            let mut settings = frontend.settings().clone();
            settings.clips.hop_s = expected.parse().unwrap();
            assert_eq!(*again.settings(), settings);
        }
        sections.remove("clips");
        assert_eq!(
            made_again(&sections, &frontend, Some("0.5")).unwrap().settings(),
            frontend.settings()
        );
    }

    #[test]
    fn images_that_are_not_of_recordings_or_would_be_others_are_refused() {
        let frontend = made();
        let mut sections = sections(frontend.settings());
        let mut other = frontend.settings().spectrogram.clone();
        other.hop_length = 180;
        sections.insert("spectrogram".into(), to_value(&other).unwrap());
        let error = made_again(&sections, &frontend, None).unwrap_err().to_string();
        assert!(
            error.contains("other images of recordings: axes.frame_rate_hz was 137.8125"),
            "{error}"
        );
        sections.remove("audio");
        let error = made_again(&sections, &frontend, None).unwrap_err().to_string();
        assert!(
            error.ends_with("the images are not of recordings: nothing is recorded of [audio]"),
            "{error}"
        );
    }
}
