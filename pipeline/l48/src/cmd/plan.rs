//! Provides `l48 plan`: which recording goes to which shard, for `build --shards` and `commit` to follow.

use anyhow::Result;

use super::output::say;
use super::{Exit, threads};
use crate::cli::PlanArgs;
use pipeline::ingest::{self, BuildOptions, Existing};
use pipeline::manifest::Audio;

pub(super) fn run(args: PlanArgs) -> Result<Exit> {
    let source = super::build::load(&args.manifest, Audio::Required)?;
    let shard_clips = source.manifest().settings.shard_clips;
    let options = BuildOptions {
        threads: threads(args.threads),
        shard_clips,
        existing: Existing::Refuse,
        max_rejects: None,
    };
    let plan = ingest::plan(&source, &args.out, &options)?;
    let (shards, assets, clips) = (plan.shards.len(), plan.assets.len(), plan.clips());
    let (manifest, out) = (args.manifest.display(), args.out.display());
    say!("Planned {out}: {assets} recordings with about {clips} clips in {shards} shards");
    say!(
        "Next: l48 build {manifest} --out {out} --shards 0..{shards}   (or parts of them, in any number of processes)"
    );
    say!("then: l48 commit {out}");
    Ok(Exit::Clean)
}
