//! `l48-train rows`: writes the rows of a mode with their labels and masks.

use anyhow::Result;
use loader::{Catalogue, Filters};
use storage::open_dataset_at;

use super::output;
use crate::cli::RowsArgs;
use crate::run_folder::write_rows;

/// Runs the command.
pub(super) fn run(args: &RowsArgs) -> Result<()> {
    let catalogue = Catalogue::read(&open_dataset_at(&args.dataset, None, None)?)?;
    let filters = Filters {
        remove_unannotated: !args.keep_unannotated,
        remove_empty: args.remove_empty,
        keep_silent: args.keep_silent,
    };
    let supervision = catalogue.select(args.split, args.mode, args.rows, &filters)?;
    write_rows(&args.out, &supervision)?;
    for note in supervision.report.notes() {
        tracing::info!("{note}");
    }
    output::print(&format!(
        "{}: {} of {} clips of split {}, {} positives and {} negatives known\n",
        args.out.display(),
        supervision.rows(),
        supervision.report.split_clips,
        args.split.as_str(),
        supervision.report.known_positives,
        supervision.report.known_negatives
    ))
}
