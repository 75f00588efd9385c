//! Provides `l48 status`: how far a dataset is, while others build it.

use anyhow::Result;
use serde_json::json;
use storage::{Location, output_at};

use super::Exit;
use super::output::say;
use crate::cli::StatusArgs;
use pipeline::ingest::{self, Stage, Status, ranges};

pub(super) fn run(args: StatusArgs) -> Result<Exit> {
    let status = ingest::status(&output_at(&Location::of(&args.dir), None)?)?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&as_json(&status))?);
    } else {
        print(&status);
    }
    Ok(Exit::Clean)
}

/// Name of a stage in JSON.
fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Planning => "planning",
        Stage::Building => "building",
        Stage::Built => "built",
        Stage::Committed => "committed",
    }
}

fn as_json(status: &Status) -> serde_json::Value {
    json!({
        "stage": name(status.stage),
        "name": status.name,
        "instruction_set": status.instruction_set,
        "shards": status.done.len() + status.running.len() + status.missing.len(),
        "done": status.done,
        "running": status.running,
        "missing": status.missing,
        "planned_clips": status.planned_clips,
        "clips": status.clips,
        "rejects": status.rejects,
    })
}

fn print(status: &Status) {
    let shards = status.done.len() + status.running.len() + status.missing.len();
    match status.stage {
        Stage::Planning => {
            say!("The plan is being made, or was cut off: l48 plan --resume takes it up");
            return;
        }
        Stage::Building => say!("{} is being built with {}", status.name, status.instruction_set),
        Stage::Built => say!(
            "{} is built with {}, and can be committed",
            status.name,
            status.instruction_set
        ),
        Stage::Committed => say!("{} is committed, built with {}", status.name, status.instruction_set),
    }
    say!("  done      {} of {shards} shards", status.done.len());
    for (what, list) in [("running", &status.running), ("missing", &status.missing)] {
        if !list.is_empty() {
            say!("  {what:<9} {}: {}", list.len(), ranges(list));
        }
    }
    match status.stage {
        Stage::Committed => say!("  clips     {}", status.clips),
        _ => say!("  clips     {} of about {}", status.clips, status.planned_clips),
    }
    say!("  rejects   {}", status.rejects);
}
