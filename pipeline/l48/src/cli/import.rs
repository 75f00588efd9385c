//! Defines the arguments of `import`, one subcommand for each published set.
//!
//! Sets of pictures become datasets; tables of recordings become tables and a manifest to be built.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pipeline::import::coco2014::PriorRates;
use pipeline::manifest::SHARD_CLIPS;

use super::OutputArgs;
use super::folder::on_this_machine;
use super::scan::{Parting, Shares, parse_shares};

pub(super) const EXAMPLES: &str = "\
Examples:
  l48 import ml48s data/ml48s --out data/l48 --val-split data/ml48s/val_split.npy
  l48 import coco2014 ~/coco2014 --out data/coco2014 --prior-rates geo=0.3,checklist=0.6
  l48 import birdclef ~/birdclef-2025 --out data/birdclef --taxonomy ebird_taxonomy_v2024.csv
  l48 build data/birdclef/manifest.toml --out data/birdclef-clips";

const BIRDCLEF_EXAMPLES: &str = "\
Examples:
  l48 import birdclef ~/birdclef-2025 --out data/birdclef
  l48 import birdclef ~/birdclef-2021 --out data/b21 --taxonomy ebird_v2021.csv --taxonomy ebird_v2024.csv
  l48 build data/birdclef/manifest.toml --out data/birdclef-clips";

const XENO_CANTO_EXAMPLES: &str = "\
Examples:
  l48 import xeno-canto ~/xeno-canto --out data/xc --taxonomy ebird_taxonomy_v2024.csv
  l48 import xeno-canto ~/xc/pages.json --out data/xc --taxonomy ebird_v2024.csv --map 'Larus vegae=verg1'
  l48 build data/xc/manifest.toml --out data/xc-clips";

const INATSOUNDS_EXAMPLES: &str = "\
Examples:
  l48 import inatsounds ~/inatsounds --out data/inat --taxonomy ebird_taxonomy_v2024.csv
  l48 build data/inat/manifest.toml --out data/inat-clips";

const ML48S_EXAMPLES: &str = "\
Examples:
  l48 import ml48s data/ml48s --out data/l48 --val-split data/ml48s/val_split.npy
  l48 import ml48s data/ml48s --out data/l48 --val-split data/ml48s/val_split.npy --resume";

const COCO2014_EXAMPLES: &str = "\
Examples:
  l48 import coco2014 ~/coco2014 --out data/coco2014
  l48 import coco2014 ~/coco2014 --out data/coco2014 --prior-rates geo=0.3,checklist=0.6 --seed 48";

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The set to import.
    #[command(subcommand)]
    pub set: ImportSet,
}

/// The published sets.
#[derive(Debug, Subcommand)]
pub enum ImportSet {
    /// The Merlin L48 Spectrogram Dataset: assets.json, clips.json, taxa.csv, images/ASSET/CLIP.jpg.
    ///
    /// Pictures of 750 x 236 become clips of 448 x 448; labels, splits and priors are kept as given. Which coordinate
    /// of a box comes first is inferred from the pictures, and reported.
    #[command(after_help = ML48S_EXAMPLES)]
    Ml48s(ImportMl48sArgs),
    /// COCO 2014: annotations/instances_train2014.json and instances_val2014.json, pictures in train2014 and val2014.
    ///
    /// Pictures become clips of 3 x 448 x 448. A class is present if any of it is annotated, crowds included, else
    /// absent; the single positive is the class of the largest annotation. Order and validation split are the published
    /// ones; val2014 is the test split. Pictures without annotations are left out.
    #[command(after_help = COCO2014_EXAMPLES)]
    Coco2014(ImportCoco2014Args),
    /// BirdCLEF, 2021 to 2026: the tables of a year beside their recordings.
    ///
    /// Reads train_metadata.csv or train.csv, taxonomy.csv and labels of soundscapes. Writes recordings.csv, taxa.csv and
    /// manifest.toml for `l48 build`, and import.txt with the count of everything left out. What is heard somewhere in a
    /// recording is in its column `heard`; windows of soundscapes become boxes and annotated spans.
    #[command(after_help = BIRDCLEF_EXAMPLES)]
    Birdclef(ImportListingArgs),
    /// Xeno-canto: pages of its API (JSON, versions 2 and 3) or tables (CSV), beside recordings named by their numbers.
    ///
    /// Writes recordings.csv, taxa.csv and manifest.toml for `l48 build`, and import.txt with the count of everything left
    /// out. The species and those in the background are in the column `heard`; codes come of the names, by --taxonomy.
    #[command(name = "xeno-canto", after_help = XENO_CANTO_EXAMPLES)]
    XenoCanto(ImportListingArgs),
    /// iNatSounds: train.json, val.json and test.json beside the folders of their recordings.
    ///
    /// Writes recordings.csv, taxa.csv and manifest.toml for `l48 build`, and import.txt with the count of everything left
    /// out. Splits are those of the set, and codes come of the names, by --taxonomy.
    #[command(after_help = INATSOUNDS_EXAMPLES)]
    Inatsounds(ImportListingArgs),
}

