//! Defines the arguments of `verify`, `inspect`, `stats`, `preview` and `report`, which change no dataset.

use std::path::PathBuf;

use clap::Args;

use super::CacheArgs;

pub(super) const VERIFY_EXAMPLES: &str = "\
Examples:
  l48 verify data/birds
  l48 verify data/birds --quick   # sizes, headers and tables, but not the clips
  l48 verify s3://lab/birds       # every byte there, whatever a cache holds";

pub(super) const INSPECT_EXAMPLES: &str = "\
Examples:
  l48 inspect data/birds
  l48 inspect s3://lab/birds
  l48 inspect data/birds/shards/00000.safetensors --json";

pub(super) const STATS_EXAMPLES: &str = "\
Examples:
  l48 stats data/birds
  l48 stats data/birds --json | jq .splits
  l48 stats https://example.org/birds --cache /scratch/l48";

pub(super) const PREVIEW_EXAMPLES: &str = "\
Examples:
  l48 preview data/birds --asset 1001 --out sheet.png
  l48 preview data/birds --asset 1001 --clip 0 --out clip.png
  l48 preview s3://lab/birds --asset 1001 --out sheet.png --cache-bytes 50G";

pub(super) const REPORT_EXAMPLES: &str = "\
Examples:
  l48 report data/birds --out birds.html
  l48 report runs/birds --out run.html
  l48 report runs/birds --dataset /mnt/birds --out run.html   # the dataset has moved";

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Folder of the dataset, or its address (s3://, gs://, az://, https://).
    #[arg(value_name = "DIR|URL")]
    pub dir: PathBuf,
    /// Check sizes, headers and tables, but not the bytes of the clips.
    #[arg(long)]
    pub quick: bool,
    /// Where its files come to.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Folder of a dataset, or its address, or a shard file.
    #[arg(value_name = "DIR|URL|SHARD")]
    pub path: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Where its files come to.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Arguments of `stats`.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// Folder of the dataset, or its address (s3://, gs://, az://, https://).
    #[arg(value_name = "DIR|URL")]
    pub dir: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Where its files come to.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Arguments of `preview`.
#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// Folder of the dataset, or its address (s3://, gs://, az://, https://).
    #[arg(value_name = "DIR|URL")]
    pub dir: PathBuf,
    /// Asset id of the recording.
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    pub asset: i64,
    /// Index of the clip in the recording [default: the first 64 clips, as a sheet].
    #[arg(long, value_name = "N")]
    pub clip: Option<u32>,
    /// The picture to write (PNG).
    #[arg(long, value_name = "PNG")]
    pub out: PathBuf,
    /// Where its files come to.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folder of a dataset, or its address, or folder of a run.
    #[arg(value_name = "DIR|URL|RUN")]
    pub dir: PathBuf,
    /// The page to write (HTML).
    #[arg(long, value_name = "HTML")]
    pub out: PathBuf,
    /// Where the dataset of the run is now [default: where it was when the run began].
    #[arg(long, value_name = "DIR|URL")]
    pub dataset: Option<PathBuf>,
    /// Where its files come to.
    #[command(flatten)]
    pub cache: CacheArgs,
}
