//! Defines which rows have which class, kept as a list of rows for each class.

/// The rows with each of C classes; every class of every row is known.
#[derive(Clone, Debug)]
pub struct Positives {
    /// Where the rows of each class begin, and the end of the last.
    starts: Vec<usize>,
    /// The rows of each class, ascending, class after class.
    rows: Vec<u32>,
}

impl Positives {
    /// Those of rows that have the given classes, each named once and below `classes`; others are left out.
    #[must_use]
    pub fn of_rows<'a>(classes: usize, rows: impl Iterator<Item = &'a [u32]> + Clone) -> Self {
        let mut starts = vec![0; classes + 1];
        for class in rows.clone().flatten() {
            if let Some(count) = starts.get_mut(*class as usize + 1) {
                *count += 1;
            }
        }
        let mut total = 0;
        for count in &mut starts {
            total += *count;
            *count = total;
        }
        let mut ends = starts.clone();
        let mut of_class = vec![0; total];
        for (present, row) in rows.zip(0..) {
            for class in present.iter().filter(|class| (**class as usize) < classes) {
                if let Some(end) = ends.get_mut(*class as usize) {
                    of_class.get_mut(*end).into_iter().for_each(|entry| *entry = row);
                    *end += 1;
                }
            }
        }
        Self { starts, rows: of_class }
    }

    /// The rows with `class`, ascending.
    #[must_use]
    pub fn of(&self, class: usize) -> &[u32] {
        let at = |place: usize| self.starts.get(place).copied();
        let rows = at(class)
            .zip(at(class + 1))
            .and_then(|(start, end)| self.rows.get(start..end));
        rows.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_listed_by_class() {
        let rows: [&[u32]; 4] = [&[2, 0], &[], &[0, 9], &[2]];
        let positives = Positives::of_rows(3, rows.into_iter());
        assert_eq!(
            [0, 1, 2, 3].map(|class| positives.of(class).to_vec()),
            [vec![0, 2], vec![], vec![0, 3], vec![]]
        );
    }
}
