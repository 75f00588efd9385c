//! Provides `l48 verify`: every byte is checked against its checksum, every table against the others.

use anyhow::Result;
use shardfmt::verify::{Depth, Report};
use storage::{Location, verify_dataset};

use super::output::say;
use super::progress::bytes_bar;
use super::{Exit, human_bytes};
use crate::cli::VerifyArgs;

pub(super) fn run(args: VerifyArgs) -> Result<Exit> {
    let bar = bytes_bar(0);
    let depth = if args.quick { Depth::Quick } else { Depth::Full };
    let cache = args.cache.settings()?;
    let report = verify_dataset(&Location::of(&args.dir), &cache, depth, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    Ok(print(&report?))
}

/// Prints a report and what to do about it.
pub(super) fn print(report: &Report) -> Exit {
    for finding in &report.findings {
        say!("{finding}");
    }
    let extent = format!(
        "{} files, {} clips, {}",
        report.files,
        report.clips,
        human_bytes(report.bytes)
    );
    if report.findings.is_empty() {
        say!("Verified: {extent}: all as written.");
        return Exit::Clean;
    }
    say!(
        "Damaged: {} findings in {extent}. Rebuild the files named above, or restore them from a copy.",
        report.findings.len()
    );
    Exit::Failed
}
