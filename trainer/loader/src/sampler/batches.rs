//! Defines how the rows of an epoch are cut into batches, none of them of a single row.

use std::ops::Range;

/// Full batches, and one of what is left. If that were a single row, on which batch normalisation has no variance to
/// normalise by where an image has shrunk to a point, the batch before gives it one of its rows; a batch of two takes
/// it in instead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batches {
    rows: usize,
    batch: usize,
    count: usize,
    /// Rows by which the last batch begins earlier than the others would have it.
    early: usize,
}

impl Batches {
    /// Batches of `batch` rows, at least 1.
    pub(super) fn new(rows: usize, batch: usize) -> Self {
        let batch = batch.max(1);
        let count = rows.div_ceil(batch);
        let single = rows % batch == 1 && count > 1;
        match batch {
            2 if single => Self {
                rows,
                batch,
                count: count - 1,
                early: 0,
            },
            _ => Self {
                rows,
                batch,
                count,
                early: single.into(),
            },
        }
    }

    /// Number of batches.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Rows of the largest batch. Of the middle ones, if there are any, none is larger than the first.
    pub(super) fn largest(&self) -> usize {
        let last = self.range(self.count.saturating_sub(1));
        self.range(0).len().max(last.len())
    }

    /// Places of batch `step` in the order; empty, at the end, past the last batch.
    pub(super) fn range(&self, step: usize) -> Range<usize> {
        self.start(step)..self.start(step.saturating_add(1))
    }

    fn start(&self, step: usize) -> usize {
        if step >= self.count {
            return self.rows;
        }
        let early = if step > 0 && step + 1 == self.count {
            self.early
        } else {
            0
        };
        step * self.batch - early
    }

    /// The number of batches that come before place `rows`, if a batch begins or the epoch ends there.
    pub(super) fn starting_at(&self, rows: usize) -> Option<usize> {
        let near = rows / self.batch;
        (near..=near.saturating_add(1)).find(|&step| step <= self.count && self.start(step) == rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_cover_every_row_once_and_none_has_a_single_row() {
        for rows in 0..70 {
            for batch in 1..20 {
                let batches = Batches::new(rows, batch);
                let sizes = (0..batches.count()).map(|step| batches.range(step).len());
                assert_eq!(batches.largest(), sizes.max().unwrap_or(0), "{rows} by {batch}");
                let mut next = 0;
                for step in 0..batches.count() {
                    let range = batches.range(step);
                    assert_eq!(
                        (range.start, batches.starting_at(next)),
                        (next, Some(step)),
                        "{rows} {batch}"
                    );
                    assert!(range.len() <= batch.max(if batch == 2 { 3 } else { 1 }));
                    assert!(
                        range.len() > 1 || batch == 1 || rows == 1,
                        "{rows} rows by {batch}: {range:?}"
                    );
                    next = range.end;
                }
                assert_eq!(next, rows);
                assert_eq!(batches.starting_at(rows), Some(batches.count()));
                assert!(batches.range(batches.count()).is_empty() && batches.range(usize::MAX).is_empty());
            }
        }
        assert_eq!(Batches::new(33, 16).range(1), 16..31);
        assert_eq!(Batches::new(33, 16).starting_at(32), None);
        assert_eq!(Batches::new(5, 2).largest(), 3);
    }
}
