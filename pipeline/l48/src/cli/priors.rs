//! Defines the arguments of `priors`, one subcommand for each source of priors.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::folder::on_this_machine;

pub(super) const EXAMPLES: &str = "\
Examples:
  l48 priors ebd --observations ebd.txt --taxonomy ebird.csv --recordings recordings.csv --out .
  l48 priors scores s.parquet --threshold 0.03 --modelled m.txt --recordings r.csv --out .";

const EBD_EXAMPLES: &str = "\
Examples:
  l48 priors ebd --observations ebd.gz --sampling s.gz --taxonomy t.csv --recordings r.csv --out .
  l48 priors ebd --observations MyEBirdData.csv --taxonomy t.csv --recordings r.csv --out data
  l48 priors ebd --observations ebd.gz --within-km 1 --taxonomy t.csv --recordings r.csv --out .";

const SCORES_EXAMPLES: &str = "\
Example:
  l48 priors scores s.parquet --threshold 0.03 --modelled m.txt --recordings r.csv --out .";

/// Arguments of `priors`.
#[derive(Debug, Args)]
pub struct PriorsArgs {
    /// Where the prior comes from.
    #[command(subcommand)]
    pub source: PriorSource,
}

/// The sources of priors.
#[derive(Debug, Subcommand)]
pub enum PriorSource {
    /// Checklists of eBird: its basic dataset (EBD), or MyEBirdData.csv.
    ///
    /// Writes checklist_prior.csv: what is on the checklists that recordings name, and what their entries leave open.
    /// Shared lists are one; pairs, groups and hybrids make their species unsure; a species that no observation of the file
    /// is of is unsure on all lists. The files are read as streams, packed with gzip or not.
    #[command(after_help = EBD_EXAMPLES)]
    Ebd(PriorsEbdArgs),
    /// Scores of a model of where species occur: latitude, longitude, week, code, score.
    ///
    /// Writes geo_prior.csv: what can occur where and when each recording was made. The nearest point counts, and the
    /// week: four a month, the last one longer. A recording without a date gets the highest scores of the year, and so does
    /// a species without a score in the week where the table has one for week -1.
    #[command(after_help = SCORES_EXAMPLES)]
    Scores(PriorsScoresArgs),
}

/// Arguments of `priors ebd`.
#[derive(Debug, Args)]
pub struct PriorsEbdArgs {
    /// Observations, as eBird hands them out.
    #[arg(long, value_name = "FILE")]
    pub observations: PathBuf,
    /// The sampling file, which also has the lists without an observation.
    #[arg(long, value_name = "FILE")]
    pub sampling: Option<PathBuf>,
    /// eBird's taxonomy of the observations' year; with that of another year besides, codes become those of the newer one.
    #[arg(long, value_name = "FILE", required = true)]
    pub taxonomy: Vec<PathBuf>,
    /// Give recordings that name no checklist the nearest complete one of their day, if it is no farther than this; the table
    /// then has a row for each recording.
    #[arg(long, value_name = "KM", value_parser = parse_distance)]
    pub within_km: Option<f64>,
    /// What it is for, and where it goes to.
    #[command(flatten)]
    pub target: PriorTarget,
}

/// Arguments of `priors scores`.
#[derive(Debug, Args)]
pub struct PriorsScoresArgs {
    /// The table of scores (CSV or Parquet). It has to have all scores that reach the threshold.
    #[arg(value_name = "SCORES")]
    pub scores: PathBuf,
    /// A species with this score or a higher one can occur; a modelled one with a lower one, or none, cannot.
    #[arg(long, value_name = "T", value_parser = parse_threshold)]
    pub threshold: f64,
    /// The species that the model knows: a line each that begins with the code. Others stay unknown.
    #[arg(long, value_name = "LIST")]
    pub modelled: PathBuf,
    /// How far from a recording its point may be.
    #[arg(long, value_name = "KM", default_value_t = 50.0, value_parser = parse_distance)]
    pub within_km: f64,
    /// What it is for, and where it goes to.
    #[command(flatten)]
    pub target: PriorTarget,
}

/// What a prior is for, and where it goes to.
#[derive(Debug, Args)]
pub struct PriorTarget {
    /// The recordings table of the manifest; may be repeated.
    #[arg(long, value_name = "FILE", required = true)]
    pub recordings: Vec<PathBuf>,
    /// The taxa table of the manifest [default: taxa.csv beside the first recordings table].
    #[arg(long, value_name = "FILE")]
    pub taxa: Option<PathBuf>,
    /// Folder for the prior table and for priors.txt, which has every count.
    #[arg(long, value_name = "DIR", value_parser = on_this_machine())]
    pub out: PathBuf,
    /// Replace those files where they exist.
    #[arg(long)]
    pub overwrite: bool,
}

fn parse_threshold(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| *number > 0.0 && *number <= 1.0);
    number.ok_or_else(|| format!("expected a score above 0 and up to 1, got {text:?}"))
}

fn parse_distance(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|km: &f64| km.is_finite() && *km >= 0.0);
    number.ok_or_else(|| format!("expected kilometres, got {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_rule_something_out() {
        assert_eq!((parse_threshold("0.03"), parse_threshold("1")), (Ok(0.03), Ok(1.0)));
        for text in ["0", "-0.1", "1.5", "NaN", "x", ""] {
            assert!(parse_threshold(text).is_err(), "{text}");
        }
        assert_eq!(parse_distance("0"), Ok(0.0));
        for text in ["-1", "inf", "NaN", "far"] {
            assert!(parse_distance(text).is_err(), "{text}");
        }
    }
}
