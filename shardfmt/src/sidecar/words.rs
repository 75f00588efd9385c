//! Defines the fixed words of the tables: splits, label sources and box states.

use std::str::FromStr;

/// A word that is none of the documented ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("none of the documented words")]
pub struct UnknownWord;

/// Gives an enum its words and the conversions both ways.
macro_rules! words {
    ($name:ident: $($variant:ident = $word:literal),+) => {
        impl $name {
            /// Every value.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word stored in tables.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord),
                }
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

words!(Split: Train = "train", Val = "val", Test = "test");

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

words!(LabelSource: Span = "span", NoBird = "no-bird", Box = "box", Given = "given", Incomplete = "incomplete");

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

words!(BoxStatus: Active = "active", Passive = "passive", Ignore = "ignore");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_parse_back_and_others_do_not() {
        assert!(Split::ALL.iter().all(|word| word.as_str().parse() == Ok(*word)));
        assert!(LabelSource::ALL.iter().all(|word| word.as_str().parse() == Ok(*word)));
        assert!(BoxStatus::ALL.iter().all(|word| word.as_str().parse() == Ok(*word)));
        assert_eq!("Train".parse::<Split>(), Err(UnknownWord));
        assert_eq!(
            (Split::ALL.len(), LabelSource::ALL.len(), BoxStatus::ALL.len()),
            (3, 5, 3)
        );
    }
}
