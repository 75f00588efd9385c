//! Provides the reader of the taxa table: the classes, in the order of its rows.

use std::collections::HashMap;
use std::path::Path;

use shardfmt::{Taxa, Taxon};

use super::problem::Problems;
use super::table::Table;

/// Reads `species_code, common_name, scientific_name`; row order is class order.
pub(crate) fn read(file: &Path, problems: &mut Problems) -> Option<Taxa> {
    let before = problems.len();
    let table = Table::read(file, &["species_code"], problems)?;
    let mut first_line: HashMap<&str, u64> = HashMap::new();
    let mut taxa = Vec::new();
    for row in table.rows() {
        let Some(code) = row.require("species_code", problems) else {
            continue;
        };
        let line = *first_line.entry(code).or_insert(row.line);
        if line != row.line {
            row.problem(
                problems,
                "species_code",
                format!("stands there twice, first in line {line}"),
            );
            continue;
        }
        taxa.push(Taxon {
            species_code: code.into(),
            common_name: row.cell("common_name").map(Into::into),
            scientific_name: row.cell("scientific_name").map(Into::into),
        });
    }
    if taxa.is_empty() && problems.len() == before {
        problems.file(file, "holds no class");
    }
    match Taxa::new(taxa) {
        Ok(taxa) => Some(taxa),
        Err(error) => {
            problems.file(file, error.to_string());
            None
        }
    }
}
