//! Provides `l48 scan`: folders of recordings in, tables and a manifest out.

use anyhow::{Result, bail};
use frontend::flow::Workers;

use super::output::say;
use super::progress::BuildProgress;
use super::{Exit, threads};
use crate::cli::{Labels, Parting, ScanArgs};
use pipeline::scan::{self, FolderLabels, MANIFEST, REPORT, ScanOptions, Scanned, SplitBy, SplitRule};

pub(super) fn run(args: ScanArgs) -> Result<Exit> {
    let by = match (args.split_by, &args.site) {
        (Some(Parting::Site), None) => bail!("--split-by site needs --site, which says where paths have the site"),
        (Some(parting), _) => split_by(parting),
        (None, Some(_)) => SplitBy::Site,
        (None, None) => SplitBy::Day,
    };
    let of_folder = || {
        let folder = std::path::absolute(&args.out).ok()?;
        Some(folder.file_name()?.to_string_lossy().into_owned())
    };
    let options = ScanOptions {
        name: args.name.or_else(of_folder).unwrap_or_else(|| "recordings".into()),
        folders: args.folders,
        out: args.out,
        overwrite: args.overwrite,
        ids: args.ids,
        zone: args.time_zone,
        site: args.site,
        labels: match args.labels {
            Labels::None => FolderLabels::None,
            Labels::Folders => FolderLabels::Folders,
        },
        split: SplitRule {
            by,
            seed: args.seed,
            shares: args.shares.0,
        },
    };
    let progress = BuildProgress::new();
    let pool = Workers::start(threads(args.threads))?;
    let scanned = pool.install(|| scan::scan(&options, &|event| progress.observe(event)));
    progress.finish();
    let scanned = scanned?;
    print(&options, &scanned);
    Ok(if scanned.left_out == 0 {
        Exit::Clean
    } else {
        Exit::Rejects
    })
}

/// What is never parted, as a scan has it.
pub(super) fn split_by(parting: Parting) -> SplitBy {
    match parting {
        Parting::Site => SplitBy::Site,
        Parting::Day => SplitBy::Day,
        Parting::Recording => SplitBy::Recording,
    }
}

fn print(options: &ScanOptions, scanned: &Scanned) {
    let out = options.out.display();
    say!("Scanned into {out}:");
    scanned.summary().iter().for_each(|line| say!("  {line}"));
    let odd = scanned.by_kind();
    if !odd.is_empty() {
        say!("To look at (all of it is in {out}/{REPORT}):");
    }
    for (kind, count, first) in odd {
        // A name may hold anything, and this is one line.
        let (path, what) = (first.path.escape_debug(), first.what.escape_debug());
        say!("  {}: {count}, such as {path}: {what}", kind.title());
    }
    let next = if scanned.classes == 0 {
        "list species in its taxa.csv, then: "
    } else {
        ""
    };
    say!("Next: {next}l48 build {out}/{MANIFEST} --out {out}-clips");
}
