//! Defines the command line of `l48`: its commands, their flags and their help.

mod build;
mod cache;
mod copy;
mod demo;
mod export;
mod folder;
mod import;
mod look;
mod priors;
mod rework;
mod scan;

use clap::{Parser, Subcommand};

pub use build::{BuildArgs, CommitArgs, OutputArgs, PlanArgs, StatusArgs};
pub use cache::CacheArgs;
pub use copy::CopyArgs;
pub use demo::{BenchmarkArgs, DemoArgs, DemoLayout, DemoSize};
pub use export::{CocoDetectionArgs, CroissantArgs, ExportArgs, ExportForm};
pub use folder::ScratchArgs;
pub use import::{
    FirstCoordinate, ImportArgs, ImportCoco2014Args, ImportListingArgs, ImportMl48sArgs, ImportOutput, ImportSet,
    TopRow,
};
pub use look::{InspectArgs, PreviewArgs, ReportArgs, StatsArgs, VerifyArgs};
pub use priors::{PriorSource, PriorTarget, PriorsArgs, PriorsEbdArgs, PriorsScoresArgs};
pub use rework::{MergeArgs, RelabelArgs, ReshardArgs, SubsetArgs};
pub use scan::{Labels, Parting, ScanArgs, Shares};

/// Turn wildlife recordings into a memory-mapped training dataset of log-mel shards and Parquet sidecars.
///
/// Exit codes: 0 success; 1 a dataset or a part was built, but some recordings were rejected; 2 failure that a retry
/// does not mend, or a damaged dataset; 75 another process has the folder or a shard (--wait waits for it), or a store
/// was away for ten minutes (L48_STORE_SECONDS): try again later.
/// Results go to standard output, messages to standard error; set RUST_LOG to error, warn, info or debug to see fewer
/// or more of them.
#[derive(Debug, Parser)]
#[command(name = "l48", version, max_term_width = 110, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  l48 demo data/demo-recordings
  l48 build data/demo-recordings/manifest.toml --out data/demo
  l48 stats data/demo";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make tables and a manifest of folders of recordings: what is there, when and where it was recorded.
    ///
    /// Recordings are looked at, not decoded. Times come from GUANO, Wildlife Acoustics' metadata, an AudioMoth's comment or
    /// the name of the file, and are left out where their zone is not known. Exit code 1 says that recordings were left
    /// out, with the reasons in scan.txt.
    #[command(after_help = scan::EXAMPLES)]
    Scan(ScanArgs),
    /// Build a dataset from a manifest: plan, decode, render, write, commit.
    #[command(after_help = build::BUILD_EXAMPLES)]
    Build(BuildArgs),
    /// Import a published set: pictures and their labels as a dataset, recordings as tables and a manifest.
    #[command(after_help = import::EXAMPLES)]
    Import(ImportArgs),
    /// Make a prior table of a manifest, of what can occur or what observers listed, from files of eBird or a model's scores.
    #[command(after_help = priors::EXAMPLES)]
    Priors(PriorsArgs),
    /// Assign recordings to shards, and write the plan that `build --part` and `commit` follow.
    #[command(after_help = build::PLAN_EXAMPLES)]
    Plan(PlanArgs),
    /// Commit a planned dataset whose shards are all built.
    #[command(after_help = build::COMMIT_EXAMPLES)]
    Commit(CommitArgs),
    /// Show how far a dataset is: shards that are built, being built and missing, clips and rejects so far.
    #[command(after_help = build::STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// Relabel a dataset from a changed manifest over unchanged audio, without decoding a recording.
    #[command(after_help = rework::RELABEL_EXAMPLES)]
    Relabel(RelabelArgs),
    /// Merge datasets that have the same settings and classes, and different recordings.
    #[command(after_help = rework::MERGE_EXAMPLES)]
    Merge(MergeArgs),
    /// Copy a dataset into shards of another size.
    #[command(after_help = rework::RESHARD_EXAMPLES)]
    Reshard(ReshardArgs),
    /// Copy the clips on a list into a dataset of their own.
    #[command(after_help = rework::SUBSET_EXAMPLES)]
    Subset(SubsetArgs),
    /// Copy a dataset to or from an object store, or from folder to folder.
    ///
    /// Every file is compared with its checksum on the way; dataset.json comes last, and never over another one. A copy
    /// that was cut off is begun again with the same command, and leaves out what is there.
    #[command(after_help = copy::EXAMPLES)]
    Copy(CopyArgs),
    /// Check every byte of a dataset against its checksums, and its tables against each other.
    #[command(after_help = look::VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Show what a dataset or a single shard holds.
    #[command(after_help = look::INSPECT_EXAMPLES)]
    Inspect(InspectArgs),
    /// Count clips, recordings and labels by split and by class.
    #[command(after_help = look::STATS_EXAMPLES)]
    Stats(StatsArgs),
    /// Draw a clip, or a recording's first 64 clips as a sheet, with boxes, names and axes.
    #[command(after_help = look::PREVIEW_EXAMPLES)]
    Preview(PreviewArgs),
    /// Write a dataset, or a run on it, as one HTML page: counts, coverage of labels, what is odd, pictures of clips.
    ///
    /// The page needs no network. Of a run it shows its end, its classes and, where RUN/predictions.parquet has the
    /// scores of all clips, its worst mistakes.
    #[command(after_help = look::REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Export a dataset to other tools.
    #[command(after_help = export::EXAMPLES)]
    Export(ExportArgs),
    /// Synthesise field-like recordings with all their tables: a small demo, or a benchmark of look-alikes.
    #[command(after_help = demo::EXAMPLES)]
    Demo(DemoArgs),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_address_is_not_taken_for_a_folder_to_write_to() {
        for command in [
            "build m.toml --out data/birds --scratch s3://lab/scratch",
            "relabel s3://lab/birds m.toml",
            "subset data/birds --clips c.csv --out s3://lab/part",
        ] {
            let error = Cli::try_parse_from(std::iter::once("l48").chain(command.split(' '))).map(|_| ());
            let told = error.map_err(|error| error.to_string()).unwrap_err();
            assert!(told.contains("by `l48 copy FOLDER "), "{told}");
        }
        for command in [
            "subset s3://lab/birds --clips c.csv --out data/part",
            "build m.toml --out s3://lab/birds --part 0/64 --scratch /scratch",
            "plan m.toml --out gs://lab/birds --resume",
            "commit s3://lab/birds",
            "status az://lab/birds",
        ] {
            Cli::try_parse_from(std::iter::once("l48").chain(command.split(' '))).unwrap();
        }
    }

    /// The help of every command ends in an example of it.
    #[test]
    fn every_help_ends_in_an_example() {
        fn check(command: &mut clap::Command) {
            let help = command.render_long_help().to_string();
            let last = help.lines().rfind(|line| !line.trim().is_empty());
            assert!(
                last.is_some_and(|line| line.starts_with("  ") && line.contains("l48 ")),
                "{help}"
            );
            // clap adds `help` by itself.
            let commands = command.get_subcommands_mut();
            commands.filter(|command| command.get_name() != "help").for_each(check);
        }
        check(&mut Cli::command());
    }
}
