//! Provides the Parquet tables beside the shards: one module a table, each with its row type, columns, writer, reader.

pub mod assets;
mod boxes;
mod column;
pub mod labels;
mod page_header;
pub mod priors;
pub mod rejects;
mod schema;
pub mod table_limits;
mod table_read;
mod table_write;
pub mod taxa;

pub use assets::{AssetRow, asset_columns, read_assets, write_assets};
pub use labels::{BoxStatus, ClipBox, LabelRow, LabelSource, Split, label_columns, read_labels, write_labels};
pub use priors::{PriorRow, prior_columns, read_priors, write_priors};
pub use rejects::{RejectRow, read_rejects, write_rejects};
pub use taxa::{Taxa, Taxon, read_taxa, write_taxa};
