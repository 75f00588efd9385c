//! Defines the arguments of `export`, one subcommand for each form.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use shardfmt::Split;

pub(super) const EXAMPLES: &str = "\
Examples:
  l48 export coco-detection data/birds --out boxes.json
  l48 export croissant data/birds";

const COCO_DETECTION_EXAMPLES: &str = "\
Examples:
  l48 export coco-detection data/birds --out boxes.json
  l48 export coco-detection data/birds --split train --out boxes_train.json";

const CROISSANT_EXAMPLES: &str = "\
Examples:
  l48 export croissant data/birds   # writes data/birds.croissant.json
  l48 export croissant data/birds --creator 'Bird Lab' --published 2026-05-01 --license CC-BY-4.0";

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The form to export.
    #[command(subcommand)]
    pub form: ExportForm,
}

/// The forms of `export`.
#[derive(Debug, Subcommand)]
pub enum ExportForm {
    /// Write the boxes as COCO detection annotations.
    ///
    /// An image is a clip, called ASSET/CLIP; a category is a class; a box is in pixels of the stored image, from row
    /// 0, and spans the whole height if it has no frequencies. Ignored boxes have iscrowd 1. Boxes of species that are
    /// not classes, and those outside the image, are left out and counted.
    ///
    /// The pixels of an image are record `row` of shard number `shard`; both numbers stand beside its name. Where
    /// `fully_annotated` is false, boxes may be missing.
    #[command(after_help = COCO_DETECTION_EXAMPLES)]
    CocoDetection(CocoDetectionArgs),
    /// Describe the dataset for catalogues and loaders: MLCommons Croissant 1.0.
    ///
    /// Lists every file with its SHA-256 and every table with its columns. Files are named relative to the description,
    /// so it has to be in a folder above the dataset.
    #[command(after_help = CROISSANT_EXAMPLES)]
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
    /// Clips of this split only: train, val or test [default: all].
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
    /// What the dataset is [default: its counts in words].
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Licence, a URL or an SPDX identifier; may be repeated [default: those of the recordings].
    #[arg(long, value_name = "LICENCE")]
    pub license: Vec<String>,
    /// Who made it; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub creator: Vec<String>,
    /// Its web page.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// How to cite it, preferably as BibTeX.
    #[arg(long, value_name = "TEXT")]
    pub cite: Option<String>,
    /// Date of publication, YYYY-MM-DD.
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    pub published: Option<String>,
    /// Version of the dataset, MAJOR.MINOR.PATCH.
    #[arg(long, value_name = "VERSION")]
    pub data_version: Option<String>,
}

fn parse_split(text: &str) -> Result<Split, String> {
    text.parse()
        .map_err(|_| format!("expected train, val or test, got {text:?}"))
}

fn parse_day(text: &str) -> Result<String, String> {
    let day: jiff::civil::Date = text
        .parse()
        .map_err(|_| format!("expected a date such as 2026-05-01, got {text:?}"))?;
    Ok(day.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_and_days_are_parsed_or_refused() {
        assert_eq!(parse_split("val"), Ok(Split::Val));
        assert_eq!(parse_day("2026-05-01").as_deref(), Ok("2026-05-01"));
        assert!(parse_split("dev").is_err() && parse_day("1 May").is_err() && parse_day("2026-02-30").is_err());
    }
}
