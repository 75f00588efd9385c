//! Defines the command line of `l48`: its commands, their flags and their help.

use std::ops::Range;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shardfmt::Split;

use pipeline::import::coco2014::PriorRates;
use pipeline::manifest::SHARD_CLIPS;

/// Recordings in, a committed dataset of log-mel shards and Parquet sidecars out.
///
/// Exit codes: 0 clean, 1 built but some recordings were rejected, 2 failed. Results go to standard output, logs to standard
/// error; set RUST_LOG (error, warn, info, debug) to see less or more.
#[derive(Debug, Parser)]
#[command(name = "l48", version, max_term_width = 110, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build a dataset from a manifest: plan, decode, render, write, commit.
    #[command(
        after_help = "Examples:\n  l48 build manifests/birds.toml --out data/birds\n  l48 build manifests/birds.toml --out data/birds --resume\n  l48 build manifests/birds.toml --out data/birds --shards 0..8   # after `l48 plan`, in any number of processes"
    )]
    Build(BuildArgs),
    /// Make a dataset of a published set of pictures, with the labels it comes with.
    #[command(
        after_help = "Examples:\n  l48 import ml48s data/ml48s --out data/l48 --val-split data/ml48s/val_split.npy\n  l48 import coco2014 ~/coco2014 --out data/coco2014 --prior-rates geo=0.3,checklist=0.6"
    )]
    Import(ImportArgs),
    /// Decide which recording goes to which shard, and write the plan for `build --shards` and `commit` to follow.
    #[command(
        after_help = "Example:\n  l48 plan manifests/birds.toml --out data/birds\n  l48 build manifests/birds.toml --out data/birds --shards 0..8\n  l48 build manifests/birds.toml --out data/birds --shards 8..16\n  l48 commit data/birds"
    )]
    Plan(PlanArgs),
    /// Commit a planned dataset whose shards are all built.
    #[command(after_help = "Example:\n  l48 commit data/birds")]
    Commit(CommitArgs),
    /// Give a dataset new labels and priors from a changed manifest, over unchanged audio: no recording is decoded.
    #[command(
        after_help = "Example:\n  l48 relabel data/birds manifests/birds.toml   # after new boxes, splits, priors or classes"
    )]
    Relabel(RelabelArgs),
    /// Make one dataset of several with the same settings and classes and different recordings.
    #[command(after_help = "Example:\n  l48 merge data/spring data/summer --out data/birds")]
    Merge(MergeArgs),
    /// Copy a dataset into shards of another size.
    #[command(after_help = "Example:\n  l48 reshard data/birds --clips 2048 --out data/birds-large")]
    Reshard(ReshardArgs),
    /// Copy the clips of a list to a dataset of their own.
    #[command(
        after_help = "Examples:\n  l48 subset data/birds --clips chosen.csv --out data/chosen\n  duckdb -csv -c \"SELECT asset_id, clip_index FROM 'data/birds/labels/*.parquet' WHERE split = 'train' AND NOT silent\" | l48 subset data/birds --clips - --out data/train\n  duckdb -csv -c \"SELECT asset_id, clip_index FROM 'data/birds/labels/*.parquet' WHERE list_contains(present, 'woothr')\" | l48 subset data/birds --clips - --out data/woothr"
    )]
    Subset(SubsetArgs),
    /// Check every byte of a dataset against its checksums and its tables against each other.
    #[command(
        after_help = "Examples:\n  l48 verify data/birds\n  l48 verify data/birds --quick   # sizes, headers and tables; not the clips themselves"
    )]
    Verify(VerifyArgs),
    /// Show what a dataset or a single shard holds.
    #[command(
        after_help = "Examples:\n  l48 inspect data/birds\n  l48 inspect data/birds/shards/00000.safetensors --json"
    )]
    Inspect(InspectArgs),
    /// Count clips, recordings and labels by split and by class.
    #[command(after_help = "Example:\n  l48 stats data/birds\n  l48 stats data/birds --json | jq .splits")]
    Stats(StatsArgs),
    /// Draw a clip, or the first 64 clips of a recording as a sheet, with axes in seconds and Hz, boxes and names.
    #[command(
        after_help = "Examples:\n  l48 preview data/birds --asset 1001 --out sheet.png\n  l48 preview data/birds --asset 1001 --clip 0 --out clip.png"
    )]
    Preview(PreviewArgs),
    /// Hand a dataset on to other tools.
    #[command(
        after_help = "Examples:\n  l48 export coco-detection data/birds --out boxes.json\n  l48 export croissant data/birds"
    )]
    Export(ExportArgs),
    /// Synthesise a field-like set with all tables: a small one to try the program on, or a benchmark of look-alikes.
    #[command(
        after_help = "Examples:\n  l48 demo data/demo-recordings\n  l48 build data/demo-recordings/manifest.toml --out data/demo\n  l48 demo data/benchmark-recordings --size benchmark --confusability 0.9\n  l48 demo data/benchmark-ml48s --size benchmark --confusability 0.9 --layout ml48s   # then: l48 import ml48s"
    )]
    Demo(DemoArgs),
}

