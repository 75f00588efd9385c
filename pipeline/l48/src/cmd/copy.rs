//! Provides `l48 copy`: a dataset at another location.

use anyhow::Result;
use storage::{Location, copy_dataset};

use super::output::say;
use super::progress::bytes_bar;
use super::{Exit, human_bytes};
use crate::cli::CopyArgs;

pub(super) fn run(args: CopyArgs) -> Result<Exit> {
    let bar = bytes_bar(0);
    let (from, to) = (Location::of(&args.from), Location::of(&args.to));
    let copied = copy_dataset(&from, &to, args.threads.into(), &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let copied = copied?;
    let extent = format!("{} files, {}", copied.files, human_bytes(copied.bytes));
    match copied.there {
        0 => say!("Copied to {to}: {extent}, verified."),
        there => say!("Copied to {to}: {extent}, verified; {there} of the files were there."),
    }
    Ok(Exit::Clean)
}
