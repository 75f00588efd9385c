//! Defines the arguments of `build`, `plan` and `commit`.

use std::ops::Range;
use std::path::PathBuf;

use clap::Args;

use super::folder::on_this_machine;

pub(super) const BUILD_EXAMPLES: &str = "\
Examples:
  l48 build manifests/birds.toml --out data/birds
  l48 build manifests/birds.toml --out data/birds --resume
  l48 build manifests/birds.toml --out data/birds --shards 0..8   # after `l48 plan`";

pub(super) const PLAN_EXAMPLES: &str = "\
Example:
  l48 plan manifests/birds.toml --out data/birds
  l48 build manifests/birds.toml --out data/birds --shards 0..8
  l48 build manifests/birds.toml --out data/birds --shards 8..16
  l48 commit data/birds";

pub(super) const COMMIT_EXAMPLES: &str = "\
Example:
  l48 commit data/birds";

/// Where and how a dataset is written.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Folder of the dataset.
    #[arg(long, value_name = "DIR", value_parser = on_this_machine())]
    pub out: PathBuf,
    /// Threads that decode and compute [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Resume an unfinished build; verify a committed dataset.
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Build beside the existing dataset, then replace it.
    #[arg(long)]
    pub overwrite: bool,
    /// Fail, and commit nothing, if more than this many recordings are rejected.
    #[arg(long, value_name = "N")]
    pub max_rejects: Option<u64>,
}

/// Arguments of `build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The manifest (TOML).
    pub manifest: PathBuf,
    /// Where and how to write.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Build only these shards of a plan (B excluded), and do not commit.
    #[arg(
        long,
        value_name = "A..B",
        value_parser = parse_range,
        conflicts_with_all = ["resume", "overwrite", "max_rejects"]
    )]
    pub shards: Option<Range<u32>>,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The manifest (TOML).
    pub manifest: PathBuf,
    /// Folder of the dataset.
    #[arg(long, value_name = "DIR", value_parser = on_this_machine())]
    pub out: PathBuf,
    /// Threads that read headers [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

/// Arguments of `commit`.
#[derive(Debug, Args)]
pub struct CommitArgs {
    /// Folder of the dataset.
    #[arg(value_parser = on_this_machine())]
    pub dir: PathBuf,
    /// Fail, and commit nothing, if more than this many recordings were rejected.
    #[arg(long, value_name = "N")]
    pub max_rejects: Option<u64>,
}

fn parse_range(text: &str) -> Result<Range<u32>, String> {
    let mistake = || format!("expected A..B with A below B, such as 0..8, got {text:?}");
    let (start, end) = text.split_once("..").ok_or_else(mistake)?;
    let range = start.trim().parse().map_err(|_| mistake())?..end.trim().parse().map_err(|_| mistake())?;
    if range.is_empty() { Err(mistake()) } else { Ok(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shard_ranges_are_half_open_and_not_empty() {
        assert_eq!(parse_range("2..5"), Ok(2..5));
        for text in ["5..5", "5..2", "5", "a..b", "0..=3", "-1..3"] {
            assert!(parse_range(text).is_err(), "{text}");
        }
    }
}