/// Arguments of what writes a dataset: where and how.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Folder of the dataset.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Threads that decode and compute [default: all cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Go on where an unfinished run was cut off; verify a committed dataset.
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Write beside what is there and put the new dataset in its place.
    #[arg(long)]
    pub overwrite: bool,
    /// Fail, and commit nothing, when more recordings than this are rejected.
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
    /// Build only these shards (half-open) of a plan, without committing.
    #[arg(long, value_name = "A..B", value_parser = parse_range, conflicts_with_all = ["resume", "overwrite", "max_rejects"])]
    pub shards: Option<Range<u32>>,
}

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Which set.
    #[command(subcommand)]
    pub set: ImportSet,
}

/// The published sets.
#[derive(Debug, Subcommand)]
pub enum ImportSet {
    /// The Merlin L48 Spectrogram Dataset: assets.json, clips.json, taxa.csv, images/ASSET/CLIP.jpg.
    ///
    /// Pictures of 750 x 236 become clips of 448 x 448; labels, splits and priors are taken as they are given. Which coordinate
    /// of a box comes first is found in the pictures, and said.
    #[command(
        after_help = "Examples:\n  l48 import ml48s data/ml48s --out data/l48 --val-split data/ml48s/val_split.npy\n  l48 import ml48s data/ml48s --out data/l48 --val-split data/ml48s/val_split.npy --resume"
    )]
    Ml48s(ImportMl48sArgs),
    /// COCO 2014: annotations/instances_train2014.json and instances_val2014.json, pictures in train2014 and val2014.
    ///
    /// Pictures become clips of 3 x 448 x 448. A class is present when anything of it is annotated, crowds included, else absent;
    /// the single positive is the class of the largest annotation. Order and validation split are the published ones; val2014 is
    /// for testing. Pictures without an annotation are left out.
    #[command(
        after_help = "Examples:\n  l48 import coco2014 ~/coco2014 --out data/coco2014\n  l48 import coco2014 ~/coco2014 --out data/coco2014 --prior-rates geo=0.3,checklist=0.6 --seed 48"
    )]
    Coco2014(ImportCoco2014Args),
}

/// Arguments of `import ml48s`.
#[derive(Debug, Args)]
pub struct ImportMl48sArgs {
    /// Folder of the set.
    #[arg(value_name = "SRC")]
    pub src: PathBuf,
    /// Asset ids that make the val split (NumPy, whole numbers; an id may stand there twice). Without it there is none.
    #[arg(long, value_name = "NPY")]
    pub val_split: Option<PathBuf>,
    /// A further code of birds that nobody could name, as boxes have it besides "Unknown bird"; other codes that are not in
    /// taxa.csv are mistakes. Can be repeated.
    #[arg(long, value_name = "CODE")]
    pub unknown_bird: Vec<String>,
    /// Which end of the frequency axis the top row of the pictures is.
    #[arg(long, value_enum, default_value_t)]
    pub row_0: TopRow,
    /// Which coordinate of a box comes first [default: as the pictures tell, else x].
    #[arg(long, value_enum)]
    pub box_order: Option<FirstCoordinate>,
    /// Where and how to write.
    #[command(flatten)]
    pub output: ImportOutput,
}

/// Which end of the frequency axis the top row of a picture is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TopRow {
    /// 11.025 kHz.
    #[default]
    Highest,
    /// 0 Hz.
    Lowest,
}

/// Which coordinate of a box comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FirstCoordinate {
    /// `[xmin, ymin, xmax, ymax]`, as documented.
    XFirst,
    /// `[ymin, xmin, ymax, xmax]`, as the published formatter reads it.
    YFirst,
}

