//! Defines the part of the prior table that names classes.

use std::path::Path;

use super::priors::PriorRow;
use crate::error::Result;
use crate::table;
use crate::table::{Classes, Columns, TableFile, read_table};
use crate::taxa::Taxa;

table! {
    /// What place, date and checklist of one recording say of classes: the columns of [`PriorRow`] that do. `None`
    /// always means "not known".
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct ClassPriors: "priors/1" {
        /// The recording.
        asset_id: i64,
        /// Class indices possible at the place and date.
        geo_possible: Option<Vec<u32>> as Classes,
        /// Class indices that the geographic model covers.
        geo_modelled: Option<Vec<u32>> as Classes,
        /// Class indices that the checklist reports.
        checklist_observed: Option<Vec<u32>> as Classes,
        /// Whether the checklist reports everything its observer identified.
        checklist_complete: Option<bool>,
    }
}

impl From<PriorRow> for ClassPriors {
    fn from(row: PriorRow) -> Self {
        Self {
            asset_id: row.asset_id,
            geo_possible: row.geo_possible,
            geo_modelled: row.geo_modelled,
            checklist_observed: row.checklist_observed,
            checklist_complete: row.checklist_complete,
        }
    }
}

/// Reads this part of the priors of one shard's assets, from a file opened already.
pub(crate) fn read_class_priors(file: TableFile, path: &Path, taxa: &Taxa) -> Result<Vec<ClassPriors>> {
    read_table(file, path, taxa, Columns::Base)
}
