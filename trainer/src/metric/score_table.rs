//! Provides tables of scores, which come row after row and are ranked class after class: in memory, or in a file where
//! that is too small.

use std::ops::Range;
use std::path::Path;

use super::part_file::PartFile;
use super::positives::Positives;
use super::ranked::{Ranked, rank};
use crate::error::{Error, Result};

/// Numbers of a part at most: 64 MiB.
const PART_NUMBERS: usize = 1 << 24;
/// Bytes of a row in the ranking of a class while it is made, on each thread: as a [`Ranked`], and as what is kept of it.
const RANKED_BYTES: usize = 12;
/// Bytes of a row and class in a block: its score, and its place in a ranking that is kept.
const BLOCK_BYTES: usize = 8;

/// Scores of N rows and C classes. Rows are gathered to parts; a part has the scores of its rows class after class, so that
/// some classes of it are in one piece.
#[derive(Debug)]
pub struct ScoreTable {
    classes: usize,
    rows: usize,
    part_rows: usize,
    parts: Parts,
}

#[derive(Debug)]
enum Parts {
    Memory(Vec<Vec<f32>>),
    File { file: PartFile, memory_bytes: u64 },
}

/// A table in the making.
#[derive(Debug)]
pub struct ScoreWriter {
    table: ScoreTable,
    /// Rows of the next part, row after row.
    next: Vec<f32>,
}

/// Scores of some classes.
pub(super) enum Block<'a> {
    /// Those of all, in the parts of the table.
    Memory { parts: &'a [Vec<f32>], classes: usize },
    /// Those of the classes from `first` on.
    Read { first: usize, columns: Vec<Vec<f32>> },
}

impl ScoreWriter {
    /// Begins a table in memory.
    #[must_use]
    pub fn in_memory(classes: usize) -> Self {
        Self::new(classes, PART_NUMBERS, Parts::Memory(Vec::new()))
    }

    /// Begins a table in a file of the folder `dir`, of which nothing is left when the table is dropped. Ranking it takes
    /// about `memory_bytes` of memory, but never less than one class needs: 8 bytes a row, and 12 on each thread.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn in_file(classes: usize, dir: &Path, memory_bytes: u64) -> Result<Self> {
        // While a part is made or read there are four of it.
        let part_numbers = usize::try_from(memory_bytes / (4 * size_of::<f32>() as u64)).unwrap_or(usize::MAX);
        let file = PartFile::create(dir)?;
        let parts = Parts::File { file, memory_bytes };
        Ok(Self::new(classes, part_numbers.min(PART_NUMBERS), parts))
    }

    fn new(classes: usize, part_numbers: usize, parts: Parts) -> Self {
        let table = ScoreTable {
            classes,
            rows: 0,
            part_rows: (part_numbers / classes.max(1)).max(1),
            parts,
        };
        let next = Vec::new();
        Self { table, next }
    }

    /// Adds a row with a score for each class.
    ///
    /// # Errors
    /// [`Error::ScoreShape`] for another number of scores, or more rows than 31 bits count; [`Error::ScoreNotANumber`] for
    /// a NaN; [`Error::Io`].
    pub fn push(&mut self, row: &[f32]) -> Result<()> {
        let (classes, rows) = (self.table.classes, self.table.rows);
        if row.len() != classes || rows >= (u32::MAX >> 1) as usize {
            let sizes = [row.len(), classes, classes];
            return Err(Error::ScoreShape { sizes, classes });
        }
        if let Some(class) = row.iter().position(|score| score.is_nan()) {
            return Err(Error::ScoreNotANumber { row: rows, class });
        }
        self.next.extend_from_slice(row);
        self.table.rows += 1;
        if self.next.len() >= self.table.part_rows * classes {
            self.end_part()?;
        }
        Ok(())
    }

    /// The table of all rows.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(mut self) -> Result<ScoreTable> {
        self.end_part()?;
        Ok(self.table)
    }

    fn end_part(&mut self) -> Result<()> {
        if self.next.is_empty() {
            return Ok(());
        }
        let classes = self.table.classes;
        let part = turned(&self.next, classes);
        let first = self.table.rows * classes - part.len();
        self.next.clear();
        match &mut self.table.parts {
            Parts::Memory(parts) => parts.push(part),
            Parts::File { file, .. } => file.write(first as u64, &part)?,
        }
        Ok(())
    }
}

