//! Defines the fixed words of tables and of `dataset.json`: each an enum, its words, and the conversions both ways.

/// A word that is not one of the documented ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not a {kind} (expected {})", expected.join(", "))]
pub struct UnknownWord {
    /// The word.
    pub word: String,
    /// What it should be.
    pub kind: &'static str,
    /// The documented words.
    pub expected: &'static [&'static str],
}

/// Gives an enum the name of its kind, its words and the conversions both ways, JSON included.
macro_rules! words {
    ($name:ident, $kind:literal: $($variant:ident = $word:literal),+) => {
        impl $name {
            /// Every value.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word stored in files.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord {
                        word: word.to_owned(),
                        kind: $kind,
                        expected: &[$($word),+],
                    }),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Part of the data that a recording, with all its clips, belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Split {
    /// For fitting.
    Train,
    /// For choosing.
    Val,
    /// For reporting.
    Test,
}

words!(Split, "split": Train = "train", Val = "val", Test = "test");

/// The rule by which a clip's labels were found complete, or that they were not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LabelSource {
    /// The clip lies in a span of its recording that was annotated in full.
    Span,
    /// Boxes that say there is no bird cover the clip.
    NoBird,
    /// The clip has a counting box, and whoever drew one labelled the whole clip.
    Box,
    /// The lists came with an imported set.
    Given,
    /// Not complete: what is not listed as present or absent is unknown.
    Incomplete,
}

words!(LabelSource, "label source":
    Span = "span", NoBird = "no-bird", Box = "box", Given = "given", Incomplete = "incomplete");

/// What an annotator said of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BoxStatus {
    /// The species is heard here.
    Active,
    /// The species is in the background here.
    Passive,
    /// Neither a positive nor a negative example.
    Ignore,
}

words!(BoxStatus, "box status": Active = "active", Passive = "passive", Ignore = "ignore");

/// What holds for the classes that none of a clip's lists names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Others {
    /// They are absent.
    Absent,
    /// They are unknown.
    Unknown,
    /// Those that the recording's geographic prior rules out are absent, the others unknown.
    Prior,
}

words!(Others, "label of other classes": Absent = "absent", Unknown = "unknown", Prior = "prior");

/// How the rows of an image are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrequencyScale {
    /// On Slaney's mel scale.
    MelSlaney,
    /// On the mel scale of HTK.
    MelHtk,
    /// At equal distances in Hz.
    Linear,
    /// A photograph: rows are not frequencies.
    None,
}

words!(FrequencyScale, "frequency scale":
    MelSlaney = "mel-slaney", MelHtk = "mel-htk", Linear = "linear", None = "none");

/// Which end of the frequency axis row 0 of an image has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Row0 {
    /// The lowest frequency.
    Lowest,
    /// The highest frequency, or the upper edge of a photograph.
    Highest,
}

words!(Row0, "position of row 0": Lowest = "lowest", Highest = "highest");

/// Physical unit of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueUnit {
    /// Decibels.
    Decibel,
    /// A scale without a physical unit.
    Level,
}

words!(ValueUnit, "unit": Decibel = "dB", Level = "level");

/// What a value of 0 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueReference {
    /// The clip's own `ref_db`.
    Clip,
    /// The same level for all clips.
    Fixed,
    /// Nothing: `ref_db` means nothing either.
    None,
}

words!(ValueReference, "reference": Clip = "clip", Fixed = "fixed", None = "none");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn words_parse_back_and_others_do_not() {
        assert!(Split::ALL.iter().all(|word| word.as_str().parse() == Ok(*word)));
        assert!(LabelSource::ALL.iter().all(|word| word.as_str().parse() == Ok(*word)));
        assert!(BoxStatus::ALL.iter().all(|word| word.as_str().parse() == Ok(*word)));
        assert_eq!(
            "Train".parse::<Split>().unwrap_err().to_string(),
            "\"Train\" is not a split (expected train, val, test)"
        );
        assert_eq!(
            (Split::ALL.len(), LabelSource::ALL.len(), BoxStatus::ALL.len()),
            (3, 5, 3)
        );
    }

    #[test]
    fn json_holds_the_word() {
        assert_eq!(serde_json::to_string(&FrequencyScale::MelHtk).unwrap(), "\"mel-htk\"");
        for scale in FrequencyScale::ALL {
            let json = serde_json::to_string(&scale).unwrap();
            assert_eq!(serde_json::from_str::<FrequencyScale>(&json).unwrap(), scale);
        }
        let error = serde_json::from_str::<ValueUnit>("\"db\"").unwrap_err().to_string();
        assert!(
            error.starts_with("\"db\" is not a unit (expected dB, level)"),
            "{error}"
        );
    }
}
