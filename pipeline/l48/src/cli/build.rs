//! Defines the arguments of `build`, `plan`, `commit` and `status`.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use frontend::InstructionSet;
use pipeline::ingest::Part;

use super::ScratchArgs;

pub(super) const BUILD_EXAMPLES: &str = "\
Examples:
  l48 build manifests/birds.toml --out data/birds
  l48 build manifests/birds.toml --out data/birds --resume
  l48 build manifests/birds.toml --out data/birds --part 0/64   # after `l48 plan`
  l48 build manifests/birds.toml --out s3://lab/birds --scratch /scratch";

pub(super) const PLAN_EXAMPLES: &str = "\
Example:
  l48 plan manifests/birds.toml --out data/birds
  l48 build manifests/birds.toml --out data/birds --part 0/2
  l48 build manifests/birds.toml --out data/birds --part 1/2
  l48 commit data/birds
Or, where machines share no disk:
  l48 plan manifests/birds.toml --out s3://lab/birds --resume";

pub(super) const COMMIT_EXAMPLES: &str = "\
Examples:
  l48 commit data/birds
  l48 commit s3://lab/birds";

pub(super) const STATUS_EXAMPLES: &str = "\
Examples:
  l48 status data/birds
  l48 status s3://lab/birds";

/// Where and how a dataset is written.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Folder of the dataset, or its address in a store (s3://, gs://, az://).
    #[arg(long, value_name = "DIR|URL")]
    pub out: PathBuf,
    /// Where shards are made that go to a store.
    #[command(flatten)]
    pub scratch: ScratchArgs,
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
        conflicts_with_all = ["overwrite", "max_rejects"]
    )]
    pub shards: Option<Range<u32>>,
    /// Build only part I (from 0 to N-1) of N parts of a plan with about equal work, and do not commit.
    #[arg(
        long,
        value_name = "I/N",
        value_parser = parse_part,
        conflicts_with_all = ["shards", "overwrite", "max_rejects"]
    )]
    pub part: Option<Part>,
    /// Wait this long for other processes that have the folder or a shard, instead of ending with exit code 75.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "0")]
    pub wait: Duration,
    /// Be killed when the parent process ends, so that none works on unseen; with =PID, only if that is the parent
    /// (Linux).
    #[arg(long, value_name = "PID", num_args = 0..=1, require_equals = true)]
    pub die_with_parent: Option<Option<i32>>,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The manifest (TOML).
    pub manifest: PathBuf,
    /// Folder of the dataset, or its address in a store (s3://, gs://, az://).
    #[arg(long, value_name = "DIR|URL")]
    pub out: PathBuf,
    /// Where shards are made that go to a store.
    #[command(flatten)]
    pub scratch: ScratchArgs,
    /// Threads that read headers [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Take a plan that is there and the same as success, and one that was cut off up; name the difference of another.
    #[arg(long)]
    pub resume: bool,
    /// Instruction set that all machines are to build with, since it decides how images are rounded [default: this
    /// machine's].
    #[arg(long, value_name = "NAME", value_parser = InstructionSet::named)]
    pub instruction_set: Option<InstructionSet>,
    /// Wait this long for another process that has the folder, instead of ending with exit code 75.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "0")]
    pub wait: Duration,
}

/// Arguments of `commit`.
#[derive(Debug, Args)]
pub struct CommitArgs {
    /// Folder of the dataset, or its address in a store (s3://, gs://, az://).
    #[arg(value_name = "DIR|URL")]
    pub dir: PathBuf,
    /// Where tables come to that are looked at once more.
    #[command(flatten)]
    pub scratch: ScratchArgs,
    /// Fail, and commit nothing, if more than this many recordings were rejected.
    #[arg(long, value_name = "N")]
    pub max_rejects: Option<u64>,
    /// Take a dataset that is committed already as success.
    #[arg(long)]
    pub resume: bool,
    /// Wait this long for processes that still build here, instead of ending with exit code 75.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "0")]
    pub wait: Duration,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Folder of the dataset, or its address in a store (s3://, gs://, az://), where no shard is seen running.
    #[arg(value_name = "DIR|URL")]
    pub dir: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

fn parse_range(text: &str) -> Result<Range<u32>, String> {
    let mistake = || format!("expected A..B with A below B, such as 0..8, got {text:?}");
    let (start, end) = text.split_once("..").ok_or_else(mistake)?;
    let range = start.trim().parse().map_err(|_| mistake())?..end.trim().parse().map_err(|_| mistake())?;
    if range.is_empty() { Err(mistake()) } else { Ok(range) }
}

fn parse_part(text: &str) -> Result<Part, String> {
    let mistake = || format!("expected I/N, such as 0/64, got {text:?}");
    let (index, of) = text.split_once('/').ok_or_else(mistake)?;
    let index: u32 = index.trim().parse().map_err(|_| mistake())?;
    let of: u32 = of.trim().parse().map_err(|_| mistake())?;
    match of.checked_sub(1) {
        None => Err("there must be at least one part".into()),
        Some(last) if index > last => Err(format!(
            "parts are counted from 0: the {of} parts are 0/{of} to {last}/{of}, got {text:?}"
        )),
        Some(_) => Ok(Part { index, of }),
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("expected seconds, got {text:?}"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn parts_are_counted_from_0() {
        assert_eq!(parse_part("0/64"), Ok(Part { index: 0, of: 64 }));
        assert_eq!(parse_part("63/64"), Ok(Part { index: 63, of: 64 }));
        assert!(parse_part("64/64").unwrap_err().contains("0/64 to 63/64"));
        for text in ["0/0", "1", "/2", "1/", "-1/2", "a/b"] {
            assert!(parse_part(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_to_wait_are_seconds() {
        assert_eq!(parse_seconds("2.5"), Ok(Duration::from_millis(2500)));
        for text in ["-1", "NaN", "1e300", "soon"] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shard_ranges_are_half_open_and_not_empty() {
        assert_eq!(parse_range("2..5"), Ok(2..5));
        for text in ["5..5", "5..2", "5", "a..b", "0..=3", "-1..3"] {
            assert!(parse_range(text).is_err(), "{text}");
        }
    }
}
