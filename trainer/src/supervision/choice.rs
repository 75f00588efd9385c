//! Defines the choices a run makes about its supervision.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How much of the labels training may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
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

/// How the loss treats unknown labels in mode `full`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FullUnknown {
    /// They are negatives, as in the published program.
    #[default]
    AssumeNegative,
    /// They are left out.
    Masked,
}

/// Which rows the filters keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Rows {
    /// Those the filters keep with the mode's own masks.
    #[default]
    Own,
    /// Those the filters keep with the masks of mode `target`, in every mode: the same rows and steps, to compare like
    /// with like.
    Common,
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

/// Gives enums their words on the command line and in messages, which are those of the configuration file too.
macro_rules! display_as_value {
    ($($name:ty),+) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let value = self.to_possible_value();
                f.write_str(value.as_ref().map_or("", |value| value.get_name()))
            }
        })+
    };
}
display_as_value!(Mode, FullUnknown, Rows);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn words_are_the_same_in_files_and_on_the_command_line() {
        for mode in Mode::value_variants() {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.to_string());
            assert_eq!(Mode::from_str(&mode.to_string(), false), Ok(*mode));
        }
        let others = [
            FullUnknown::Masked.to_string(),
            FullUnknown::AssumeNegative.to_string(),
            Rows::Common.to_string(),
        ];
        assert_eq!(others, ["masked", "assume-negative", "common"]);
        assert_eq!(
            serde_json::to_value(FullUnknown::AssumeNegative).unwrap(),
            "assume-negative"
        );
    }
}