impl ScoreTable {
    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Changes the rows in place: `change` gets the number and the scores of each.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn change(&mut self, mut change: impl FnMut(usize, &mut [f32])) -> Result<()> {
        let (classes, ranges) = (self.classes.max(1), self.part_ranges());
        let mut changed = |part: &[f32], first_row: usize| {
            let mut rows = turned(part, part.len() / classes);
            for (scores, row) in rows.chunks_exact_mut(classes).zip(first_row..) {
                change(row, scores);
            }
            turned(&rows, classes)
        };
        match &mut self.parts {
            Parts::Memory(parts) => {
                for (part, range) in parts.iter_mut().zip(ranges) {
                    *part = changed(part, range.start);
                }
            }
            Parts::File { file, .. } => {
                let mut bytes = Vec::new();
                for range in ranges {
                    let first = (range.start * classes) as u64;
                    let mut part = vec![0.0; range.len() * classes];
                    file.read(first, &mut part, &mut bytes)?;
                    file.write(first, &changed(&part, range.start))?;
                }
            }
        }
        Ok(())
    }

    /// How many classes may be ranked at a time; at least one.
    pub(super) fn at_once(&self) -> usize {
        match &self.parts {
            Parts::Memory(_) => self.classes.max(1),
            Parts::File { memory_bytes, .. } => {
                let ranking = self.rows * RANKED_BYTES * rayon::current_num_threads();
                let left = memory_bytes.saturating_sub(ranking as u64);
                let classes = left / (self.rows.max(1) * BLOCK_BYTES) as u64;
                usize::try_from(classes)
                    .unwrap_or(usize::MAX)
                    .clamp(1, self.classes.max(1))
            }
        }
    }

    /// The scores of some classes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn block(&self, classes: Range<usize>) -> Result<Block<'_>> {
        let (file, first) = match &self.parts {
            Parts::Memory(parts) => {
                let classes = self.classes;
                return Ok(Block::Memory { parts, classes });
            }
            Parts::File { file, .. } => (file, classes.start),
        };
        let mut columns = vec![Vec::with_capacity(self.rows); classes.len()];
        let (mut piece, mut bytes) = (Vec::new(), Vec::new());
        for rows in self.part_ranges() {
            piece.resize(classes.len() * rows.len(), 0.0);
            let at = rows.start * self.classes + classes.start * rows.len();
            file.read(at as u64, &mut piece, &mut bytes)?;
            for (column, scores) in columns.iter_mut().zip(piece.chunks_exact(rows.len().max(1))) {
                column.extend_from_slice(scores);
            }
        }
        Ok(Block::Read { first, columns })
    }

    /// The rows of each part.
    fn part_ranges(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, part_rows) = (self.rows, self.part_rows);
        let first = (0..rows).step_by(part_rows);
        first.map(move |first| first..rows.min(first + part_rows))
    }
}

impl Block<'_> {
    /// The rows of a class, highest score first.
    pub(super) fn ranked(&self, class: usize, positives: &Positives) -> Vec<Ranked> {
        let mut rows_with = positives.of(class).iter().copied().peekable();
        let is_positive = |row: u32| rows_with.next_if_eq(&row).is_some();
        match self {
            Self::Memory { parts, classes } => {
                let piece = |part: &&Vec<f32>| part.len() / (*classes).max(1);
                let of_class = parts.iter().flat_map(|part| {
                    let rows = piece(&part);
                    part.get(class * rows..(class + 1) * rows).unwrap_or_default()
                });
                rank(of_class.copied(), is_positive)
            }
            Self::Read { first, columns } => {
                let column = class.checked_sub(*first).and_then(|place| columns.get(place));
                rank(column.into_iter().flatten().copied(), is_positive)
            }
        }
    }
}