/// Arguments of `import coco2014`.
#[derive(Debug, Args)]
pub struct ImportCoco2014Args {
    /// Folder of the set.
    #[arg(value_name = "SRC")]
    pub src: PathBuf,
    /// Simulate priors: the share of a picture's absent classes that each rules out, as geo=R,checklist=R. Without it there are
    /// none.
    ///
    /// The published simulation is not available; this one is our own. Every absent class is drawn independently, by seed and
    /// image id, and what the geographic prior rules out, the checklist does too.
    #[arg(long, value_name = "RATES")]
    pub prior_rates: Option<PriorRates>,
    /// Seed of the simulated priors [default: 48].
    #[arg(long, value_name = "S", requires = "prior_rates")]
    pub seed: Option<u64>,
    /// Where and how to write.
    #[command(flatten)]
    pub output: ImportOutput,
}

/// Arguments of every import.
#[derive(Debug, Args)]
pub struct ImportOutput {
    /// Where and how to write.
    #[command(flatten)]
    pub dataset: OutputArgs,
    /// Clips a shard aims at.
    #[arg(long, value_name = "N", default_value_t = SHARD_CLIPS, value_parser = clap::value_parser!(u32).range(1..))]
    pub shard_clips: u32,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The manifest (TOML).
    pub manifest: PathBuf,
    /// Folder of the dataset.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Threads that look at headers [default: all cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

/// Arguments of `commit`.
#[derive(Debug, Args)]
pub struct CommitArgs {
    /// Folder of the dataset.
    pub dir: PathBuf,
    /// Fail, and commit nothing, when more recordings than this are rejected.
    #[arg(long, value_name = "N")]
    pub max_rejects: Option<u64>,
}

/// Arguments of `relabel`.
#[derive(Debug, Args)]
pub struct RelabelArgs {
    /// Folder of the dataset; it holds the old one or the new one at any moment.
    pub dir: PathBuf,
    /// The manifest (TOML): same recordings, audio, clips and spectrogram sections as the dataset was built with.
    pub manifest: PathBuf,
    /// Do not read the clips to verify them; damage in them is then carried along.
    #[arg(long)]
    pub no_verify: bool,
}

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Folders of the datasets, in the order in which their clips follow each other.
    #[arg(value_name = "DIR", required = true, num_args = 2..)]
    pub dirs: Vec<PathBuf>,
    /// Folder of the merged dataset.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `reshard`.
#[derive(Debug, Args)]
pub struct ReshardArgs {
    /// Folder of the dataset.
    pub dir: PathBuf,
    /// Clips a shard aims at; recordings stay whole.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub clips: u32,
    /// Folder of the new dataset.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `subset`.
#[derive(Debug, Args)]
pub struct SubsetArgs {
    /// Folder of the dataset.
    pub dir: PathBuf,
    /// Chosen clips: a Parquet or CSV table with the column asset_id and, if not whole recordings are meant, clip_index; or
    /// lines of these without a header. `-` reads standard input.
    #[arg(long, value_name = "FILE|-")]
    pub clips: PathBuf,
    /// Folder of the new dataset.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Folder of the dataset.
    pub dir: PathBuf,
    /// Check sizes, headers and tables, but not the bytes of the clips.
    #[arg(long)]
    pub quick: bool,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Folder of a dataset, or a shard file.
    #[arg(value_name = "DIR|SHARD")]
    pub path: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `stats`.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// Folder of the dataset.
    pub dir: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `preview`.
#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// Folder of the dataset.
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
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// To which.
    #[command(subcommand)]
    pub form: ExportForm,
}

/// The forms of `export`.
#[derive(Debug, Subcommand)]
pub enum ExportForm {
    /// Write the boxes as COCO detection annotations.
    ///
    /// An image is a clip, called ASSET/CLIP; a category is a class; a box is in pixels of the stored image, from row 0, over
    /// the whole height where it has no frequencies. Boxes to be ignored have iscrowd 1. Boxes of species that are no class, and
    /// those beside the image, are left out and counted.
    #[command(
        after_help = "Examples:\n  l48 export coco-detection data/birds --out boxes.json\n  l48 export coco-detection data/birds --split train --out boxes_train.json\n\nThe pixels of an image are record `row` of the shard of number `shard`; both numbers stand beside its name. Where `fully_annotated` is false, boxes may be missing."
    )]
    CocoDetection(CocoDetectionArgs),
    /// Describe the dataset for catalogues and loaders: MLCommons Croissant 1.0.
    ///
    /// Lists every file with its SHA-256 and every table with its columns. Files are named relative to the description, so it
    /// stands in a folder above the dataset.
    #[command(
        after_help = "Examples:\n  l48 export croissant data/birds   # writes data/birds.croissant.json\n  l48 export croissant data/birds --creator 'Bird Lab' --published 2026-05-01 --license CC-BY-4.0"
    )]
    Croissant(CroissantArgs),
}

