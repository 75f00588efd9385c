//! Defines the flags of `detect` and of what goes with it.

use std::path::PathBuf;

use clap::Args;
use frontend::window::Decimal;

use shardfmt::Split;

use super::{DeviceArg, parse_split};
use crate::suggest::Worth;

/// Lines of commands that work.
pub(super) const EXAMPLES: &str = "Examples:
  l48-train detect runs/birds recordings --out detections
  l48-train detect runs/birds night.wav dawn.flac --out detections --hop 1.5 --min-score 0.5 --top-k 3
  l48-train detect runs/birds recordings.csv --out detections --thresholds thresholds.csv --merge --birdnet --audacity
  l48-train detect runs/birds recordings --out detections --raven --resume";

/// Arguments of `detect`.
#[derive(Debug, Args)]
pub struct DetectArgs {
    /// Folder of the run.
    pub run: PathBuf,
    /// Recordings, folders of recordings, and CSV tables with a column `path`.
    #[arg(required = true)]
    pub recordings: Vec<PathBuf>,
    /// Folder of the detections.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Continue what was begun in the folder, with the same settings; recordings that are done are not read again.
    #[arg(long)]
    pub resume: bool,
    /// Distance between the starts of neighbouring windows in seconds [default: their length, so that none overlap].
    #[arg(long, value_name = "SECONDS")]
    pub hop: Option<Decimal>,
    /// The least probability of a detection.
    #[arg(long, value_name = "P", default_value_t = 0.25, value_parser = parse_probability)]
    pub min_score: f64,
    /// At most so many classes of a window, the most probable ones.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    pub top_k: Option<u32>,
    /// The least probability by class instead: a CSV table with the columns species_code and threshold.
    #[arg(long, value_name = "FILE")]
    pub thresholds: Option<PathBuf>,
    /// Windows of a class that touch or overlap become one detection, with the best of their scores.
    #[arg(long)]
    pub merge: bool,
    /// Also write a Raven selection table for each recording, in DIR/raven.
    #[arg(long)]
    pub raven: bool,
    /// Also write a table for each recording as BirdNET-Analyzer 2.4.0 does, in DIR/birdnet.
    #[arg(long)]
    pub birdnet: bool,
    /// Also write an Audacity label track for each recording, in DIR/audacity.
    #[arg(long)]
    pub audacity: bool,
    /// Probabilities as `l48-train calibrate` has fitted them for the run.
    #[arg(long)]
    pub calibrated: bool,
    /// Also write the features of every window, in DIR/embeddings.
    #[arg(long)]
    pub embeddings: bool,
    /// Threads that decode and render [default: all cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Where to compute.
    #[command(flatten)]
    pub device: DeviceArg,
}

/// Arguments of `calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// Folder of the run.
    pub run: PathBuf,
    /// Another dataset with the same images and classes, whose val is used [default: the one trained on].
    #[arg(long, value_name = "DIR")]
    pub dataset: Option<PathBuf>,
    /// Where to compute.
    #[command(flatten)]
    pub device: DeviceArg,
}

/// Arguments of `suggest`.
#[derive(Debug, Args)]
pub struct SuggestArgs {
    /// Folder of the run.
    pub run: PathBuf,
    /// Folder or address of the dataset.
    pub dataset: PathBuf,
    /// How many clips.
    #[arg(long, value_name = "N")]
    pub clips: usize,
    /// What makes a clip worth a look; only classes that are unknown in it count.
    #[arg(long, value_enum, default_value_t = Worth::Uncertainty)]
    pub by: Worth,
    /// Which split: train, val or test.
    #[arg(long, value_parser = parse_split, default_value = "train")]
    pub split: Split,
    /// At most so many clips of a recording.
    #[arg(long, value_name = "K")]
    pub per_recording: Option<usize>,
    /// The table to write (CSV) [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Also write a Raven selection table to fill in for each recording, in this folder.
    #[arg(long, value_name = "DIR")]
    pub raven: Option<PathBuf>,
    /// Where to compute.
    #[command(flatten)]
    pub device: DeviceArg,
}

fn parse_probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| format!("{text:?} is not a number from 0 to 1"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use clap::Parser;

    use super::super::{Cli, Command};
    use super::*;

    #[test]
    fn the_examples_of_the_help_are_understood() {
        for line in EXAMPLES.lines().skip(1) {
            let cli = Cli::try_parse_from(line.split_whitespace());
            assert!(matches!(cli.unwrap().command, Command::Detect(_)), "{line}");
        }
        assert!(parse_probability("1.5").is_err() && parse_probability("nan").is_err());
        assert_eq!(parse_probability("0.5"), Ok(0.5));
    }
}
