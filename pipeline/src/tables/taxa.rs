//! Provides the reader of the taxa table: the classes, in the order of its rows.

use std::path::Path;

use shardfmt::{Taxa, Taxon};

use super::no_value::is_no_value;
use super::problem::Problems;
use super::row::UniqueKey;
use super::table::{Columns, Table};
use crate::tally::Reason;

const COLUMNS: Columns<'_> = Columns {
    required: &["species_code"],
    optional: &["common_name", "scientific_name"],
};

/// Reads `species_code, common_name, scientific_name`; row order is class order.
pub(crate) fn read_taxa(file: &Path, problems: &mut Problems) -> Option<Taxa> {
    let before = problems.len();
    let table = Table::read(file, COLUMNS, problems)?;
    let mut codes = UniqueKey::of("species_code");
    let mut taxa = Vec::new();
    for row in table.rows() {
        // A table may have a code that looks like a word for no value; it is told, since it may be one.
        let Some(code) = row.word("species_code") else {
            row.problem(problems, "species_code", "must not be empty");
            continue;
        };
        let is_odd = u64::from(is_no_value(code));
        problems.noticed.tallies.add_detail(Reason::NoValueCode, code, is_odd);
        if !codes.is_new(code, &row, problems) {
            continue;
        }
        taxa.push(Taxon {
            species_code: code.into(),
            common_name: row.cell("common_name").map(Into::into),
            scientific_name: row.cell("scientific_name").map(Into::into),
        });
    }
    if taxa.is_empty() && problems.len() == before {
        problems.file(file, "has no classes");
    }
    match Taxa::new(taxa) {
        Ok(taxa) => Some(taxa),
        Err(error) => {
            problems.file(file, error.to_string());
            None
        }
    }
}
