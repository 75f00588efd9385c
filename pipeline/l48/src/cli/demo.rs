//! Defines the arguments of `demo`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use synth::ClipRange;

pub(super) const EXAMPLES: &str = "\
Examples:
  l48 demo data/demo-recordings
  l48 build data/demo-recordings/manifest.toml --out data/demo
  l48 demo data/demo-card --layout audiomoth   # then `l48 scan data/demo-card/card`
  l48 demo data/benchmark-recordings --size benchmark --confusability 0.9
  l48 demo data/benchmark-ml48s --size benchmark --layout ml48s   # then `l48 import ml48s`
  l48 demo data/field-recordings --size benchmark --clips 10-100 --target-free 0.2 --same-confusion 1
  l48 demo data/other-recordings --size benchmark --species-seed 1 --seed 1   # to train on first";

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for the recordings (or pictures), tables and manifest.
    pub dir: PathBuf,
    /// What to synthesise.
    #[arg(long, value_enum, default_value_t = DemoSize::Small)]
    pub size: DemoSize,
    /// What to write: audio or audiomoth of a small demo, audio, ml48s or coco of a benchmark [default: audio].
    #[arg(long, value_enum)]
    pub layout: Option<DemoLayout>,
    /// The same seed makes the same bytes.
    #[arg(long, value_name = "S", default_value_t = 48)]
    pub seed: u64,
    /// Options of a benchmark.
    #[command(flatten)]
    pub benchmark: BenchmarkArgs,
}

/// Arguments of `demo --size benchmark`; docs/benchmark.md says what each is to model.
#[derive(Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "Options of a benchmark (--size benchmark)")]
pub struct BenchmarkArgs {
    /// How alike the species of a triple are, from 0 (clearly distinct) to 1 (alike) [default: 0.9].
    #[arg(long, value_name = "X", value_parser = parse_share)]
    pub confusability: Option<f64>,
    /// Number of recordings, a multiple of 24 from 96 on [default: 384].
    #[arg(long, value_name = "N")]
    pub recordings: Option<usize>,
    /// Fewest and most clips of a recording, such as 10-100; in a wide range long recordings are rare [default: 4-6].
    #[arg(long, value_name = "A-B")]
    pub clips: Option<ClipRange>,
    /// Share of each recording that is one stretch without the target, up to 0.8 [default: 0].
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub target_free: Option<f64>,
    /// Makes songs vary towards look-alikes. SHARE of the birds keep to one variant throughout their recording, so that
    /// its clips are confused in the same way; the others change with every song.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub same_confusion: Option<f64>,
    /// Share of the species in a visit's recordings that its complete checklist does not report [default: 0].
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub false_absences: Option<f64>,
    /// Share of the species not reported that a checklist leaves open, as `unsure_species` [default: 0].
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub unsure_species: Option<f64>,
    /// Draws 24 species other than the usual ones, to train a network on before it meets those.
    #[arg(long, value_name = "S")]
    pub species_seed: Option<u64>,
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
