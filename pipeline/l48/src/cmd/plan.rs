//! Provides `l48 plan`: which recording goes to which shard, for `build --part` and `commit` to follow.

use anyhow::Result;

use super::output::say;
use super::progress::BuildProgress;
use super::{Exit, threads};
use crate::cli::PlanArgs;
use pipeline::ingest::{self, BuildOptions, Existing, Planned};
use pipeline::manifest::Audio;

pub(super) fn run(args: PlanArgs) -> Result<Exit> {
    let source = super::build::load(&args.manifest, Audio::Required)?;
    let options = BuildOptions {
        threads: threads(args.threads),
        shard_clips: source.manifest().settings.shard_clips,
        existing: if args.resume {
            Existing::Resume
        } else {
            Existing::Refuse
        },
        max_rejects: None,
        wait: args.wait,
    };
    let progress = BuildProgress::new();
    let options = (&options, args.instruction_set.as_ref());
    let folder = args.scratch.output(&args.out)?;
    let planned = ingest::plan(&source, &folder, options, &|event| progress.observe(event));
    progress.finish();
    let place = folder.place();
    let (manifest, out) = (args.manifest.display(), place.display());
    let (word, plan) = match planned? {
        Planned::New(plan) => ("Planned", plan),
        Planned::Already(plan) => ("Already planned", plan),
        Planned::Committed => {
            say!("{out} is already committed.");
            return Ok(Exit::Clean);
        }
    };
    let (shards, assets, clips) = (plan.shards.len(), plan.assets.len(), plan.clips());
    let set = &plan.head.instruction_set;
    say!("{word} {out}: {assets} recordings with about {clips} clips in {shards} shards, to be built with {set}");
    say!("Next: l48 build {manifest} --out {out} --part I/N   (for I from 0 to N-1, in any number of processes)");
    say!("then: l48 commit {out}");
    Ok(Exit::Clean)
}