/// Arguments of `export coco-detection`.
#[derive(Debug, Args)]
pub struct CocoDetectionArgs {
    /// Folder of the dataset.
    pub dir: PathBuf,
    /// The file to write (JSON).
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Clips of this split alone: train, val or test [default: all].
    #[arg(long, value_name = "SPLIT", value_parser = parse_split)]
    pub split: Option<Split>,
}

/// Arguments of `export croissant`.
#[derive(Debug, Args)]
pub struct CroissantArgs {
    /// Folder of the dataset.
    pub dir: PathBuf,
    /// The file to write, in a folder above the dataset [default: DIR.croissant.json].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What the dataset is [default: its numbers in words].
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Licence, an address or an SPDX name; may be repeated [default: those of the recordings].
    #[arg(long, value_name = "LICENCE")]
    pub license: Vec<String>,
    /// Who made it; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub creator: Vec<String>,
    /// Its page.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// How to cite it, best as BibTeX.
    #[arg(long, value_name = "TEXT")]
    pub cite: Option<String>,
    /// Day of its publication, YYYY-MM-DD.
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    pub published: Option<String>,
    /// Its version, MAJOR.MINOR.PATCH.
    #[arg(long, value_name = "VERSION")]
    pub data_version: Option<String>,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for the recordings (or pictures), tables and manifest.
    pub dir: PathBuf,
    /// What to synthesise.
    #[arg(long, value_enum, default_value_t = DemoSize::Small)]
    pub size: DemoSize,
    /// Of the benchmark: how alike the species of a triple are, from 0 (clearly distinct) to 1 (alike) [default: 0.9].
    #[arg(long, value_name = "X", value_parser = parse_share)]
    pub confusability: Option<f64>,
    /// Of the benchmark: what to write [default: audio].
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
    /// 24 species in 8 triples of look-alikes, 384 recordings: to compare training methods on.
    Benchmark,
}

/// What `demo` writes of a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DemoLayout {
    /// Recordings, tables and a manifest, for `l48 build`.
    Audio,
    /// The layout of the L48 data set, for `l48 import ml48s`.
    Ml48s,
    /// The layout of COCO 2014, for `l48 import coco2014`.
    Coco,
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("expected a number from 0 to 1, got {text:?}"))
}

fn parse_range(text: &str) -> Result<Range<u32>, String> {
    let wrong = || format!("expected A..B with A below B, such as 0..8, got {text:?}");
    let (start, end) = text.split_once("..").ok_or_else(wrong)?;
    let range = start.trim().parse().map_err(|_| wrong())?..end.trim().parse().map_err(|_| wrong())?;
    if range.is_empty() { Err(wrong()) } else { Ok(range) }
}

fn parse_split(text: &str) -> Result<Split, String> {
    text.parse()
        .map_err(|_| format!("expected train, val or test, got {text:?}"))
}

fn parse_day(text: &str) -> Result<String, String> {
    let day: jiff::civil::Date = text
        .parse()
        .map_err(|_| format!("expected a day such as 2026-05-01, got {text:?}"))?;
    Ok(day.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        use clap::CommandFactory;
        let cli = Cli::command();
        let nested = cli.get_subcommands().flat_map(clap::Command::get_subcommands);
        for command in cli.get_subcommands().chain(nested) {
            assert!(
                command
                    .get_after_help()
                    .is_some_and(|help| help.to_string().contains("l48 ")),
                "{}",
                command.get_name()
            );
        }
    }

    #[test]
    fn shard_ranges_are_half_open_and_not_empty() {
        assert_eq!(parse_range("2..5"), Ok(2..5));
        for wrong in ["5..5", "5..2", "5", "a..b", "0..=3", "-1..3"] {
            assert!(parse_range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn splits_and_days_are_what_they_should_be() {
        assert_eq!(parse_split("val"), Ok(Split::Val));
        assert_eq!(parse_day("2026-05-01").as_deref(), Ok("2026-05-01"));
        assert!(parse_split("dev").is_err() && parse_day("1 May").is_err() && parse_day("2026-02-30").is_err());
    }
}
