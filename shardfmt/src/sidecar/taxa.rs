//! Defines the class table: species codes and names in class order.

use std::path::Path;

use crate::entry::FileEntry;
use crate::error::{Error, Result};
use crate::table;
use crate::table::{Columns, Fault, TableFile, open_table, read_table, write_table};
use crate::taxa::{Taxa, Taxon};

table! {
    struct TaxonRow: "taxa/1" {
        class_index: u32,
        species_code: String,
        common_name: Option<String>,
        scientific_name: Option<String>,
    }
}

/// Writes the class list.
///
/// # Errors
/// [`Error::Io`].
pub fn write_taxa(path: &Path, taxa: &Taxa) -> Result<FileEntry> {
    let row = |(taxon, class_index): (&Taxon, u32)| TaxonRow {
        class_index,
        species_code: taxon.species_code.clone(),
        common_name: taxon.common_name.clone(),
        scientific_name: taxon.scientific_name.clone(),
    };
    let rows: Vec<TaxonRow> = taxa.iter().zip(0..).map(row).collect();
    write_table(path, taxa, &rows, Columns::Base)
}

/// Reads the class list.
///
/// # Errors
/// [`Error::Io`], [`Error::Table`], [`Error::TableSchema`], [`Error::Column`]; [`Error::Cell`] if the class indices
/// do not count from 0; [`Error::InvalidTaxa`].
pub fn read_taxa(path: &Path) -> Result<Taxa> {
    read_taxa_from(open_table(path)?, path)
}

/// [`read_taxa`] from a file opened already.
pub(crate) fn read_taxa_from(file: TableFile, path: &Path) -> Result<Taxa> {
    let rows: Vec<TaxonRow> = read_table(file, path, &Taxa::default(), Columns::Base)?;
    let taxon = |(row, number): (TaxonRow, u64)| {
        if u64::from(row.class_index) != number {
            let reason = format!("class index {} in this row", row.class_index);
            return Err(Error::fault(path, number, Fault::new("class_index", reason)));
        }
        Ok(Taxon {
            species_code: row.species_code,
            common_name: row.common_name,
            scientific_name: row.scientific_name,
        })
    };
    Taxa::new(rows.into_iter().zip(0..).map(taxon).collect::<Result<_>>()?)
}
