//! Provides `l48 export`: a dataset's boxes for detectors, its description for catalogues.

use anyhow::Result;
use shardfmt::Dataset;

use super::Exit;
use super::output::say;
use super::progress::bytes_bar;
use crate::cli::{CocoDetectionArgs, CroissantArgs, ExportArgs, ExportForm};
use pipeline::export::coco_detection::coco_detection;
use pipeline::export::croissant::{About, croissant};

/// Most codes listed of boxes that are left out.
const NAMED_CODES: usize = 10;

pub(super) fn run(args: ExportArgs) -> Result<Exit> {
    match args.form {
        ExportForm::CocoDetection(args) => boxes(&args),
        ExportForm::Croissant(args) => description(args),
    }
}

fn boxes(args: &CocoDetectionArgs) -> Result<Exit> {
    let dataset = Dataset::open(&args.dir)?;
    let exported = coco_detection(&dataset, args.split, &args.out)?;
    say!(
        "{}: {} images, {} boxes ({} to be ignored), {} categories",
        args.out.display(),
        exported.images,
        exported.boxes,
        exported.ignored,
        dataset.taxa().len()
    );
    let others = &exported.not_a_class;
    if !others.is_empty() {
        let named: Vec<String> = others
            .iter()
            .take(NAMED_CODES)
            .map(|(code, count)| format!("{code} ({count})"))
            .collect();
        let more = match others.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} other codes"),
        };
        let count: u64 = others.values().sum();
        say!("Left out, not a class: {count} boxes, of {}{more}", named.join(", "));
    }
    if exported.without_area > 0 {
        say!("Left out, outside the image: {} boxes", exported.without_area);
    }
    if exported.images == 0 {
        tracing::warn!("this split has no clips; `l48 stats` shows how many each split has");
    }
    Ok(Exit::Clean)
}

fn description(args: CroissantArgs) -> Result<Exit> {
    let dataset = Dataset::open(&args.dir)?;
    let about = About {
        description: args.description,
        licenses: args.license,
        creators: args.creator,
        url: args.url,
        citation: args.cite,
        published: args.published,
        version: args.data_version,
    };
    let bar = bytes_bar(dataset.info().files.iter().map(|file| file.bytes).sum());
    let described = croissant(&dataset, &about, args.out.as_deref(), &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let described = described?;
    say!("{}: {} files", described.path.display(), described.files);
    if !described.missing.is_empty() {
        tracing::warn!(
            "Croissant also asks for {}; see `l48 export croissant --help`",
            described.missing.join(", ")
        );
    }
    Ok(Exit::Clean)
}
