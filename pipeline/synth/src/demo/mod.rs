//! Provides the small demo: a set of synthetic field recordings to try the program on.
//!
//! Fourteen invented species sing in three invented regions. A plan of who sings when is drawn first (`plan`), checked
//! against quotas ([`quota`]), then rendered and described in tables.

mod audiomoth;
mod plan;

use std::path::Path;

use crate::error::Error;
use crate::files::write_recordings;
use crate::marker::{self, FolderState, SetIdentity};
use crate::options::{DemoForm, DemoOptions, MIN_RECORDINGS};
use crate::planned::SetPlan;
use crate::quota::{self, SpeciesShare};
use crate::species::{Species, demo_species};
use crate::summary::SetSummary;

pub use audiomoth::CARD;

/// The demo's manifest, written beside its tables.
pub const MANIFEST: &str = include_str!("../../../../manifests/demo.toml");

/// Plans drawn to meet the quotas before giving up.
const ATTEMPTS: u64 = 64;

/// Makes the demo of `options` in `dir`, on the current rayon pool.
///
/// Writes `manifest.toml`, the six tables and `audio/`, or the card of recorders in the field; `demo.json` comes last and marks the demo as finished. A
/// finished demo of the same options is left as it is; an unfinished one is written anew. `progress` is called with
/// the recordings done and their total, from any thread.
///
/// # Errors
/// See [`Error`].
pub fn synthesise(
    dir: &Path,
    options: &DemoOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<SetSummary, Error> {
    if options.recordings < MIN_RECORDINGS {
        return Err(Error::TooFew {
            recordings: options.recordings,
            least: MIN_RECORDINGS,
        });
    }
    let identity = SetIdentity::from(options);
    if let FolderState::Finished(summary) = marker::inspect(dir, &identity)? {
        return Ok(*summary);
    }
    let species = demo_species();
    let (mut plan, _) = balanced_plan(options, &species)?;
    let (boxes, audio_bytes) = match options.form {
        DemoForm::Tables => write_recordings(dir, MANIFEST, &plan, &species, progress)?,
        DemoForm::AudioMoth => audiomoth::write(dir, &mut plan, &species, progress)?,
    };
    let summary = SetSummary::new(&plan, &species, boxes, &audio_bytes);
    marker::finish(dir, identity, &summary, audio_bytes)?;
    Ok(summary)
}

/// The first plan that meets the quotas.
fn balanced_plan(options: &DemoOptions, species: &[Species]) -> Result<(SetPlan, Vec<SpeciesShare>), Error> {
    let mut last = String::new();
    for attempt in 0..ATTEMPTS {
        let plan = plan::plan(options.seed, attempt, options.recordings, species);
        let shares = quota::shares(&plan, species);
        match quota::violation(&shares) {
            None => return Ok((plan, shares)),
            Some(violation) => last = violation,
        }
    }
    Err(Error::Quota {
        attempts: ATTEMPTS,
        violation: last,
    })
}

#[cfg(test)]
mod tests;
