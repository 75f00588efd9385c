//! Defines the arguments of `demo`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub(super) const EXAMPLES: &str = "\
Examples:
  l48 demo data/demo-recordings
  l48 build data/demo-recordings/manifest.toml --out data/demo
  l48 demo data/demo-card --layout audiomoth   # then `l48 scan data/demo-card/card`
  l48 demo data/benchmark-recordings --size benchmark --confusability 0.9
  l48 demo data/benchmark-ml48s --size benchmark --layout ml48s   # then `l48 import ml48s`";

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for the recordings (or pictures), tables and manifest.
    pub dir: PathBuf,
    /// What to synthesise.
    #[arg(long, value_enum, default_value_t = DemoSize::Small)]
    pub size: DemoSize,
    /// Benchmark only: how alike the species of a triple are, from 0 (clearly distinct) to 1 (alike) [default: 0.9].
    #[arg(long, value_name = "X", value_parser = parse_share)]
    pub confusability: Option<f64>,
    /// What to write: audio or audiomoth of a small demo, audio, ml48s or coco of a benchmark [default: audio].
    #[arg(long, value_enum)]
    pub layout: Option<DemoLayout>,
    /// The same seed makes the same bytes.
    #[arg(long, value_name = "S", default_value_t = 48)]
    pub seed: u64,
}

/// What `demo` synthesises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DemoSize {
    /// 14 species in 240 recordings, to try the program on.
    Small,
    /// 24 species in 8 triples of look-alikes, 384 recordings, to compare training methods on.
    Benchmark,
}

/// What `demo` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DemoLayout {
    /// Recordings, tables and a manifest, for `l48 build`.
    Audio,
    /// The memory card of AudioMoth recorders and the truth beside it, for `l48 scan`.
    Audiomoth,
    /// The layout of the L48 data set, for `l48 import ml48s`.
    Ml48s,
    /// The layout of COCO 2014, for `l48 import coco2014`.
    Coco,
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("expected a number from 0 to 1, got {text:?}"))
}
