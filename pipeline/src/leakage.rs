//! Provides `warn_of_copies`: recordings whose bytes are the same and whose splits differ.

use std::collections::HashMap;

use shardfmt::{Split, Xxh3};

use crate::event::{Event, Events};

/// Copies that a warning names.
const COPIES_NAMED: usize = 3;

/// Warns when one recording's bytes are in two splits under different ids; takes (asset id, split, hash of the source).
pub(crate) fn warn_of_copies(assets: impl Iterator<Item = (i64, Split, Xxh3)>, events: &Events<'_>) {
    let mut seen: HashMap<Xxh3, (i64, Split)> = HashMap::new();
    let mut copies = Vec::new();
    for (asset_id, split, xxh3) in assets {
        let (first_id, first_split) = *seen.entry(xxh3).or_insert((asset_id, split));
        if first_split != split {
            copies.push(format!("{first_id} ({first_split}) and {asset_id} ({split})"));
        }
    }
    if !copies.is_empty() {
        let (count, more) = (copies.len(), if copies.len() > COPIES_NAMED { ", ..." } else { "" });
        copies.truncate(COPIES_NAMED);
        let named = copies.join(", ");
        let text = format!("leakage: {count} recordings are in two splits, byte for byte: assets {named}{more}");
        events(Event::Warning(&text));
    }
}
