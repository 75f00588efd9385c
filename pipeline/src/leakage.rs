//! Provides the sentences about what is in two splits, so that a model could learn the test set by heart: checklists,
//! places, files, and recordings whose bytes are the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use shardfmt::{Split, Xxh3};

use crate::event::{Event, Events};

/// Examples of one kind that a sentence names.
const NAMED: usize = 3;

/// In which splits the things of one kind are, such as checklists.
pub(crate) struct AcrossSplits {
    /// What follows a count of one, and of several.
    words: [&'static str; 2],
    /// By key: what is shown, and the splits.
    seen: BTreeMap<String, (String, BTreeSet<Split>)>,
}

impl AcrossSplits {
    /// Of checklists.
    pub(crate) fn of_checklists() -> Self {
        Self::of(["checklist is", "checklists are"])
    }

    /// Of pairs of coordinates.
    pub(crate) fn of_places() -> Self {
        Self::of(["coordinate pair is", "coordinate pairs are"])
    }

    /// Of files.
    pub(crate) fn of_files() -> Self {
        Self::of(["source file is", "source files are"])
    }

    fn of(words: [&'static str; 2]) -> Self {
        let seen = BTreeMap::new();
        Self { words, seen }
    }

    /// Takes a recording's, shown as `shown` in the sentence.
    pub(crate) fn add(&mut self, key: &str, shown: &str, split: Split) {
        // Most recordings share theirs with others: nothing is copied then.
        if let Some((_, splits)) = self.seen.get_mut(key) {
            splits.insert(split);
        } else {
            self.seen
                .insert(key.to_owned(), (shown.to_owned(), BTreeSet::from([split])));
        }
    }

    /// Takes a recording's coordinates, in degrees.
    pub(crate) fn add_place(&mut self, (latitude, longitude): (f64, f64), split: Split) {
        let shown = format!("({latitude}, {longitude})");
        self.add(&shown, &shown, split);
    }

    /// What is in more than one split, if anything is.
    pub(crate) fn sentence(&self) -> Option<String> {
        let shared = self.seen.values().filter(|(_, splits)| splits.len() > 1);
        let named = |(shown, splits): &(String, BTreeSet<Split>)| {
            let splits: Vec<&str> = splits.iter().map(|split| split.as_str()).collect();
            format!("{shown} ({})", splits.join(", "))
        };
        let shared: Vec<String> = shared.map(named).collect();
        sentence(self.words, "in more than one split: ", &shared)
    }
}

/// The sentence about so many things, if there are any, that names some of them.
fn sentence([one, many]: [&str; 2], what: &str, things: &[String]) -> Option<String> {
    let words = match things {
        [] => return None,
        [_] => one,
        _ => many,
    };
    let named: Vec<&str> = things.iter().take(NAMED).map(String::as_str).collect();
    let more = if things.len() > NAMED { ", ..." } else { "" };
    let count = things.len();
    Some(format!("leakage: {count} {words} {what}{}{more}", named.join(", ")))
}

/// The sentence about recordings whose bytes are in two splits under different ids; takes (asset id, split, hash of the
/// source).
pub(crate) fn copies(assets: impl Iterator<Item = (i64, Split, Xxh3)>) -> Option<String> {
    let mut seen: HashMap<Xxh3, (i64, Split)> = HashMap::new();
    let mut copies = Vec::new();
    for (asset_id, split, xxh3) in assets {
        let (first_id, first_split) = *seen.entry(xxh3).or_insert((asset_id, split));
        if first_split != split {
            copies.push(format!("{first_id} ({first_split}) and {asset_id} ({split})"));
        }
    }
    let words = ["recording is", "recordings are"];
    sentence(words, "in two splits, byte for byte: assets ", &copies)
}

/// Warns of such recordings.
pub(crate) fn warn_of_copies(assets: impl Iterator<Item = (i64, Split, Xxh3)>, events: &Events<'_>) {
    if let Some(text) = copies(assets) {
        events(Event::Warning(&text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_two_splits_is_counted_and_named_in_plain_words() {
        let mut lists = AcrossSplits::of_checklists();
        for (list, split) in [
            ("S1", Split::Val),
            ("S2", Split::Train),
            ("S1", Split::Train),
            ("S1", Split::Val),
        ] {
            lists.add(list, list, split);
        }
        let one = "leakage: 1 checklist is in more than one split: S1 (train, val)";
        assert_eq!(lists.sentence().as_deref(), Some(one));
        for list in ["S2", "S3", "S4"] {
            lists.add(list, list, Split::Train);
            lists.add(list, list, Split::Test);
        }
        let many = "leakage: 4 checklists are in more than one split: S1 (train, val), S2 (train, test), S3 (train, test), ...";
        assert_eq!(lists.sentence().as_deref(), Some(many));
        assert_eq!(AcrossSplits::of_files().sentence(), None);

        let copy = |id, split| (id, split, Xxh3::of(b"sound"));
        let told = copies([copy(1, Split::Train), copy(2, Split::Test), copy(3, Split::Train)].into_iter());
        let expected = "leakage: 1 recording is in two splits, byte for byte: assets 1 (train) and 2 (test)";
        assert_eq!(told.as_deref(), Some(expected));
        assert_eq!(copies([copy(1, Split::Train), copy(3, Split::Train)].into_iter()), None);
    }
}
