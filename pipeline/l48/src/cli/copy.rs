//! Defines the arguments of `copy`.

use std::path::PathBuf;

use clap::Args;

pub(super) const EXAMPLES: &str = "\
Examples:
  l48 copy data/birds s3://lab/birds
  l48 copy s3://lab/birds /scratch/birds
  l48 copy https://example.org/birds gs://lab/birds --threads 8";

/// Arguments of `copy`.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// Folder of the dataset, or its address (s3://, gs://, az://, https://).
    #[arg(value_name = "SRC")]
    pub from: PathBuf,
    /// Folder or address (s3://, gs://, az://) that it is copied to; free, or with a part of the same copy.
    #[arg(value_name = "DST")]
    pub to: PathBuf,
    /// Files that are copied at once.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: u16,
}
