//! Provides `is_no_value`, which knows the words that programs write where nothing is known.

/// Words of R, pandas, Excel, SQL, JSON and Python for a missing value, as these write them.
const WORDS: [&str; 11] = [
    "NA", "N/A", "n/a", "#N/A", "<NA>", "nan", "NaN", "NaT", "null", "NULL", "None",
];

/// Whether a cell without blanks around it stands for no value. A few codes look the same, so where codes are expected
/// their tables decide first.
pub(crate) fn is_no_value(cell: &str) -> bool {
    WORDS.contains(&cell)
}
