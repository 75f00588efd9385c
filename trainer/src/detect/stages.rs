//! Provides `Detector`: recordings are decoded and rendered on the flow's threads, scored on the calling one, and written
//! on a third, all at once.

use std::sync::mpsc::{channel, sync_channel};

use frontend::flow::{self, Workers};
use frontend::{Frontend, source::Rejected};
use rayon::prelude::*;

use super::choice::Choice;
use super::folder::DetectionFolder;
use super::part::{Outcome, PartRecord, read_record};
use super::recordings::Listed;
use super::score::{Filling, Windows, score};
use super::source::Recordings;
use super::times::Times;
use super::write::PartStage;
use crate::batch::{Buffer, SCORING_BUFFERS, Scaling};
use crate::error::Result;
use crate::model::Model;
use crate::predict::BATCH;

/// Batches that are scored and wait to be written.
const SCORED: usize = 2;

/// What happens meanwhile.
#[derive(Debug)]
pub enum Progress<'a> {
    /// The recordings were looked at.
    Planned {
        /// Windows to score, as far as headers say.
        windows: u64,
        /// Recordings that were done before.
        recordings_done: usize,
    },
    /// So many windows more were scored.
    Windows(usize),
    /// A recording was refused.
    Rejected(&'a Listed, &'a Rejected),
}

/// What one call has done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Recordings read whole.
    pub recordings: usize,
    /// Their length in seconds.
    pub duration_s: f64,
    /// Their windows.
    pub windows: u64,
}

/// Finds classes in recordings.
pub struct Detector<'a> {
    /// Cuts and renders them.
    pub frontend: &'a Frontend,
    /// Scores their windows.
    pub model: (&'a Model, &'a Scaling),
    /// Says what is detected.
    pub choice: &'a Choice,
    /// Whether the features of the windows are written too.
    pub embeddings: bool,
}

impl Detector<'_> {
    /// Makes the parts of the recordings that have none in the folder yet.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) and [`Error::Dataset`](crate::Error::Dataset) if a part cannot be written,
    /// [`Error::ScoreNotANumber`](crate::Error::ScoreNotANumber), those of libtorch. A recording that is refused is no
    /// error.
    pub fn detect(
        &self,
        folder: &DetectionFolder,
        recordings: &[Listed],
        workers: &Workers,
        tell: &(dyn Fn(Progress<'_>) + Sync),
    ) -> Result<Work> {
        let missing = workers.install(|| {
            let missing = recordings
                .par_iter()
                .map(|listed| Ok((!is_done(folder, listed)?).then_some(listed)));
            missing.collect::<Result<Vec<_>>>()
        })?;
        let source = Recordings {
            frontend: self.frontend,
            listed: missing.into_iter().flatten().collect(),
        };
        let expected: Vec<u64> = workers.install(|| {
            let files = source.listed.par_iter().map(|listed| &listed.file);
            files.map(|file| self.frontend.estimate_clips(file)).collect()
        });
        tell(Progress::Planned {
            windows: expected.iter().sum(),
            recordings_done: recordings.len() - source.listed.len(),
        });
        self.run_stages(&source, &expected, folder, workers, tell)
    }

    fn run_stages(
        &self,
        source: &Recordings<'_>,
        expected: &[u64],
        folder: &DetectionFolder,
        workers: &Workers,
        tell: &(dyn Fn(Progress<'_>) + Sync),
    ) -> Result<Work> {
        let model = self.model.0;
        let stored = self.frontend.clip_spec();
        let loaded = model.loaded(stored);
        let (give_back, free) = channel();
        for _ in 0..SCORING_BUFFERS {
            let _ = give_back.send(Buffer::new(loaded, BATCH, model.device())?);
        }
        let ((full, to_score), (scored, to_write)) = (sync_channel(1), sync_channel(SCORED));
        let mut filling = Filling {
            stored,
            loaded,
            next: Windows::default(),
            free,
            full,
        };
        let mut parts = PartStage::new(
            source,
            folder,
            self.choice,
            Times::new(self.frontend),
            self.embeddings,
            tell,
        );
        std::thread::scope(|scope| {
            // A stage that fails lets go of its ends of the channels, which stops the others.
            let feeding = scope.spawn(move || {
                let clips = |asset: usize| expected.get(asset).copied().unwrap_or_default();
                let whole = flow::run(workers, source, 0..expected.len(), clips, |delivery| {
                    filling.take(delivery)
                });
                // Whoever stopped says why.
                let _ = whole.and_then(|_| filling.send());
            });
            let writing = scope.spawn(move || parts.take_all(&to_write));
            let scoring = score(self.model, self.embeddings, &to_score, &give_back, &scored);
            drop((to_score, give_back, scored));
            let fed = feeding.join();
            let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            fed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let work = written?;
            scoring.map(|()| work)
        })
    }
}

/// Whether a recording has a part that is still true of it.
fn is_done(folder: &DetectionFolder, listed: &Listed) -> Result<bool> {
    let Some(record) = read_record(&folder.part(listed))? else {
        return Ok(false);
    };
    Ok(is_of(&record, listed))
}

fn is_of(record: &PartRecord, listed: &Listed) -> bool {
    // A file that changed while it was read may hold still now.
    let is_final = !matches!(&record.outcome, Outcome::Rejected { stage, .. } if stage == frontend::source_file::CHANGED_WHILE_READ);
    record.path == listed.path && is_final && record.source.holds(std::slice::from_ref(&listed.file))
}
