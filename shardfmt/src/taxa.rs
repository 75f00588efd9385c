//! Defines the classes of a dataset.

use std::collections::HashMap;

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
                    "the species code {:?} is already that of class {first}",
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn taxon(code: &str) -> Taxon {
        Taxon {
            species_code: code.into(),
            common_name: None,
            scientific_name: None,
        }
    }

    #[test]
    fn classes_are_found_both_ways() {
        let taxa = Taxa::new(vec![taxon("b"), taxon("a")]).unwrap();
        assert_eq!(
            (taxa.index("a"), taxa.index("c"), taxa.code(0), taxa.code(2)),
            (Some(1), None, Some("b"), None)
        );
    }

    #[test]
    fn empty_and_repeated_codes_are_refused() {
        for codes in [["a", ""], ["a", "a"]] {
            let error = Taxa::new(codes.map(taxon).to_vec()).unwrap_err();
            assert!(matches!(error, Error::InvalidTaxa { index: 1, .. }));
        }
    }
}
