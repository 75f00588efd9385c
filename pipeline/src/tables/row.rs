//! Provides `Row`, whose cells are read as what their column holds: text, numbers, ids, lists.

use std::collections::HashMap;

use csv::StringRecord;

use super::no_value::is_no_value;
use super::number::finite_number;
use super::problem::Problems;
use super::table::Table;
use crate::tally::Reason;

/// One row of a table.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(super) table: &'a Table,
    /// Line in the file (text) or row number (Parquet), from 1.
    pub(crate) line: u64,
    pub(super) cells: &'a StringRecord,
}

impl<'a> Row<'a> {
    /// Whether the row has a cell in this column, be it empty.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.table.index(column).is_some_and(|index| index < self.cells.len())
    }

    /// The cell of a column without surrounding blanks; `None` when it is empty or a word for no value, or when there
    /// is no such column.
    pub(crate) fn cell(&self, column: &str) -> Option<&'a str> {
        self.word(column).filter(|word| !is_no_value(word))
    }

    /// The same with words like `NA`, which may be codes.
    pub(crate) fn word(&self, column: &str) -> Option<&'a str> {
        trimmed(self.cells, self.table.index(column)?)
    }

    /// The cell of a column in the form of Unicode in which it is written, for names of files.
    pub(crate) fn as_written(&self, column: &str) -> Option<&'a str> {
        self.cell(column)?;
        let cells = self.table.as_written.get(&self.line).unwrap_or(self.cells);
        trimmed(cells, self.table.index(column)?)
    }

    /// The cell of a column that holds ids which are text: a whole number is the same with and without `.0`, which a
    /// table gets where it had to be one of floating-point numbers.
    pub(crate) fn id(&self, column: &str) -> Option<&'a str> {
        self.cell(column).map(without_zero_decimals)
    }

    /// Records a problem of this row's cell.
    pub(crate) fn problem(&self, problems: &mut Problems, column: &str, message: impl Into<String>) {
        problems.cell(
            &self.table.file,
            self.line,
            column,
            self.word(column).unwrap_or_default(),
            message,
        );
    }

    /// Counts the word for no value in this row's cell, where [`cell`](Self::cell) is not asked for it.
    pub(crate) fn count_no_value(&self, problems: &mut Problems, column: &str) {
        let detail = format!("{}: {column}", self.table.name);
        problems.noticed.tallies.add_detail(Reason::NoValueWord, &detail, 1);
    }

    /// A cell that must not be empty.
    pub(crate) fn require(&self, column: &str, problems: &mut Problems) -> Option<&'a str> {
        let cell = self.cell(column);
        if cell.is_none() {
            let message = match self.word(column) {
                Some(word) => format!("{word} stands for no value here; {column} is required"),
                None => "must not be empty".into(),
            };
            self.problem(problems, column, message);
        }
        cell
    }

    /// A finite number, or `None` for an empty cell.
    pub(crate) fn number(&self, column: &str, problems: &mut Problems) -> Option<f64> {
        let cell = self.cell(column)?;
        let number = finite_number(cell).map_err(|message| self.problem(problems, column, message));
        number.ok()
    }

    /// A whole number from 0, or `None` for an empty cell.
    pub(crate) fn whole_number(&self, column: &str, problems: &mut Problems) -> Option<u32> {
        let cell = self.cell(column)?;
        let number = parse_whole(cell).and_then(|number| u32::try_from(number).ok());
        if number.is_none() {
            self.problem(problems, column, "expected a non-negative integer");
        }
        number
    }

    /// An asset id that must be there: a whole number of 64 bits.
    pub(crate) fn require_asset_id(&self, problems: &mut Problems) -> Option<i64> {
        let id = parse_whole(self.require("asset_id", problems)?);
        if id.is_none() {
            self.problem(problems, "asset_id", "expected an integer");
        }
        id
    }

    /// The items of a `;`-separated list, words like `NA` too; an empty cell is an empty list.
    pub(crate) fn list(&self, column: &str) -> impl Iterator<Item = &'a str> {
        self.word(column)
            .unwrap_or_default()
            .split(';')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    }
}

fn trimmed(cells: &StringRecord, index: usize) -> Option<&str> {
    let cell = cells.get(index)?.trim();
    (!cell.is_empty()).then_some(cell)
}

/// A whole number as programs write it that had to make it a floating-point one: `1001.0`, `1e+05`.
fn parse_whole(text: &str) -> Option<i64> {
    /// Up to here every whole number is a floating-point number of 64 bits.
    const EXACT: f64 = (1_u64 << 53) as f64;
    without_zero_decimals(text).parse().ok().or_else(|| {
        let has_exponent = text.contains(['e', 'E']);
        let number: f64 = text.parse().ok().filter(|_| has_exponent)?;
        (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
    })
}

/// A whole number without the zeros behind its decimal point; any other text as it is.
fn without_zero_decimals(text: &str) -> &str {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, zeros))
            if is_digits(whole.strip_prefix('-').unwrap_or(whole))
                && !zeros.is_empty()
                && zeros.bytes().all(|byte| byte == b'0') =>
        {
            whole
        }
        _ => text,
    }
}

/// Finds rows that repeat the key of an earlier one.
pub(crate) struct UniqueKey<K> {
    column: &'static str,
    first_lines: HashMap<K, u64>,
}

impl<K: Eq + std::hash::Hash> UniqueKey<K> {
    /// For keys that a column holds.
    pub(crate) fn of(column: &'static str) -> Self {
        UniqueKey {
            column,
            first_lines: HashMap::new(),
        }
    }

    /// Whether no row before this one had the key; the row is recorded as a problem where one had.
    pub(crate) fn is_new(&mut self, key: K, row: &Row<'_>, problems: &mut Problems) -> bool {
        let first_line = *self.first_lines.entry(key).or_insert(row.line);
        let is_new = first_line == row.line;
        if !is_new {
            let column = self.column;
            row.problem(
                problems,
                column,
                format!("duplicate {column} (first on line {first_line})"),
            );
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_in_the_forms_that_programs_give_them() {
        for (text, number) in [
            ("123", Some(123)),
            ("-5.0", Some(-5)),
            ("123.000", Some(123)),
            ("1e+05", Some(100_000)),
            ("1.5E3", Some(1500)),
            ("9223372036854775807", Some(i64::MAX)),
            ("1e300", None),
            ("1.5", None),
            ("1.", None),
            ("1,0", None),
            ("", None),
            (".0", None),
            ("inf", None),
        ] {
            assert_eq!(parse_whole(text), number, "{text:?}");
        }
        assert_eq!(without_zero_decimals("123.0"), "123");
        assert_eq!(without_zero_decimals("S123.0"), "S123.0");
    }
}
