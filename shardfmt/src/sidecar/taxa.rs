//! Defines the class list: species codes in class order, and their table.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{StringArray, UInt32Array};
use arrow_schema::DataType;

use super::column::text_at;
use super::schema::{TableSchema, optional, required};
use super::table_read::{open, read_table};
use super::table_write::write_table;
use crate::entry::FileEntry;
use crate::error::{Error, Result};

/// One class.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Taxon {
    /// The code that stands for the class in every table; not empty, unique.
    pub species_code: String,
    /// Name in plain language.
    pub common_name: Option<String>,
    /// Latin name.
    pub scientific_name: Option<String>,
}

/// The classes of a dataset; a class index is a position in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taxa {
    taxa: Vec<Taxon>,
    indices: HashMap<String, u32>,
}

impl Taxa {
    /// The class list in the given order.
    ///
    /// # Errors
    /// [`Error::InvalidTaxa`] for an empty or repeated species code, or more than `u32::MAX` classes.
    pub fn new(taxa: Vec<Taxon>) -> Result<Self> {
        let mut indices = HashMap::with_capacity(taxa.len());
        for (index, taxon) in taxa.iter().enumerate() {
            let fail = |reason| Error::InvalidTaxa { index, reason };
            if taxon.species_code.is_empty() {
                return Err(fail("the species code is empty".to_owned()));
            }
            let number = u32::try_from(index).map_err(|_| fail("too many classes".to_owned()))?;
            if let Some(first) = indices.insert(taxon.species_code.clone(), number) {
                return Err(fail(format!(
                    "the species code {:?} is class {first} already",
                    taxon.species_code
                )));
            }
        }
        Ok(Self { taxa, indices })
    }

    /// Number of classes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.taxa.len()
    }

    /// Whether there are no classes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taxa.is_empty()
    }

    /// Class index of a species code.
    #[must_use]
    pub fn index(&self, species_code: &str) -> Option<u32> {
        self.indices.get(species_code).copied()
    }

    /// Species code of a class index.
    #[must_use]
    pub fn code(&self, index: u32) -> Option<&str> {
        self.taxa.get(index as usize).map(|taxon| taxon.species_code.as_str())
    }

    /// The classes in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Taxon> {
        self.taxa.iter()
    }
}

fn schema() -> TableSchema {
    let columns = vec![
        required("class_index", DataType::UInt32),
        required("species_code", DataType::Utf8),
        optional("common_name", DataType::Utf8),
        optional("scientific_name", DataType::Utf8),
    ];
    TableSchema {
        name: "taxa/1",
        columns,
    }
}

/// Writes the class list.
///
/// # Errors
/// [`Error::Io`].
pub fn write_taxa(path: &Path, taxa: &Taxa) -> Result<FileEntry> {
    write_table(path, &schema(), &taxa.taxa, |first_row, rows| {
        Ok(vec![
            Arc::new(UInt32Array::from_iter_values((first_row as u32..).take(rows.len()))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.species_code))),
            Arc::new(StringArray::from_iter(rows.iter().map(|row| row.common_name.as_ref()))),
            Arc::new(StringArray::from_iter(
                rows.iter().map(|row| row.scientific_name.as_ref()),
            )),
        ])
    })
}

/// Reads the class list.
///
/// # Errors
/// [`Error::Io`], [`Error::Table`], [`Error::TableSchema`], [`Error::Column`]; [`Error::Cell`] if the class indices
/// do not count from 0; [`Error::InvalidTaxa`].
pub fn read_taxa(path: &Path) -> Result<Taxa> {
    read_taxa_from(open(path)?, path)
}

/// [`read_taxa`] from a file opened already.
pub(crate) fn read_taxa_from(file: File, path: &Path) -> Result<Taxa> {
    let taxa = read_table(file, path, &schema(), |batch, taxa| {
        let indices: &UInt32Array = batch.column("class_index")?;
        let codes: &StringArray = batch.column("species_code")?;
        let common: &StringArray = batch.column("common_name")?;
        let scientific: &StringArray = batch.column("scientific_name")?;
        for row in 0..batch.rows() {
            let (path, table_row) = batch.place(row);
            if u64::from(indices.value(row)) != table_row {
                let reason = format!("class index {} in this row", indices.value(row));
                return Err(Error::cell(path, "class_index", table_row, reason));
            }
            taxa.push(Taxon {
                species_code: codes.value(row).to_owned(),
                common_name: text_at(common, row),
                scientific_name: text_at(scientific, row),
            });
        }
        Ok(())
    })?;
    Taxa::new(taxa)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn taxon(code: &str) -> Taxon {
        Taxon {
            species_code: code.into(),
            common_name: None,
            scientific_name: Some(format!("Latin {code}")),
        }
    }

    #[test]
    fn classes_are_found_both_ways_and_round_trip() {
        let taxa = Taxa::new(vec![taxon("b"), taxon("a")]).unwrap();
        assert_eq!(
            (taxa.index("a"), taxa.index("c"), taxa.code(0), taxa.code(2)),
            (Some(1), None, Some("b"), None)
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taxa.parquet");
        let entry = write_taxa(&path, &taxa).unwrap();
        assert_eq!((entry.rows, entry.path.as_str()), (2, "taxa.parquet"));
        assert_eq!(read_taxa(&path).unwrap(), taxa);
    }

    #[test]
    fn empty_and_repeated_codes_are_refused() {
        for codes in [["a", ""], ["a", "a"]] {
            let error = Taxa::new(codes.map(taxon).to_vec()).unwrap_err();
            assert!(matches!(error, Error::InvalidTaxa { index: 1, .. }));
        }
    }
}
