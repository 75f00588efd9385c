//! Provides `l48 import`: a published set of pictures in, a committed dataset out; or a table of recordings in, and
//! what `l48 build` reads out.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::output::say;
use super::{Exit, build, scan, threads};
use crate::cli::{
    FirstCoordinate, ImportArgs, ImportCoco2014Args, ImportListingArgs, ImportMl48sArgs, ImportOutput, ImportSet,
    TopRow,
};
use frontend::flow::Workers;
use pipeline::dataset_source::DatasetSource;
use pipeline::import::coco2014::{Coco2014, SimulatedPriors};
use pipeline::import::ml48s::{BoxOrder, Ml48s};
use pipeline::import::{Choices, Listing, REPORT, birdclef, inatsounds, xeno_canto};
use pipeline::scan::{MANIFEST, SplitRule};
use pipeline::taxonomy::Taxonomy;
use shardfmt::Row0;

pub(super) fn run(args: ImportArgs) -> Result<Exit> {
    match args.set {
        ImportSet::Ml48s(args) => ml48s(&args),
        ImportSet::Coco2014(args) => coco2014(&args),
        ImportSet::Birdclef(args) => listing(args, birdclef::read),
        ImportSet::XenoCanto(args) => listing(args, xeno_canto::read),
        ImportSet::Inatsounds(args) => listing(args, inatsounds::read),
    }
}

fn ml48s(args: &ImportMl48sArgs) -> Result<Exit> {
    let started = Instant::now();
    tracing::info!("reading the tables of {}", args.src.display());
    let row_0 = match args.row_0 {
        TopRow::Highest => Row0::Highest,
        TopRow::Lowest => Row0::Lowest,
    };
    let box_order = args.box_order.map(|first| match first {
        FirstCoordinate::XFirst => BoxOrder::XFirst,
        FirstCoordinate::YFirst => BoxOrder::YFirst,
    });
    let open = || {
        Ml48s::open(
            &args.src,
            args.val_split.as_deref(),
            &args.unknown_bird,
            row_0,
            box_order,
            args.output.shard_clips,
        )
    };
    let set = Workers::start(threads(args.output.dataset.threads))?.install(open)?;
    set.facts().iter().for_each(|fact| tracing::info!("{fact}"));
    set.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    write(&set, &args.output, started)
}

fn coco2014(args: &ImportCoco2014Args) -> Result<Exit> {
    let started = Instant::now();
    let priors = args.prior_rates.map(|rates| SimulatedPriors { rates, seed: args.seed });
    let set = Coco2014::open(&args.src, args.output.shard_clips, priors)?;
    set.facts().iter().for_each(|fact| tracing::info!("{fact}"));
    write(&set, &args.output, started)
}

/// Reads a table of recordings and writes what a build reads.
fn listing(
    args: ImportListingArgs,
    read: fn(&Path, Option<&Taxonomy>, &Choices) -> pipeline::Result<Listing>,
) -> Result<Exit> {
    let taxonomy = match args.taxonomy.as_slice() {
        [] => None,
        files => Some(Taxonomy::read(files)?),
    };
    let choices: Choices = args.map.into_iter().collect();
    let listing = read(&args.src, taxonomy.as_ref(), &choices)?;
    let rule = SplitRule {
        by: scan::split_by(args.split_by),
        seed: args.seed,
        shares: args.shares.0,
    };
    let name = taxonomy.as_ref().map(Taxonomy::name);
    let written = listing.write(&args.out, args.overwrite, &rule, name.as_deref());
    let warnings = listing.tallies().sentences();
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let written = written?;
    let out = args.out.display();
    say!("Imported into {out}:");
    listing.summary(&written).iter().for_each(|line| say!("  {line}"));
    listing.facts().iter().for_each(|fact| say!("  {fact}"));
    if let Some(name) = name {
        say!("  labels were looked up in the {name}");
    }
    say!("Every count is in {out}/{REPORT}.");
    say!("Next: l48 build {out}/{MANIFEST} --out {out}-clips");
    Ok(if listing.rejected() == 0 {
        Exit::Clean
    } else {
        Exit::Rejects
    })
}

/// Builds the dataset.
fn write<S: DatasetSource>(set: &S, output: &ImportOutput, started: Instant) -> Result<Exit> {
    let options = build::options(&output.dataset, output.shard_clips, Duration::ZERO);
    let folder = output.dataset.scratch.output(&output.dataset.out)?;
    build::whole(set, &folder, &options, started)
}