/// Numbers of `width` columns row after row, column after column.
fn turned(numbers: &[f32], width: usize) -> Vec<f32> {
    /// Columns that are turned together: as many as a line of the cache has numbers.
    const TOGETHER: usize = 16;
    let (width, height) = (width.max(1), numbers.len() / width.max(1));
    let mut turned = vec![0.0; width * height];
    for (columns, into) in (0..width)
        .step_by(TOGETHER)
        .zip(turned.chunks_mut(TOGETHER * height.max(1)))
    {
        for (row, numbers) in numbers.chunks_exact(width).enumerate() {
            let numbers = numbers.iter().skip(columns).take(TOGETHER);
            for (number, column) in numbers.zip(into.chunks_exact_mut(height.max(1))) {
                column.get_mut(row).into_iter().for_each(|entry| *entry = *number);
            }
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use loader::random::{Purpose, keyed};
    use rand::RngExt;

    use super::*;
    use crate::metric::{evaluate, evaluate_table, interval, interval_of_table};

    const CLASSES: usize = 37;
    const ROWS: usize = 211;

    /// Scores with many ties, labels, and recordings.
    fn sample() -> (Vec<f32>, Vec<u8>, Vec<i64>) {
        let mut random = keyed(3, Purpose::Weights, &[]);
        let labels: Vec<u8> = (0..ROWS * CLASSES).map(|_| random.random_range(0..9) / 8).collect();
        let score = |label: &u8| random.random_range(0..40) as f32 / 8.0 - f32::from(1 - label);
        let scores = labels.iter().map(score).collect();
        (scores, labels, (0..ROWS as i64).map(|row| row / 5).collect())
    }

    fn filled(mut writer: ScoreWriter, scores: &[f32]) -> ScoreTable {
        scores.chunks(CLASSES).for_each(|row| writer.push(row).unwrap());
        writer.finish().unwrap()
    }

    /// A row's numbers of classes that are present.
    fn positives(labels: &[u8]) -> Positives {
        let of_row = |row: &[u8]| {
            (0..)
                .zip(row)
                .filter(|(_, label)| **label != 0)
                .map(|(class, _)| class)
                .collect()
        };
        let rows: Vec<Vec<u32>> = labels.chunks(CLASSES).map(of_row).collect();
        Positives::of_rows(CLASSES, rows.iter().map(Vec::as_slice))
    }

    #[test]
    fn a_file_gives_the_bits_of_memory_however_little_of_it_there_is() {
        let (mut scores, labels, assets) = sample();
        let mask = vec![1; labels.len()];
        let positives = positives(&labels);
        let folder = tempfile::tempdir().unwrap();
        // Room for one class and one row at a time, for some of both, and for all.
        let ranking = (ROWS * RANKED_BYTES * rayon::current_num_threads()) as u64;
        let small = |memory_bytes| ScoreWriter::in_file(CLASSES, folder.path(), memory_bytes).unwrap();
        let some = ranking + (5 * ROWS * BLOCK_BYTES) as u64;
        let mut tables = [0, some, 1 << 30].map(|memory_bytes| filled(small(memory_bytes), &scores));
        assert_eq!([tables[0].part_rows, tables[0].at_once()], [1, 1]);
        assert_eq!(tables[1].at_once(), 5);
        assert_eq!(tables[2].at_once(), CLASSES);
        for changed in [false, true] {
            let whole = evaluate(&scores, &labels, &mask, CLASSES).unwrap();
            let around = interval(&scores, &labels, &mask, CLASSES, &assets, 7, 24).unwrap();
            for table in &mut tables {
                assert_eq!(evaluate_table(table, &positives).unwrap(), whole);
                assert_eq!(interval_of_table(table, &positives, &assets, 7, 24).unwrap(), around);
                if !changed {
                    table.change(change).unwrap();
                }
            }
            let mut table = filled(ScoreWriter::in_memory(CLASSES), &scores);
            table.change(change).unwrap();
            (0..)
                .zip(scores.chunks_mut(CLASSES))
                .for_each(|(row, scores)| change(row, scores));
            let whole = evaluate(&scores, &labels, &mask, CLASSES).unwrap();
            assert_eq!(evaluate_table(&table, &positives).unwrap(), whole);
        }
        drop(tables);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    }

    /// Differs from row to row and class to class.
    fn change(row: usize, scores: &mut [f32]) {
        for (class, score) in scores.iter_mut().enumerate() {
            *score += (row % 3) as f32 - (class * row % 5) as f32;
        }
    }

    #[test]
    fn parts_in_memory_are_one_table() {
        let (scores, labels, _) = sample();
        let whole = filled(ScoreWriter::in_memory(CLASSES), &scores);
        let parts = filled(
            ScoreWriter::new(CLASSES, 10 * CLASSES, Parts::Memory(Vec::new())),
            &scores,
        );
        assert!(matches!(&parts.parts, Parts::Memory(parts) if parts.len() == 22));
        let positives = positives(&labels);
        let [whole, parts] = [&whole, &parts].map(|table| evaluate_table(table, &positives).unwrap());
        assert_eq!(whole, parts);
    }

    #[test]
    fn what_is_no_row_of_scores_is_refused_with_its_place() {
        let mut writer = ScoreWriter::in_memory(2);
        writer.push(&[0.5, 0.25]).unwrap();
        let error = writer.push(&[0.5]).unwrap_err();
        assert!(
            matches!(
                error,
                Error::ScoreShape {
                    sizes: [1, 2, 2],
                    classes: 2
                }
            ),
            "{error}"
        );
        let error = writer.push(&[0.5, f32::NAN]).unwrap_err();
        assert!(matches!(error, Error::ScoreNotANumber { row: 1, class: 1 }), "{error}");
        let gone = Path::new("/nowhere/at/all");
        assert!(matches!(ScoreWriter::in_file(2, gone, 0), Err(Error::Io { .. })));
    }
}
