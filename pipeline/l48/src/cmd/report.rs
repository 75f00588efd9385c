//! Provides `l48 report`: a dataset, or a run on it, as one HTML page.

use std::path::Path;

use anyhow::Result;
use pipeline::report::{RunTables, write_report};
use shardfmt::entry::DATASET_JSON;
use shardfmt::hash_file;

use super::Exit;
use super::output::say;
use crate::cli::ReportArgs;

pub(super) fn run(args: ReportArgs) -> Result<Exit> {
    let run = match RunTables::is_run(&args.dir) {
        true => Some(RunTables::open(&args.dir)?),
        false => None,
    };
    let of_run = run.as_ref().map(RunTables::dataset);
    let place: &Path = args.dataset.as_deref().or(of_run).unwrap_or(&args.dir);
    let dataset = args.cache.open(place)?;
    if let Some(run) = &run {
        run.check_dataset(place, hash_file(&dataset.dir().join(DATASET_JSON))?.xxh3)?;
    }
    write_report(&dataset, run.as_ref(), &args.out)?;
    say!("{}", args.out.display());
    Ok(Exit::Clean)
}
