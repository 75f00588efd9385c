//! Provides `l48 priors`: files of eBird or scores of a model in, a prior table out.

use anyhow::Result;

use super::Exit;
use super::output::say;
use crate::cli::{PriorSource, PriorTarget, PriorsArgs};
use pipeline::priors::{CHECKLISTS, EbdFiles, Prior, REPORT, ScoreOptions, checklists, geographic};
use pipeline::taxonomy::Taxonomy;

pub(super) fn run(args: PriorsArgs) -> Result<Exit> {
    let (prior, target) = match args.source {
        PriorSource::Ebd(args) => {
            let taxonomy = Taxonomy::read(&args.taxonomy)?;
            let files = EbdFiles {
                observations: args.observations,
                sampling: args.sampling,
                recordings: args.target.recordings.clone(),
                taxa: args.target.taxa.clone(),
                within_km: args.within_km,
            };
            (checklists(&files, &taxonomy)?, args.target)
        }
        PriorSource::Scores(args) => {
            let options = ScoreOptions {
                scores: args.scores,
                threshold: args.threshold,
                modelled: args.modelled,
                recordings: args.target.recordings.clone(),
                taxa: args.target.taxa.clone(),
                within_km: args.within_km,
            };
            (geographic(&options)?, args.target)
        }
    };
    write(&prior, &target)
}

fn write(prior: &Prior, target: &PriorTarget) -> Result<Exit> {
    prior.write(&target.out, target.overwrite)?;
    prior
        .tallies
        .sentences()
        .iter()
        .for_each(|warning| tracing::warn!("{warning}"));
    let (out, name) = (target.out.display(), prior.name());
    say!("Wrote {out}/{name}:");
    prior.facts.iter().for_each(|fact| say!("  {fact}"));
    say!("Every count is in {out}/{REPORT}.");
    let key = if name == CHECKLISTS {
        "checklist_prior"
    } else {
        "geo_prior"
    };
    say!("Next: name it in [tables] of the manifest as {key}");
    Ok(Exit::Clean)
}
