//! Defines the arguments of `scan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pipeline::scan::{SitePattern, Zone};

use super::folder::on_this_machine;

pub(super) const EXAMPLES: &str = "\
Examples:
  l48 scan /media/card --out data/spring --time-zone +02:00
  l48 scan data/cards --out data/spring --site '{site}' --split-by site
  l48 scan data/cards --out data/summer --site '{site}' --ids data/spring/recordings.csv
  l48 scan data/xeno-canto --out data/xc --labels folders --split-by recording
  l48 build data/spring/manifest.toml --out data/spring-clips";

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// Folders of recordings, with all folders in them.
    #[arg(value_name = "FOLDER", required = true)]
    pub folders: Vec<PathBuf>,
    /// Folder for recordings.csv, taxa.csv, manifest.toml and scan.txt, which lists everything odd.
    #[arg(long, value_name = "DIR", value_parser = on_this_machine())]
    pub out: PathBuf,
    /// Replace those files where they exist, edited or not.
    #[arg(long)]
    pub overwrite: bool,
    /// Name of the dataset [default: the name of DIR].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// A recordings table from before: files that it lists keep their ids and splits, new ones get ids after its last.
    /// Without it ids come from the hash of each path, from the name of FOLDER on, and are the same in every scan.
    #[arg(long, value_name = "TABLE")]
    pub ids: Option<PathBuf>,
    /// Zone of the recorders' clocks, where neither metadata nor name say it: an offset such as +02:00, or a name such as
    /// Europe/Berlin for clocks that changed between winter and summer. Without it such times are left out of the table.
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub time_zone: Option<Zone>,
    /// Where the paths below FOLDER have the site: a pattern with {site}, * for any text in a name, ? for one character and
    /// ** for any folders. '{site}' is the first folder, '*/{site}' the second, '**/{site}_*_*.wav' a prefix of names.
    #[arg(long, value_name = "PATTERN")]
    pub site: Option<SitePattern>,
    /// Whether folders are labels.
    #[arg(long, value_enum, default_value_t = Labels::None)]
    pub labels: Labels,
    /// What is never parted between train, val and test; copies never are [default: site with --site, else day].
    #[arg(long, value_enum)]
    pub split_by: Option<Parting>,
    /// Shares of train, val and test, by recordings.
    #[arg(long, value_name = "TRAIN,VAL,TEST", default_value = "0.8,0.1,0.1", value_parser = parse_shares)]
    pub shares: Shares,
    /// Decides what goes to which split.
    #[arg(long, value_name = "S", default_value_t = 48)]
    pub seed: u64,
    /// Threads that look at recordings [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

/// Whether folders are labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Labels {
    /// They are not.
    None,
    /// The first folder below FOLDER names what is heard in its recordings: A, or A,B; noise, background, silence and other
    /// name nothing. Written to the column `heard`.
    Folders,
}

/// What is never parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Parting {
    /// All recordings of a site (see --site).
    Site,
    /// All recordings of a day, at a site where --site is given.
    Day,
    /// A recording and its copies.
    Recording,
}

/// Shares of train, val and test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares(pub [f64; 3]);

pub(super) fn parse_shares(text: &str) -> Result<Shares, String> {
    let numbers: Vec<f64> = text.split(',').filter_map(|part| part.trim().parse().ok()).collect();
    let is_share = |share: &f64| (0.0..=1.0).contains(share);
    let shares = <[f64; 3]>::try_from(numbers)
        .ok()
        .filter(|shares| shares.iter().all(is_share));
    let shares = shares.filter(|shares| (shares.iter().sum::<f64>() - 1.0).abs() < 1e-6);
    let expected = || format!("expected three shares that add up to 1, such as 0.8,0.1,0.1, got {text:?}");
    shares.map(Shares).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        assert_eq!(parse_shares("0.7, 0.2,0.1"), Ok(Shares([0.7, 0.2, 0.1])));
        assert_eq!(parse_shares("1,0,0"), Ok(Shares([1.0, 0.0, 0.0])));
        for text in [
            "",
            "0.8,0.2",
            "0.8,0.1,0.2",
            "1.1,-0.1,0",
            "nan,0.5,0.5",
            "0.5,0.25,0.25,0",
        ] {
            assert!(parse_shares(text).is_err(), "{text}");
        }
    }
}