/// Arguments of imports of tables of recordings.
#[derive(Debug, Args)]
pub struct ImportListingArgs {
    /// Folder of the set, or the table in it.
    #[arg(value_name = "SRC")]
    pub src: PathBuf,
    /// Folder for recordings.csv, taxa.csv, manifest.toml and import.txt.
    #[arg(long, value_name = "DIR", value_parser = on_this_machine())]
    pub out: PathBuf,
    /// Replace those files where they exist, edited or not.
    #[arg(long)]
    pub overwrite: bool,
    /// eBird's taxonomy, as the file for download or as its API gives it; the year is in the file's name. With two, labels
    /// are of the older one and become codes of the newer one. Without it codes are those of the set, and where it has
    /// none they are made of scientific names.
    #[arg(long, value_name = "FILE")]
    pub taxonomy: Vec<PathBuf>,
    /// What a label is that the taxonomy leaves open: a code or a scientific name, and its species code. May be repeated.
    #[arg(long, value_name = "LABEL=CODE", value_parser = parse_choice)]
    pub map: Vec<(String, String)>,
    /// What is never parted between train, val and test, where the set has no splits: site is a pair of coordinates.
    #[arg(long, value_enum, default_value_t = Parting::Site)]
    pub split_by: Parting,
    /// Shares of train, val and test, by recordings.
    #[arg(long, value_name = "TRAIN,VAL,TEST", default_value = "0.8,0.1,0.1", value_parser = parse_shares)]
    pub shares: Shares,
    /// Decides what goes to which split.
    #[arg(long, value_name = "S", default_value_t = 48)]
    pub seed: u64,
}

fn parse_choice(text: &str) -> Result<(String, String), String> {
    let expected = || format!("expected LABEL=CODE, such as mallar=mallar3, got {text:?}");
    let (label, code) = text.rsplit_once('=').ok_or_else(expected)?;
    let (label, code) = (label.trim(), code.trim());
    let is_code = !code.is_empty() && !code.contains([';', ' ']);
    (is_code && !label.is_empty())
        .then(|| (label.into(), code.into()))
        .ok_or_else(expected)
}

/// Arguments of `import ml48s`.
#[derive(Debug, Args)]
pub struct ImportMl48sArgs {
    /// Folder of the set.
    #[arg(value_name = "SRC")]
    pub src: PathBuf,
    /// Asset ids of the val split (a NumPy array of integers; repeated ids are allowed). Without it there is no val
    /// split.
    #[arg(long, value_name = "NPY")]
    pub val_split: Option<PathBuf>,
    /// A code that boxes use for birds nobody could name, besides "Unknown bird"; other codes that are not in taxa.csv
    /// are errors. May be repeated.
    #[arg(long, value_name = "CODE")]
    pub unknown_bird: Vec<String>,
    /// Which end of the frequency axis is the top row of the pictures.
    #[arg(long, value_enum, default_value_t)]
    pub row_0: TopRow,
    /// Which coordinate of a box comes first [default: inferred from the pictures, else x].
    #[arg(long, value_enum)]
    pub box_order: Option<FirstCoordinate>,
    /// Where and how to write.
    #[command(flatten)]
    pub output: ImportOutput,
}

/// Which end of the frequency axis is the top row of a picture.
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
    /// Simulate priors: the share of a picture's absent classes that each prior rules out, as geo=R,checklist=R.
    /// Without it there are none.
    ///
    /// The published simulation is not available; this one is our own. Every absent class is drawn independently, by
    /// seed and image id, and the checklist rules out whatever the geographic prior does.
    #[arg(long, value_name = "RATES")]
    pub prior_rates: Option<PriorRates>,
    /// Seed of the simulated priors.
    #[arg(long, value_name = "S", requires = "prior_rates", default_value_t = 48)]
    pub seed: u64,
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
    /// Target number of clips per shard.
    #[arg(long, value_name = "N", default_value_t = SHARD_CLIPS, value_parser = clap::value_parser!(u32).range(1..))]
    pub shard_clips: u32,
}
