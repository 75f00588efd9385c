//! Defines the choices a run makes about its supervision.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use shardfmt::words::UnknownWord;

/// How much of the labels training may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The recording's target species, in clips where it is present: a single positive.
    Target,
    /// That, and what the geographic prior rules out as negatives.
    Geo,
    /// That, and what a complete checklist does not report as negatives.
    Checklist,
    /// Everything that is known.
    Full,
}

/// Which positive of a training clip is the single one that the modes `target`, `geo` and `checklist` show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SinglePositive {
    /// The recording's target species, in clips where it is present.
    #[default]
    Target,
    /// One of the clip's own positives, drawn once, each equally likely: how single positives are simulated from full
    /// labels (Cole et al. 2021, "Multi-Label Learning from Single Positive Labels", arXiv 2106.09708).
    Uniform,
}

impl SinglePositive {
    /// Whether it is what every run had before there was another.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How the loss treats unknown labels in mode `full`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FullUnknown {
    /// They are negatives, as in the published program.
    #[default]
    AssumeNegative,
    /// They are left out.
    Masked,
}

/// Which rows the filters keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rows {
    /// Those the filters keep with the mode's own masks.
    #[default]
    Own,
    /// Those the filters keep with the masks of mode `target`, in every mode: the same rows and steps, to compare like
    /// with like.
    Common,
}

/// What a model is measured on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Each clip by itself.
    #[default]
    Clip,
    /// Each recording by the highest scores of its clips.
    Recording,
}

/// What a class is in a recording of which somebody said what was heard, and that was not among it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unheard {
    /// Unknown, unless its clips say more.
    #[default]
    Unknown,
    /// Absent: whoever listened named everything.
    Absent,
}

/// Which clips are left out of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filters {
    /// Leave out clips of which nothing is known.
    pub remove_unannotated: bool,
    /// Leave out clips without a known positive.
    pub remove_empty: bool,
    /// Keep clips below the build's silence threshold.
    pub keep_silent: bool,
}

impl Default for Filters {
    /// The published defaults; silent clips are left out.
    fn default() -> Self {
        Self {
            remove_unannotated: true,
            remove_empty: false,
            keep_silent: false,
        }
    }
}

/// Gives an enum its words, which are those of configuration files too.
macro_rules! words {
    ($name:ident, $kind:literal: $($variant:ident = $word:literal),+) => {
        impl $name {
            /// Every value.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// Its word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                let found = Self::ALL.into_iter().find(|value| value.as_str() == word);
                found.ok_or_else(|| UnknownWord {
                    word: word.to_owned(),
                    kind: $kind,
                    expected: &[$($word),+],
                })
            }
        }
    };
}

words!(Mode, "mode": Target = "target", Geo = "geo", Checklist = "checklist", Full = "full");
words!(SinglePositive, "choice of the single positive": Target = "target", Uniform = "uniform");
words!(FullUnknown, "treatment of unknown labels": AssumeNegative = "assume-negative", Masked = "masked");
words!(Rows, "choice of rows": Own = "own", Common = "common");
words!(Level, "level": Clip = "clip", Recording = "recording");
words!(Unheard, "label of what was not heard": Unknown = "unknown", Absent = "absent");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn words_are_the_same_in_files_and_on_the_command_line() {
        for mode in Mode::ALL {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.to_string());
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        for single in SinglePositive::ALL {
            assert_eq!(serde_json::to_value(single).unwrap(), single.as_str());
        }
        for unknown in FullUnknown::ALL {
            assert_eq!(serde_json::to_value(unknown).unwrap(), unknown.as_str());
        }
        for rows in Rows::ALL {
            assert_eq!(serde_json::to_value(rows).unwrap(), rows.as_str());
        }
        for level in Level::ALL {
            assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
        }
        for unheard in Unheard::ALL {
            assert_eq!(serde_json::to_value(unheard).unwrap(), unheard.as_str());
        }
        let error = "ful".parse::<Mode>().unwrap_err().to_string();
        assert_eq!(error, "\"ful\" is not a mode (expected target, geo, checklist, full)");
    }
}
