//! Provides `l48 import`: a published set of pictures in, a committed dataset out.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Exit, build, threads};
use crate::cli::{FirstCoordinate, ImportArgs, ImportCoco2014Args, ImportMl48sArgs, ImportOutput, ImportSet, TopRow};
use frontend::flow::Workers;
use pipeline::dataset_source::DatasetSource;
use pipeline::import::coco2014::{Coco2014, SimulatedPriors};
use pipeline::import::ml48s::{BoxOrder, Ml48s};
use shardfmt::Row0;

pub(super) fn run(args: ImportArgs) -> Result<Exit> {
    match args.set {
        ImportSet::Ml48s(args) => ml48s(&args),
        ImportSet::Coco2014(args) => coco2014(&args),
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

/// Builds the dataset.
fn write<S: DatasetSource>(set: &S, output: &ImportOutput, started: Instant) -> Result<Exit> {
    let options = build::options(&output.dataset, output.shard_clips, Duration::ZERO);
    let folder = output.dataset.scratch.output(&output.dataset.out)?;
    build::whole(set, &folder, &options, started)
}
