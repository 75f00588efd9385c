//! Defines what a clip has of the species heard in its recording, a list of structs in the label table.

use std::fmt;
use std::str::FromStr;

use super::lists::Lists;
use crate::table;
use crate::table::{Class, Fault, Text};
use crate::words::Split;

/// Word of [`HeardSource::Whole`].
const HEARD: &str = "heard";
/// What words of [`HeardSource::Weak`] begin with.
const WEAK: &str = "weak:";

table! {
    /// A class that was heard in the recording, and what that means for the clip.
    #[derive(Clone, Debug, PartialEq)]
    pub struct FromRecording {
        /// The class.
        class("species_code"): u32 as Class,
        /// Where the clip's label comes from.
        label_source: HeardSource as Text,
        /// What the rule looked at, where it looks at a number.
        score: Option<f32>,
    }
}

/// How a label of a recording became one of a clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeardSource {
    /// All of the recording's sound is in the clip, so the class is present in it.
    Whole,
    /// A rule takes the class for present, which nobody has listened for: it is unknown.
    Weak(WeakRule),
}

/// A rule that makes weak labels, with its version: `first/1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WeakRule {
    name: String,
    version: u32,
}

impl WeakRule {
    /// The rule `name`, which has letters from a to z and hyphens only, in `version`.
    ///
    /// # Errors
    /// The name, if it has others, or none.
    pub fn new(name: &str, version: u32) -> Result<Self, String> {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        match !name.is_empty() && name.bytes().all(is_letter) {
            true => Ok(Self {
                name: name.to_owned(),
                version,
            }),
            false => Err(format!("{name:?} is not a name of a rule (letters a to z and hyphens)")),
        }
    }
}

impl fmt::Display for WeakRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.version)
    }
}

impl HeardSource {
    /// Whether nobody has listened to the clip for the class.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        matches!(self, Self::Weak(_))
    }
}

impl fmt::Display for HeardSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str(HEARD),
            Self::Weak(rule) => write!(f, "{WEAK}{rule}"),
        }
    }
}

impl FromStr for HeardSource {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        if word == HEARD {
            return Ok(Self::Whole);
        }
        let rule = word.strip_prefix(WEAK).and_then(|rule| rule.split_once('/'));
        let is_plain = |version: &str| version.bytes().all(|byte| byte.is_ascii_digit());
        let rule = rule
            .filter(|(_, version)| is_plain(version))
            .and_then(|(name, version)| {
                let version = version.parse().ok()?;
                WeakRule::new(name, version).ok()
            });
        let rule = rule.ok_or_else(|| format!("{word:?} is neither \"{HEARD}\" nor {WEAK}RULE/VERSION"))?;
        Ok(Self::Weak(rule))
    }
}

/// The rules of [`LabelRow::from_recording`](super::LabelRow): in class order, present where the recording says so, unknown where a rule
/// does, and that in training only.
pub(super) fn check(lists: Lists<'_>, split: Split, from_recording: &[FromRecording]) -> Result<(), Fault> {
    let fault = |reason: &str| Err(Fault::new("from_recording", reason));
    if !from_recording.is_sorted_by(|a, b| a.class < b.class) {
        return fault("is not in the order of the classes, each once");
    }
    for FromRecording {
        class, label_source, ..
    } in from_recording
    {
        let (present, absent) = (lists.present.contains(class), lists.absent.contains(class));
        match label_source {
            HeardSource::Whole if !present => return fault("a class that was heard in the clip is not present in it"),
            HeardSource::Weak(_) if present || absent => return fault("a class with a weak label is not unknown"),
            HeardSource::Weak(_) if split != Split::Train => return fault("a weak label outside split train"),
            HeardSource::Whole | HeardSource::Weak(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn sources_parse_back_and_others_do_not() {
        let rule = WeakRule::new("first", 1).unwrap();
        for (source, word) in [(HeardSource::Whole, "heard"), (HeardSource::Weak(rule), "weak:first/1")] {
            assert_eq!((source.to_string().as_str(), word.parse()), (word, Ok(source)));
        }
        for word in [
            "",
            "box",
            "weak",
            "weak:",
            "weak:first",
            "weak:/1",
            "weak:First/1",
            "weak:first/",
            "weak:first/+1",
            "weak:a/1/2",
        ] {
            let error = word.parse::<HeardSource>().unwrap_err();
            assert!(
                error.ends_with("is neither \"heard\" nor weak:RULE/VERSION"),
                "{word}: {error}"
            );
        }
    }
}
