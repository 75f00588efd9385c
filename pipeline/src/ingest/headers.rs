//! Provides the assets of a plan: a look at every header, on all threads, kept in parts so that one that is cut off can
//! be taken up.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use shardfmt::{OutputFolder, Xxh3};

use super::plan::PlannedAsset;
use crate::dataset_source::DatasetSource;
use crate::error::Result;
use crate::event::{Event, Events};
use crate::provenance::PROGRAM;
use frontend::source_file::stats;

/// Assets of a part. A part is some seconds of work on a slow file system, and a sync of a megabyte.
const PART_ASSETS: usize = 8192;

/// What was found of some assets.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    program: String,
    inputs_xxh3: Xxh3,
    assets: Vec<PlannedAsset>,
}

/// Where parts are kept: in a folder, by number.
pub(super) struct Parts<'a> {
    folder: &'a OutputFolder,
    count: usize,
}

impl Parts<'_> {
    /// Removes them: the plan is written.
    pub(super) fn remove(self) {
        (0..self.count).for_each(|part| self.folder.records().remove_plan_part(part));
    }
}

/// Looks at every asset that is not the same as when it was looked at before the plan was cut off. Runs on the pool it
/// is called from.
pub(super) fn look_at_all<'a, S: DatasetSource>(
    source: &S,
    folder: &'a OutputFolder,
    events: &Events<'_>,
) -> Result<(Vec<PlannedAsset>, Parts<'a>)> {
    let count = source.len();
    let mut assets: Vec<PlannedAsset> = Vec::with_capacity(count);
    // A set of one part is soon done again.
    let parts = Parts {
        folder,
        count: if count > PART_ASSETS {
            count.div_ceil(PART_ASSETS)
        } else {
            0
        },
    };
    for (number, first) in (0..count).step_by(PART_ASSETS).enumerate() {
        let range = first..count.min(first + PART_ASSETS);
        let kept = if parts.count > 0 {
            kept(source, folder, number)?
        } else {
            None
        };
        match kept.filter(|part| part.assets.len() == range.len()) {
            Some(part) => {
                let now = range.clone().into_par_iter().zip(&part.assets);
                assets.par_extend(now.map(|(number, then)| look(source, number, Some(then))));
            }
            None => {
                let found = range.clone().into_par_iter().map(|number| look(source, number, None));
                let part = Part {
                    program: PROGRAM.into(),
                    inputs_xxh3: source.inputs_xxh3(),
                    assets: found.collect(),
                };
                if parts.count > 0 {
                    folder.records().write_plan_part(number, &part)?;
                }
                assets.extend(part.assets);
            }
        }
        events(Event::Headers {
            read: range.end,
            of: count,
        });
    }
    Ok((assets, parts))
}

/// A part that an earlier run has written about the same tables; a damaged one says nothing.
fn kept<S: DatasetSource>(source: &S, folder: &OutputFolder, number: usize) -> Result<Option<Part>> {
    let part: Option<Part> = match folder.records().read_plan_part(number) {
        Ok(part) => part,
        Err(shardfmt::Error::Record { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(part.filter(|part| part.program == PROGRAM && part.inputs_xxh3 == source.inputs_xxh3()))
}

/// Looks at one asset: its files, and how many clips their headers promise. Headers of files that were not touched since
/// `then` are as they were.
pub(super) fn look<S: DatasetSource>(source: &S, number: usize, then: Option<&PlannedAsset>) -> PlannedAsset {
    let files = stats(&source.files(number));
    let clips = match then {
        Some(then) if then.files == files => then.clips,
        _ => source.estimate_clips(number),
    };
    PlannedAsset {
        asset_id: source.name(number).0,
        clips,
        files,
    }
}
