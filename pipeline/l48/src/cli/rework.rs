//! Defines the arguments of `relabel`, `merge`, `reshard` and `subset`, which make one dataset of others.

use std::path::PathBuf;

use clap::Args;

use super::CacheArgs;
use super::folder::on_this_machine;

pub(super) const RELABEL_EXAMPLES: &str = "\
Example:
  l48 relabel data/birds manifests/birds.toml   # after new boxes, splits, priors or classes";

pub(super) const MERGE_EXAMPLES: &str = "\
Examples:
  l48 merge data/spring data/summer --out data/birds
  l48 merge s3://lab/spring s3://lab/summer --out data/birds";

pub(super) const RESHARD_EXAMPLES: &str = "\
Example:
  l48 reshard data/birds --clips 2048 --out data/birds-large";

pub(super) const SUBSET_EXAMPLES: &str = "\
Examples:
  l48 subset data/birds --clips chosen.csv --out data/chosen
  duckdb -csv -c \"SELECT asset_id, clip_index FROM 'data/birds/labels/*.parquet'
    WHERE split = 'train' AND NOT silent\" | l48 subset data/birds --clips - --out data/train
  duckdb -csv -c \"SELECT asset_id, clip_index FROM 'data/birds/labels/*.parquet'
    WHERE list_contains(present, 'woothr')\" | l48 subset data/birds --clips - --out data/woothr";

/// Arguments of `relabel`.
#[derive(Debug, Args)]
pub struct RelabelArgs {
    /// Folder of the dataset; at any moment it holds either the old one or the new one.
    #[arg(value_parser = on_this_machine())]
    pub dir: PathBuf,
    /// The manifest (TOML), with the recordings and the audio, clips and spectrogram sections that the dataset was
    /// built with.
    pub manifest: PathBuf,
    /// Do not read the clips to verify them; damaged clips then stay damaged.
    #[arg(long)]
    pub no_verify: bool,
}

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Folders or addresses of the datasets, in the order of their clips in the new one.
    #[arg(value_name = "DIR|URL", required = true, num_args = 2..)]
    pub dirs: Vec<PathBuf>,
    /// Folder of the new dataset.
    #[arg(long, value_name = "DIR", value_parser = on_this_machine())]
    pub out: PathBuf,
    /// Where its files come to.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Arguments of `reshard`.
#[derive(Debug, Args)]
pub struct ReshardArgs {
    /// Folder of the dataset.
    #[arg(value_parser = on_this_machine())]
    pub dir: PathBuf,
    /// Target number of clips per shard; recordings are not split.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub clips: u32,
    /// Folder of the new dataset.
    #[arg(long, value_name = "DIR", value_parser = on_this_machine())]
    pub out: PathBuf,
}

/// Arguments of `subset`.
#[derive(Debug, Args)]
pub struct SubsetArgs {
    /// Folder of the dataset, or its address (s3://, gs://, az://, https://).
    #[arg(value_name = "DIR|URL")]
    pub dir: PathBuf,
    /// The clips: a Parquet or CSV table with the columns asset_id and clip_index, or asset_id alone for whole
    /// recordings; or lines of these without a header. `-` reads standard input.
    #[arg(long, value_name = "FILE|-")]
    pub clips: PathBuf,
    /// Folder of the new dataset.
    #[arg(long, value_name = "DIR", value_parser = on_this_machine())]
    pub out: PathBuf,
    /// Where its files come to.
    #[command(flatten)]
    pub cache: CacheArgs,
}
