//! Provides `report`, many mistakes of one kind as the first few and a number.

use std::path::Path;

use crate::tables::Problems;

/// Mistakes of one kind that are reported one by one; the others are counted.
const SHOWN_ALIKE: usize = 5;

/// Reports the first few of many mistakes of one kind, and how many more there are.
pub(super) fn report(problems: &mut Problems, file: &Path, mut mistakes: impl Iterator<Item = String>) {
    for mistake in mistakes.by_ref().take(SHOWN_ALIKE) {
        problems.file(file, mistake);
    }
    let more = mistakes.count();
    if more > 0 {
        problems.file(file, format!("and so on: {more} more of this kind"));
    }
}
