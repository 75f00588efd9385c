//! Provides the reader of thresholds by class: a CSV file with the columns `species_code` (or `code`) and `threshold`.

use std::path::Path;

use shardfmt::Taxa;

use crate::csv_table::CsvTable;
use crate::error::Result;

/// Names of the column with the class.
const CODE: [&str; 2] = ["species_code", "code"];
const THRESHOLD: &str = "threshold";

/// The least probability of each class: that of the file, and `otherwise` for classes it does not name.
///
/// # Errors
/// [`Error::Table`](crate::Error::Table) naming file and line of a code that is no class or comes twice, and of a threshold outside 0 to 1.
pub fn read_thresholds(path: &Path, taxa: &Taxa, otherwise: f64) -> Result<Vec<f64>> {
    let mut csv = CsvTable::open(path)?;
    let (code, threshold) = (csv.column(&CODE)?, csv.column(&[THRESHOLD])?);
    let mut thresholds: Vec<Option<f64>> = vec![None; taxa.len()];
    while let Some((line, row)) = csv.next_row()? {
        let (name, text) = (
            row.get(code).unwrap_or_default().trim(),
            row.get(threshold).unwrap_or_default().trim(),
        );
        let fail = |column: &str, value: &str, reason: &str| CsvTable::cell_error(path, line, column, value, reason);
        let place = taxa.index(name).and_then(|class| thresholds.get_mut(class as usize));
        let Some(place) = place else {
            return Err(fail(CODE[0], name, "is not a class of the run"));
        };
        let value: f64 = text
            .parse()
            .ok()
            .filter(|value| (0.0..=1.0).contains(value))
            .ok_or_else(|| fail(THRESHOLD, text, "is not a number from 0 to 1"))?;
        if place.replace(value).is_some() {
            return Err(fail(CODE[0], name, "has a threshold on an earlier line"));
        }
    }
    Ok(thresholds.into_iter().map(|given| given.unwrap_or(otherwise)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use shardfmt::Taxon;

    use super::*;

    fn read(text: &str) -> Result<Vec<f64>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("thresholds.csv");
        std::fs::write(&path, text).unwrap();
        let taxon = |code: &str| Taxon {
            species_code: code.into(),
            common_name: None,
            scientific_name: None,
        };
        read_thresholds(&path, &Taxa::new(["a", "b", "c"].map(taxon).to_vec()).unwrap(), 0.25)
    }

    #[test]
    fn classes_that_are_not_named_keep_the_common_threshold() {
        assert_eq!(read("code,threshold\nc,0.9\na,0\n").unwrap(), [0.0, 0.25, 0.9]);
        assert_eq!(
            read("\u{feff}note,threshold,species_code\nx,1,b\n").unwrap(),
            [0.25, 1.0, 0.25]
        );
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, said) in [
            (
                "code,threshold\na,0.5\nd,0.5\n",
                "thresholds.csv:3: species_code = \"d\": is not a class of the run",
            ),
            (
                "code,threshold\na,1.5\n",
                "thresholds.csv:2: threshold = \"1.5\": is not a number from 0 to 1",
            ),
            ("code,threshold\na,0,5\n", "thresholds.csv:2"),
            (
                "code,threshold\na,0.5\na,0.6\n",
                "thresholds.csv:3: species_code = \"a\": has a threshold",
            ),
            ("code,least\na,0.5\n", "no column threshold; the table has: code, least"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
