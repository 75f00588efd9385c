//! Defines `Categories`: the ids and kinds under which a COCO file lists a dataset's classes, and which of its boxes
//! are crowds.
//!
//! What was imported from COCO 2014 keeps the ids and supercategories it came with, and its crowds, which are stored
//! as `passive`. Classes of any other dataset are taxa, counted from 1.

use serde_json::Value;
use shardfmt::{BoxStatus, Taxa};

use crate::import::coco2014::{CategoryEntry, categories};
use crate::provenance::PARTS_KEY;

/// Supercategory of classes that have none of their own.
const TAXON: &str = "taxon";

/// The categories of a dataset's classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Categories {
    /// Those that the set came with, in class order.
    given: Option<Vec<CategoryEntry>>,
}

impl Categories {
    /// The categories by a dataset's configuration. Parts of a merged set agree, or their ids are not kept.
    pub(super) fn of(config: &Value, taxa: &Taxa) -> Self {
        let mut of_origins = origins(config).into_iter().map(categories);
        let first = of_origins.next().flatten();
        let is_whole = |given: &Vec<CategoryEntry>| given.len() == taxa.len();
        Categories {
            given: first.filter(|first| is_whole(first) && of_origins.all(|other| other.as_ref() == Some(first))),
        }
    }

    /// Id of a class.
    pub(super) fn id(&self, class: u32) -> i64 {
        self.entry(class).map_or(i64::from(class) + 1, |given| given.id)
    }

    /// Supercategory of a class; `None` where the set came without.
    pub(super) fn supercategory(&self, class: u32) -> Option<&str> {
        self.entry(class)
            .map_or(Some(TAXON), |given| given.supercategory.as_deref())
    }

    /// Whether boxes of a status have `iscrowd` 1.
    pub(super) fn is_crowd(&self, status: BoxStatus) -> bool {
        status == BoxStatus::Ignore || (self.given.is_some() && status == BoxStatus::Passive)
    }

    fn entry(&self, class: u32) -> Option<&CategoryEntry> {
        self.given.as_ref()?.get(class as usize)
    }
}

/// The configurations of what a dataset was merged of, or its own.
fn origins(config: &Value) -> Vec<&Value> {
    match config.get(PARTS_KEY).and_then(Value::as_array) {
        Some(parts) => parts.iter().flat_map(origins).collect(),
        None => vec![config],
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;
    use shardfmt::Taxon;

    use super::*;

    fn taxa(names: &[&str]) -> Taxa {
        let taxon = |name: &&str| Taxon {
            species_code: (*name).into(),
            common_name: None,
            scientific_name: None,
        };
        Taxa::new(names.iter().map(taxon).collect()).unwrap()
    }

    #[test]
    fn photographs_keep_their_ids_and_others_count_from_one() {
        let taxa = taxa(&["person", "cat"]);
        let coco = json!({"source": "coco2014", "categories": [
            {"id": 1, "name": "person", "supercategory": "person"}, {"id": 17, "name": "cat", "supercategory": null}]});
        let mut other = coco.clone();
        other["categories"][1]["id"] = json!(18);
        let seen = |config: Value| {
            let categories = Categories::of(&config, &taxa);
            let crowd = categories.is_crowd(BoxStatus::Passive);
            assert!(categories.is_crowd(BoxStatus::Ignore) && !categories.is_crowd(BoxStatus::Active));
            let kinds = [0, 1].map(|class| categories.supercategory(class).map(str::to_owned));
            ([0, 1].map(|class| categories.id(class)), kinds, crowd)
        };
        let kept = ([1, 17], [Some("person".into()), None], true);
        let counted = ([1, 2], [Some("taxon".into()), Some("taxon".into())], false);
        assert_eq!(seen(coco.clone()), kept);
        assert_eq!(seen(json!({"parts": [coco, coco]})), kept);
        for config in [
            json!({"parts": [coco, other]}),
            json!({"source": "ml48s"}),
            json!({"source": "coco2014", "categories": [{"id": 1, "name": "person"}]}),
            json!(null),
        ] {
            assert_eq!(seen(config), counted);
        }
    }
}
