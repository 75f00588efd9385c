//! Defines how the loader's choices are typed: their words, with a line of help each.

use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use loader::{FullUnknown, Level, Mode, Rows, SinglePositive, Unheard};
use shardfmt::words::UnknownWord;

/// A parser of `words`, each with its help.
fn words<T>(words: impl IntoIterator<Item = (&'static str, &'static str)>) -> impl TypedValueParser<Value = T>
where
    T: Clone + FromStr<Err = UnknownWord> + Send + Sync + 'static,
{
    let words = words
        .into_iter()
        .map(|(word, help)| PossibleValue::new(word).help(help));
    PossibleValuesParser::new(words.collect::<Vec<_>>()).try_map(|word| word.parse::<T>())
}

/// The parser of modes.
pub(super) fn mode() -> impl TypedValueParser<Value = Mode> {
    let help = |mode| match mode {
        Mode::Target => "The recording's target species, in clips where it is present: a single positive",
        Mode::Geo => "That, and what the geographic prior rules out as negatives",
        Mode::Checklist => "That, and what a complete checklist does not report as negatives",
        Mode::Full => "Everything that is known",
    };
    words(Mode::ALL.map(|value| (value.as_str(), help(value))))
}

/// The parser of which positive is the single one.
pub(super) fn single_positive() -> impl TypedValueParser<Value = SinglePositive> {
    let help = |single| match single {
        SinglePositive::Target => "The recording's target species, in clips where it is present",
        SinglePositive::Uniform => "One of the clip's own positives, drawn once, each equally likely",
    };
    words(SinglePositive::ALL.map(|value| (value.as_str(), help(value))))
}

/// The parser of what becomes of unknown labels.
pub(super) fn full_unknown() -> impl TypedValueParser<Value = FullUnknown> {
    let help = |unknown| match unknown {
        FullUnknown::AssumeNegative => "They are negatives, as in the published program",
        FullUnknown::Masked => "They are left out",
    };
    words(FullUnknown::ALL.map(|value| (value.as_str(), help(value))))
}

/// The parser of which rows the filters keep.
pub(super) fn rows() -> impl TypedValueParser<Value = Rows> {
    let help = |rows| match rows {
        Rows::Own => "Those the filters keep with the mode's own masks",
        Rows::Common => {
            "Those the filters keep with the masks of mode `target`, in every mode: the same rows and steps, to compare \
             like with like"
        }
    };
    words(Rows::ALL.map(|value| (value.as_str(), help(value))))
}

/// The parser of what is measured.
pub(super) fn level() -> impl TypedValueParser<Value = Level> {
    let help = |level| match level {
        Level::Clip => "Each clip by itself",
        Level::Recording => "Each recording, by the highest scores of its clips and the labels of the whole",
    };
    words(Level::ALL.map(|value| (value.as_str(), help(value))))
}

/// The parser of what a class is that was not heard in a recording.
pub(super) fn unheard() -> impl TypedValueParser<Value = Unheard> {
    let help = |unheard| match unheard {
        Unheard::Unknown => "Unknown, unless the clips say more",
        Unheard::Absent => "Absent: whoever said what was heard named everything",
    };
    words(Unheard::ALL.map(|value| (value.as_str(), help(value))))
}
